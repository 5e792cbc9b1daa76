"""`memlab believe`, `memlab evaluate beliefs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from memlab.commands import every_command, open_lab, progress, show
from memlab.errors import InputError


@click.command()
@click.argument("question", required=False)
@click.option("--solve", metavar="ENTITY", help="Make the beliefs about an entity consistent.")
@click.option("--check", metavar="ENTITY", help="List the beliefs about an entity that are most worth checking.")
@click.option("--rule", metavar="TEXT", help='Add a rule: "IsA,bird implies HasPart,wings"; excludes, needs A | B.')
@click.option("--import", "name", metavar="NAME", help="Store a graph of your own from files; see --rules, --facts.")
@click.option("--pin", type=click.Choice(["true", "false"]), help="Pin a label that you know; the solver keeps it.")
@click.option("--retract", is_flag=True, help="Take the belief out of the bank.")
@click.option("--why", is_flag=True, help="Why the stored belief is held, and what conflicts with it.")
@click.option(
    "--feedback", default="none", show_default=True, help="none, on-topic or relevant: beliefs given as context."
)
@click.option("--model", help="Any model that memlab can load (default: atlas-qa).")
@click.option("--prompt", help="Name of a prompt (default: the model's).")
@click.option("--graph", default="world", show_default=True, help="Constraint graph.")
@click.option("--as-of", type=int, help="With the beliefs after this edit; keeps nothing.")
@click.option("--lam", type=float, help="With --solve: what flipping costs, times the belief's weight (default: 1).")
@click.option(
    "--forward", type=float, help="With --solve: what violating an implication or exclusion costs (default: 10)."
)
@click.option("--back", type=float, help="With --solve: what violating a backward rule costs (default: 1).")
@click.option("--measure", help="With --solve: weight of a belief, p or log-odds (default: p).")
@click.option("--seconds", type=float, help="With --solve: time limit (default: 5).")
@click.option("--weight", type=float, help="With --rule (default: 1); changes the weight of a rule that is there.")
@click.option("--remove", is_flag=True, help="With --rule: remove it.")
@click.option("--rules", type=click.Path(path_type=Path), help="With --import: .json or .csv, or a BeliefBank folder.")
@click.option("--facts", type=click.Path(path_type=Path), help="With --import: entities, .json or .csv.")
@click.option("--calibration", type=click.Path(path_type=Path), help="With --import: entities to calibrate on.")
@click.option("--dry-run", is_flag=True, help="Only answer or solve; keep nothing.")
@every_command
def believe(question: str | None, as_json: bool, home: Path | None, workspace: str, **how: Any) -> None:
    """Ask a yes-or-no QUESTION and keep the answer as a belief; or one of --solve, --check, --rule, --import.

    If nothing is believed yet about the entity to solve, everything about it is asked first.
    """
    chosen = [name for name in ("solve", "check", "rule", "name") if how[name] is not None]
    if len(chosen) + (question is not None) != 1:
        raise InputError(
            'Ask a question ("is a swallow a bird?"), or give one of --solve ENTITY, --check ENTITY, --rule TEXT, --import NAME.'
        )
    lab = open_lab(home, workspace)
    if question is not None:
        _about_question(lab, question, as_json, how)
    elif chosen[0] == "solve":
        _solve(lab, how["solve"], as_json, how)
    else:
        from memlab.systems.beliefbank import command_more

        {"check": command_more.check, "rule": command_more.rule, "name": command_more.import_files}[chosen[0]](
            lab, as_json, how
        )


def _about_question(lab: Any, question: str, as_json: bool, how: dict[str, Any]) -> None:
    from memlab.systems.beliefbank import command_more

    given = [name for name in ("pin", "retract", "why") if how[name]]
    if len(given) > 1:
        raise InputError(f"--{given[0]} and --{given[1]} exclude each other. Give one of them.")
    if how["retract"]:
        command_more.retract(lab, question, as_json, how)
    elif how["why"]:
        command_more.why(lab, question, as_json, how)
    else:
        _ask(lab, question, as_json, how)


def _ask(lab: Any, question: str, as_json: bool, how: dict[str, Any]) -> None:
    from memlab.systems.beliefbank.chapter import Asking
    from memlab.systems.beliefbank.phrasing import statement

    graph = how["graph"]
    if how["pin"] is not None:
        edit = lab.believe(question, how["pin"] == "true", graph=graph)
        show({"edit": edit.to_dict()}, as_json, [edit.summary])
        return
    asking = Asking(how["model"], how["prompt"], how["feedback"])
    answer = lab.beliefs.ask(question, graph, asking, how["as_of"])
    edit = None if how["dry_run"] or how["as_of"] is not None else lab.beliefs.keep([answer.belief()], graph)
    calibration = lab.beliefs.answerer(graph, asking).calibration
    entity = lab.beliefs.graph(graph).entity(answer.question.entity)
    document = {
        "question": question, "answer": "yes" if answer.label else "no", **answer.to_dict(), "model": asking.model or "atlas-qa",
        "statement": statement(entity, answer.question.property, answer.label), "feedback": asking.feedback,
        "calibration": calibration.to_dict(), "edit": edit.to_dict() if edit else None,
    }  # fmt: skip
    context = [f"  context: {statement(entity, b.property, b.label)}" for b in answer.question.context]
    show(document, as_json, [f"{document['answer']} (confidence {answer.p:.2f})", *context])


def _solve(lab: Any, entity: str, as_json: bool, how: dict[str, Any]) -> None:
    from memlab.systems.beliefbank.chapter import Asking

    graph = how["graph"]
    known = lab.beliefs.graph(graph).entity(entity).name
    if how["as_of"] is not None:
        raise InputError("--as-of shows an earlier state; --solve changes the present one. Leave one of them out.")
    weights = {n: how[n] for n in ("lam", "forward", "back", "measure", "seconds") if how[n] is not None}
    lab.beliefs.weights(**weights)  # invalid ones are refused before anything is asked
    asked = None
    if not lab.beliefs.bank(graph).about(known):
        if how["dry_run"]:
            raise InputError(
                f"Nothing is believed of {known} yet, and --dry-run keeps nothing. Ask first, or leave it out."
            )
        asked = lab.beliefs.ask_all(known, graph, Asking(how["model"], how["prompt"], how["feedback"]), tick=progress)
    before = lab.beliefs.scores(graph, entity=known)
    edit = lab.solve(known, graph=graph, dry_run=how["dry_run"], **weights)
    after = lab.beliefs.scores(graph, entity=known)
    solution = dict(edit.parameters)
    document = {
        **solution, "before": before.to_dict(), "after": after.to_dict(), "asked": asked.to_dict() if asked else None,
        "edit": edit.to_dict(),
    }  # fmt: skip
    lines = [
        edit.summary,
        f"consistency {before.consistency:.3f} -> {after.consistency:.3f}, F1 {before.f1:.3f} -> {after.f1:.3f}",
    ]
    lines += [
        f"  {f['property']} = {str(f['label']).lower()}  because {'; '.join(f['because'][:2])}"
        for f in solution["flips"]
    ]
    show(document, as_json, lines)


@click.command("beliefs")
@click.option("--data", help="Folder in the BeliefBank form, or a constraint graph file (default: the bundled world).")
@click.option("--model", help="Any model that memlab can load (default: atlas-qa).")
@click.option("--simulated", metavar="RATE", help="No model, but the true answers with this share inverted.")
@click.option("--prompt", help="Name of a prompt (default: the model's).")
@click.option("--entities", help="Number of test entities (default: all, or as many as --minutes allows).")
@click.option(
    "--minutes",
    help="Time budget: if all entities would take longer, fewer are asked, and a note says so (default: 15).",
)
@click.option("--questions", help="At most this many per entity (default: all).")
@click.option("--batches", help="Number of batches in which the questions arrive (default: 10).")
@click.option("--orders", help="Number of random orders; intervals are over orders (default: 2).")
@click.option(
    "--ways", help="Comma-separated: raw, on-topic, relevant, constraints, relevant+constraints (default: all)."
)
@click.option("--lam", help="What flipping a belief costs, times its weight (default: 1).")
@click.option("--forward", help="What violating an implication or exclusion costs (default: 10).")
@click.option("--back", help="What violating a backward rule costs (default: 1).")
@click.option("--measure", help="Weight of a belief: p or log-odds (default: p).")
@click.option("--seconds", help="Time limit of the solver for each entity (default: 5).")
@click.option("--seed", help="Seed of orders and feedback (default: 0).")
@every_command
def evaluate_beliefs(as_json: bool, home: Path | None, workspace: str, **settings: str | None) -> None:
    """Beliefs in batches: raw, on-topic, relevant, constraints, relevant + constraints; consistency and F1."""
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    result = open_lab(home, workspace).run("beliefbank", "evaluate", progress, **given)
    document = result.to_dict()
    lines = [f"{document['data']}, {document['model']}", f"{'':22}{'F1':>8}{'consistency':>13}{'all':>8}"]
    for row in document["results"]:
        lines.append(f"{row['method']:22}{row['f1']:8.3f}{row['consistency']:13.3f}{row['consistency_all']:8.3f}")
    show(document, as_json, [*lines, *document["notes"]])
