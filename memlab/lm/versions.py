"""Weights versions: the same model with some tensors changed, as a separate module object.

A version shares every unchanged parameter and buffer with the base (so it costs milliseconds and the
memory of the changed tensors only) and is never changed after it is made. Swapping tensors inside a
shared module during a call would corrupt the answers of other threads.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import chain

from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lm.model import LanguageModel


def derive(base: LanguageModel, changed: Mapping[str, Tensor]) -> LanguageModel:
    """A model whose parameters are those of `base` except the named ones.

    Args:
        changed: parameter name -> new value, same shape. Tied parameters change under all their names.

    Raises:
        InputError: unknown parameter or wrong shape.
    """
    if not changed:
        return base
    known = dict(base.module.named_parameters(remove_duplicate=False))
    memo: dict[int, object] = {id(t): t for t in chain(base.module.parameters(), base.module.buffers())}
    for name, value in changed.items():
        if name not in known or known[name].shape != value.shape:
            raise InputError(f"{base.name} has no parameter {name!r} of shape {tuple(value.shape)}.")
        memo[id(known[name])] = nn.Parameter(value.detach().clone().to(known[name].dtype), requires_grad=False)
    module = copy.deepcopy(base.module, memo)
    version = copy.copy(base)
    version.__dict__.pop("weights_hash", None)
    version.path = None  # its weights are in no file; they are hashed from the tensors
    version.adopt(module)
    return version
