"""The door of the lab: what its verbs say of themselves, how small they stay, and former names."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import memlab
from memlab.errors import InputError
from memlab.lab import Lab
from memlab.lab.editing import EditOptions
from memlab.lab.perplexity import PerplexityOptions
from memlab.lab.renamed import RENAMED

ROOM = Path(memlab.__file__).parent
MOST_ARGUMENTS = 8
MOST_STATEMENTS = 3
GROUPS = {name: member for name in dir(Lab) if isinstance(member := getattr(Lab, name), property)}
PLAIN = ("context", "home", "workspace")


@pytest.fixture
def empty(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path)


def verbs(of: type) -> list[tuple[str, Callable[..., Any]]]:
    """The public functions of a class, with those that make it callable."""
    return [
        (name, member)
        for name, member in inspect.getmembers(of, inspect.isroutine)
        if (not name.startswith("_") or name == "__call__") and inspect.getmodule(member) is not None
    ]


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's arguments, without self, cls and those that take the rest."""
    a = function.args
    return [arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs) if arg.arg not in ("self", "cls")]


def test_no_function_of_the_engine_takes_more_than_eight_arguments() -> None:
    files = [path for path in ROOM.rglob("*.py") if path.relative_to(ROOM).parts[0] != "cli"]
    assert len(files) > 100
    many = {
        f"{path.relative_to(ROOM)}: {function.name}"
        for path in files
        for function in functions_of(path)
        if len(arguments(function)) > MOST_ARGUMENTS
    }
    assert many == set()


@pytest.mark.parametrize("name", [name for name, _ in verbs(Lab)])
def test_a_verb_of_the_lab_documents_its_arguments_and_errors(name: str) -> None:
    verb = getattr(Lab, name)
    text = inspect.getdoc(verb) or ""
    assert len(text.split()) >= 5
    assert re.search(r"\b(Raises|raises)\b", text), f"{name} does not say what it raises"
    signature = inspect.signature(verb)
    assert signature.return_annotation is not inspect.Signature.empty
    if len([p for p in signature.parameters if p != "self"]) > 4:
        assert "Args:" in text or "Whatever is given" in text


@pytest.mark.parametrize("name", [name for name, _ in verbs(Lab) if name in vars(Lab)])
def test_a_verb_passes_its_arguments_on(name: str) -> None:
    verb = getattr(Lab, name)
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(verb))).body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) - 1 <= MOST_STATEMENTS  # the first is the docstring


@pytest.mark.parametrize(
    ("verb", "chapter", "parts"),
    [
        ("modify", "modifying", ("facts:", "norm, delta:", "StoppedError")),
        ("believe", "beliefs", ("question:", "label:", "NotFound")),
        ("solve", "beliefs", ("options: lam, forward", "InputError")),
    ],
)
def test_a_verb_of_a_system_is_one_like_the_others(verb: str, chapter: str, parts: tuple[str, ...], empty: Lab) -> None:
    text = inspect.getdoc(getattr(Lab, verb)) or ""
    assert all(part in text for part in ("Args:", "Raises:", *parts))
    assert verb in dir(Lab)
    assert verb in dir(empty)
    assert getattr(empty, verb).__func__ is getattr(type(getattr(empty, chapter)), verb)
    assert next(iter(inspect.signature(getattr(Lab, verb)).parameters)) == "self"


def test_help_of_lab_lists_what_systems_add() -> None:
    text = pydoc.render_doc(Lab, renderer=pydoc.plaintext)
    assert "believe(self, question" in text
    assert "beliefs\n |      Beliefs in detail" in text


def test_help_of_ask_shows_what_it_takes_gives_and_raises() -> None:
    text = inspect.getdoc(Lab.ask) or ""
    for part in ("Args:", "prompt:", "method:", "as_of:", "without:", "Returns:", "Raises:", "MemlabError"):
        assert part in text
    assert list(inspect.signature(Lab.ask).parameters)[:4] == ["self", "prompt", "method", "model"]


@pytest.mark.parametrize("group", sorted(set(GROUPS) - set(PLAIN)))
def test_a_group_and_its_verbs_document_themselves(group: str, empty: Lab) -> None:
    assert inspect.getdoc(GROUPS[group])
    chapter = type(getattr(empty, group))
    silent = [f"{group}.{name}" for name, verb in verbs(chapter) if not inspect.getdoc(verb)]
    assert silent == []
    assert len(verbs(chapter)) > 0


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_a_former_name_works_and_says_what_it_is_now(old: str, empty: Lab) -> None:
    with pytest.warns(DeprecationWarning, match=rf"^lab\.{old} is now lab\.{re.escape(RENAMED[old])}$") as heard:
        former = getattr(empty, old)
    assert heard[0].filename == __file__
    group, verb = RENAMED[old].split(".")
    now = getattr(getattr(empty, group), verb)
    assert former.__func__ is now.__func__
    assert not hasattr(Lab, old)


def test_former_names_do_what_they_did(empty: Lab) -> None:
    with pytest.warns(DeprecationWarning, match="workspaces"):
        assert empty.create_workspace("second").name == "second"
    assert [w.name for w in empty.workspaces()] == ["default", "second"]
    with pytest.warns(DeprecationWarning, match="work"):
        assert empty.jobs() == []


def test_any_other_name_is_no_attribute(empty: Lab) -> None:
    with pytest.raises(AttributeError, match="'Lab' object has no attribute 'smalest_set'"):
        _ = empty.smalest_set
    assert not hasattr(empty, "_shelf")


def test_nothing_in_the_project_reaches_into_another_object_of_the_lab() -> None:
    private = re.compile(r"\b(?!self|cls)\w*(lab|context|chapters)\._[a-z]\w*")
    shown = [path for folder in ("lab", "cli", "ui") for path in (ROOM / folder).rglob("*.py")]
    assert len(shown) > 60
    found = [
        f"{path.relative_to(ROOM)}: {match[0]}" for path in shown for match in private.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_an_unknown_option_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"no option 'autor' of an edit. Allowed: author, dry_run, scores"):
        EditOptions.of({"autor": "Ada"})
    with pytest.raises(InputError, match=r"no setting 'lambda' of a measurement. Allowed: models, "):
        PerplexityOptions.of({"lambda": 0.5})
    assert EditOptions.of({"author": "Ada", "dry_run": True}) == EditOptions("Ada", True, None)


def test_a_supposed_edit_is_a_context_of_its_own(empty: Lab) -> None:
    changes = empty.context.changes(None)
    view = empty.context.supposing(changes)
    assert view.supposed is changes
    assert empty.context.supposed is None
    assert view.shelf is empty.context.shelf
    with pytest.raises(AttributeError):
        empty.context.supposed = changes  # type: ignore[misc]
