"""A tree in an address: written and read again, and what is refused; branches as lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import InputError
from memlab.figures.generated import branch_lines, running
from memlab.results import About, Branch, CopiedSpan, Generation, Node, TraceToken, lambda_gate
from memlab.results.moves import Extend, Move, Replace, SwitchTo, moves_of, then, written

numbers = st.integers(0, 999)
tokens = st.integers(1, 50)
moves = st.one_of(
    st.builds(Extend, tokens), st.builds(Replace, numbers, st.integers(0, 99_999), tokens), st.builds(SwitchTo, numbers)
)


@given(tokens, st.lists(moves, max_size=20))
def test_what_is_written_is_read_again(first: int, more: list[Move]) -> None:
    whole = (Extend(first), *more)
    assert moves_of(written(whole)) == whole


def test_an_address_is_short_and_plain() -> None:
    whole = (Extend(20), Replace(7, 1042, 14), SwitchTo(19), Extend(1))
    assert written(whole) == "g20.c7-1042-14.b19.g1"
    assert re.fullmatch(r"[\w.-]+", written(whole))
    assert then(then(whole, SwitchTo(3)), SwitchTo(4)) == (*whole, SwitchTo(4))


@pytest.mark.parametrize("text", ["", "g", "x", "b1", "c1-2-3", "g0", "g5.", "g5..g5", "g5.c1-2-0", "g5 ", "g-1", ".".join(["g1"] * 501)])  # fmt: skip
def test_what_describes_no_tree_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"does not describe how a text was generated. It begins with g"):
        moves_of(text)


def test_too_many_tokens_are_refused() -> None:
    with pytest.raises(InputError, match=r"ask for 1,200,000 tokens"):
        moves_of("g600000.g600000")


def tree() -> Generation:
    """a b c; from b on: d e, and from e on: f; the last is looked at."""
    parents = {0: None, 1: 0, 2: 1, 3: 0, 4: 3, 5: 3}
    nodes = tuple(
        Node(n, parent, TraceToken(f" {'ab<'[n] if n < 3 else 'def'[n - 3]}", n), (n,), n > 2)
        for n, parent in parents.items()
    )
    span = CopiedSpan(0, 2, "a d", "A & B", 0, 3, 7)
    branches = (Branch(2, "max_tokens"), Branch(4, "end"), Branch(5, "max_tokens", (span,)))
    about = About("knn-lm", "m", "s", "default", 0, {}, lambda_gate("constant"), ())
    return Generation(
        **vars(about), prompt="x <b>", ids=(9,), decoding={}, max_tokens=3, copied_from=2, nodes=nodes,
        branches=branches, leaf=5,
    )  # fmt: skip


def test_a_branch_stands_under_the_one_that_it_leaves() -> None:
    lines = [(line.leaf, line.depth, line.step, line.text, line.shown) for line in branch_lines(tree())]
    assert lines == [(2, 0, 0, "a b <", False), (4, 1, 1, "d e", False), (5, 2, 2, "f", True)]


def test_the_text_marks_what_was_copied_and_chosen_and_escapes_the_rest() -> None:
    shown = running(tree())
    assert '<span class="prompt">x &lt;b&gt;</span>' in shown
    assert shown.count("<sup>1</sup>") == 1
    labels = re.findall(r'aria-label="([^"]*)"', shown)
    assert ["word for word in A &amp; B (1)" in label for label in labels] == [True, True, False]
    assert ["chosen by you" in label for label in labels] == [False, True, True]
    assert shown.count("✎") == 2
    assert re.findall(r'data-token="(\d)"', shown) == ["0", "1", "2"]
