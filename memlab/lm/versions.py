"""Weights versions: the same model with some tensors changed, as a separate module object.

A version shares every unchanged parameter and buffer with the base (so it costs milliseconds and only the
memory of the changed tensors) and is immutable. Swapping tensors inside a
shared module during a call would corrupt the answers of other threads.
"""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from cachetools import LRUCache
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lm.delta_refs import DeltaError, DeltaRef, delta_path
from memlab.lm.deltas import read_delta
from memlab.lm.model import LanguageModel
from memlab.lm.precision import FLOAT32, VARIABLE

VERSIONS = 8  # cached, each with the tensors that it does not share

_versions: LRUCache[tuple, tuple[LanguageModel, LanguageModel]] = LRUCache(VERSIONS)
_guard = threading.Lock()


def derive(base: LanguageModel, changed: Mapping[str, Tensor]) -> LanguageModel:
    """A model whose parameters are those of `base` except the named ones.

    Args:
        changed: parameter name -> new value, same shape. Tied parameters change under all their names.

    Raises:
        InputError: an unknown parameter, a wrong shape, or a base that is not in float32.
    """
    if not changed:
        return base
    if base.dtype != FLOAT32:
        raise InputError(
            f"Weights are changed in {FLOAT32}; {base.name} computes in {base.dtype}. Set {VARIABLE}={FLOAT32}."
        )
    known = dict(base.module.named_parameters(remove_duplicate=False))
    memo: dict[int, object] = {id(t): t for t in chain(base.module.parameters(), base.module.buffers())}
    for name, value in changed.items():
        if name not in known or known[name].shape != value.shape:
            raise InputError(f"{base.name} has no parameter {name!r} of shape {tuple(value.shape)}.")
        memo[id(known[name])] = nn.Parameter(value.detach().clone().to(known[name].dtype), requires_grad=False)
    module = copy.deepcopy(base.module, memo)
    version = copy.copy(base)
    version.__dict__.pop("weights_hash", None)
    version.path = None  # its weights are not in a file; they are hashed from the tensors
    version.adopt(module)
    return version


def version_of(base: LanguageModel, deltas: Sequence[DeltaRef], home: Path) -> LanguageModel:
    """The base with the changes of some edits added, in the given order; the base itself without any.

    At most `VERSIONS` versions are cached, by model and edits. A cached one is used only while the files of its edits
    are present and unchanged.

    Raises:
        InputError: an edit belongs to the weights of another model.
        DeltaError: the file of an edit is missing or was changed.
    """
    if not deltas:
        return base
    for ref in deltas:
        if ref.weights_hash != base.weights_hash:
            raise InputError(
                f"Edit {ref.edit} changes the weights of {ref.model}; {base.name} has other weights. Ask {ref.model}, "
                f"or undo edit {ref.edit}."
            )
    at = (id(base), *((ref.sha256, _stamp(home, ref)) for ref in deltas))
    with _guard:
        if (found := _versions.get(at)) is not None:
            return found[1]
    version = derive(base, summed(base, [read_delta(home, ref) for ref in deltas]))
    version.__dict__["weights_hash"] = hashlib.sha256(
        "\n".join([base.weights_hash, *(ref.sha256 for ref in deltas)]).encode()
    ).hexdigest()
    with _guard:
        return _versions.setdefault(at, (base, version))[1]  # holding the base keeps its id from being used again


def summed(base: LanguageModel, changes: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """New values of all changed parameters: base plus the changes, added in order. Raises InputError for wrong ones."""
    out: dict[str, Tensor] = {}
    known = dict(base.module.named_parameters(remove_duplicate=False))
    for change in changes:
        for name, difference in change.items():
            if name not in known or known[name].shape != difference.shape:
                raise InputError(f"{base.name} has no parameter {name!r} of shape {tuple(difference.shape)}.")
            out[name] = out.get(name, known[name].detach()) + difference
    return out


def _stamp(home: Path, ref: DeltaRef) -> tuple[int, int]:
    """Time and size of the file of an edit. Raises DeltaError if it is missing."""
    try:
        found = delta_path(home, ref.sha256).stat()
    except OSError as error:
        path = delta_path(home, ref.sha256)
        raise DeltaError(
            f"The weights of edit {ref.edit} are missing: {path}. Undo edit {ref.edit} (memlab undo {ref.edit}), or "
            "restore the file from a backup of the home folder.",
            ref.edit,
        ) from error
    return found.st_mtime_ns, found.st_size
