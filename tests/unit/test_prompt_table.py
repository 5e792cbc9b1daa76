"""Prompts from lines, CSV and JSON lines; every line keeps its number."""

from __future__ import annotations

import pytest

from memlab.corpus.prompt_table import Prompts, columns_of, prompts_of
from memlab.errors import InputError


def test_lines_stay_lines() -> None:
    lines = ["The prompt, in short, is [MASK].", "", "b"]
    assert prompts_of(lines) == Prompts(tuple(lines), (None, None, None))
    assert prompts_of(["{x} is [MASK].", "b"]).lines == ("{x} is [MASK].", "b")
    assert prompts_of(["prompt", "b"]) == Prompts(("prompt", "b"), (None, None))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_has_a_column_of_answers(separator: str) -> None:
    lines = [
        separator.join(cells) for cells in (("Prompt", "expected", "gold"), ("a [MASK]", "", "x"), ("b", "B | Bb", ""))
    ]
    assert prompts_of(lines) == Prompts(("", "a [MASK]", "b"), (None, None, "B | Bb"))
    assert prompts_of(lines, "Gold").expected == (None, "x", None)
    assert columns_of(lines) == ("prompt", "expected", "gold")


def test_json_lines() -> None:
    lines = [
        '{"prompt": "a [MASK].", "expected": ["A", "Aa"]}',
        "",
        '{"expected": 7, "prompt": "b"}',
        '{"prompt": "c"}',
    ]
    assert prompts_of(lines) == Prompts(("a [MASK].", "", "b", "c"), ("A | Aa", None, "7", None))
    assert prompts_of(['{"prompt": "a"}']) == Prompts(("a",), (None,))


@pytest.mark.parametrize(
    ("lines", "expected", "says"),
    [
        (["a", "b"], "gold", "no column 'prompt'. The columns are: a."),
        (["prompt,x", "b,1"], "gold", "no column 'gold'. The columns are: prompt, x."),
        (["prompt,x", "b,1,2"], None, "Line 2 has 3 cells, the header 2"),
        (['{"prompt": "a"}', "b"], None, "Line 2 is not JSON"),
        (['{"prompt": "a"}', "[1]"], None, "Line 2 is not a JSON object"),
        (['{"prompt": {"x": 1}}'], None, 'Line 1 has {"x": 1} where a text is expected'),
        (["prompt,x", '"b'], None, "Line 2 is not a line of a CSV table"),
        (["prompt,gold", "a,b", ",c"], "gold", "Line 3 has an expected answer and no prompt"),
        (["prompt,gold,Prompt", "a,b,c"], "gold", "There are 2 columns 'prompt'"),
        (['{"prompt": 3}'], None, "Line 1 has 3 where a text is expected"),
        (['{"prompt": "a"}', '{"prompt": "b", "PROMPT": "c"}'], None, "Line 2: There are 2 fields 'prompt'"),
    ],
)
def test_what_is_no_table_says_why(lines: list[str], expected: str | None, says: str) -> None:
    with pytest.raises(InputError) as raised:
        prompts_of(lines, expected)
    assert says in str(raised.value)
