"""Kinds of edits that a system declares: `lab.record`, `memlab edit`, and what `to_dict` says of a system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memlab import Fact, Lab
from memlab.declare import Chapter, Command, Correction, LongWork, System
from memlab.errors import InputError, RecordError
from memlab.record.forms import form_parameters
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, MadeBy, kinds, register_kind, unregister_kind
from memlab.record.memory_kinds import MEMORY
from memlab.systems import BUILT_IN
from memlab.systems.registry import registered, registry
from tests.commands import document, refused, run_on


def check_note(parameters: Mapping[str, Any], sequence: int) -> None:
    if not isinstance(parameters.get("note"), str) or len(parameters["note"]) > 30:
        raise InputError("A note is a text of at most 30 characters.")


def notes(rows: Sequence[EditRow], head: int) -> list[str]:
    return [row.parameters["note"] for row in rows]


def summary(parameters: Mapping[str, Any]) -> str:
    return f"Note: {parameters['note']}"


def lets_in(parameters: Mapping[str, Any], sequence: int) -> None:
    """Refuses nothing."""


def halves(rows: Sequence[EditRow], head: int) -> list[float]:
    return [1 / row.parameters["by"] for row in rows]


NOTE = EditKind("toy-note", "toy notes", check_note, notes, summary, form=(FormField("note", "Note", "Short."),))
HALF = EditKind("toy-half", "toy halves", lets_in, halves, lambda parameters: f"By {parameters['by']}")
FORM = (
    FormField("what", "What", "A text."),
    FormField("size", "Size", "A number.", "number", required=False),
    FormField("way", "Way", "One of two.", "choice", required=False, choices=("up", "down")),
    FormField("sure", "Sure", "Whether.", "flag", required=False),
    FormField("about", "About", "A fact.", "fact", required=False),
    FormField("facts", "Facts", "Facts.", "facts", required=False),
)
ALL = EditKind("toy-all", "toy all", lets_in, lambda rows, head: len(rows), lambda p: f"All {p['what']}", form=FORM)
TOY = System(
    name="toy_edits",
    title="Toy edits",
    paper="a toy system of the tests",
    group="Toys",
    summary="It records notes. Nothing else.",
    edits=(NOTE, HALF, ALL),
    chapters=(Chapter("toy_notes", "Notes.", "toy:Notes", verbs=("toy_say",)),),
    commands=(Command("toy-say", "toy:say"), Command("toy", "toy:measure", within="evaluate")),
    work=(LongWork("toy-work", "toy:work", resumable=True),),
    corrections=(Correction("toy way", "toy:correct"),),
)
PARIS = {"subject": "France", "relation": "capital", "object": "Paris"}
OSLO = {"subject": "Norway", "relation": "capital", "object": "Oslo"}


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[System]:
    with registered(TOY) as system:
        registry()
        yield system
    for kind in TOY.edits:
        unregister_kind(kind.name)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path)


def state(lab: Lab, as_of: int | None = None) -> list[str]:
    return lab.context.ledger.state("toy notes", as_of)  # type: ignore[no-any-return]


def test_an_edit_is_tried_recorded_undone_redone_and_seen_as_of_any_edit(lab: Lab) -> None:
    tried = lab.record("toy-note", {"note": "one"}, dry_run=True)
    assert (tried.dry_run, tried.seq, tried.summary, tried.id) == (True, 1, "Note: one", None)
    assert (lab.head(), lab.history()) == (0, [])
    made = lab.commit(tried, "ann")
    second = lab.record("toy-note", {"note": "two"}, author="ben")
    assert [made.seq, second.seq] == [1, 2]
    assert state(lab) == ["one", "two"]
    lab.undo(1)
    assert [state(lab, n) for n in range(4)] == [[], ["one"], ["one", "two"], ["two"]]
    lab.redo(1)
    assert state(lab) == ["one", "two"]
    assert [(e.kind, e.author) for e in lab.history()][:2] == [("toy-note", "ann"), ("toy-note", "ben")]
    assert lab.verify() == []


def test_a_dry_run_that_is_out_of_date_is_not_committed(lab: Lab) -> None:
    tried = lab.record("toy-note", {"note": "one"}, dry_run=True)
    lab.record("toy-note", {"note": "two"})
    with pytest.raises(RecordError, match="has moved on"):
        lab.commit(tried)
    assert state(lab) == ["two"]


def test_a_workspace_that_is_read_only_refuses_the_dry_run_too(lab: Lab) -> None:
    lab.record("toy-half", {"by": 2})
    unregister_kind("toy-half")
    try:
        for dry_run in (True, False):
            with pytest.raises(RecordError, match=r"is read-only.*'toy-half': edit 1"):
                lab.record("toy-note", {"note": "one"}, dry_run=dry_run)
    finally:
        register_kind(HALF)
    assert lab.record("toy-note", {"note": "one"}).seq == 2


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("kind", "parameters", "says"),
    [
        ("toy-note", {"note": "x" * 31}, "A note is a text of at most 30 characters"),
        ("toy-note", {}, "A note is a text of at most 30 characters"),
        ("toy-note", ["note"], "are a dictionary, not list"),
        ("toy-note", {"note": object()}, "plain JSON"),
        ("toy-note", {"note": "a\0"}, "control characters"),
        ("toy-half", {"by": 0}, r"cannot be folded into the state \(ZeroDivisionError"),
        ("toy-half", {}, r"cannot be summarized \(KeyError: 'by'\)"),
        ("burn", {}, "kind of edit. Allowed: .*teach.*toy-note"),
        ("undo", {}, "kind of edit. Allowed"),
    ],
)
def test_what_a_kind_cannot_use_gets_one_message_and_records_nothing(
    lab: Lab, kind: str, parameters: Any, says: str, dry_run: bool
) -> None:
    with pytest.raises(InputError, match=says):
        lab.record(kind, parameters, dry_run=dry_run)
    assert lab.head() == 0


def test_kinds_that_are_more_than_parameters_name_the_verb(lab: Lab) -> None:
    """Every kind that ships with memlab is made by a verb that is there; nothing is written past it."""
    shipped = (registry().system(name) for name in BUILT_IN)
    own = [*kinds(MEMORY), *(kind for system in shipped for kind in system.edits)]
    assert {"teach", "forget", "correct", "modify", "unlearn", "believe", "pin", "add-fact"} <= {k.name for k in own}
    for kind in own:
        assert kind.made_by is not None, kind.name
        found: Any = lab
        for name in kind.made_by.verb.split("."):
            found = getattr(found, name)
        assert callable(found), kind.name
        with pytest.raises(InputError, match=rf"are made with lab\.{kind.made_by.verb}"):
            lab.record(kind.name, {"text": "x"})
    weights = replace(NOTE, name="toy-weights", example=lambda sha256: {})
    assert weights.elsewhere is not None
    assert "a file of weights" in weights.elsewhere
    assert lab.head() == 0


def test_a_long_summary_is_cut(lab: Lab) -> None:
    made = lab.record("toy-all", {"what": "long " * 400})
    assert len(made.summary) == 500
    assert made.summary.endswith("...")
    assert made.parameters["what"] == "long " * 400


def test_a_fact_of_the_lab_is_recorded_as_json(lab: Lab) -> None:
    made = lab.record("toy-all", {"what": "x", "facts": [Fact("France", "capital", "Paris")]})
    assert made.parameters["facts"] == [PARIS]


@pytest.mark.parametrize(
    ("values", "parameters"),
    [
        ({"what": " a b "}, {"what": "a b"}),
        (
            {"what": "a", "size": "3", "way": "up", "sure": "False"},
            {"what": "a", "size": 3, "way": "up", "sure": False},
        ),
        ({"what": "a", "size": 2.0}, {"what": "a", "size": 2}),
        ({"what": "a", "size": "0.25", "sure": True}, {"what": "a", "size": 0.25, "sure": True}),
        ({"what": "a", "about": "France|capital|Paris"}, {"what": "a", "about": PARIS}),
        ({"what": "a", "about": ["France", "capital", "Paris"]}, {"what": "a", "about": PARIS}),
        ({"what": "a", "about": ["", None, ""], "facts": [["", "", ""]], "way": ""}, {"what": "a"}),
        ({"what": "a", "facts": "France|capital|Paris; Norway|capital|Oslo"}, {"what": "a", "facts": [PARIS, OSLO]}),
        ({"what": "a", "facts": [PARIS, Fact("Norway", "capital", "Oslo")]}, {"what": "a", "facts": [PARIS, OSLO]}),
        ({"what": "a", "facts": '[["France", "capital", "Paris"]]'}, {"what": "a", "facts": [PARIS]}),
    ],
)
def test_a_form_makes_parameters(values: dict[str, Any], parameters: dict[str, Any]) -> None:
    found = form_parameters(ALL, values)
    assert found == parameters
    assert [type(value) for value in found.values()] == [type(value) for value in parameters.values()]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, r"'what' \(What\) is empty. Allowed is a text"),
        ({"what": "a", "nope": 1}, "no field 'nope'. Its fields: what, size, way"),
        ({"what": 3}, "what is '3'; allowed is a text"),
        ({"what": "a", "size": "three"}, "size is 'three'; allowed is a number"),
        ({"what": "a", "size": "nan"}, "allowed is a number"),
        ({"what": "a", "size": True}, "allowed is a number"),
        ({"what": "a", "way": "left"}, "way is 'left'; allowed is one of up, down"),
        ({"what": "a", "sure": "yes"}, "sure is 'yes'; allowed is true or false"),
        (
            {"what": "a", "about": "France|capital"},
            r"allowed is subject, relation and object \(as a text: subject\|relation\|object\)",
        ),
        (
            {"what": "a", "about": "France||Paris"},
            r"allowed is subject, relation and object \(as a text: subject\|relation\|object\)",
        ),
        (
            {"what": "a", "about": {"subject": "x"}},
            r"allowed is subject, relation and object \(as a text: subject\|relation\|object\)",
        ),
        ({"what": "a", "facts": "France|capital|Paris; x"}, "several divided by ;"),
        ({"what": "a", "facts": "[" * 100_000}, "several divided by ;"),
    ],
)
def test_a_form_says_what_is_wrong(values: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        form_parameters(ALL, values)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FormField("a", "A", "A.", "date"), "no type of field 'date'; allowed is one of text, number"),
        (lambda: FormField("a", "A", "A.", "choice"), "needs at least one"),
        (lambda: FormField("a=b", "A", "A."), "cannot name a field"),
        (lambda: replace(NOTE, form=(FORM[0], FORM[0])), "two fields named 'what'"),
        (lambda: replace(TOY, panels="toy.panels"), "expected is 'module:function'"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_the_command_tries_records_and_refuses(tmp_path: Path) -> None:
    run = run_on(tmp_path)
    tried = document(run("edit", "toy-note", "--set", "note=a = b", "--dry-run", "--json"))
    assert (tried["dry_run"], tried["seq"], tried["summary"]) == (True, 1, "Note: a = b")
    assert document(run("history", "--json"))["edits"] == []
    made = document(run("edit", "toy-note", "--set", "note=a = b", "--author", "ann", "--json"))
    assert (made["dry_run"], made["kind"], made["author"], made["parameters"]) == (
        False, "toy-note", "ann", {"note": "a = b"},
    )  # fmt: skip
    by_json = document(run("edit", "toy-half", "--parameters", '{"by": 2}', "--json"))
    assert (by_json["seq"], by_json["parameters"]) == (2, {"by": 2})
    assert document(run("undo", "1", "--json"))["target"] == 1
    assert "A note is a text" in refused(run("edit", "toy-note", "--set", f"note={'x' * 31}"))
    assert "'note' (Note) is empty" in refused(run("edit", "toy-note", "--json"))
    assert "declares no form" in refused(run("edit", "toy-half", "--set", "by=2"))
    assert "no JSON" in refused(run("edit", "toy-half", "--parameters", "{"))
    assert "lab.teach or `memlab teach`" in refused(run("edit", "teach", "--set", "text=One is 1."))
    for wrong in (("toy-note", "--set", "note"), ("toy-note", "--set", "note=1", "--set", "note=2"), ("--set", "a=b")):
        assert run("edit", *wrong).exit_code == 2
    assert len(document(run("history", "--json"))["edits"]) == 3


def test_kinds_and_their_forms_are_listed(tmp_path: Path) -> None:
    listed = {kind["name"]: kind for kind in document(run_on(tmp_path)("edit", "--json"))["kinds"]}
    assert listed["toy-note"]["form"] == [
        {"name": "note", "label": "Note", "help": "Short.", "type": "text", "required": True, "choices": []}
    ]
    assert listed["modify"]["made_by"] == MadeBy("modify", "modify", "modify").to_dict()
    lines = run_on(tmp_path)("edit").stdout
    assert "Allowed: one of up, down; may be left out." in lines
    assert "Edits of the kind 'teach' are made with lab.teach or `memlab teach`." in lines


def test_a_system_says_all_that_it_declares(tmp_path: Path) -> None:
    """`edits` stays a list of names; what is more stands under keys of its own."""
    run = run_on(tmp_path)
    found = next(s for s in document(run("systems", "--json"))["systems"] if s["name"] == TOY.name)
    assert found == TOY.to_dict()
    assert found["edits"] == ["toy-note", "toy-half", "toy-all"]
    assert [kind["part"] for kind in found["edit_kinds"]] == ["toy notes", "toy halves", "toy all"]
    assert found["chapters"] == [{"name": "toy_notes", "help": "Notes.", "verbs": ["toy_say"]}]
    assert [c["command"] for c in found["commands"]] == ["memlab toy-say", "memlab evaluate toy"]
    assert found["work"] == [{"name": "toy-work", "resumable": True, "alone": False, "stored": True}]
    assert found["corrections"] == [{"name": "toy way"}]
    lines = run("systems").stdout
    assert all(name in lines for name in ("toy-note", "lab.toy_notes", "memlab evaluate toy", "toy-work", "toy way"))
