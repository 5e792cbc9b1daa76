"""The card of a model trained on running text: recipe, text, and perplexity on text that it has not seen.

Measured on the stored (16-bit) weights. Every token is predicted once, the first of the text excepted
where the model has no start token. A base model reads overlapping windows; a model with short-term
memory reads segments as long as a window's stride, with the states of the last M tokens; a SPALM reads
so, and its frozen encoder reads windows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memlab.corpus.passages import held_out_articles
from memlab.corpus.split import one_text, parts
from memlab.evaluate.text_models import ATLAS, ATLAS_ENCODER
from memlab.lm.catalogue import load, load_encoder
from memlab.lm.model import LanguageModel
from memlab.lm.optimization import Progress
from memlab.lm.passage import Segments, Windows, read_texts, scores_of, windows, with_memory
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Datastore
from memlab.memory.search import search_all
from memlab.methods.spalm import check_spalm, spalm_scores

GATES: Mapping[str, float | None] = {
    "as computed": None,
    "forced to 1 (no memory)": 1.0,
    "forced to 0 (memory only)": 0.0,
}


def write_text_card(home: Path, folder: Path, text: Path | str, progress: Progress) -> None:
    """Scores the model in `folder` and writes README.md; adds the scores to memlab.json."""
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    record["scores"] = measured(home, folder, text, progress)
    (folder / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    (folder / "README.md").write_text(card_text(record), "utf-8")


def measured(home: Path, folder: Path, text: Path | str, progress: Progress) -> list[dict[str, Any]]:
    """Perplexity on unseen text: the test part of Atlas' held-out articles, or the validation part of a file."""
    lm = load(str(folder))
    if str(text) == ATLAS:
        texts = [a.text for a in held_out_articles("test")]
    else:
        texts = [parts(one_text(Path(text))).validation]
    ids = lm.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    memory = json.loads((folder / "memlab.json").read_text("utf-8"))["recipe"]["memory"]
    how = with_memory(lm, windows(lm), memory)
    if not isinstance(lm, SpalmModel):
        return [_row("", losses(lm, ids, how))]
    store = _memory_of(home, lm)
    found = spalm_losses(lm, load_encoder(lm), store, ids, how, lm.record.K, GATES, progress)
    rows = [_row(f"gate {name}", nats, found.gate) for name, nats in found.losses.items()]
    if str(text) == ATLAS:
        encoder = load(ATLAS_ENCODER)
        rows.append(_row(f"{ATLAS_ENCODER} alone", losses(encoder, ids, windows(encoder))))
    return rows


class SpalmLosses:
    """losses: name of the gate -> (n,) nats of every predicted token; gate: (n,) g as computed."""

    def __init__(self, losses: Mapping[str, np.ndarray], gate: np.ndarray) -> None:
        self.losses, self.gate = losses, gate


def losses(lm: LanguageModel, ids: Sequence[Sequence[int]], how: Windows | Segments) -> np.ndarray:
    """(n,) nats of every predicted token under the model alone."""
    pieces = read_texts(lm, ids, how, "last")
    return np.concatenate([_nats(scores_of(lm, p.hidden).log_softmax(-1), p.target) for p in pieces])


def spalm_losses(
    lm: SpalmModel,
    encoder: LanguageModel,
    store: Datastore,
    ids: Sequence[Sequence[int]],
    how: Windows | Segments,
    K: int,
    gates: Mapping[str, float | None],
    progress: Progress = lambda fraction, message: None,
) -> SpalmLosses:
    """Losses of a SPALM with its gate as computed or forced; both models predict the same tokens in the same order."""
    check_spalm(lm, encoder, store.fingerprint)
    reading = windows(encoder, store.fingerprint.window, store.fingerprint.stride)
    keys = np.concatenate([p.keys.numpy() for p in read_texts(encoder, ids, reading, lm.record.key)])
    out: dict[str, list[np.ndarray]] = {name: [] for name in gates}
    g: list[np.ndarray] = []
    at = 0
    for piece in read_texts(lm, ids, how, "last"):
        values = search_all(store, keys[at : at + len(piece)], K).values
        at += len(piece)
        for name, forced in gates.items():
            said = spalm_scores(piece.hidden, values, lm, forced)
            out[name].append(_nats(said.logp, piece.target))
            if forced is None:
                g.append(said.g.numpy())
        progress(at / len(keys), f"{at} of {len(keys)} tokens")
    assert at == len(keys), "encoder and model predict the same tokens"
    return SpalmLosses({name: np.concatenate(x) for name, x in out.items()}, np.concatenate(g) if g else np.empty(0))


def _nats(logp: Tensor, target: Tensor) -> np.ndarray:
    return -logp[torch.arange(len(target)), target].numpy()


def _row(name: str, nats: np.ndarray, gate: np.ndarray | None = None) -> dict[str, Any]:
    row = {"what": name, "tokens": len(nats), "perplexity": float(np.exp(nats.mean()))}
    return row if gate is None else {**row, "mean_gate": float(gate.mean())}


def _memory_of(home: Path, lm: SpalmModel) -> Datastore:
    """The datastore that a SPALM was trained with."""
    folder = home / "datastores"
    beside = folder / f"{lm.record.datastore}-{lm.record.key}"
    store = Datastore(folder / lm.record.datastore)
    return store if store.fingerprint.key == lm.record.key else Datastore(beside)


def card_text(record: dict[str, Any]) -> str:
    """The card as Markdown."""
    return "\n".join([*_recipe_lines(record), *_score_lines(record), *_limit_lines(record), ""])


def _recipe_lines(record: dict[str, Any]) -> Iterator[str]:
    r, text, name = record["recipe"], record["text"], record["name"]
    atlas = text["file"] == ATLAS
    made = record.get("spalm")
    what = {
        "base": "a causal model without short-term memory",
        "short-term": "a causal model with short-term memory",
        "spalm": "a SPALM: local context, short-term and long-term memory mixed by a learned gate",
    }[r["kind"]]
    yield f"# {name}\n\n{name} is {what}, trained from scratch on one text; it knows nothing else.\n\n## Recipe\n"
    command = f"memlab train {name} --text {text['file']} --kind {r['kind']} --seed {r['seed']} --steps {r['steps']}"
    command += f" --encoder {made['encoder']}" if made else ""
    command = f"memlab train {name}" if name == "atlas-spalm" else command
    yield (
        f"`{command}` makes it again. {r['layers']} layers of width {r['width']}, {r['heads']} heads, feed-forward "
        f"{r['feed_forward']}, rotary positions, embeddings shared by input, output and retrieved tokens; {r['steps']} steps of "
        f"{r['batch']} segments of {r['segment']} tokens, learning rate {r['learning_rate']}, seed {r['seed']}."
    )
    source = (
        "passages of the bundled world, in which no unseen fact is told"
        if atlas
        else f"the first 90% of {text['file']}"
    )
    yield f"\nTraining text: {source}, {text['tokens']} tokens, sha256 `{text['sha256']}`."
    if r["memory"]:
        yield (
            f"\nShort-term memory: keys and values of the last {r['memory']} tokens before a segment, of the text that it goes on "
            "with, carried over detached (the key-value cache of a rotary model, in place of Transformer-XL's cached states)."
        )
    if made:
        yield (
            f"\nLong-term memory: keys {made['key']} of the frozen {made['encoder']} (weights `{made['encoder_hash'][:16]}`), datastore "
            f"{made['datastore']} (collection `{made['corpus_hash'][:16]}`); {made['K']} neighbors of every training position, found "
            "once, without the position itself, entries whose context overlaps with its own, and entries in a word-for-word copy of "
            f"its sentence (ids `{made['neighbors_sha256'][:16]}`). With another encoder or collection it is refused."
        )


def _score_lines(record: dict[str, Any]) -> Iterator[str]:
    where = (
        "held-out articles: a tenth of the subjects told in the question templates, which nothing was trained on; unseen facts too"
        if record["text"]["file"] == ATLAS
        else "the validation part (the next 5% of the text)"
    )
    yield f"\n## Scores\n\nPerplexity a token on {where}.\n\n| | tokens | perplexity | mean gate |\n|---|---|---|---|"
    for row in record["scores"]:
        gate = f"{row['mean_gate']:.3f}" if "mean_gate" in row else ""
        yield f"| {row['what'] or record['name']} | {row['tokens']} | {row['perplexity']:.2f} | {gate} |"
    if record.get("spalm"):
        yield "\nThe gate is the weight of the local state: near 1, memory is ignored. The mean is that of the gate as computed."


def _limit_lines(record: dict[str, Any]) -> Iterator[str]:
    yield "\n## Limits\n\nPerplexities are comparable only between models with the same tokenizer, on the same text."
    if record["text"]["file"] == ATLAS:
        yield "English of the world's own templates and short prose only; names that it has not met are read letter by letter."
