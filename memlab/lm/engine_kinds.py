"""Kinds of models as the engine runs them: the class in transformers, the keys, the arguments of a forward pass.

What a kind is asked, as text, is in `memlab.corpus.model_kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.corpus.model_kinds import CAUSAL, MASKED, of_kind


@dataclass(frozen=True)
class EngineKind:
    """How transformers runs a kind of model.

    Args:
        name: of the kind. auto_class_name: the class of transformers that reads such a model from its folder.
        keys: representations that can be the key of an entry, with what they are; the paper's first.
        options: further arguments of a call to the model's body.
    """

    name: str
    auto_class_name: str
    keys: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)

    def auto_class(self) -> Any:
        """The class of transformers; it is slow to import."""
        import transformers

        return getattr(transformers, self.auto_class_name)


ENGINE_KINDS: Mapping[str, EngineKind] = {
    kind.name: kind
    for kind in (
        EngineKind(
            MASKED.name,
            "AutoModelForMaskedLM",
            {
                "penultimate": "second-to-last hidden layer at the masked position (the paper's: layer 11 of 12)",
                "last": "last hidden layer at the masked position",
                "transform": "input of the output projection (the head's transform of the last layer)",
            },
        ),
        EngineKind(
            CAUSAL.name,
            "AutoModelForCausalLM",
            {
                "ffn": "input of the last block's feed-forward layer, after its layer norm (the paper's)",
                "last": "input of the output projection (the last layer, normed)",
            },
            {"use_cache": False},
        ),
    )
}


def engine_kind(name: str) -> EngineKind:
    """How models of this kind are run. Raises InputError for a kind that memlab cannot run as a language model."""
    return of_kind(ENGINE_KINDS, name, "engine")
