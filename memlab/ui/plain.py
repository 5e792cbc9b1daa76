"""Text from people and files, shown as it is."""

from __future__ import annotations

import re

_MARKS = re.compile(
    r"""
      [\\`*_~$<&]           # code, emphasis, strikethrough, LaTeX, HTML and entities, anywhere
    | :(?=\S)               # :red[directives] and :emoji:
    | (?<=\])\(             # [links](address) and ![pictures](address)
    | ^[#>+=-]              # headings, quotes and lists, at the start only
    | (?<=^\d)[.)] | (?<=^\d\d)[.)]
    """,
    re.VERBOSE,
)
# Rewritten after parsing, where a backslash no longer helps: :emoji:, arrows and dashes, addresses.
_LATE = re.compile(r"(?<=:)(?=\w)|(?<=[<>~=-])(?=[<>=-])|(?<=www)(?=\.)|(?=@)|(?<=/)(?=/)", re.IGNORECASE)
_JOINER = "\u2060"  # no width, no line break


def plain(text: str) -> str:
    """`text` as Markdown that shows exactly `text`, in one paragraph: no markup, no emoji, no links.

    For labels and messages, which Streamlit always reads as Markdown. Longer texts go through
    `st.text`, or through `st.html` with `html.escape`.
    """
    return _MARKS.sub(r"\\\g<0>", _LATE.sub(_JOINER, " ".join(text.split())))
