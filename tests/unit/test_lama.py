"""LAMA: reading its files, which facts can be asked of which model, P@1 by hand, the command."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import InputError, NotFound
from memlab.evaluate.lama import LamaRow, Relation, askable, candidates, evidence, read_lama, table
from memlab.lm.model import LanguageModel
from tests.commands import document, refused, run_on

Load = Callable[[str], LanguageModel]
Tiny = Callable[[str], Path]
TOLD = {
    "P36": [("France", "Paris"), ("Germany", "Berlin"), ("Haiti", "Port-au-Prince"), ("Spain", "Madrid")],
    "P27": [("Paris", "gold"), ("Berlin", "green")],
}
TEMPLATES = {"P36": "The capital of [X] is [Y] .", "P27": "The city [X] is [Y] metal ."}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lama")
    (folder / "TREx").mkdir()
    rows = [{"relation": name, "template": template, "label": name} for name, template in TEMPLATES.items()]
    (folder / "relations.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name, facts in TOLD.items():
        lines = []
        for subject, thing in facts:
            told = {"obj_surface": thing, "masked_sentence": f"The capital of {subject} is [MASK]."}
            lines.append(json.dumps({"sub_label": subject, "obj_label": thing, "evidences": [told, told]}))
        (folder / "TREx" / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


def test_files_are_read_and_evidences_are_told_once(data: Path) -> None:
    relations = read_lama(data)
    assert [r.name for r in relations] == ["P27", "P36"]
    (capital,) = read_lama(data, ["P36"])
    assert [(f.subject, f.object) for f in capital.facts] == TOLD["P36"]
    assert capital.facts[0].evidences == ("The capital of France is Paris.",)
    assert capital.prompt(capital.facts[0], "masked") == "The capital of France is [MASK]."
    assert capital.prompt(capital.facts[0], "causal") == "The capital of France is"
    assert capital.object_ends
    assert not relations[0].object_ends
    assert not Relation("P1", "[Y] is the capital of [X] .", ()).object_ends


def test_bad_data_is_refused_with_its_place(data: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no relation 'P9'.*P27, P36"):
        read_lama(data, ["P9"])
    with pytest.raises(InputError, match=r"no file .*relations\.jsonl"):
        read_lama(tmp_path)
    (tmp_path / "relations.jsonl").write_text('{"relation": "P36"}\n')
    with pytest.raises(InputError, match="line 1 has no template"):
        read_lama(tmp_path)
    (tmp_path / "relations.jsonl").write_text("{\n")
    with pytest.raises(InputError, match="line 1 is not a JSON object"):
        read_lama(tmp_path)


def test_a_row_is_a_line_whatever_characters_it_holds(tmp_path: Path) -> None:
    row = {"relation": "P36", "template": "The capital\u2028 of [X] is [Y] ."}
    (tmp_path / "relations.jsonl").write_text("\ufeff" + json.dumps(row, ensure_ascii=False) + "\r\n", "utf-8")
    (tmp_path / "TREx").mkdir()
    fact = {"sub_label": "France\x85", "obj_label": "Paris", "evidences": []}
    (tmp_path / "TREx/P36.jsonl").write_text(json.dumps(fact, ensure_ascii=False), "utf-8")
    (capital,) = read_lama(tmp_path)
    assert capital.template == row["template"]
    assert [f.subject for f in capital.facts] == ["France\x85"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'"relation template"\n', "line 1 is not a JSON object"),
        (b"[" * 100_000, "line 1 is not a JSON object"),
        ('{"relation": "P36"}'.encode("utf-16"), "not UTF-8 text but UTF-16"),
    ],
)
def test_what_is_no_row_is_refused_in_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "relations.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        read_lama(tmp_path)
    assert "\n" not in str(error.value)


def test_objects_of_several_tokens_and_other_words_are_passed_over(data: Path, tiny_lm: Load) -> None:
    lm, (capital,) = tiny_lm("llama"), read_lama(data, ["P36"])
    every = askable(capital, lm, None, None)
    asked = [(f.subject, f.object) for f in every.facts]
    assert asked[:2] == TOLD["P36"][:2]
    assert len(asked) + sum(every.passed_over.values()) == 4
    assert every.passed_over["object of several tokens"] >= 1  # Madrid is in no text of the tokenizer
    assert lm.words[every.questions[0].answer].strip() == "Paris"
    only = np.array([every.questions[1].answer])
    one = askable(capital, lm, None, only)
    assert [f.object for f in one.facts] == ["Berlin"]
    assert one.passed_over["object not among the candidates"] >= 1
    assert len(askable(capital, lm, 1, None).facts) == 1
    assert [a.id for a in evidence([one])] == ["Germany"]


def test_candidates_are_the_common_words_of_one_token(data: Path, tiny_lm: Load, tmp_path: Path) -> None:
    assert candidates(data, tiny_lm("llama")) is None
    (tmp_path / "common_vocab_cased.txt").write_text("Paris\nBerlin\nUnheardofness\n")
    allowed = candidates(tmp_path, tiny_lm("llama"))
    assert allowed is not None
    assert {tiny_lm("llama").words[i].strip() for i in allowed} == {"Paris", "Berlin"}


def test_precision_by_hand() -> None:
    def row(relation: str, lm: bool, mixture: bool) -> LamaRow:
        return LamaRow(relation, "s", "o", "p", {}, {"lm": lm, "mixture": mixture})

    rows = [row("P1", True, True), row("P1", False, True), row("P2", False, False)]
    got = {(r["relation"], r["method"]): (r["questions"], r["p@1"]) for r in table(rows, "knn-lm")}
    assert got == {
        ("P1", "lm"): (2, 0.5), ("P1", "knn-lm"): (2, 1.0), ("P2", "lm"): (1, 0.0), ("P2", "knn-lm"): (1, 0.0),
        ("all", "lm"): (3, 1 / 3), ("all", "knn-lm"): (3, 2 / 3),
    }  # fmt: skip
    half = next(r for r in table(rows, "knn-lm") if (r["relation"], r["method"]) == ("P1", "lm"))
    z2 = 1.959964**2  # Wilson: (p + z2/2n ± z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), n 2, p 1/2
    width = 1.959964 * (0.25 / 2 + z2 / 16) ** 0.5 / (1 + z2 / 2)
    assert half["interval"] == pytest.approx([0.5 - width, 0.5 + width], abs=1e-6)


def test_the_command_asks_a_causal_model_with_its_memory(data: Path, tiny: Tiny, tmp_path: Path) -> None:
    run = run_on(tmp_path)
    command = ("evaluate", "lama", "--data", data, "--model", tiny("llama"))
    found = document(run(*command, "--preset", "paper", "--json"))
    assert found["task"] == "lama"
    assert {r["relation"] for r in found["results"]} == {"P36"}  # only there the object ends the sentence
    by = {r["method"]: r for r in found["results"]}
    assert set(by) == {"lm", "knn", "knn-lm"}
    assert by["knn"]["p@1"] == 1.0  # the very sentence is remembered, at distance 0 from the question
    assert by["lm"]["questions"] == len(found["rows"])
    assert found["settings"]["datastore"].startswith("lama-tiny-llama-")
    assert found["notes"] == []
    run("teach", "The capital of France is Lyon.")
    again = document(run(*command, "--preset", "paper", "--json"))
    assert again["results"] == found["results"]
    (note,) = again["notes"]
    assert note.startswith("This workspace has 1 active edit, of memory or weights. None is part of this measurement")
    said = refused(run(*command, "--method", "spalm"))
    assert "SPALM does not mix in p_kNN" in said
    assert "Methods that do: knn-lm." in said
    said = refused(run(*command, "--relations", "P27"))
    assert "must end the sentence" in said
    assert "P27 (The city [X] is [Y] metal .)" in said


def test_the_command_asks_a_masked_model_by_cloze(data: Path, tiny: Tiny, tmp_path: Path) -> None:
    command = ("evaluate", "lama", "--data", data, "--model", tiny("bert"), "--limit", 2, "--json")
    found = document(run_on(tmp_path)(*command))
    assert {r["relation"] for r in found["results"]} == {"P27", "P36", "all"}
    assert found["rows"][-1]["prompt"].endswith("[MASK].")
    assert all(len([r for r in found["rows"] if r["relation"] == name]) <= 2 for name in ("P27", "P36"))
    memory = next(r for r in found["results"] if (r["relation"], r["method"]) == ("P36", "knn"))
    assert memory["p@1"] == 1.0  # the article of the subject alone is searched
