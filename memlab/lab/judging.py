"""Whether an answer is right, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.corpus.expected import expected as of_the_world
from memlab.corpus.world import atlas
from memlab.results import Prediction, Verdict
from memlab.results.verdict import verdict


def judge(p: Prediction, expected: Sequence[str] = ()) -> Verdict | None:
    """Compares an answer with the expected ones, or, without any, with what the bundled world says.

    None where nothing is expected and the prompt is no question of the world.
    """
    if expected:
        return verdict(p, expected)
    asked = of_the_world(atlas(), p.prompt)
    return None if asked is None else verdict(p, asked.answers, "Atlas")
