"""Layer lens: the output head applied to every layer, for the word to predict.

As in the logit lens (nostalgebraist 2020), the hidden state of each layer goes through the model's final
norm, if it has one, and its output head. This gives the probability of the right answer at a layer, and of
all words of the right *kind*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from memlab.corpus.world import World
from memlab.evaluate.asked_fact import asked_facts, kinds_of
from memlab.lm.inspection import body_options
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import ReadPrompt
from memlab.results import LayerLens, LayerReading, Prediction, WordProbability

TOP = 5
_NORMS = ("final_norm", "norm", "ln_f", "final_layer_norm")  # ModernBERT, Llama, GPT-2, GPT-NeoX and OPT


def final_norm(lm: LanguageModel) -> Callable[[Tensor], Tensor] | None:
    """The norm between the last block and the head; None for models that norm inside each block (BERT)."""
    body = lm.module.base_model
    for part in (body, getattr(body, "decoder", None)):
        for name in _NORMS:
            if isinstance(found := getattr(part, name, None), nn.Module):
                return found
    return None


@torch.inference_mode()
def read_layers(lm: LanguageModel, read: ReadPrompt) -> Tensor:
    """(L + 1, V) float64 log-probabilities read at the embeddings and at each of the L layers, one forward pass."""
    ids = torch.tensor([read.ids])
    body = lm.module.base_model(
        input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True, **body_options(lm.kind)
    )
    between = torch.stack([h[0, read.position] for h in body.hidden_states[:-1]])  # (L, d)
    norm = final_norm(lm)
    states = torch.cat([norm(between) if norm else between, body.last_hidden_state[:, read.position]])
    return lm.head(states).double().log_softmax(-1)


def lens(world: World, lm: LanguageModel, read: ReadPrompt, p: Prediction) -> LayerLens:
    """The probability of the right answer and of the right kind of answer to the prompt of `p`, at each layer.

    The right answer is that of the fact that the prompt asks for; without one, the mixture's answer and its kind
    in the bundled world (of several kinds, the most probable at the last layer).
    """
    start = time.perf_counter()
    probs = read_layers(lm, read).exp()  # (L + 1, V)
    facts = asked_facts(p.prompt, lm.kind)
    right = tuple(dict.fromkeys(f.object for f in facts)) or (p.answer,)
    kinds = [world.relations[facts[0].relation].object_kind] if facts else kinds_of(world, p.answer)
    mass = {kind: _mass(lm, probs, world.names_of_kind[kind]) for kind in kinds}
    kind = max(kinds, key=lambda name: float(mass[name][-1]), default=None)
    exact = _mass(lm, probs, right)
    return LayerLens(
        right=right,
        right_from="fact" if facts else "answer",
        kind=kind,
        kind_from=None if kind is None else "fact" if facts else "answer",
        norm=final_norm(lm) is not None,
        layers=tuple(
            LayerReading(
                layer=number,
                right=float(exact[number]),
                kind=None if kind is None else float(mass[kind][number]),
                top=_top(lm, row),
            )
            for number, row in enumerate(probs)
        ),
        ms=1e3 * (time.perf_counter() - start),
    )


def _mass(lm: LanguageModel, probs: Tensor, names: Sequence[str] | frozenset[str]) -> Tensor:
    """(L + 1,) probability of all words that are one of the names."""
    ids = [i for i, word in enumerate(lm.words) if word in names]
    return probs[:, ids].sum(-1)


def _top(lm: LanguageModel, row: Tensor) -> tuple[WordProbability, ...]:
    values, ids = row.topk(min(TOP, len(row)))
    return tuple(WordProbability(i, lm.words[i], value) for i, value in zip(ids.tolist(), values.tolist(), strict=True))
