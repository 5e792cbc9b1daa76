"""How a generated tree was grown, in a few characters, so that an address can carry it.

    g20.c7-1042-14.b19.g1

generated 20 tokens; at node 7 chose token 1042 instead and generated 14 tokens with it; went back to the branch
that ends with node 19; generated one more token there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memlab.errors import InputError

MOST_MOVES = 500
MOST_TOKENS = 10_000  # that all moves of an address generate together

_MOVE = re.compile(r"g(?P<go>\d{1,6})|c(?P<node>\d{1,6})-(?P<token>\d{1,9})-(?P<with>\d{1,6})|b(?P<leaf>\d{1,6})")


@dataclass(frozen=True)
class Extend:
    """Generates more tokens at the end of the current branch; the first move of a tree."""

    tokens: int

    def __str__(self) -> str:
        return f"g{self.tokens}"


@dataclass(frozen=True)
class Replace:
    """Replaces the token of a node, and continues: `tokens` in all, the chosen one among them."""

    node: int
    token: int
    tokens: int

    def __str__(self) -> str:
        return f"c{self.node}-{self.token}-{self.tokens}"


@dataclass(frozen=True)
class SwitchTo:
    """Makes the branch that ends with a node the current one."""

    leaf: int
    tokens: int = 0

    def __str__(self) -> str:
        return f"b{self.leaf}"


Move = Extend | Replace | SwitchTo


def moves_of(text: str) -> tuple[Move, ...]:
    """The moves that an address gives. Raises InputError where they describe no tree, or too large a one."""
    found = [_MOVE.fullmatch(part) for part in text.split(".")[: MOST_MOVES + 1]]
    moves = tuple(_move(part) for part in found if part)
    lengths = [move.tokens for move in moves if not isinstance(move, SwitchTo)]
    if None in found or not isinstance(moves[0], Extend) or len(moves) > MOST_MOVES or min(lengths) < 1:
        raise InputError(
            f"{text[:40]!r} does not describe how a text was generated. It begins with g and a number of tokens, "
            f"for example g20, and has at most {MOST_MOVES} moves."
        )
    if sum(lengths) > MOST_TOKENS:
        raise InputError(f"The moves ask for {sum(lengths):,} tokens; at most {MOST_TOKENS:,} together are allowed.")
    return moves


def written(moves: tuple[Move, ...]) -> str:
    """The inverse of `moves_of`."""
    return ".".join(map(str, moves))


def then(moves: tuple[Move, ...], move: Move) -> tuple[Move, ...]:
    """One move more; of two looks in a row only the second counts."""
    kept = moves[:-1] if isinstance(move, SwitchTo) and moves and isinstance(moves[-1], SwitchTo) else moves
    return (*kept, move)


def _move(found: re.Match[str]) -> Move:
    if found["go"]:
        return Extend(int(found["go"]))
    if found["leaf"]:
        return SwitchTo(int(found["leaf"]))
    return Replace(int(found["node"]), int(found["token"]), int(found["with"]))
