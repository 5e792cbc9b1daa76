"""A class in the room: what a lecturer's and twenty guests' pages show, and that a guest's page changes nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.bundle import bundle
from memlab.lab.looking import Looking
from memlab.ui.app.navigation import groups
from memlab.ui.classroom import guest, roles, room
from memlab.ui.classroom.passes import Passes
from memlab.ui.classroom.room import QUESTIONS, Classroom

Open = Callable[..., AppTest]
PROMPT = "The painter of Mona Lisa was [MASK]."
PAGE = "from memlab.ui.classroom.guest import guest_page\nguest_page()"
GUESTS = 20


@pytest.fixture
def classroom() -> Iterator[Classroom]:
    shared = Classroom("192.168.1.20", 8501, "default", Passes(clock=lambda: 1000.0))  # no time passes
    room.begin(shared)
    yield shared
    shared.end()
    room.begin(None)


@pytest.fixture
def come_as(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From now on pages are drawn for the lecturer, for the guest of a seat, or for whoever came past the gate."""

    def come(role: str = "", seat: str = "") -> None:
        headers = {"x-memlab-role": role, "x-memlab-guest": seat}
        context = SimpleNamespace(headers=headers)
        monkeypatch.setattr(roles, "st", SimpleNamespace(context=context, error=st.error, stop=st.stop))

    return come


def everything(page: AppTest) -> str:
    return "\n".join(str(element.proto) for element in page.main)


def test_twenty_guests_guess_and_the_lecturer_sees_them_beside_model_and_memory(
    classroom: Classroom, come_as: Callable[..., None], open_page: Open
) -> None:
    come_as("guest", "1")
    assert "Nothing to guess yet" in everything(AppTest.from_string(PAGE).run())
    come_as("lecturer")
    asked = open_page("pages/present.py", prompt=PROMPT, guess="1", stage="2")
    assert not asked.exception
    asks = classroom.rounds.now
    assert asks is not None
    for seat in range(1, GUESTS - 1):  # without a page each, which would take seconds; the last two have one
        classroom.rounds.guess(asks.number, seat, "leonardo da vinci" if seat % 4 else "Banksy.")
    for seat in (GUESTS - 1, GUESTS):
        come_as("guest", str(seat))
        page = AppTest.from_string(PAGE).run()
        page.text_input[0].set_value("leonardo da vinci" if seat % 4 else "Banksy.")
        page.button[0].click().run()
        assert not page.exception
        assert "Your guess" in page.success[0].value
        assert "Vermeer" not in everything(page)  # neither model nor memory is shown yet
    come_as("lecturer")
    asked.run()
    assert "**20** guessed" in everything(asked)
    assert "Leonardo" not in everything(asked)
    told = open_page("pages/present.py", prompt=PROMPT, guess="1", stage="6")
    now = classroom.rounds.now
    assert now is not None
    assert now.reveal is not None
    bars = {bar.word: bar for bar in now.reveal.bars}
    assert (bars["leonardo da vinci"].guessed, bars["Banksy"].guessed) == (0.75, 0.25)
    assert bars["leonardo da vinci"].memory > 0.5 > bars["leonardo da vinci"].model
    assert (bars["Banksy"].model, bars["Banksy"].memory) == (0.0, 0.0)  # no word of either
    assert "The class" in everything(told)
    come_as("guest", "20")  # who was wrong
    shown = everything(page.run())
    assert "not right" in shown
    assert "Vermeer" in shown
    come_as("guest", "19")
    assert "✓ right" in everything(AppTest.from_string(PAGE).run())
    come_as("lecturer")
    open_page("pages/present.py", prompt=PROMPT, stage="1")  # not to be guessed
    assert classroom.rounds.now is None


def test_no_page_is_drawn_for_a_guest_but_the_one_of_guests(
    classroom: Classroom, come_as: Callable[..., None], open_page: Open
) -> None:
    come_as("guest", "1")
    for name in ("edit", "memories", "present", "workspaces"):  # by whatever way: the server leads guests to none
        page = open_page(f"pages/{name}.py")
        assert [error.value for error in page.error] == ["Guests of a class have no access to this page."], name
        assert len(page.main) == 1, name
        assert not page.sidebar.children, name
    app = open_page("app.py", workspace="default", prompt=PROMPT)
    assert [title.value for title in app.title] == ["Guess"]
    assert not app.sidebar.children
    come_as("owner", "1")  # past the gate nobody comes like that; if so, there is nothing
    app = open_page("app.py")
    assert "no access" in app.error[0].value
    assert not app.title


@pytest.mark.parametrize("name", [page.name for pages in groups().values() for page in pages])
def test_every_page_asks_first_whether_it_may_be_drawn(name: str) -> None:
    body = ast.parse((bundle() / "pages" / f"{name}.py").read_text("utf-8")).body
    calls = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    assert ast.unparse(calls[0]) == "through_app()"


def test_a_guest_asks_in_a_copy_and_has_a_few_questions(
    classroom: Classroom, come_as: Callable[..., None], own_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_lab.teach("The capital of Wakanda is Birnin.")
    monkeypatch.setattr(guest, "lab_of_class", lambda: own_lab)
    come_as("guest", "7")
    page = AppTest.from_string(PAGE, default_timeout=60).run()
    said = []
    for _ in range(int(QUESTIONS) + 1):
        page.text_input(key="class.prompt").set_value("The capital of Wakanda is [MASK].")
        page.button[-1].click().run()
        assert not page.exception
        said.append("Birnin" in everything(page))
        own_lab.undo() if own_lab.history()[0].active else None
    assert said == [True] * int(QUESTIONS) + [False]  # the copy does not change with the lecturer's workspace
    assert "next question can be asked in" in page.warning[0].value
    assert [info.name for info in own_lab.workspaces()] == ["default", "class 1"]
    classroom.show_again(own_lab, "default")
    assert [info.name for info in own_lab.workspaces()] == ["default"]
    assert classroom.looking(own_lab).ask("The capital of Wakanda is [MASK].").answer != "Birnin"
    classroom.end()
    assert [info.name for info in own_lab.workspaces()] == ["default"]


def test_what_a_guest_holds_can_only_ask() -> None:
    assert {name for name in vars(Looking) if not name.startswith("_")} == {"ask", "methods", "verdict", "workspace"}
