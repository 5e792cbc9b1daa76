"""Why an answer is wrong: the first cause of this list that applies, and what would repair it.

Each cause has one definition, checked in this order. p_kNN is memory's distribution, w_i the weight of neighbor i in
it.

1. not one word: no right answer is a single word of the model or its memory, so no answer can be right.
2. no memory: the method has none; the model alone is wrong.
3. memory outvoted: memory's first word is right, the mixture's is not.
4. fact missing: memory does not state a right answer, after forgetting and teaching. For a question of the bundled world:
   no sentence names its subject and a right answer (or memory states the world's own fact where another answer is
   expected). For any other: no retrievable entry has a right word as its value.
5. nearest key far away: the nearest neighbor is farther from the question than `FAR_PERCENTILE` percent of stored entries
   are from their nearest entry of another text.
6. passage of the wrong article, by search: no article that article search chose states a right answer, but others do.
7. one neighbor decides: one neighbor with a wrong word has more than `ALONE` of the weight.
8. passage of the wrong article, by weight: neighbors from articles that do not state a right answer have more than
   `MOST` of the weight, and other articles state one.
9. look-alikes: everything else. Passages near the question have other words as values, and most of the weight.

Repairs, the smallest change first: another lambda (nothing in memory changes); forgetting the one neighbor that decides;
correcting what memory states instead; teaching the answered question. The first two are offered only if they were
computed to make the answer right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memlab.corpus.world import MASK
from memlab.results import Fact, Neighbor, Prediction, Verdict
from memlab.results.cause import (
    CORRECT,
    FAR,
    FORGET,
    LAMBDA,
    LOOK_ALIKES,
    MISSING,
    NO_MEMORY,
    NOT_A_WORD,
    ONE_NEIGHBOR,
    OUTVOTED,
    TEACH,
    WRONG_ARTICLE,
    Cause,
    Repair,
)

ALONE = 0.9  # share of the weight above which one neighbor decides
MOST = 0.5  # share of the weight above which it counts as most of it
FAR_PERCENTILE = 99
LEAST = 0.01  # share of the weight from which an article is counted
STEP = 0.01  # of lambda
NAMED = 2  # articles that a sentence names
_ENDS = (".", "!", "?")


@dataclass(frozen=True)
class Evidence:
    """What is known about the memory behind an answer, besides the answer itself.

    Args:
        right: ids of the words that are right.
        stated: whether memory states a right answer.
        home: titles of the articles that state one; empty if unknown.
        far: distance, as the method shows it, above which a question is far away; None if unknown.
        fact: what memory states instead of the right answer; None if unknown.
        settable: whether lambda is a setting. editable: whether memory consists of texts that can be taught and
            forgotten.
    """

    right: tuple[int, ...]
    stated: bool
    home: tuple[str, ...] = ()
    far: float | None = None
    fact: Fact | None = None
    settable: bool = False
    editable: bool = True


def diagnose(p: Prediction, verdict: Verdict, evidence: Evidence) -> Cause:
    """The cause of a wrong answer (see the module). `verdict`: its verdict, by which the mixture is wrong."""
    name, sentence = _cause(p, verdict, evidence)
    return Cause(name, sentence, _repairs(p, verdict, evidence, name))


def _cause(p: Prediction, verdict: Verdict, evidence: Evidence) -> tuple[str, str]:
    wanted, said = _listed(verdict.expected), p.knn[0]
    if not verdict.known:
        return NOT_A_WORD, f"{wanted} is not a single word of {p.model} or its memory, so no answer can be right."
    if verdict.memory is None:
        return NO_MEMORY, f"{p.model} says {p.answer} with p = {p.mixture[0].p:.2f}, and this method has no memory."
    if verdict.memory:
        return OUTVOTED, _outvoted(p)
    if not evidence.stated:
        return MISSING, _missing(wanted, evidence)
    nearest, first = p.neighbors[0], _heaviest_wrong(p, evidence.right)
    if evidence.far is not None and nearest.distance > evidence.far:
        return FAR, (
            f"Nothing remembered is near this question: the nearest key is at {nearest.distance:.1f}, and "
            f"{FAR_PERCENTILE}% of stored entries have a neighbor from another text within {evidence.far:.1f}."
        )
    if evidence.home and p.articles and not set(p.articles) & set(evidence.home):
        return WRONG_ARTICLE, (
            f"Article search chose {_listed(p.articles[:NAMED], 'and')}; {wanted} is stated in "
            f"{_listed(evidence.home[:NAMED], 'and')}."
        )
    if first is not None and first.weight > ALONE:
        return ONE_NEIGHBOR, (
            f"One passage of {first.document} has {first.weight:.2f} of the weight, and says {first.token.strip()}."
        )
    astray = [n for n in p.neighbors if n.document not in evidence.home]
    weight = sum(n.weight for n in astray)
    if evidence.home and weight > MOST:
        return WRONG_ARTICLE, (
            f"{weight:.2f} of the weight is on passages of {_documents(astray)}; {wanted} is stated in "
            f"{_listed(evidence.home[:NAMED], 'and')}."
        )
    alike = [n for n in p.neighbors if n.id == said.id]
    return LOOK_ALIKES, (
        f"Passages that look alike say {said.token.strip()}: they have {sum(n.weight for n in alike):.2f} of the weight, "
        f"and are from {_documents(alike)}."
    )


def _outvoted(p: Prediction) -> str:
    memory = p.knn[0]
    if p.gate.info.mixes == "distributions":
        how = f"λ = {p.gate.knn_weight:.2f} gives the model more"
    else:
        how = f"the gate is computed, {p.gate.info.symbol} = {p.gate.value:.2f}"
    return f"Memory says {memory.token.strip()} with p = {memory.p:.2f}, but {how}: {p.answer.strip()}."


def _missing(wanted: str, evidence: Evidence) -> str:
    fact = evidence.fact
    if fact is not None:
        return f"Memory states that the {fact.relation.replace('_', ' ')} of {fact.subject} is {fact.object}, not {wanted}."
    return f"No passage in memory states {wanted}."


def _heaviest_wrong(p: Prediction, right: Sequence[int]) -> Neighbor | None:
    return max((n for n in p.neighbors if n.id not in right), key=lambda n: n.weight, default=None)


def _listed(names: Sequence[str], joint: str = "or") -> str:
    *first, last = names
    return f"{', '.join(first)} {joint} {last}" if first else last


def _documents(neighbors: Sequence[Neighbor]) -> str:
    """The articles of passages, the heaviest first; those with less than `LEAST` of the weight are left out."""
    heaviest = sorted(neighbors, key=lambda n: -n.weight)
    names = list(dict.fromkeys(n.document for n in heaviest if n.weight >= LEAST or n is heaviest[0]))
    shown = names[:NAMED] if len(names) <= NAMED else [*names[:NAMED], f"{len(names) - NAMED} more"]
    return _listed(shown, "and") if shown else "no article"


def _repairs(p: Prediction, verdict: Verdict, evidence: Evidence, name: str) -> tuple[Repair, ...]:
    found: list[Repair | None] = []
    if evidence.settable:
        found.append(_other_lambda(p, evidence.right))
    if evidence.editable and name not in (NO_MEMORY, OUTVOTED):
        if name == ONE_NEIGHBOR:
            found.append(_forget_one(p, evidence.right))
        if name == MISSING and evidence.fact is not None:
            new, old = verdict.expected[0], evidence.fact
            found.append(Repair(CORRECT, f"Correct {old.object} to {new}", fact=old, new=new))
        found.append(answered(p, verdict.expected[0]))
    return tuple(repair for repair in found if repair is not None)


def nearest_lambda(lm: np.ndarray, knn: np.ndarray, right: Sequence[int], lam: float) -> float | None:
    """The lambda nearest to `lam`, in hundredths, with which a right word comes first; None where it never does.

    Args:
        lm, knn: (V,) probabilities; p = lambda p_kNN + (1 - lambda) p_LM. right: ids.
    """
    if not len(right):
        return None
    at = np.round(np.arange(0, 1 + STEP / 2, STEP), 2)[:, None]  # (101, 1)
    ids = np.array(right)
    best = (at * knn[ids] + (1 - at) * lm[ids]).max(1)
    others = np.setdiff1d(np.flatnonzero(knn), ids)
    rest = lm.copy()
    rest[ids] = -1.0
    others = np.union1d(others, [rest.argmax()])  # of words without a neighbor, only the model's first can win
    wrong = (at * knn[others] + (1 - at) * lm[others]).max(1)
    fitting = at[best > wrong, 0]
    if not len(fitting):
        return None
    return float(fitting[np.abs(fitting - lam).argmin()])


def _other_lambda(p: Prediction, right: Sequence[int]) -> Repair | None:
    lam = nearest_lambda(p.lm.p, p.knn.p, right, p.gate.knn_weight)
    return None if lam is None else Repair(LAMBDA, f"Ask with λ = {lam:g}", sure=True, lam=lam)


def _forget_one(p: Prediction, right: Sequence[int]) -> Repair | None:
    """Forgetting the heaviest wrong passage, if the answer is right with the other neighbors.

    Its weight is removed from p_kNN and the rest scaled up. The additional neighbor that would be retrieved instead,
    lighter than all others, is ignored.
    """
    n = _heaviest_wrong(p, right)
    if n is None or n.weight >= 1 or not len(right) or p.gate.info.mixes != "distributions":
        return None
    knn = p.knn.p.copy()
    knn[n.id] = max(0.0, knn[n.id] - n.weight)
    lam = p.gate.knn_weight
    mixture = lam * knn / (1 - n.weight) + (1 - lam) * p.lm.p
    if int(mixture.argmax()) not in right:
        return None
    return Repair(FORGET, f"Forget this passage of {n.document}", sure=True, entries=(n.entry,))


def answered(p: Prediction, answer: str) -> Repair:
    """The question with its answer as a statement."""
    text = p.prompt.strip()
    text = text.replace(MASK, answer) if MASK in text else f"{text} {answer}"
    return Repair(TEACH, "Teach the answer", text=text if text.endswith(_ENDS) else f"{text}.", word=answer)
