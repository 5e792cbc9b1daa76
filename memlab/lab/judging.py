"""Whether an answer is right, where the right answer is known."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.corpus.expected import Expected
from memlab.corpus.expected import expected as of_the_world
from memlab.corpus.statements import read_statement
from memlab.corpus.world import atlas
from memlab.record.hash_chain import EditRow
from memlab.record.ledger import Ledger
from memlab.results import Prediction, Verdict
from memlab.results.verdict import verdict

CORRECT, FORGET, TEACH = "correct", "forget", "teach"


def judge(p: Prediction, ledger: Ledger, expected: Sequence[str] = ()) -> Verdict | None:
    """Compares an answer with the expected ones; without any, with what the bundled world or a correction of it states.

    None where nothing is expected and the prompt is not a question of the world, or where an edit that is active in the
    answer mentions the subject without being a correction of the fact asked for: then the right answer is not known.
    Taught sentences that state what the world states make no difference.

    Raises:
        RecordError: an edit about the subject was changed after it was recorded.
    """
    if expected:
        return verdict(p, expected)
    asked = of_the_world(atlas(), p.prompt)
    if asked is None:
        return None
    about = ledger.mentioning(asked.subject, p.as_of)
    edits = [edit for edit in about if edit.kind != FORGET and not _agrees(edit, asked)]
    if not edits:
        return verdict(p, asked.answers, "Atlas")
    fact = edits[-1].parameters.get("fact")
    if edits[-1].kind == CORRECT and fact and (fact["subject"], fact["relation"]) == (asked.subject, asked.relation):
        return verdict(p, [str(edits[-1].parameters["new_object"])], f"edit {edits[-1].sequence}")
    return None


def _agrees(edit: EditRow, asked: Expected) -> bool:
    """Whether an edit only teaches one sentence, which states a right answer of the world to this very question."""
    taught = edit.parameters.get("teaches")
    if edit.kind != TEACH or not isinstance(taught, dict):
        return False
    stated = read_statement(atlas(), str(taught.get("text")))
    if stated is None:
        return False
    fact = stated.fact
    return (fact.subject, fact.relation) == (asked.subject, asked.relation) and fact.object in asked.answers
