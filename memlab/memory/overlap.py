"""How much of a passage occurs word for word in a memory, in documents that a reading does not leave out."""

from __future__ import annotations

import re

from memlab.memory.datastore import Searchable
from memlab.memory.leave_out import contains

LARGELY = 0.5  # of the characters of a passage
LEAST = 5  # words of a sentence: shorter ones occur everywhere
LONGEST = 16  # words that are looked up at once
MOST = 80  # pieces that are looked up, evenly over the passage
_END = re.compile(r"(?<=[.!?])\s+")


def remembered_share(store: Searchable, text: str, leave_out: str = "self") -> float:
    """The share (0 to 1) of a passage's sentences, by characters, that documents of the memory hold verbatim.

    Documents that contain the passage or are contained in it count only where `leave_out` is "nothing": otherwise the
    reading leaves their entries out. Line breaks count as blanks.
    """
    sought = pieces(text)
    left = dict.fromkeys(sought)
    for row in range(len(store.documents)):
        document = store.documents.article(row).text
        if leave_out != "nothing" and contains(document, text):
            continue
        flat = " ".join(document.split())
        for piece in [piece for piece in left if piece in flat]:
            del left[piece]
        if not left:
            break
    whole = sum(map(len, sought))
    return 1 - sum(len(piece) for piece in sought if piece in left) / whole if whole else 0.0


def pieces(text: str) -> list[str]:
    """Sentences of at least LEAST words, long ones cut into pieces of LONGEST words; at most MOST of them."""
    found = []
    for sentence in _END.split(text):
        words = sentence.split()
        found += [words[i : i + LONGEST] for i in range(0, len(words), LONGEST)]
    long_enough = [" ".join(words) for words in found if len(words) >= LEAST]
    step = -(-len(long_enough) // MOST) or 1
    return long_enough[::step]


def notice(store: Searchable, text: str, leave_out: str) -> str | None:
    """A sentence for the person where a memory holds most of the passage itself; None elsewhere."""
    if leave_out == "near":
        return None
    share = remembered_share(store, text, leave_out)
    if share < LARGELY:
        return None
    return (
        f"{share:.0%} of this passage is word for word in the memory. Memory finds the passage itself, so the figures "
        "with memory say little about new text."
    )
