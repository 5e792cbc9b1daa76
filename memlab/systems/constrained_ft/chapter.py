"""Changing the weights of a model: edits that the ledger records, each a delta that can be undone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from memlab.corpus.world import atlas
from memlab.errors import InputError, NotFound, RecordError
from memlab.lm.model import LanguageModel
from memlab.lm.plain_path import as_on_disk, readable
from memlab.lm.versions import version_of
from memlab.memory.shelf import StoreInfo
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.reading.workspace import OpenLab
from memlab.record.files import files_locked, keep_delta, put, temporary_file
from memlab.record.hash_chain import EditRow
from memlab.record.ledger import ANONYMOUS
from memlab.record.memory_edits import edit_of
from memlab.record.weights_state import WeightsState
from memlab.results import Edit, Fact
from memlab.systems.constrained_ft.cases import Known
from memlab.systems.constrained_ft.constraint import AUTO
from memlab.systems.constrained_ft.how import How, Models
from memlab.systems.constrained_ft.knowledge import known_facts, proposals
from memlab.systems.constrained_ft.ledger import (
    KINDS,
    MODIFY,
    UNLEARN,
    parameters_of,
    summary,
    trained_on,
)
from memlab.systems.constrained_ft.measuring import as_moved
from memlab.systems.constrained_ft.modifying import modify
from memlab.systems.constrained_ft.outcome import Outcome
from memlab.systems.constrained_ft.outside import default_how, evaluate_file
from memlab.systems.constrained_ft.plan import Budget
from memlab.systems.constrained_ft.reencoding import reencode
from memlab.systems.constrained_ft.studies import chosen_facts, table
from memlab.systems.constrained_ft.training import Point
from memlab.systems.registry import registry

STEPS = 100  # of an evaluation on the bundled world, enough to learn its 32 facts
TEXT_WORDS = 200  # at most, of a text whose perplexity is measured after every edit; its first lines
LIVE = 16  # curves of running or recently finished trainings, for the pages
_WEIGHTS = {kind.name for kind in KINDS}
_live: LRUCache[str, list[Point]] = LRUCache(LIVE)


@dataclass(frozen=True)
class ModifyOptions:
    """The author of an edit, whether it is recorded, and callbacks.

    Args:
        dry_run: train and measure, but record nothing.
        live: a key under which `Modifying.curve` gives the scores while it trains.
    """

    author: str = ANONYMOUS
    dry_run: bool = False
    live: str | None = None
    progress: Progress = field(default=no_progress, repr=False)
    stop: Stop = field(default=never_stop, repr=False)


class Modifying:
    """Edits of weights in the workspace."""

    def __init__(self, lab: OpenLab) -> None:
        self.context = lab.context

    def modify(
        self,
        facts: Sequence[Fact],
        method: str = "fta",
        norm: str = "inf",
        delta: float | str | None = "auto",
        blocks: Sequence[int | str] | str | int = ("first",),
        model: str | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **options: Any,
    ) -> Edit:
        """Changes facts in the weights of a model by constrained fine-tuning (Zhu et al. 2020).

        Every method answers with the new weights from the next question on; memory keys stay those of the unedited
        model.

        Args:
            facts: each with its *new* object; the model must know the old one.
            method: "ftm" trains the modified facts, "fta" mixes unmodified ones into every batch, "ft" trains the
                original sentences; "ft+ftm", "ft+fta".
            norm, delta: the constraint, "none", "inf" or "l2" and its radius; "auto" chooses delta by a small sweep
                on validation facts (without a norm there is no delta).
            blocks: numbers from 0, "first", "middle", "last", "all", "embeddings", "head".
            model: by default the bundled masked model.
            options: author, dry_run; part ("all", "attention", "feed-forward"), anchor ("current", "base": where the
                constraint is measured from), goal ("change", "forget"), unknown ("refuse", "train"), and steps, first,
                batch, share, learning_rate, stop_loss, every, seed of the training.

        Returns:
            The edit, with its scores. `lab.modifying.report(edit.seq)` has every answer before and after.

        Raises:
            InputError: an unknown fact, an object that the model cannot write, contradicting facts, or invalid
                settings.
            StoppedError: `stop` returned True; nothing is recorded. RecordError: the weights were edited meanwhile.
        """
        made = {name: options.pop(name) for name in ("author", "dry_run", "live") if name in options}
        how = how_of({"method": method, "norm": norm, "delta": delta, "blocks": blocks, **options})
        return self.modified(facts, how, model, ModifyOptions(**made, progress=progress, stop=stop))[0]

    def modified(
        self, facts: Sequence[Fact], how: How, model: str | None, options: ModifyOptions, without: int | None = None
    ) -> tuple[Edit, Outcome]:
        """`modify` with settings as `How`; returns everything that was measured, too.

        Args:
            without: an active edit to be replaced by this one.
        """
        base = self.context.load(model or self.context.bundled_for("masked")).exact()
        state = self.context.weights_state()
        if without is not None:
            state = replace(state, edits=tuple(e for e in state.edits if e.ref.edit != without))
        now = version_of(base, state.refs(base.weights_hash), self.context.home)
        models = Models(now, base, state.objects(base.weights_hash))
        points: list[Point] = []
        if options.live is not None:
            _live[options.live] = points
        with temporary_file(self.context.home) as written:
            given = (written, options.progress, options.stop, points.append)
            outcome = modify(atlas(), models, facts, how, *given)
            return self._recorded(base, state, outcome, written, options, without), outcome

    def train_again(self, edit_id: int | str, options: ModifyOptions) -> Edit:
        """Trains an edit's facts again on the weights without that edit, and replaces it.

        For edits that were trained on top of one that has since been undone.

        Raises:
            NotFound: no such edit. InputError: it is not an edit of weights, or it is undone.
        """
        row = self._row(edit_id)
        if row.sequence not in {r.sequence for r in self.context.ledger.active()}:
            raise InputError(f"Edit {row.sequence} is undone. Redo it first, or modify the weights again.")
        p = row.parameters
        facts = [Fact(f["subject"], f["relation"], f["new"] or f["object"]) for f in p["facts"]]
        how = replace(how_of(p["settings"]), unknown="train")  # checked when they were first trained
        edit, _ = self.modified(facts, how, self._named(p), options, row.sequence)
        return edit

    def stale(self) -> dict[int, tuple[int, ...]]:
        """Active edits of weights that were trained on top of undone ones: edit -> the undone edits below it."""
        active = [r for r in self.context.ledger.active() if r.kind in _WEIGHTS]
        there = {r.sequence for r in active}
        gone = {r.sequence: tuple(n for n in trained_on(r.parameters) if n not in there) for r in active}
        return {n: missing for n, missing in gone.items() if missing}

    def versions(self) -> WeightsState:
        """The active edits of weights."""
        return self.context.weights_state()

    def known(self, model: str | None = None, progress: Progress = no_progress) -> list[Known]:
        """The facts of the bundled world that a model, as edited, answers correctly."""
        base = self.context.load(model or self.context.bundled_for("masked")).exact()
        earlier = self.context.weights_state().objects(base.weights_hash)
        return known_facts(atlas(), self.context.weights(base, None), earlier)

    def proposals(self, facts: Sequence[Fact], seed: int = 0) -> list[str]:
        """A new object for each fact: of the same relation, in proportion to frequency, never its own."""
        return proposals(atlas(), facts, seed)

    def report(self, edit_id: int | str) -> dict[str, Any]:
        """Everything that was measured when an edit was made: answers before and after, curve, texts, two-hop questions.

        Raises:
            NotFound: no such edit, or its report is not in this home (it was imported without it).
            InputError: it is not an edit of weights.
        """
        row = self._row(edit_id)
        path = self._report(row.parameters["delta"])
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise NotFound(f"The report of edit {row.sequence} is not in this home folder ({path}).") from error
        return found

    def encoded_before(self) -> list[str]:
        """The datastores whose model has active edits of weights; their keys were computed without these edits."""
        changed = {edit.ref.weights_hash for edit in self.versions().edits}
        shelf = self.context.shelf
        ready = [name for name in shelf.names() if changed and shelf.info(name).state == "ready"]
        return [name for name in ready if shelf.open(name).fingerprint.model_hash in changed]

    def reencode(
        self, datastore: str, name: str, progress: Progress = no_progress, stop: Stop = never_stop
    ) -> StoreInfo:
        """Writes the edited model under a new name, and encodes the texts of a datastore again with it.

        Raises:
            InputError: no edit changes the weights of the model of that datastore; the name is taken or cannot be used.
            NotFound: no such datastore. StoppedError: `stop` returned True.
        """
        return reencode(self.context, datastore, name, progress, stop)

    def evaluate(
        self,
        data: Path | None = None,
        model: str | None = None,
        limit: int = 32,
        settings: Mapping[str, Any] | None = None,
        texts: Sequence[str] = (),
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> dict[str, Any]:
        """Edits of the model itself, with the constraint and without; nothing is recorded.

        Args:
            data: flat CounterFact or zsRE, each case edited alone; None changes `limit` facts of the bundled world at once.
            settings: as `how_of` takes them; by default those of the benchmark, or `outside.default_how`.
            texts: lines of a fixed text for the perplexity, of which the first 200 words are read (with `data`).

        Raises:
            InputError: data or settings that cannot be used. StoppedError: `stop` returned True.
        """
        lm = self.context.load(model or self.context.bundled_for("masked")).exact()
        given = dict(settings or {})
        if data is not None:
            start = default_how(lm)
            asked = how_of({**start.to_dict(), **given}) if given else start
            memory = registry().calibrated(lm.kind)
            return evaluate_file(lm, data, limit, asked, _first_lines(texts), progress, stop, memory).to_dict()
        how = how_of({"delta": None if given.get("norm") == "none" else 0.01, "steps": STEPS, **given})
        facts = chosen_facts(atlas(), lm, limit, how.budget.seed)
        free = replace(how, norm="none", delta=None)
        ways = {"constrained": how, "unconstrained": free} if how.norm != "none" else {"unconstrained": free}
        outcomes = []
        for n, (name, way) in enumerate(ways.items()):
            with temporary_file(self.context.home) as written:
                own = part(progress, n / len(ways), (n + 1) / len(ways))
                outcomes.append((name, modify(atlas(), Models(lm, lm), facts, way, written, own, stop)))
        rows = [{"method": name, **row.to_dict()} for name, o in outcomes for row in o.rows if row.moved]
        return {
            "task": "editing", "data": "atlas", "model": lm.name, "settings": how.to_dict(), "facts": limit,
            "results": table(outcomes), "rows": rows,
        }  # fmt: skip

    @staticmethod
    def curve(live: str) -> list[Point]:
        """The scores so far of a training in this process; empty where there is none with that key."""
        return list(_live.get(live, ()))

    def _recorded(
        self, base: LanguageModel, state: WeightsState, outcome: Outcome, written: Path, options: ModifyOptions,
        without: int | None,
    ) -> Edit:  # fmt: skip
        """Records an outcome as an edit of the ledger, with its delta and report; a dry run records nothing.

        Raises:
            RecordError: another edit changed these weights meanwhile.
        """
        forget = outcome.how.goal == "forget"
        facts = [{**c.to_dict(), "new": None if forget else c.new} for c in outcome.cases]
        kind = (UNLEARN if forget else MODIFY).name
        on = [e.ref.edit for e in state.of(base.weights_hash)]
        ledger = self.context.ledger
        if options.dry_run:
            parameters = parameters_of(
                facts, outcome.how.to_dict(), readable(base.name), base.weights_hash, "0" * 64, on
            )
            return self._shown(None, kind, parameters, options.author, ledger.head() + 1, outcome)
        with files_locked(self.context.home):
            head = ledger.head()
            now = self.context.weights_state().refs(base.weights_hash)
            if tuple(r for r in now if r.edit != without) != state.refs(base.weights_hash):
                raise RecordError(
                    f"Meanwhile another edit changed the weights of {base.name} in workspace {self.context.workspace!r}. "
                    "Nothing was recorded. Look at the new state and train again."
                )
            sha256 = keep_delta(self.context.home, written)
            parameters = parameters_of(facts, outcome.how.to_dict(), readable(base.name), base.weights_hash, sha256, on)
            if without is not None:
                head = ledger.undo(without, options.author, expected_head=head).sequence
            row = ledger.append(
                kind, summary(parameters), parameters, options.author, after=self._after(outcome, head + 1), delta=sha256,
                expected_head=head,
            )  # fmt: skip
        with temporary_file(self.context.home) as work:
            work.write_text(json.dumps(_full(outcome)), "utf-8")
            target = self._report(sha256)
            target.parent.mkdir(exist_ok=True)
            put(work, target)
        return self._shown(row, kind, parameters, options.author, row.sequence, outcome)

    def _shown(
        self, row: EditRow | None, kind: str, parameters: dict[str, Any], author: str, seq: int, outcome: Outcome
    ) -> Edit:
        edit = edit_of(row, kind, summary(parameters), parameters, author, self.context.workspace, seq)
        moved = as_moved(outcome.rows, seq, outcome.how.method, outcome.model, outcome.how.to_dict(), outcome.notes)
        return replace(edit, moved=moved, scores=self._after(outcome, seq))

    @staticmethod
    def _after(outcome: Outcome, seq: int) -> dict[str, Any]:
        """What the ledger keeps of the scores: those of the three groups as for edits of memory, and single numbers."""
        moved = as_moved(outcome.rows, seq, outcome.how.method, outcome.model, {}, ())
        said = {k: v for k, v in moved.summary().items() if k not in ("settings", "notes", "datastore")}
        numbers = {k: v for k, v in outcome.numbers().items() if k not in said and v is not None}
        return {**said, **{k: float(v) for k, v in numbers.items()}}

    def _report(self, sha256: str) -> Path:
        return self.context.home / "modified" / f"{sha256}.json"

    def _row(self, edit_id: int | str) -> EditRow:
        row = self.context.ledger.edit(edit_id)
        if row.kind not in _WEIGHTS:
            raise InputError(f"Edit {row.sequence} ({row.kind}) changes no weights.")
        return row

    def _named(self, parameters: Mapping[str, Any]) -> str:
        """The name of an edit's model as it is on disk here. Raises NotFound where the model is gone."""
        return as_on_disk(str(parameters["model"]))


def how_of(settings: Mapping[str, Any]) -> How:
    """Settings as they are recorded, or as keyword arguments. Raises InputError for unknown ones."""
    own = {f.name for f in fields(How)} - {"budget"}
    budget = {f.name for f in fields(Budget)}
    for name in settings:
        if name not in own | budget:
            raise InputError(f"There is no setting {name!r}. Allowed: {', '.join(sorted(own | budget))}.")
    given = {n: v for n, v in settings.items() if n in own}
    if "blocks" in given:
        blocks = given["blocks"]
        given["blocks"] = (blocks,) if isinstance(blocks, str | int) else tuple(blocks)
    if given.get("norm") == "none" and given.get("delta") == AUTO:
        given["delta"] = None  # there is nothing to choose, and a recorded edit states what was used
    return How(**given, budget=Budget(**{n: v for n, v in settings.items() if n in budget}))


def _first_lines(texts: Sequence[str]) -> list[str]:
    """The first lines of a text, together at most `TEXT_WORDS` words (at least one line)."""
    out, words = list[str](), 0
    for line in texts:
        words += len(line.split())
        if out and words > TEXT_WORDS:
            break
        out.append(line)
    return out


def _full(outcome: Outcome) -> dict[str, Any]:
    return {**outcome.to_dict(), "rows": [r.to_dict() for r in outcome.rows]}


# Jobs


def modify_as_job(
    lab: OpenLab, progress: Progress, stop: Stop, facts: list[dict[str, str]], model: str | None, settings: dict[str, Any],
    live: str | None = None, author: str = ANONYMOUS,
) -> Edit:  # fmt: skip
    """An edit of weights from plain JSON; `live` names the curve (`Modifying.curve`)."""
    options = ModifyOptions(author, live=live, progress=progress, stop=stop)
    asked = [Fact(f["subject"], f["relation"], f["object"]) for f in facts]
    return Modifying(lab).modified(asked, how_of(settings), model, options)[0]


def train_again_as_job(lab: OpenLab, progress: Progress, stop: Stop, edit: int) -> Edit:
    """`Modifying.train_again` as a job."""
    return Modifying(lab).train_again(edit, ModifyOptions(progress=progress, stop=stop))


def reencode_as_job(lab: OpenLab, progress: Progress, stop: Stop, datastore: str, name: str) -> StoreInfo:
    """`Modifying.reencode` as a job."""
    return Modifying(lab).reencode(datastore, name, progress, stop)
