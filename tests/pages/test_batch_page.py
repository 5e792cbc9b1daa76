"""Batch: a table with expected answers, its map and filters, a row with its repair and note, a reload, two batches."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.lab.kept_batches import Note

PAGE = "pages/batch.py"
CALIFORNIUM = "The group of the element californium is"
TABLE = (
    f"prompt,expected\n{CALIFORNIUM},\n[MASK] [MASK],x\nThe capital of France is,Paris\nThe capital of Norway is,Bergen"
)

Open = Callable[..., AppTest]


def said(page: AppTest) -> str:
    return "\n".join(
        str(element.value) for kind in ("markdown", "caption", "warning", "error") for element in page.get(kind)
    )


def lines(page: AppTest) -> list[int]:
    return [int(line) for line in page.dataframe[0].value["line"]]


def test_an_analysis_of_errors_from_a_table_to_a_comparison(open_own: Open, own_lab: Lab) -> None:
    page = open_own(PAGE, method="knn-lm")
    assert not page.exception
    assert "Paste prompts" in page.info[0].value
    page.text_area(key="batch.prompts").set_value(TABLE)
    page.button[0].click().run()
    assert not page.exception
    assert page.selectbox(key="batch.expected").value == "expected"
    assert "3 of 4 answered. 1 ✗ ↓ memory misled · 1 ✓ ✓ both right · 1 ✗ ✗ both wrong" in said(page)
    assert "Line 3: The prompt contains" in said(page)
    table = page.dataframe[0].value
    assert table["cause"].iloc[0] == "one neighbor decides"
    assert table["lam"].iloc[0] == 0.35
    assert table["method"].iloc[0] == "kNN-LM"
    assert "expected=Bergen" in list(table["open"])[3]

    page.button(key="batch.cell.True.False").click().run()
    assert lines(page) == [2]
    assert "1 of 4 rows" in said(page)
    page.button(key="batch.all").click().run()
    page.selectbox(key="batch.sort").set_value("wrong first").run()
    assert lines(page) == [2, 5, 3, 4]

    page.query_params["row"] = "2"
    page.run()
    assert "One passage of neptunium has" in said(page)
    note = f"batch.note.default.{CALIFORNIUM}"
    page.toggle(key=f"{note}.star").set_value(True)
    page.text_input(key=f"{note}.text").set_value("look").run()
    assert own_lab.batches.notes() == {CALIFORNIUM: Note(True, "look")}
    page.button(key="batch.fix.lambda").click().run()
    assert not page.exception
    assert "1 ✗ ↓ memory misled" not in said(page)
    assert [title.split(", at")[0] for title in own_lab.batches.titles().values()] == [
        "4 prompts, kNN-LM, λ = 0.24",
        "4 prompts, kNN-LM, λ = 0.35",
    ]

    again = open_own(PAGE, batch="2", **{"with": "1", "row": "2"})  # a reload
    assert not again.exception
    assert again.text_area(key="batch.prompts").value == TABLE
    assert again.dataframe[0].value["lam"].iloc[0] == 0.24
    assert again.text_input(key=f"{note}.text").value == "look"
    assert "**λ** 0.35 → 0.24" in said(again).replace("\\", "")  # as Markdown
    changed = again.dataframe[1].value
    assert (changed["changed"].iloc[0], changed["prompt"].iloc[0]) == ("now right", CALIFORNIUM)


def test_what_the_address_cannot_have_is_said(open_page: Open) -> None:
    page = open_page(PAGE, batch="77")
    assert not page.exception
    assert "There is no batch 77" in said(page)
    page.text_area(key="batch.prompts").set_value('prompt,x\n"a')
    page.button[0].click().run()
    assert "is not a line of a CSV table" in said(page)
