"""Training gates between model and p_kNN on held-out text, and keeping them.

A trained gate belongs to a datastore, a number of neighbors and a temperature. It is kept in
`gates/<datastore>-<kind>.json` in the home folder, and refused if it was trained for others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memlab.errors import InputError, NotFound
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Passage, Windows, passage, scores_of, windows
from memlab.memory.datastore import Fingerprint
from memlab.memory.retrieval import check_k
from memlab.progress import Progress
from memlab.reading.gates import HeldOut, KnnGate, features_after, features_before, gate_class, read_gate
from memlab.reading.knn_reader import KnnReader, whole_store
from memlab.reading.mixture import knn_of
from memlab.reading.reader import House, Request
from memlab.reading.states import Search, find_neighbors, read_states


@dataclass(frozen=True)
class GateFor:
    """What a gate was trained for."""

    model_hash: str
    corpus_hash: str
    key: str
    k: int
    temperature: float

    @staticmethod
    def of(store: Fingerprint, k: int, temperature: float) -> GateFor:
        return GateFor(store.model_hash, store.corpus_hash, store.key, k, temperature)


def held_out(
    lm: LanguageModel, passages: Iterable[Passage], how: Windows, key: str, search: Search, temperature: float
) -> HeldOut:
    """Features of every predicted token of held-out passages, and its p_LM and p_kNN."""
    features, p_lm, p_knn = [], [], []
    for read in passages:
        states = read_states(lm, read.ids, how, key)
        rows, ids = states.rows, np.asarray(read.ids)
        if len(rows) == 0:
            continue
        found = find_neighbors(search, states, states.predicted, read.text, read.ids, read.spans)
        scores = scores_of(lm, states.hidden[rows])
        logp = scores.log_softmax(-1)[np.arange(len(rows)), ids[rows]]
        features.append(np.concatenate([features_before(scores), features_after(found)[rows]], axis=1))
        p_lm.append(logp.double().exp().numpy())
        p_knn.append(knn_of(found, rows, ids[rows], temperature))
    if not features:
        raise InputError("The held-out text has no token to learn from. Give a longer one.")
    return HeldOut(np.concatenate(features), np.concatenate(p_lm), np.concatenate(p_knn))


def train_gate(kind: str, data: HeldOut, seed: int = 0) -> tuple[KnnGate, dict[str, Any]]:
    """A gate, and losses on its training text: its own, that of the best constant lambda, and of the model alone."""
    gate = gate_class(kind).fit(data, seed)
    best = gate_class("constant").fit(data)
    scores = {
        "tokens": len(data.p_lm),
        "seed": seed,
        "loss": data.loss(gate.weights(data.features)),
        "constant_loss": data.loss(best.weights(data.features)),
        "model_loss": data.loss(0.0),
    }
    return gate, scores


def train_for(
    house: House, reader: KnnReader, request: Request, texts: Sequence[str], kind: str, seed: int = 0
) -> dict[str, Any]:
    """Trains a gate for the datastore and settings of a request on held-out texts, and stores it for `gate=kind`.

    The progress callback of the request is called before each text; exceptions abort, and nothing is stored.

    Returns:
        The gate's losses on the texts.

    Raises:
        MemlabError: no such gate, datastore or setting; a text that cannot be read.
    """
    gate_class(kind)
    name = request.datastore or house.default_store(request.model, reader.method.kind)
    house.make_ready(name, request.progress)
    s = reader.settings(name, request, house)
    lm, base, _ = house.model_and_store(None, name, reader.method, s.key)
    store = whole_store(base)
    check_k(store, s.k)
    passages = _with_progress([passage(lm, text) for text in texts], request.progress)
    data = held_out(lm, passages, windows(lm), s.key, Search(store, s.k), s.temperature)
    made, scores = train_gate(kind, data, seed)
    made_for = GateFor.of(store.fingerprint, s.k, s.temperature)
    keep_gate(gate_file(house.home, store.name, kind), made, made_for, scores)
    return scores


def _with_progress(passages: list[Passage], progress: Progress) -> Iterator[Passage]:
    """The passages; `progress` is called before each."""
    for done, one in enumerate(passages):
        progress(done / len(passages), f"{done} of {len(passages)} held-out texts")
        yield one


def gate_file(home: Path, datastore: str, kind: str) -> Path:
    """The file of a trained gate."""
    return home / "gates" / f"{datastore}-{kind}.json"


def keep_gate(path: Path, gate: KnnGate, made_for: GateFor, scores: dict[str, Any]) -> None:
    """Writes a trained gate; an older one is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_suffix(".tmp")
    work.write_text(
        json.dumps({"for": asdict(made_for), "held_out": scores, "gate": gate.to_dict()}, indent=1), "utf-8"
    )
    work.replace(path)


def kept_gate(path: Path, wanted: GateFor) -> KnnGate:
    """A trained gate.

    Raises:
        NotFound: never trained, or for another store, k or temperature.
        InputError: damaged.
    """
    how = (
        "Train it: memlab evaluate perplexity TEXT --validation OTHER_TEXT --gate KIND, or lab.gates.train(KIND, ...)."
    )
    if not path.is_file():
        raise NotFound(f"No gate was trained for this datastore yet ({path.name} is missing). {how}")
    try:
        record = json.loads(path.read_text("utf-8"))
        made_for = GateFor(**record["for"])
        gate = read_gate(record["gate"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}). {how}") from error
    if made_for != wanted:
        differs = [name for name, value in asdict(wanted).items() if asdict(made_for)[name] != value]
        as_it_was = f"Read with k {made_for.k} and temperature {made_for.temperature}, or train it again: "
        raise NotFound(
            f"The gate {path.name} was trained with another {', '.join(differs)}. "
            f"{as_it_was if set(differs) <= {'k', 'temperature'} else 'Train it again: '}memlab evaluate perplexity TEXT "
            f"--validation OTHER_TEXT --gate KIND --k {wanted.k} --temperature {wanted.temperature}"
        )
    return gate
