"""The Present page and the lessons: guessing hides the answer everywhere, no key is lost, views become steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.corpus.lessons import Step
from memlab.ui.present.place import LAST
from memlab.ui.present.stages import Names
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
