"""Whether an answer is right, where the right answer is known."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.corpus.expected import expected as of_the_world
from memlab.corpus.world import atlas
from memlab.record.ledger import Ledger
from memlab.results import Prediction, Verdict
from memlab.results.verdict import verdict

CORRECT, FORGET = "correct", "forget"


def judge(p: Prediction, ledger: Ledger, expected: Sequence[str] = ()) -> Verdict | None:
    """Compares an answer with the expected ones, or, without any, with what the bundled world and a correction of it say.

    None where nothing is expected and the prompt is no question of the world, or where an edit that holds in the answer
    says something of the subject that is no correction of the fact asked for: then it is not known what is right.

    Raises:
        RecordError: an edit about the subject was changed after it was recorded.
    """
    if expected:
        return verdict(p, expected)
    asked = of_the_world(atlas(), p.prompt)
    if asked is None:
        return None
    edits = [edit for edit in ledger.mentioning(asked.subject, p.as_of) if edit.kind != FORGET]
    if not edits:
        return verdict(p, asked.answers, "Atlas")
    fact = edits[-1].parameters.get("fact")
    if edits[-1].kind == CORRECT and fact and (fact["subject"], fact["relation"]) == (asked.subject, asked.relation):
        return verdict(p, [str(edits[-1].parameters["new_object"])], f"edit {edits[-1].sequence}")
    return None
