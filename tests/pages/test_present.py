"""The Present page and the lessons: guessing hides the answer everywhere, no key is lost, views become steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.corpus.lessons import Step
from memlab.ui.present.place import LAST
from memlab.ui.present.stages import Names, first_words, last_words
from tests.pages import panel

PRESENT, ASK, LESSONS = "pages/present.py", "pages/ask.py", "pages/lessons.py"
PROMPT = "The painter of Mona Lisa was [MASK]."

Open = Callable[..., AppTest]


def everything(page: AppTest) -> str:
    """All that reaches the browser, of every element: text, charts with their hover, descriptions, links."""
    return "\n".join(str(element.proto) for element in page.main)


@pytest.mark.parametrize("prompt", [PROMPT, "The writer of the book Odyssey was [MASK].", "The capital of Fiji is"])
def test_while_guessing_the_answer_is_nowhere(open_page: Open, lab: Lab, prompt: str) -> None:
    p = lab.ask(prompt)
    secret = [part for part in p.answer.split() if len(part) > 3]
    assert secret
    for stage in range(1, LAST + 1):
        page = open_page(PRESENT, prompt=prompt, guess="1", stage=str(stage))
        assert not page.exception
        shown = everything(page).replace("\\", "")
        assert [word for word in secret if word.casefold() in shown.casefold()] == [], stage
    assert p.answer in everything(open_page(PRESENT, prompt=prompt, guess="1", stage=str(LAST + 1)))
    assert p.answer in everything(open_page(PRESENT, prompt=prompt, guess="0", stage="5"))


def test_guessing_is_turned_on_and_off(open_page: Open) -> None:
    page = open_page(PRESENT, prompt=PROMPT, stage="5")
    for guess, shown in (("1", False), ("0", True)):
        page.button(key="present.guess").click().run()
        assert page.query_params["guess"] == guess
        assert ("Leonardo" in everything(page)) == shown
        assert page.query_params["stage"] == "5"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Paris is large.", "A is large."),
        ("The Parisian, PARIS-born", "The A, A-born"),
        ("Leonardo painted; da Vinci too", "B painted; da B too"),
        ("a cat in an atlas", "C cat in an atlas"),  # a short word is hidden only where it stands alone
        ("New York is not York", "D is not D"),
        ("İparis", "A"),
    ],
)
def test_letters_stand_for_words_also_within_longer_ones(text: str, shown: str) -> None:
    names = Names({"Paris": "A", "Leonardo da Vinci": "B", "a": "C", "New York": "D"})
    assert names.within(text) == shown
    assert Names({}).within(text) == text
    assert (names("Paris"), names("Rome")) == ("A", "…")


def test_next_and_back_walk_through_a_lesson(open_page: Open, lab: Lab) -> None:
    steps = lab.lessons.get("what-memory-adds").steps
    page = open_page(PRESENT, lesson="what-memory-adds", step="1", stage="5")
    page.button(key="present.next").click().run()
    assert (page.query_params["step"], page.query_params["stage"]) == ("1", "6")
    page.button(key="present.next").click().run()
    assert (page.query_params["step"], page.title[0].value) == ("2", steps[1].title)
    page.button(key="present.back").click().run()
    assert (page.query_params["step"], page.query_params["stage"]) == ("1", "6")
    first = open_page(PRESENT, lesson="what-memory-adds")
    assert first.button(key="present.back").disabled
    last = open_page(PRESENT, lesson="what-memory-adds", step=str(len(steps)), stage="6")
    assert last.button(key="present.next").disabled


def test_a_key_counts_from_where_the_last_one_led(open_page: Open) -> None:
    page = open_page(PRESENT, lesson="what-memory-adds", step="1", stage="1")
    for _ in range(3):
        page.query_params["stage"] = "1"  # what a browser still says that was not told of the last key
        page.button(key="present.next").click().run()
    assert page.query_params["stage"] == "4"


def unfold(page: AppTest) -> AppTest:
    """Opens the form that adds the view to a lesson."""
    page.session_state["ask.lesson"] = True
    return page.run()


def fill(page: AppTest, **texts: str) -> AppTest:
    """Types into the form and adds the view."""
    for label, text in texts.items():
        fields = [*page.text_input, *page.text_area]
        (field,) = [field for field in fields if field.label.replace(" ", "_") == label]
        field.set_value(text)
    (button,) = [button for button in page.button if button.label == "Add this view"]
    return button.click().run()


def test_a_view_becomes_a_step_of_a_lesson(open_own: Open, own_lab: Lab) -> None:
    page = unfold(open_own(ASK, prompt=PROMPT, lam="0.35", panel="Layers"))
    fill(page, Title_of_the_lesson="My class", Title_of_the_step="First", What_to_say_or_to_look_at="Look.")
    assert not page.exception
    assert [message.value for message in page.success] == ["Step 1 of My class"]
    asked = {"prompt": PROMPT, "method": "bert-knn", "lam": "0.35", "panel": "Layers"}
    assert own_lab.lessons.get("my-class").steps == (Step("First", "Look.", "ask", asked),)

    page = unfold(open_own(ASK, prompt="The capital of France is [MASK]."))
    page.selectbox(key="ask.lesson.which").set_value("my-class").run()
    page.checkbox[0].check()
    fill(page)
    steps = own_lab.lessons.get("my-class").steps
    assert [(step.title, step.guess) for step in steps] == [
        ("First", False),
        ("The capital of France is [MASK].", True),
    ]
    told = open_own(PRESENT, lesson="my-class", step="1", stage="6")
    assert not told.exception
    assert not told.error
    assert "Leonardo da Vinci" in everything(told)
    assert panel.lam(told) == 0.35
    assert "Look." in everything(told)


def test_a_lesson_needs_a_title(open_own: Open, own_lab: Lab) -> None:
    page = fill(unfold(open_own(ASK, prompt=PROMPT)), Title_of_the_lesson="   ")
    assert not page.exception
    assert "cannot name a lesson" in page.error[0].value
    assert all(lesson.bundled for lesson in own_lab.lessons())


def test_lessons_are_listed_changed_and_deleted(open_own: Open, own_lab: Lab) -> None:
    step = Step("First", "", "ask", {"prompt": PROMPT})
    own_lab.lessons.new("Mine", "", step)
    own_lab.lessons.add_step("mine", Step("Second", "", "ask", {"prompt": PROMPT}))
    page = open_own(LESSONS)
    titles = [lesson.title for lesson in own_lab.lessons()]
    assert [heading.value for heading in page.subheader][: len(titles)] == titles
    page.button(key="lesson.mine.1.up").click().run()
    assert [step.title for step in own_lab.lessons.get("mine").steps] == ["Second", "First"]
    page.button(key="lesson.mine.0.gone").click().run()
    assert [step.title for step in own_lab.lessons.get("mine").steps] == ["First"]
    page.button(key="lesson.mine.delete").click().run()
    assert not page.exception
    assert len(own_lab.lessons()) == len(titles) - 1


def test_a_lesson_file_that_cannot_be_read_is_named_on_the_page(open_own: Open, own_lab: Lab) -> None:
    (own_lab.home / "lessons").mkdir()
    (own_lab.home / "lessons" / "bad.json").write_text("{", "utf-8")
    page = open_own(LESSONS)
    assert not page.exception
    assert "bad.json" in page.error[0].value.replace("\\", "")
    assert len(page.subheader) >= 3


def test_a_lesson_makes_its_edits_in_a_workspace_of_its_own(open_own: Open, own_lab: Lab) -> None:
    lesson = {"lesson": "editing-and-forgetting"}
    page = open_own(PRESENT, **lesson, step="2")
    assert "Next does this" in everything(page)
    page.button(key="present.next").click().run()
    assert not page.exception
    assert "Done: <b>teach: The capital of Wakanda is Birnin.</b>" in everything(page)
    page.button(key="present.next").click().run()
    page.query_params["stage"] = str(LAST + 1)
    page.run()
    assert page.title[0].value == "After"
    assert "Birnin" in everything(page)
    opened = [str(element.proto) for element in page.main if "Open this view" in str(element.proto)]
    assert "workspace=lesson+Editing+and+forgetting+1" in opened[0]
    assert "as_of=1" in opened[0]
    assert own_lab.history() == []
    assert [info.name for info in own_lab.workspaces()] == ["default", "lesson Editing and forgetting 1"]


def test_the_notes_follow_the_presentation(open_page: Open, lab: Lab) -> None:
    page = open_page(PRESENT, lesson="what-memory-adds", step="2", stage="6")
    steps = lab.lessons.get("what-memory-adds").steps
    assert steps[1].note in everything(page)
    talk = page.session_state["present.talk"]
    notes = open_page(PRESENT, notes=talk)
    assert notes.title[0].value == steps[1].title
    assert steps[1].note in everything(notes)
    assert steps[2].title in everything(notes)
    page.button(key="present.next").click().run()
    assert notes.run().title[0].value == steps[2].title
    assert steps[1].note not in everything(page.run())
    page.query_params["step"], page.query_params["stage"] = "2", "6"
    assert steps[1].note not in everything(page.run())  # it stands in the other window
    assert open_page(PRESENT, notes="unknown").title[0].value == "No notes"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("one two three", "one two three", "one two three"),
        ("one two three four", "one two three …", "… two three four"),
        ("onetwothreefourfive", "onetwothreefou …", "… othreefourfive"),  # one word that is longer
    ],
)
def test_passages_are_cut_between_words(text: str, first: str, last: str) -> None:
    assert (first_words(text, 14), last_words(text, 14)) == (first, last)
