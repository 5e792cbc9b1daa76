"""From the top states of a model to scores of words, exactly as the model itself computes them.

Models differ in what they compute between body and scores: a transform, a norm, a narrower embedding, a scale, a soft
cap. Only the model's own code is reliable, so it is called on a shallow copy of the module in which a stand-in
replaces the body and returns the given states. The copy shares all weights and hooks.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lm.hooks import body_name, same

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Head = Callable[[Tensor], Tensor]
_local = threading.local()


class _Output:
    """The output of a body with nothing but states (1, n, d)."""

    def __init__(self, states: Tensor) -> None:
        self.last_hidden_state = states

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)

    def __getitem__(self, at: int | slice | str) -> Any:
        return (self.last_hidden_state,)[at] if not isinstance(at, str) else getattr(self, at)

    def __len__(self) -> int:
        return 1


class _Given(nn.Module):
    """Replaces a body: its forward pass returns the calling thread's states; all other attributes are the body's."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "_body", body)

    def forward(self, *args: Any, **kwargs: Any) -> _Output:
        _local.taken = True
        return _Output(_local.states)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_body"), name)


class OwnHead:
    """The output head of a model through the model's own forward pass: (n, d) states -> (n, V) scores."""

    def __init__(self, module: PreTrainedModel, path: tuple[str, ...]) -> None:
        self._module = _replaced(module, path)

    def __call__(self, states: Tensor) -> Tensor:
        _local.states, _local.taken = states[None], False
        try:
            ids = torch.zeros(1, len(states), dtype=torch.long, device=states.device)
            scores = self._module(input_ids=ids).logits[0]
        finally:
            _local.states = None
        if not _local.taken:
            raise RuntimeError("the model does not call the part that the stand-in replaces")
        return scores


def _replaced(module: nn.Module, path: tuple[str, ...]) -> nn.Module:
    """A shallow copy in which the part at `path` is a stand-in; the original is not changed."""
    if not path:
        return _Given(module)
    out = copy.copy(module)
    out.__dict__["_modules"] = dict(module._modules)
    out._modules[path[0]] = _replaced(getattr(module, path[0]), path[1:])
    return out


def own_head(module: PreTrainedModel, width: int) -> OwnHead | None:
    """The head through the model's own path; None where the model does not let its body be replaced."""
    prefix = body_name(module)
    if prefix is None:
        return None
    states = torch.zeros(2, width, dtype=next(module.parameters()).dtype)
    for path in ((prefix,), (prefix, "decoder")):
        try:
            head = OwnHead(module, path)
            scores = head(states)
        except Exception:  # whatever the model's code raises on an unexpected body
            continue
        if scores.shape[0] == 2 and scores.ndim == 2:
            return head
    return None


def plain_head(module: PreTrainedModel) -> Head | None:
    """The head composed of its known parts, or None; faster than the model's own path."""
    if isinstance(part := getattr(module, "cls", None), nn.Module):  # BERT, ERNIE
        return part
    if isinstance(part := getattr(module, "lm_head", None), nn.Module):  # RoBERTa, GPT-2, Llama ...
        return part
    if hasattr(module, "vocab_projector"):  # DistilBERT
        return lambda h: module.vocab_projector(module.vocab_layer_norm(module.activation(module.vocab_transform(h))))
    if hasattr(module, "head") and hasattr(module, "decoder"):  # ModernBERT
        return lambda h: module.decoder(module.head(h))
    if isinstance(part := module.get_output_embeddings(), nn.Module):  # GPT-NeoX and others
        return part
    return None


@torch.inference_mode()
def is_plain(module: PreTrainedModel, width: int) -> bool:
    """Whether `plain_head` gives the same scores as the model's own path, on small and on very large states."""
    own, plain = own_head(module, width), plain_head(module)
    if own is None or plain is None:
        return plain is not None
    sizes = torch.tensor([[0.1], [1.0], [30.0], [1000.0]])
    states = torch.randn(4, width, generator=torch.Generator().manual_seed(0)) * sizes
    states = states.to(next(module.parameters()).dtype)
    try:
        return all(same(a, b, 1e-5) for a, b in zip(plain(states), own(states), strict=True))
    except (RuntimeError, TypeError, ValueError):  # the parts do not take these shapes
        return False


def output_head(module: PreTrainedModel, name: str, width: int, plain: bool) -> Head:
    """The output head as a function from (n, d) states to (n, V) scores.

    Raises:
        InputError: the model's head cannot be called without its body.
    """
    head = plain_head(module) if plain else own_head(module, width)
    if head is None:
        raise InputError(f"memlab does not know the output head of {name!r} ({module.config.model_type}).")
    return head
