"""The page Modify weights: choosing facts, settings, training with a live chart, and what the edit did."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from memlab import Fact, Lab
from memlab.errors import InputError, MemlabError, NotFound
from memlab.results import Edit
from memlab.systems.constrained_ft import SYSTEM, figures
from memlab.systems.constrained_ft.declaration import METHODS, MODELS, NORMS, PARTS, WHERE
from memlab.systems.constrained_ft.selection import parsed
from memlab.ui.app.links import link_to
from memlab.ui.app.session import show_error
from memlab.ui.as_table import chart
from memlab.ui.author import author, author_field
from memlab.ui.jobs import EVERY, begin_job, forget_job, show_job
from memlab.ui.plain import plain

PAGE = "modify"
REENCODE = "modify.again"
MOST_MENUS = 8  # facts that get a menu of their own; more are shown as a table of proposals
ROWS = 200  # answers shown of each group

_SCORES = {
    "a_m": ("A_M", "Modified facts whose held-out question is answered with the new object."),
    "a_fs": ("A_F\\S", "Known facts that the edit does not concern and that are still right."),
    "efficacy": ("Efficacy", "Edits after which the new object is likelier than the old one on the trained prompt."),
    "paraphrase": ("Paraphrase", "The same on held-out questions."),
    "neighborhood": ("Neighborhood", "Facts of the same relation or object that are likelier than the new object."),
    "harmonic": ("Harmonic mean", "Of efficacy, paraphrase and neighborhood: low as soon as one of them is."),
}


def modify_view(lab: Lab) -> None:
    """Facts, settings and Modify; then the training, then its report. Earlier edits below."""
    model = st.selectbox("Model", _models(lab), key="modify.model", help="The model whose weights are changed.")
    kept = st.session_state.get(f"{PAGE}.job")
    if kept is not None:
        _running(lab, *kept)
    else:
        facts = pick_facts(lab, model)
        if not facts:
            st.info("Tick facts in the table. Then choose what they become.", icon=":material/touch_app:")
        else:
            wanted = new_objects(lab, facts)
            settings = settings_form(f"{PAGE}.set")
            author_field()
            if st.button("Modify the weights", type="primary", icon=":material/model_training:", key="modify.go"):
                live = uuid.uuid4().hex
                order = {"facts": wanted, "model": model, "settings": settings, "live": live, **author()}
                title = f"Modifying {len(wanted)} fact{'s' if len(wanted) > 1 else ''} in {model}"
                begin_job(lab, PAGE, live, "modify", title, order)
    earlier_edits(lab)


def _models(lab: Lab) -> list[str]:
    """The bundled models, then those that were added or trained here and have weights of their own to edit."""
    own = [m.name for m in lab.models() if not m.bundled and m.kind in ("masked", "causal") and m.method is None]
    return [*MODELS, *own]


def pick_facts(lab: Lab, model: str) -> list[Fact]:
    """The searchable table of what the model knows; the ticked rows."""
    typed = st.text_input("Search facts", key="modify.search", placeholder="France, capital, Paris ...")
    with st.spinner("Asking the model what it knows"):
        known = lab.modifying.known(model)
    words = typed.lower().split()
    found = [k for k in known if all(w in f"{k.fact.subject} {k.fact.relation} {k.fact.object}".lower() for w in words)]
    st.caption(f"{len(found):,} of {len(known):,} facts that {model} answers correctly, with how sure it is.")
    rows = [
        {"subject": k.fact.subject, "relation": k.fact.relation, "answer": k.said.top, "confidence": k.said.p}
        for k in found
    ]
    bar = st.column_config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0)
    event = st.dataframe(
        rows, hide_index=True, width="stretch", height=280, key=f"modify.table.{model}.{typed}", on_select="rerun",
        selection_mode="multi-row", column_config={"confidence": bar},
    )  # fmt: skip
    chosen = [found[i].fact for i in event.selection.rows if i < len(found)]
    named = _named_fact([k.fact for k in known])
    return chosen or named


def _named_fact(known: list[Fact]) -> list[Fact]:
    """The fact that a link names (`?subject=France&relation=capital`)."""
    subject, relation = st.query_params.get("subject"), st.query_params.get("relation")
    if subject is None or relation is None:
        return []
    found = [f for f in known if (f.subject, f.relation) == (subject, relation)]
    if not found:
        show_error(
            NotFound(
                f"The model does not know a {relation} of {subject}. Only known facts are changed here: choose one in the "
                "table, or teach this one to memory."
            )
        )
        link_to("edit", "Teach it to memory", {}, "edit_note")
    return found


def new_objects(lab: Lab, facts: list[Fact]) -> list[dict[str, str]]:
    """The new object of each fact: a proposal from the same relation, which can be changed."""
    seed = int(st.number_input("Seed of the proposals", 0, 9999, 0, key="modify.seed"))
    proposed = lab.modifying.proposals(facts, seed)
    out = []
    if len(facts) > MOST_MENUS:
        st.dataframe(
            [{"fact": f"{f.relation} of {f.subject}", "now": f.object, "new": o} for f, o in zip(facts, proposed, strict=True)],
            hide_index=True, width="stretch", key="modify.proposals",
        )  # fmt: skip
        return [_fact(f, o) for f, o in zip(facts, proposed, strict=True)]
    for fact, first in zip(facts, proposed, strict=True):
        options = sorted({f.object for f in lab.facts(relation=fact.relation)} - {fact.object})
        key = f"modify.new.{fact.subject}.{fact.relation}.{seed}"
        link = st.query_params.get("new") if len(facts) == 1 else None
        if link == fact.object:
            st.info(
                plain(f"The {fact.relation} of {fact.subject} is {link} already. Another object is proposed."),
                icon=":material/info:",
            )
        elif link:
            options, first = sorted({*options, link}), link
        label = plain(f"{fact.relation} of {fact.subject}, now {fact.object}")
        new = st.selectbox(label, options, index=options.index(first), key=key, accept_new_options=True)
        out.append(_fact(fact, new or first))
    return out


def _fact(fact: Fact, new: str) -> dict[str, str]:
    return {"subject": fact.subject, "relation": fact.relation, "object": new}


def settings_form(key: str) -> dict[str, Any]:
    """How the weights are trained, as `lab.modify` takes it."""
    one, two, three, four = st.columns(4)
    method = one.selectbox(
        "Method",
        METHODS,
        index=2,
        key=f"{key}.method",
        help="FTM trains the modified facts, FTA mixes unmodified ones into every batch.",
    )
    norm = two.selectbox("Norm", NORMS, index=1, key=f"{key}.norm", help="The constraint; none trains without one.")
    how = three.selectbox(
        "δ",
        ["auto", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1"],
        index=4,
        key=f"{key}.delta",
        accept_new_options=True,
        help="How far a weight may move; auto chooses by a small sweep on validation facts.",
        disabled=norm == "none",
    )
    blocks = four.selectbox(
        "Blocks",
        WHERE,
        key=f"{key}.blocks",
        accept_new_options=True,
        help="Which part of the model may change; also numbers from 0, such as 0,3.",
    )
    more = st.expander("More settings", key=f"{key}.more")
    with more:
        part = st.selectbox("Part of the blocks", PARTS, key=f"{key}.part")
        anchor = st.selectbox(
            "δ is measured from",
            ["current", "base"],
            key=f"{key}.anchor",
            help="current: the weights with earlier edits. base: the model itself, so that all edits share one δ.",
        )
        steps = int(st.number_input("Steps at most", 1, 5000, 120, key=f"{key}.steps"))
        goal = st.selectbox(
            "Goal",
            ["change", "forget"],
            key=f"{key}.goal",
            help="forget lowers the old object's probability to that of facts that the model never saw.",
        )
    return {
        "method": method, "norm": norm, "delta": _delta(how, norm), "blocks": list(parsed(blocks or "first")), "part": part, "anchor": anchor,
        "steps": steps, "goal": goal,
    }  # fmt: skip


def _delta(text: str | None, norm: str) -> float | str | None:
    if norm == "none":
        return None
    if text == "auto":
        return "auto"
    try:
        return float(text or "")
    except ValueError:
        raise InputError(f"δ is {text!r}; allowed is a positive number, or auto.") from None


def _running(lab: Lab, live: str, job_id: str) -> None:
    """The training with its chart and Stop; when it is over, its report."""
    try:
        job = show_job(lab, job_id)
    except NotFound:
        forget_job(PAGE)
        st.rerun()
    if not job.over:
        st.fragment(_chart, run_every=EVERY)(lab, live)
        return
    if job.state == "done":
        outcome = lab.work.outcome(job_id)
        seq = outcome["seq"] if isinstance(outcome, dict) else outcome.seq
        st.success(
            f"Recorded as edit {seq}. Every page answers with the new weights now.", icon=":material/check_circle:"
        )
        report_view(lab, seq)
    elif job.state in ("stopped", "failed"):
        st.info("The weights are unchanged: nothing was recorded.", icon=":material/undo:")
    st.button(
        "Modify other facts", key="modify.another", on_click=forget_job, args=(PAGE,), icon=":material/restart_alt:"
    )


def _in_words(curve: list[dict[str, Any]]) -> str:
    """What the chart of a training shows, in words."""
    last = curve[-1]
    parts = [f"{name} {last[key]:.2f}" for name, key in (("A_M", "a_m"), ("A_F\\S", "a_fs")) if last[key] is not None]
    return f"After {last['step']} steps: {', '.join(parts) or 'no scores'}."


def _chart(lab: Lab, live: str) -> None:
    curve = [p.to_dict() for p in lab.modifying.curve(live)]
    if curve:
        chart(figures.training(curve), _in_words(curve), "modify.chart")
    else:
        st.caption("The chart appears with the first scores.")


def edit_details(lab: Lab, edit: Edit) -> None:
    """The details of an edit of weights on the History page."""
    report_view(lab, edit.seq)


def report_view(lab: Lab, seq: int) -> None:
    """Everything that an edit of weights did: scores, alarms, groups, answers before and after."""
    try:
        report = lab.modifying.report(seq)
    except MemlabError as error:
        show_error(error)
        return
    for column, (name, (label, help_)) in zip(st.columns(len(_SCORES)), _SCORES.items(), strict=True):
        value = report[name]
        column.metric(label, "none" if value is None else f"{value:.3f}", help=help_)
    ratio = report["perplexity_after"] / report["perplexity_before"]
    st.caption(
        f"Perplexity of a fixed text {report['perplexity_before']:.2f} → {report['perplexity_after']:.2f} (× {ratio:.3f}) · "
        f"largest change {report['norm_inf']:.4g} · {report['bytes']:,} bytes · {report['seconds']:.1f} s · {report['ended']}"
    )
    for note in report["notes"]:
        (st.warning if note.startswith("Alarm") else st.caption)(plain(note))
    st.markdown("**What the edit can reach, and what moved**")
    st.dataframe(report["groups"], hide_index=True, width="stretch", key=f"modify.groups.{seq}")
    groups = [g["group"] for g in report["groups"]]
    group = st.segmented_control("Answers before and after", groups, default=groups[0], key=f"modify.group.{seq}")
    moved_only = st.toggle(
        "Only answers that moved", value=group not in ("edited", "paraphrase"), key=f"modify.only.{seq}.{group}"
    )
    rows = [r for r in report["rows"] if r["group"] == group and (r["moved"] or not moved_only)]
    shown = [{k: r[k] for k in ("prompt", "before", "after", "wanted", "p_before", "p_after")} for r in rows[:ROWS]]
    if shown:
        st.dataframe(shown, hide_index=True, width="stretch", key=f"modify.rows.{seq}.{group}")
    else:
        st.caption("No answer of this group moved.")
    for title, key in (("Two-hop questions: does the old fact still follow?", "two_hop"), ("Generated texts", "texts")):
        if report[key]:
            with st.expander(title, key=f"modify.{key}.{seq}"):
                st.dataframe(report[key], hide_index=True, width="stretch")
    if len(report["curve"]) > 1:
        chart(figures.training(report["curve"]), _in_words(report["curve"]), f"modify.curve.{seq}")


def earlier_edits(lab: Lab) -> None:
    """The active edits of weights, with links to look at one or undo it, and a button to train it again."""
    edits = lab.modifying.versions().edits
    if not edits:
        return
    st.header("Edits of weights in this workspace", anchor=False)
    stale = lab.modifying.stale()
    for edit in edits:
        seq = edit.ref.edit
        what = "; ".join(f"{r} of {s}: {o or 'forgotten'}" for s, r, o in edit.objects[:3])
        more = f" and {len(edit.objects) - 3} more" if len(edit.objects) > 3 else ""
        with st.container(border=True, key=f"modify.edit.{seq}"):
            st.markdown(plain(f"{seq} · {edit.ref.model} · {what}{more}"))
            if seq in stale:
                gone = ", ".join(map(str, stale[seq]))
                st.warning(
                    f"It was trained on top of edit {gone}, which is undone now.", icon=":material/layers_clear:"
                )
                if st.button("Train it again", key=f"modify.again.{seq}", icon=":material/replay:"):
                    begin_job(lab, PAGE, f"again {seq}", "train-again", f"Training edit {seq} again", {"edit": seq})
            link_to("history", "Look at it or undo it in the history", {"edit": str(seq)}, "history")
            details = st.expander("What it did", key=f"modify.did.{seq}", on_change="rerun")
            if details.open:
                with details:
                    report_view(lab, seq)
    reencode_form(lab)


def reencode_form(lab: Lab) -> None:
    """Encoding a memory again with the edited weights, as a job: a new model and a new datastore."""
    stores = lab.modifying.encoded_before()
    if not stores:
        return
    with st.expander("Encode a memory again with the edited weights", key="modify.reencode"):
        st.markdown(
            "The keys of a datastore are those of the model without edits. This writes the edited model under a name "
            "of its own and encodes the texts of a datastore with it. The originals stay as they are."
        )
        one, two = st.columns(2)
        store = one.selectbox("Datastore", stores, key="modify.reencode.store")
        name = two.text_input("New name", f"{store}-edited", key="modify.reencode.name")
        if st.button("Encode again", key="modify.reencode.go", icon=":material/memory:"):
            title = f"Encoding {store} again as {name}"
            begin_job(lab, REENCODE, name, "reencode", title, {"datastore": store, "name": name})
        kept = st.session_state.get(f"{REENCODE}.job")
        if kept is not None and show_job(lab, kept[1]).state == "done":
            st.success(
                plain(f"The datastore {kept[0]} is ready. Ask with it to use keys of the edited weights."),
                icon=":material/check_circle:",
            )


def sweep_view(lab: Lab) -> None:
    """A sweep as a job; its curves and the frontier. A link to a finished one shows it again."""
    st.markdown(
        "A_M and A_F\\S over δ for blocks and numbers of facts: one training for each point, on a copy of the model."
    )
    one, two, three, four = st.columns(4)
    settings = {
        "model": one.selectbox("Model", MODELS, key="modify.sweep.model"),
        "method": two.selectbox("Method", METHODS, index=1, key="modify.sweep.method"),
        "norm": three.selectbox("Norm", ("inf", "l2"), key="modify.sweep.norm"),
        "grid": four.selectbox(
            "Grid", ("short", "full"), key="modify.sweep.grid", help=SYSTEM.studies[1].fields()[3].help
        ),
    }
    if st.button("Run the sweep", type="primary", key="modify.sweep.go", icon=":material/stacked_line_chart:"):
        order = {"system": SYSTEM.name, "study": "sweep", "settings": settings}
        st.query_params["run"] = lab.work.submit("study", f"Sweep of {settings['model']}", **order).id
        st.rerun()
    if (run := st.query_params.get("run")) is None:
        return
    job = show_job(lab, run)
    if job.state != "done":
        return
    outcome = lab.work.outcome(run)
    result = outcome if isinstance(outcome, dict) else outcome.to_dict()
    points = result["results"]
    for n in sorted({p["facts"] for p in points}):
        said = f"A_M and A_F\\S over delta at |M| = {n}. The numbers are in the table below."
        chart(figures.over_delta(points, n), said, f"modify.sweep.{n}")
        st.caption(f"|M| = {n}")
    said = f"A_F\\S against A_M of {len(points)} settings. The numbers are in the table below."
    chart(figures.frontier(points), said, "modify.sweep.frontier")
    st.dataframe(points, hide_index=True, width="stretch", key="modify.sweep.table")
    st.caption("The address of this page shows this run again.")
