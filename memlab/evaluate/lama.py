"""LAMA T-REx (Petroni et al., 2019): questions about facts from Wikidata, with the Wikipedia sentences that state them.

    relations.jsonl                 relation, template with [X] (subject) and [Y] (object)
    TREx/P19.jsonl.gz ...           sub_label, obj_label, evidences[] {obj_surface, masked_sentence}
    common_vocab_cased.txt.gz       the candidate answers (optional)

A masked model is asked the template with [Y] masked; a causal one the template up to [Y], for relations whose object
ends the sentence. The memory contains the evidence sentences of these facts.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memlab.corpus.door import decoded, lines
from memlab.corpus.model_kinds import MASK, model_kind
from memlab.corpus.readers import bytes_of
from memlab.errors import InputError, NotFound
from memlab.evaluate.probes import SIDES
from memlab.evaluate.questions import Question, ask_all
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.progress import Tick, no_tick
from memlab.reading.mixture import MixtureInputs
from memlab.reading.reader import Sources
from memlab.results import Article

BLOCK = 256  # questions asked together: each holds log-probabilities of all words


@dataclass(frozen=True)
class LamaFact:
    """One fact. evidences: sentences that state it, with the object filled in."""

    relation: str
    subject: str
    object: str
    evidences: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """A relation with its template, and its facts in the order of the file."""

    name: str
    template: str
    facts: tuple[LamaFact, ...]

    @property
    def object_ends(self) -> bool:
        """Whether the object is the last word of the sentence."""
        return re.fullmatch(r".*\[X\].*\[Y\]\s*\.?\s*", self.template) is not None

    def prompt(self, fact: LamaFact, kind: str) -> str | None:
        """The question about a fact for a kind of model; None where the template leaves nothing to ask it."""
        sentence = re.sub(r"\s+([.?!])$", r"\1", self.template.strip()).replace("[Y]", MASK)
        asked = model_kind(kind).prompt(sentence)
        return None if asked is None else asked.replace("[X]", fact.subject).strip()


@dataclass(frozen=True)
class LamaAsked:
    """The facts of a relation that a model can be asked about, and how many were skipped for each reason."""

    relation: Relation
    facts: tuple[LamaFact, ...]
    questions: tuple[Question, ...]
    passed_over: dict[str, int]


@dataclass(frozen=True)
class LamaRow:
    """One question, what each side answered, and whether that is right."""

    relation: str
    subject: str
    object: str
    prompt: str
    answers: dict[str, str]
    right: dict[str, bool]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_lama(folder: Path, names: Sequence[str] = ()) -> list[Relation]:
    """The relations of a folder in the form of LAMA: all that it has facts of, or the named ones.

    Raises:
        InputError: no such folder, or a damaged file. NotFound: a relation that it has no facts of.
    """
    templates = {
        row["relation"]: row["template"] for row in _rows(_file(folder, "relations.jsonl"), "relation", "template")
    }
    there = sorted({path.name.split(".")[0] for path in (folder / "TREx").glob("*.jsonl*")} & templates.keys())
    if not there:
        raise InputError(f"{folder} has no facts: expected relations.jsonl and files like TREx/P19.jsonl.gz.")
    for name in names:
        if name not in there:
            raise NotFound.named("relation", name, there)
    return [_relation(folder, name, templates[name]) for name in dict.fromkeys(names or there)]


def _relation(folder: Path, name: str, template: str) -> Relation:
    facts = []
    for row in _rows(_file(folder / "TREx", f"{name}.jsonl"), "sub_label", "obj_label"):
        stated = dict.fromkeys(
            str(e["masked_sentence"]).replace(MASK, str(e.get("obj_surface") or row["obj_label"]))
            for e in row.get("evidences", ())
            if e.get("masked_sentence")
        )
        facts.append(LamaFact(name, str(row["sub_label"]), str(row["obj_label"]), tuple(stated)))
    return Relation(name, template, tuple(facts))


def _file(folder: Path, name: str) -> Path:
    """A file, plain or compressed. Raises InputError."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InputError(f"There is no file {folder / name} (or .gz). --data is a folder in the form of LAMA.")


def _rows(path: Path, *needed: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one per line. Raises InputError with the number of a damaged line."""
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"it is a {type(row).__name__}")
            missing = [name for name in needed if name not in row]
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} line {number} is not a JSON object ({error}).") from error
        if missing:
            raise InputError(f"{path} line {number} has no {', '.join(missing)}.")
        yield row


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in lines(decoded(bytes_of(path), str(path))) if line.strip()]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:160]}") from error


def candidates(folder: Path, model: LanguageModel) -> np.ndarray | None:
    """(C,) ids of the candidate answers: the words of the common vocabulary that are one token; None without that
    file."""
    name = "common_vocab_cased.txt"
    if not any((folder / f"{name}{ending}").is_file() for ending in ("", ".gz")):
        return None
    ids = {one for word in _lines(_file(folder, name)) if (one := one_token(model, word.strip())) is not None}
    return np.array(sorted(ids), np.int64)


def one_token(model: LanguageModel, word: str) -> int | None:
    """The id of a word that is one token at the place of the answer; None if it is several tokens or unknown."""
    ids = model.tokenizer(model_kind(model.kind).answer(word), add_special_tokens=False)["input_ids"]
    return int(ids[0]) if len(ids) == 1 and ids[0] != model.tokenizer.unk_token_id else None


def askable(relation: Relation, model: LanguageModel, limit: int | None, allowed: np.ndarray | None) -> LamaAsked:
    """The first `limit` facts of a relation whose object is one token and among the allowed ones (None: all)."""
    facts: list[LamaFact] = []
    questions: list[Question] = []
    passed = {"object of several tokens": 0, "object not among the candidates": 0, "prompt cannot be read": 0}
    among = None if allowed is None else set(allowed.tolist())
    for fact in relation.facts:
        if limit is not None and len(facts) == limit:
            break
        answer = one_token(model, fact.object)
        prompt = relation.prompt(fact, model.kind)
        if answer is None:
            passed["object of several tokens"] += 1
        elif among is not None and answer not in among:
            passed["object not among the candidates"] += 1
        elif prompt is None or not _readable(model, prompt):
            passed["prompt cannot be read"] += 1
        else:
            facts.append(fact)
            questions.append(Question(prompt, answer))
    return LamaAsked(relation, tuple(facts), tuple(questions), {why: n for why, n in passed.items() if n})


def _readable(model: LanguageModel, prompt: str) -> bool:
    try:
        read_prompt(model, prompt)
    except InputError:
        return False
    return True


def evidence(asked: Iterable[LamaAsked]) -> list[Article]:
    """The memory: an article for each subject with the sentences that state its facts, each once."""
    stated: dict[str, dict[str, None]] = {}
    for one in asked:
        for fact in one.facts:
            stated.setdefault(fact.subject, {}).update(dict.fromkeys(fact.evidences))
    return [Article(subject, subject, "\n".join(texts)) for subject, texts in stated.items() if texts]


def ask(sources: Sources, asked: LamaAsked, allowed: np.ndarray | None, tick: Tick = no_tick) -> list[LamaRow]:
    """The first word of each side among the allowed ones (all, if None), for every question of a relation."""
    rows: list[LamaRow] = []
    for at in range(0, len(asked.questions), BLOCK):
        tick(at / len(asked.questions))
        block = asked.questions[at : at + BLOCK]
        states = ask_all(sources, block)
        mixture = sources.mixer.mixture(MixtureInputs(sources.lm, states.states, len(sources.words), states.found))
        for part, sides in mixture.chunks(np.arange(len(block))):
            parts = {"lm": sides.lm, "knn": sides.knn, "mixture": sides.mixture}
            first = {name: _best(p.numpy(), allowed) for name, p in parts.items() if p is not None}
            for i, n in enumerate(part):
                ids = {side: int(best[i]) for side, best in first.items()}
                rows.append(_row(sources.words, asked.facts[at + n], block[n], ids))
    return rows


def _best(p: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    """(n,) the likeliest allowed word; -1 where all of them have probability 0 (a memory without any)."""
    some = p if allowed is None else p[:, allowed]
    best = some.argmax(axis=1)
    ids = best if allowed is None else allowed[best]
    return np.where(some.max(axis=1) > 0, ids, -1)


def _row(words: Sequence[str], fact: LamaFact, question: Question, ids: dict[str, int]) -> LamaRow:
    answers = {side: words[i].strip() if i >= 0 else "" for side, i in ids.items()}
    right = {side: i == question.answer for side, i in ids.items()}
    return LamaRow(fact.relation, fact.subject, fact.object, question.prompt, answers, right)


def table(rows: Sequence[LamaRow], mixture: str) -> list[dict[str, Any]]:
    """P@1 of model, memory and mixture by relation and over all, with 95% Wilson intervals."""
    from scipy.stats import binomtest  # at first use: it takes a second to import

    out = []
    names = list(dict.fromkeys(row.relation for row in rows))
    for name in (*names, *(["all"] if len(names) > 1 else [])):
        group = [row for row in rows if name in (row.relation, "all")]
        for side in (s for s in SIDES if s in group[0].right):
            right = sum(row.right[side] for row in group)
            ends = binomtest(right, len(group)).proportion_ci(method="wilson")
            out.append(
                {
                    "relation": name, "method": mixture if side == "mixture" else side, "questions": len(group),
                    "p@1": right / len(group), "interval": [float(ends.low), float(ends.high)],
                }
            )  # fmt: skip
    return out
