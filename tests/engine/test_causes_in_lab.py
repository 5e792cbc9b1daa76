"""Causes of real failures: what is said to repair an answer does; a forgotten fact is missing; what is kept is asked once."""

from __future__ import annotations

import pytest

from memlab import Fact, Lab
from memlab.lab.kept_batches import AskedBatch
from memlab.results import Prediction, Verdict
from memlab.results.cause import CAUSES, FORGET, LAMBDA
from tests.commands import Run, document, run_beside

CALIFORNIUM, JAGUAR = "The group of the element californium is", "The jaguar is an animal of the class"
PROMPTS = (
    CALIFORNIUM,
    JAGUAR,
    "The official language of Netherlands is",
    "The native language of William Herschel was",
    "The group of the element carbon is",
    "Victor Hugo was born in",
    "The capital of France is",
)
MONA_LISA = Fact("Mona Lisa", "painter", "Leonardo da Vinci")


def judged(lab: Lab, p: Prediction) -> Verdict:
    found = lab.verdict(p)
    assert found is not None
    return found


def test_what_is_sure_to_repair_an_answer_does(lab: Lab) -> None:
    rows = lab.ask_many(PROMPTS, method="knn-lm")
    failures = [row for row in rows if row.verdict and not row.verdict.mixture]
    assert [row.prompt for row in rows if row.cause] == [row.prompt for row in failures]
    assert len({row.cause.name for row in failures if row.cause}) >= 3
    tried = []
    for row in failures:
        assert row.prediction is not None
        assert row.cause is not None
        assert row.cause.name in CAUSES
        for repair in row.cause.repairs:
            if repair.kind == LAMBDA:
                assert judged(lab, lab.again(row.prediction, lam=repair.lam)).mixture, row.prompt
            elif repair.kind == FORGET:
                assert judged(lab, lab.again(row.prediction, without=repair.entries)).mixture, row.prompt
            if repair.sure:
                tried.append(repair.kind)
    assert {LAMBDA, FORGET} <= set(tried)


@pytest.fixture
def run(built_home, tmp_path) -> Run:  # type: ignore[no-untyped-def]
    return run_beside(built_home, tmp_path)


def test_a_forgotten_fact_is_missing_on_the_command_line_too(run: Run, tmp_path) -> None:  # type: ignore[no-untyped-def]
    lab = Lab.open(tmp_path)
    lab.forget(fact=MONA_LISA)
    file = tmp_path / "prompts.csv"
    file.write_text(
        "prompt,answer\nThe painter of Mona Lisa was [MASK].,\nThe capital of France is [MASK].,Lyon\n", "utf-8"
    )
    said = document(run("batch", file, "--expected", "answer", "--method", "bert-knn", "--json"))
    first, second = (row["cause"] for row in said)
    assert (first["name"], first["sentence"]) == ("fact missing", "No passage in memory states Leonardo da Vinci.")
    teach = first["repairs"][-1]
    assert teach["text"] == "The painter of Mona Lisa was Leonardo da Vinci."
    assert second["sentence"] == "Memory states that the capital of France is Paris, not Lyon."
    assert [repair["kind"] for repair in second["repairs"]] == ["correct", "teach"]
    assert [row["decided"] for row in said][1] == "both"
    assert "fact missing: No passage in memory states" in run("batch", file, "--expected", "answer").stdout
    # Taught, it is right again; the sentence says what the world says, so the verdict stays known.
    lab.teach(teach["text"], teach["word"])
    p = lab.ask("The painter of Mona Lisa was [MASK].", method="bert-knn")
    assert judged(lab, p).mixture
    assert lab.cause(p) is None
    lab.teach("The painter of Mona Lisa was Raphael.")
    assert lab.verdict(lab.ask("The painter of Mona Lisa was [MASK].", method="bert-knn")) is None

    # A batch is asked once for each state of the workspace.
    asked = AskedBatch(("The painter of Mona Lisa was [MASK].",), None, {"method": "bert-knn"})
    kept = lab.batches.ask(asked)
    assert kept.title == "1 prompt, BERT-kNN, λ = 0.75, at edit 3"
    assert lab.batches.ask(asked) == kept
    lab.undo()
    assert lab.batches.ask(asked).id != kept.id
    assert lab.batches.ask(asked, keep=False, again=True).id == 0
    assert list(lab.batches.titles()) == [kept.id + 1, kept.id]
