"""Editing benchmarks from files: flat CounterFact and flat zsRE."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from memlab.corpus.world import MASK
from memlab.errors import InputError
from memlab.systems.constrained_ft.cases import Case, Question

COUNTERFACT = (
    "prompt",
    "subject",
    "ground_truth",
    "target_new",
    "rephrase_prompt",
    "locality_prompt",
    "locality_ground_truth",
)
ZSRE = ("src", "subject", "pred", "alt", "rephrase", "loc", "loc_ans")


def read_cases(file: Path) -> Iterator[Case]:
    """The cases of a flat CounterFact or zsRE file, in its order. Raises InputError for a file of another form."""
    try:
        raw = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON: {error}.") from None
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], dict):
        raise InputError(f"{file} does not hold a list of cases. {_forms()}")
    forms = ((COUNTERFACT, _counterfact), (ZSRE, _zsre))
    found = next(((form, make) for form, make in forms if all(name in raw[0] for name in form)), None)
    if found is None:
        raise InputError(f"{file} has cases of an unknown form ({', '.join(sorted(raw[0]))[:120]}). {_forms()}")
    form, make = found
    for n, entry in enumerate(raw):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in form):
            raise InputError(f"Case {n} of {file} lacks one of {', '.join(form)}.")
        yield make(entry)


def _counterfact(e: Mapping[str, str]) -> Case:
    near = Question(_with_gap(e["locality_prompt"]), e["locality_ground_truth"].strip())
    return _case(e["subject"], e["prompt"], e["ground_truth"], e["target_new"], e["rephrase_prompt"], near)


def _zsre(e: Mapping[str, str]) -> Case:
    question = e["loc"].removeprefix("nq question: ").strip().rstrip("?")
    near = Question(_with_gap(f"{question[:1].upper()}{question[1:]}?"), e["loc_ans"].strip())
    return _case(e["subject"], e["src"], e["pred"], e["alt"], e["rephrase"], near)


def _case(subject: str, prompt: str, old: str, new: str, rephrased: str, near: Question) -> Case:
    own = _with_gap(prompt)
    return Case(subject, "", old.strip(), new.strip(), (own,), own, own, (_with_gap(rephrased),), (near,))


def _with_gap(prompt: str) -> str:
    return f"{prompt.replace(MASK, ' ').strip()} {MASK}"


def _forms() -> str:
    return f"memlab reads flat CounterFact ({', '.join(COUNTERFACT)}) and flat zsRE ({', '.join(ZSRE)})."
