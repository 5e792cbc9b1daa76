"""Beliefs from a language model: the log-odds of its two answer words, with its yes-prior removed.

    s = log p(yes) - log p(no)        p(label = True) = sigmoid((s - threshold) / temperature)

Threshold and temperature are measured on calibration entities: the threshold maximizes F1 on True, the
temperature then maximizes the likelihood of the labels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memlab.corpus.model_kinds import CAUSAL, MASK, MASKED, of_kind
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.systems.beliefbank.answers import Answer, Question
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.kept_scores import KeptScores
from memlab.systems.beliefbank.prefix import after, read_prefix
from memlab.systems.beliefbank.prompts import Prompt
from memlab.systems.beliefbank.seq2seq import AnyModel, Seq2SeqModel

BATCH = 32
COLDEST, HOTTEST = 0.02, 100.0
KINDS = ("masked", "causal", "seq2seq")
Tick = Callable[[float, str], None]


@dataclass(frozen=True)
class Calibration:
    """Threshold and temperature of the log-odds of yes, and what they were measured on.

    yes_rate: share of questions answered yes before calibration; true_rate: share whose answer is yes. auc: how well
    the scores rank true above false (.5: not at all). f1: on True, at the threshold.
    """

    threshold: float = 0.0
    temperature: float = 1.0
    questions: int = 0
    yes_rate: float = 0.0
    true_rate: float = 0.0
    auc: float = 0.5
    f1: float = 0.0

    def p_true(self, score: float) -> float:
        """Confidence that the sentence is true."""
        z = (score - self.threshold) / self.temperature
        return float(1 / (1 + np.exp(-np.clip(z, -60, 60))))

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


UNCALIBRATED = Calibration()


def calibrate(scores: Sequence[float], truth: Sequence[bool]) -> Calibration:
    """Threshold and temperature for scores (log-odds of yes) whose truth is known.

    Raises:
        InputError: fewer than ten questions, or all of one label.
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(truth, dtype=bool)
    if len(s) < 10 or y.all() or not y.any():
        raise InputError(
            f"{len(s)} calibration questions with {int(y.sum())} true ones are not enough: at least ten, with both labels, are needed."
        )
    threshold, f1 = _threshold(s, y)
    temperature = _temperature(s - threshold, y)
    return Calibration(threshold, temperature, len(s), float((s > 0).mean()), float(y.mean()), auc(s, y), f1)


def _threshold(s: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    """Where F1 on True is best, halfway between two neighboring scores."""
    order = np.argsort(-s)
    ranked, hits = s[order], np.cumsum(y[order])
    f1 = 2 * hits / (np.arange(1, len(s) + 1) + y.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # equal scores cannot be separated
    best = int(np.argmax(f1))
    below = ranked[best + 1] if best + 1 < len(s) else ranked[best] - 1
    return float((ranked[best] + below) / 2), float(f1[best])


def _temperature(s: NDArray[Any], y: NDArray[Any]) -> float:
    from scipy.optimize import minimize_scalar

    sign = np.where(y, 1.0, -1.0)

    def loss(log_t: float) -> float:
        return float(np.logaddexp(0, -sign * s / np.exp(log_t)).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def auc(s: NDArray[Any], y: NDArray[Any]) -> float:
    """Probability that a true sentence scores above a false one, ties counted half."""
    from scipy.stats import rankdata

    ranks, positive = rankdata(s), int(y.sum())
    return float((ranks[y].sum() - positive * (positive + 1) / 2) / (positive * (len(y) - positive)))


@dataclass(frozen=True, eq=False)
class ModelAnswerer:
    """A language model that answers questions about the entities of a graph."""

    model: AnyModel
    graph: ConstraintGraph
    prompt: Prompt
    calibration: Calibration = UNCALIBRATED
    uses_context: bool = True
    watch: Tick | None = None  # called before each batch of questions; exceptions abort
    kept: KeptScores | None = None  # scores of earlier runs

    def __post_init__(self) -> None:
        if self.model.kind not in KINDS:
            raise InputError(
                f"{self.model.name} is a {self.model.kind} model; questions need one of: {', '.join(KINDS)}."
            )
        self.prompt.check(self.model.kind)

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model.name

    @property
    def held_out(self) -> tuple[str, ...]:
        """Entities missing from its training text, if its record lists them."""
        file = self.model.path / "memlab.json" if self.model.path is not None else None
        record = json.loads(file.read_text("utf-8")) if file is not None and file.is_file() else {}
        return tuple(record.get("corpus", {}).get("held_out", ()))

    def ask(self, questions: Sequence[Question], tick: Tick | None = None) -> list[Answer]:
        """One answer for each question. Raises InputError where a prompt is too long for the model."""
        texts = [self.prompt.text(q, self.graph) for q in questions]
        found = self.scores(texts, tick)
        out = []
        for q, text, score in zip(questions, texts, found, strict=True):
            p = self.calibration.p_true(score)
            out.append(Answer(q, p > 0.5, max(p, 1 - p), score, text))
        return out

    def scores(self, texts: Sequence[str], tick: Tick | None = None) -> list[float]:
        """log p(yes) - log p(no) for each text; equal texts are scored once, texts with a kept score not again."""
        report, kept = tick or self.watch, self.kept or KeptScores()
        new = sorted((text for text in dict.fromkeys(texts) if kept.get(text) is None), key=len)
        read = self._reader(new)
        for at in range(0, len(new), BATCH):
            if report:
                report(at / len(new), f"{at} of {len(new)} questions")
            batch = new[at : at + BATCH]
            kept.add(dict(zip(batch, read(batch), strict=True)))
        return [kept.known_score(text) for text in texts]

    def _reader(self, texts: Sequence[str]) -> Callable[[Sequence[str]], list[float]]:
        """The function that scores batches of these texts, by kind of model."""
        if isinstance(self.model, Seq2SeqModel):
            return self._encoder_decoder(self.model)
        readers = {MASKED.name: self._masked, CAUSAL.name: self._causal}
        return of_kind(readers, self.model.kind, "questions about beliefs")(self.model, texts)

    def _encoder_decoder(self, model: Seq2SeqModel) -> Callable[[Sequence[str]], list[float]]:
        def read(batch: Sequence[str]) -> list[float]:
            rows = [model.read(text) for text in batch]
            for row, text in zip(rows, batch, strict=True):
                self._check(len(row), text)
            return model.log_odds(rows, self.prompt.yes, self.prompt.no)

        return read

    def answer_ids(self, model: LanguageModel, text: str) -> tuple[list[int], int, int]:
        """Token ids of the text up to where its two answers diverge, and the next token of yes and of no.

        Raises:
            InputError: the answers do not differ in a token.
        """
        joint = "" if self.prompt.yes.startswith(" ") else " "
        before, _ = model.frame
        yes, no = ([*before, *model.read(text + joint + word)[0]] for word in (self.prompt.yes, self.prompt.no))
        same = next((i for i, (a, b) in enumerate(zip(yes, no, strict=False)) if a != b), None)
        if same is None:
            raise InputError(
                f"{self.model.name} cannot tell {self.prompt.yes!r} from {self.prompt.no!r} by one token. Choose other answer words."
            )
        return list(yes[:same]), int(yes[same]), int(no[same])

    def _causal(self, model: LanguageModel, texts: Sequence[str]) -> Callable[[Sequence[str]], list[float]]:
        """The prefix that all texts share (the examples of the prompt) is read once."""
        ids = {text: self.answer_ids(model, text) for text in texts}
        for text, (row, _, _) in ids.items():
            self._check(len(row), text)
        prefix = read_prefix(model, [row for row, _, _ in ids.values()])

        def read(batch: Sequence[str]) -> list[float]:
            rows = [ids[text] for text in batch]
            logp = after(model, prefix, [row for row, _, _ in rows])
            return [float(logp[i, yes] - logp[i, no]) for i, (_, yes, no) in enumerate(rows)]

        return read

    def _masked(self, model: LanguageModel, texts: Sequence[str]) -> Callable[[Sequence[str]], list[float]]:
        yes, no = (_single(model, word) for word in (self.prompt.yes, self.prompt.no))
        start, end = model.frame

        def read(batch: Sequence[str]) -> list[float]:
            rows, places = [], []
            for text in batch:
                (bare, _, blank) = model.read_around(*text.split(MASK))
                rows.append([*start, *bare, *end])
                places.append(len(start) + blank)
                self._check(len(rows[-1]), text)
            ids, mask = model.pad(rows)
            logp = model.encode(ids, mask, torch.arange(len(rows)), torch.tensor(places)).logp
            assert logp is not None
            return [float(v) for v in logp[:, yes] - logp[:, no]]

        return read

    def _check(self, length: int, text: str) -> None:
        if length > self.model.limit:
            raise InputError(
                f"The prompt has {length} tokens, {self.model.name} reads {self.model.limit}: {text[:80]!r}... Shorten the template or its examples."
            )


def _single(model: LanguageModel, word: str) -> int:
    """The id of an answer word. Raises InputError where it is not one token."""
    for form in (" " + word.strip(), word.strip(), word.strip().lower()):
        ids = model.tokenizer(form, add_special_tokens=False)["input_ids"]
        if len(ids) == 1 and ids[0] != model.tokenizer.unk_token_id:
            return int(ids[0])
    raise InputError(
        f"{model.name} has no single token for {word!r}; a masked model answers with one. Choose other answer words."
    )


def calibrated(answerer: ModelAnswerer, questions: Sequence[Question], tick: Tick | None = None) -> ModelAnswerer:
    """The same answerer with threshold and temperature measured on questions about calibration entities.

    Raises:
        NotFound: an entity is not in the graph. InputError: a property without a label there, too few questions, or all of
            one label.
    """
    truth = [label_of(answerer.graph, q) for q in questions]
    texts = [answerer.prompt.text(q, answerer.graph) for q in questions]
    found = answerer.scores(texts, tick)
    return replace(answerer, calibration=calibrate(found, truth))


def label_of(graph: ConstraintGraph, asked: Question) -> bool:
    """Whether the property of a question is true of its entity. Raises NotFound, and InputError where the graph has no
    label."""
    facts = graph.entity(asked.entity).facts
    if asked.property not in facts:
        raise InputError(
            f"The graph does not say whether {asked.entity} has the property {asked.property}, so a model cannot be calibrated "
            "on it. Calibrate with labeled properties."
        )
    return facts[asked.property]
