"""What the model believes about things: asking, keeping, pinning, solving, explaining."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memlab.declare import checked
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.reading.workspace import OpenLab
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import kind
from memlab.record.memory_edits import edit_of
from memlab.record.new_rows import ANONYMOUS
from memlab.results import Edit
from memlab.systems.beliefbank.answers import Answer, Question
from memlab.systems.beliefbank.asking import DEFAULT_MODEL, calibration_questions, contextual, ready, usual_prompt
from memlab.systems.beliefbank.bank import MODEL, PERSON, Bank, Belief
from memlab.systems.beliefbank.bundled import BUNDLED
from memlab.systems.beliefbank.constraints import Constraint, ConstraintGraph
from memlab.systems.beliefbank.explain import Conflict, Step, conflicts, consistent, reasons, smallest_conflict
from memlab.systems.beliefbank.feedback import NONE, context
from memlab.systems.beliefbank.graph_files import graph_from_text, read_facts, read_graph
from memlab.systems.beliefbank.metrics import Scores, scores
from memlab.systems.beliefbank.model_answers import ModelAnswerer, Tick
from memlab.systems.beliefbank.own_graphs import graph_named, graph_names, keep_entities, keep_graph
from memlab.systems.beliefbank.phrasing import parse, question, statement
from memlab.systems.beliefbank.prompts import Prompt, prompt_named
from memlab.systems.beliefbank.proposals import Proposal, propose
from memlab.systems.beliefbank.seq2seq import model_for_questions
from memlab.systems.beliefbank.solver import Solution, Weights, solve
from memlab.systems.beliefbank.state import ADD, CHANGE, EDITS, PART, REMOVE, BeliefState

KINDS = tuple(kind.name for kind in EDITS)
DEFAULTS: dict[str, Any] = {"forward": 10.0, "back": 1.0}  # tuned on the calibration entities


def _quiet(fraction: float, message: str) -> None:
    pass


@dataclass(frozen=True)
class Asking:
    """How a question is asked. `prompt`: a name, or a `Prompt`; `feedback`: none, on-topic, relevant."""

    model: str | None = None
    prompt: str | Prompt | None = None
    feedback: str = NONE
    seed: int = 0


class Believing:
    """The beliefs of a workspace about the entities of constraint graphs."""

    def __init__(self, lab: OpenLab) -> None:
        self.context = lab.context

    # Graphs and banks

    def graphs(self) -> list[str]:
        """The names of the constraint graphs: the bundled one and the user's own."""
        return graph_names(self.context.home)

    def state(self, as_of: int | None = None) -> BeliefState:
        """All beliefs and changed constraints after edit `as_of` (None: the last)."""
        found: BeliefState = self.context.ledger.state(PART, as_of)
        return found

    def graph(self, name: str = BUNDLED, as_of: int | None = None) -> ConstraintGraph:
        """A graph with this workspace's changes to its constraints. Raises NotFound."""
        base = graph_named(self.context.home, name)
        state = self.state(as_of)
        rules = state.rules.get(name)
        if not rules:
            return base
        at = ("belief graph", name, id(base), tuple((k, v) for k, v in sorted(rules.items())))
        found: ConstraintGraph = self.context.cache.get(at, lambda: state.graph(base))
        return found

    def bank(self, graph: str = BUNDLED, as_of: int | None = None) -> Bank:
        """The beliefs about the entities of a graph."""
        return self.state(as_of).bank(graph)

    def import_graph(self, name: str, file: Path | str, suffix: str = ".json") -> ConstraintGraph:
        """Stores a user's graph, from a path or from a file's text with its suffix. Raises InputError."""
        found = read_graph(file) if isinstance(file, Path) else graph_from_text(name, file, suffix)
        return keep_graph(self.context.home, name, found)

    def import_entities(
        self, graph: str, file: Path | str, suffix: str = ".json", calibration: bool = False
    ) -> ConstraintGraph:
        """Sets the entities of a user's graph, from a path or a file's text: BeliefBank facts, or csv.

        Args:
            calibration: whether they replace the entities that a model is calibrated on, or (False) all others.

        Raises:
            InputError: the file cannot be read, or an entity is among those that stay. NotFound: no such graph.
        """
        facts = read_facts(file, suffix, graph)
        return keep_entities(self.context.home, graph_named(self.context.home, graph), facts, calibration)

    # Asking

    def answerer(self, graph: str, how: Asking, tick: Tick = _quiet) -> ModelAnswerer:
        """The model with its prompt, calibrated on the graph's calibration entities; cached.

        With feedback it is calibrated on questions that follow feedback, which moves its yes-prior.

        Raises:
            NotFound, InputError: no such model or prompt, or they do not fit together.
        """
        lm = model_for_questions(self.context.home, how.model or DEFAULT_MODEL, self.context.load)
        lm = self.context.weights(lm, None) if isinstance(lm, LanguageModel) else lm
        prompt = (
            how.prompt
            if isinstance(how.prompt, Prompt)
            else prompt_named(how.prompt)
            if how.prompt
            else usual_prompt(lm)
        )
        base = graph_named(self.context.home, graph)
        at = ("answerer", lm.weights_hash, graph, id(base), prompt)
        plain: ModelAnswerer = self.context.cache.get(at, lambda: ready(lm, base, prompt, tick, home=self.context.home))
        if how.feedback == NONE:
            return plain
        asked = calibration_questions(base)
        fed: ModelAnswerer = self.context.cache.get((*at, "fed"), lambda: contextual(plain, asked, how.seed, tick))
        return fed

    def ask(self, text: str, graph: str = BUNDLED, how: Asking = Asking(), as_of: int | None = None) -> Answer:
        """The answer to a question, with the beliefs given as context; nothing is kept. Raises NotFound, InputError."""
        known = self.graph(graph, as_of)
        entity, property = parse(text, known)
        rng = random.Random(f"{how.seed}|{entity.name}|{property}")
        given = context(how.feedback, self.bank(graph, as_of), known, (entity.name, property), self.weights(), rng)
        return self.answerer(graph, how).ask([Question(entity.name, property, given)])[0]

    # Keeping

    def believe(self, question: str, label: bool | None = None, **options: Any) -> Edit:
        """Asks a yes-or-no question and keeps the answer as a belief; with `label`, pins that label without asking.

        Args:
            question: "is a swallow a bird?", or a statement in the same words.
            label: a trusted label, which the solver keeps.
            options: model, prompt, feedback ("none", "on-topic", "relevant"), graph, author.

        Raises:
            NotFound: an entity or property that the constraint graph does not have; similar names are suggested.
            InputError: a label that conflicts with pinned beliefs; the message names the conflict.
        """
        graph, author = options.pop("graph", BUNDLED), options.pop("author", ANONYMOUS)
        if label is not None:
            _refuse_options(options)
            entity, property = parse(question, self.graph(graph))
            return self.pin(entity.name, property, label, graph, author)
        answer = self.ask(question, graph, _asking(options))
        return self.keep([answer.belief()], graph, author)

    def keep(self, beliefs: Sequence[Belief], graph: str = BUNDLED, author: str = ANONYMOUS) -> Edit:
        """Asserts beliefs of a model or a person as one edit. Raises NotFound for an entity that the graph does not have."""
        known = self.graph(graph)
        for b in beliefs:
            known.entity(b.entity)
        given = [
            {
                "entity": b.entity,
                "property": b.property,
                "label": b.label,
                "p": b.p,
                "origin": PERSON if b.origin == PERSON else MODEL,
            }
            for b in beliefs
        ]
        return self._edit("believe", {"graph": graph, "beliefs": given}, author)

    def ask_all(
        self, entity: str, graph: str = BUNDLED, how: Asking = Asking(), author: str = ANONYMOUS, tick: Tick = _quiet
    ) -> Edit:
        """Asks every property of the graph about an entity and keeps the answers as one edit."""
        known = self.graph(graph)
        about, weights, bank = known.entity(entity), self.weights(), self.bank(graph)
        rng = random.Random(f"{how.seed}|{entity}")
        names = [p for p in known.properties if not (b := bank.about(about.name).get(p)) or not b.pinned]
        questions = [
            Question(about.name, p, context(how.feedback, bank, known, (about.name, p), weights, rng)) for p in names
        ]
        if not questions:
            raise InputError(f"Every belief about {about.name} is pinned; there is nothing to ask.")
        return self.keep([a.belief() for a in self.answerer(graph, how, tick).ask(questions, tick)], graph, author)

    def pin(self, entity: str, property: str, label: bool, graph: str = BUNDLED, author: str = ANONYMOUS) -> Edit:
        """Pins a trusted label. Raises InputError, naming the conflict, if the pins and constraints cannot all hold."""
        known = self.graph(graph)
        name, what = known.entity(entity).name, known.property(property)
        pinned = {p: b for p, b in self.bank(graph).about(name).items() if b.pinned}
        new = {**pinned, what: Belief(name, what, label, 1.0, PERSON, pinned=True)}
        self._check_pins(known, name, new, f"“{statement(known.entity(name), what, label)}” cannot be pinned")
        return self._edit("pin", {"graph": graph, "entity": name, "property": what, "label": label}, author)

    def retract(self, entity: str, properties: Sequence[str], graph: str = BUNDLED, author: str = ANONYMOUS) -> Edit:
        """Takes beliefs out of the bank. Raises InputError where there are none."""
        about = self.bank(graph).about(self.graph(graph).entity(entity).name)
        gone = [self.graph(graph).property(p) for p in properties]
        missing = [p for p in gone if p not in about]
        if missing or not gone:
            raise InputError(
                f"Nothing is believed of {entity} and {missing[0] if missing else 'no property'}; nothing to retract."
            )
        return self._edit("retract", {"graph": graph, "entity": entity, "properties": gone}, author)

    def constrain(
        self, constraint: Constraint, action: str = ADD, graph: str = BUNDLED, author: str = ANONYMOUS
    ) -> Edit:
        """Adds or removes a constraint, or changes its weight.

        Raises:
            InputError: it contradicts pinned beliefs (names the conflict), exists already, or does not exist.
        """
        known = self.graph(graph)
        there = any(c.id == constraint.id for c in known.constraints)
        if action == ADD and there:
            raise InputError(f"The constraint {constraint.id!r} is there already. Change or remove it.")
        if action in (CHANGE, REMOVE) and not there:
            raise InputError(f"There is no constraint {constraint.id!r} to {action}.")
        if action != REMOVE:
            changed = known.with_constraints([*(c for c in known.constraints if c.id != constraint.id), constraint])
            for name, about in self.bank(graph).beliefs.items():
                pins = {p: b for p, b in about.items() if b.pinned}
                self._check_pins(changed, name, pins, f"The constraint {constraint.id!r} cannot be added")
        return self._edit("constrain", {"graph": graph, "action": action, "constraint": constraint.to_dict()}, author)

    # Solving and explaining

    def weights(self, **given: Any) -> Weights:
        """The solver's weights: those tuned on the calibration entities, where not given. Raises InputError."""
        for name in ("lam", "forward", "back", "seconds"):
            if name in given and isinstance(given[name], int | float) and given[name] <= 0:
                raise InputError(f"{name} is {given[name]!r}; allowed is a number above 0.")
        found: Weights = checked(Weights, given, Weights(**DEFAULTS))
        return found

    def solution(self, entity: str, weights: Weights, graph: str = BUNDLED, as_of: int | None = None) -> Solution:
        """What the solver would do; nothing is kept. Raises NotFound, and InputError where nothing is believed."""
        known = self.graph(graph, as_of)
        name = known.entity(entity).name
        about = self.bank(graph, as_of).about(name)
        if not about:
            raise InputError(
                f'Nothing is believed of {name} yet. Ask about it first: memlab believe "{question(known.entity(name), known.properties[0]).lower()}"'
            )
        return solve(name, about, known.constraints, weights)

    def solve(self, entity: str, **options: Any) -> Edit:
        """Makes the beliefs about an entity consistent; the flips are one edit, with their objective value and reasons.

        Args:
            options: lam, forward, back, measure, seconds (see `solver.Weights`), graph, author, dry_run.

        Raises:
            NotFound: no such entity. InputError: nothing is believed about it, or a weight of zero or below.
        """
        graph, author = options.pop("graph", BUNDLED), options.pop("author", ANONYMOUS)
        dry_run = options.pop("dry_run", False)
        weights = self.weights(**options)
        found = self.solution(entity, weights, graph)
        given = {"graph": graph, **found.to_dict(), "weights": asdict(weights)}
        return self._edit("solve", given, author, dry_run)

    def conflicts(self, entity: str, graph: str = BUNDLED, as_of: int | None = None) -> list[Conflict]:
        """Constraints that the beliefs about an entity violate, the most certain first."""
        return conflicts(self.bank(graph, as_of).about(entity), self.graph(graph, as_of).constraints)

    def clash(
        self, entity: str, property: str | None = None, graph: str = BUNDLED, as_of: int | None = None
    ) -> Conflict | None:
        """A minimal conflict (containing the belief in `property`, if given); None where all beliefs can hold."""
        return smallest_conflict(self.bank(graph, as_of).about(entity), self.graph(graph, as_of).constraints, property)

    def why(self, entity: str, property: str, graph: str = BUNDLED, as_of: int | None = None) -> list[Step]:
        """The chain of constraints that supports a belief."""
        return reasons(self.bank(graph, as_of).about(entity), self.graph(graph, as_of).constraints, property)

    def propose(self, entity: str, count: int = 6, graph: str = BUNDLED, as_of: int | None = None) -> list[Proposal]:
        """The beliefs most worth checking, best first (see `proposals.propose`)."""
        return propose(self.bank(graph, as_of).about(entity), self.graph(graph, as_of), self.weights(), count)

    def effect(self, found: Solution, graph: str = BUNDLED, as_of: int | None = None) -> tuple[Scores, Scores]:
        """Consistency and F1 of the asserted labels, and of a solution's labels."""
        known, name = self.graph(graph, as_of), found.entity
        labels = dict(found.labels)
        asserted = {**labels, **{flip.property: not flip.label for flip in found.flips}}
        truth = {name: known.entity(name).facts}
        return scores({name: asserted}, truth, known.constraints), scores({name: labels}, truth, known.constraints)

    def scores(self, graph: str = BUNDLED, as_of: int | None = None, entity: str | None = None) -> Scores:
        """Consistency and F1 of the bank (or of one entity) against the graph's facts."""
        known, bank = self.graph(graph, as_of), self.bank(graph, as_of)
        names = [entity] if entity else list(bank.beliefs)
        truth: Mapping[str, Mapping[str, bool]] = {n: known.entities[n].facts for n in names if n in known.entities}
        return scores({n: bank.labels(n) for n in names}, truth, known.constraints)

    def over_time(self, graph: str = BUNDLED, entity: str | None = None) -> list[tuple[int, Scores]]:
        """(edit number, `scores`) after each of the last 60 edits of beliefs or constraints, undos and redos."""
        steps = [row.sequence for row in self.context.ledger.rows() if row.kind in (*KINDS, "undo", "redo")]
        return [(n, self.scores(graph, n, entity)) for n in steps[-60:]]

    # Recording

    def last_edit(self) -> EditRow | None:
        """The last active edit of beliefs or constraints; None where there is none."""
        return next((row for row in reversed(self.context.ledger.active()) if row.kind in KINDS), None)

    def _check_pins(self, graph: ConstraintGraph, entity: str, pins: dict[str, Belief], refusal: str) -> None:
        if consistent({p: b.label for p, b in pins.items()}, graph.constraints):
            return
        found = smallest_conflict(pins, graph.constraints)
        assert found is not None
        about = graph.entity(entity)
        says = " ".join(f"“{statement(about, b.property, b.label)}”" for b in found.beliefs)
        raise InputError(
            f"{refusal}: the pinned beliefs {says} cannot all hold with {'; '.join(c.id for c in found.constraints)}. "
            "Undo a pin, or remove a constraint."
        )

    def _edit(self, name: str, parameters: dict[str, Any], author: str, dry_run: bool = False) -> Edit:
        summary = kind(name).summarized(parameters)
        ledger = self.context.ledger
        if dry_run:
            return edit_of(None, name, summary, parameters, author, self.context.workspace, ledger.head() + 1)
        row = ledger.append(name, summary, parameters, author)
        return edit_of(row, name, row.summary, row.parameters, author, self.context.workspace, row.sequence)


def _asking(options: dict[str, Any]) -> Asking:
    try:
        return Asking(**options)
    except TypeError:
        raise InputError(
            f"There is no option {next(iter(set(options) - set(Asking.__annotations__)))!r}. Allowed: {', '.join(Asking.__annotations__)}, graph, author."
        ) from None


def _refuse_options(options: Mapping[str, Any]) -> None:
    if options:
        raise InputError(f"With a label nothing is asked, so {next(iter(options))!r} has no effect. Leave it out.")
