"""Forgotten means forgotten: whatever is edited in whatever order, what is forgotten is read nowhere.

A random history of teaching, forgetting, correcting, undo and redo. After each step every path to memory is
asked (methods, ways to search, kinds of keys, index recipes, article texts, the search of sources, reading)
and what it shows is compared, character by character, with what the ledger says is forgotten. A state that
was there before must give the same answers, bit for bit: by undo, by redo, by `as_of`, and in a lab that
never asked before.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from memlab import Fact, Lab
from memlab.corpus.generator import articles_hash
from memlab.errors import InputError, NotFound
from memlab.memory.changes import BLACK
from memlab.memory.index import RECIPES
from memlab.results import Edit, Neighbor

NONSENSE = ("Wakanda", "Birnin", "Zembla", "Onhava", "Lilliput", "Mildendo")  # no model has a token for these
TAUGHT = (
    "The capital of Wakanda is Birnin.",
    "The capital of Zembla is Onhava. Onhava lies by the sea.",
    "Mildendo is the capital of Lilliput.",
    "The capital of France is Lyon.",
    "Paris is the capital of Wakanda.",
)
QUESTIONS = {
    "masked": ("The capital of France is [MASK].", "The capital of Wakanda is [MASK].", "[MASK] lies by the sea."),
    "causal": ("The capital of France is", "The capital of Zembla is", "Lilliput has a capital called"),
}
PASSAGE = "The capital of France is Paris."
TOPICS = ("France", "Germany", "Japan", "Paris", "Berlin", "gold", "iron")


@pytest.fixture(scope="module")
def home(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled datastores, and small ones of one collection by every recipe and kind of key."""
    folder = tmp_path_factory.mktemp("forgotten")
    shutil.copytree(built_home / "datastores", folder / "datastores", copy_function=os.link)
    lab = Lab.open(folder)
    articles = [a for n, a in enumerate(lab.articles()) if a.title in TOPICS or n % 40 == 0]
    for recipe in RECIPES:
        lab.build(articles, f"few-{recipe}", "atlas-mlm", ("transform", "last")[: 1 + (recipe == "flat")], index=recipe)
    lab.build(articles, "few-causal", "atlas-clm", ("ffn",), index="ivf")
    return folder


@pytest.mark.slow
def test_what_is_forgotten_is_read_nowhere_and_undo_brings_it_back(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "same"  # the same home by another path has caches of its own
    elsewhere.symlink_to(home)

    class OfThisHome(History):
        labs = home, elsewhere

    run_state_machine_as_test(
        OfThisHome, settings=settings(max_examples=settings().max_examples // 20, stateful_step_count=7)
    )


class History(RuleBasedStateMachine):
    """One workspace; the answers of each state it was in."""

    labs: tuple[Path, Path]
    names: Iterator[int] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.workspace = f"random {next(History.names)}"
        Lab.open(self.labs[0]).workspaces.create(self.workspace)
        self.lab = Lab.open(self.labs[0], self.workspace)
        self.of_state: dict[tuple[int, ...], str] = {}
        self.of_head: dict[int, str] = {}

    @initialize()
    def nothing_happened(self) -> None:
        self.checked = -1
        self.check()

    @rule(text=st.sampled_from(TAUGHT), only=st.booleans())
    def teach(self, text: str, only: bool) -> None:
        self.lab.teach(text, value=text.rstrip(".").split()[-1] if only else None)

    @rule(
        store=st.sampled_from(("few-flat", "few-flat-last", "few-hnsw", "few-causal", "atlas-mlm", "atlas-clm")),
        question=st.integers(0, 2),
        ranks=st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
    )
    def forget_neighbors(self, store: str, question: int, ranks: list[int]) -> None:
        kind = "causal" if store in ("few-causal", "atlas-clm") else "masked"
        asked = self.lab.ask(QUESTIONS[kind][question], datastore=store)
        near = asked.neighbors
        self.maybe(lambda: self.lab.forget(entries=[near[r].entry for r in ranks if r < len(near)], datastore=store))

    @rule(store=st.sampled_from(("few-ivf", "few-causal", "atlas-mlm")), title=st.sampled_from(TOPICS))
    def forget_article(self, store: str, title: str) -> None:
        self.maybe(lambda: self.lab.forget(document=title, datastore=store))

    @precondition(lambda self: any(e.remembers for e in self.lab.history() if e.active))
    @rule(data=st.data())
    def forget_taught_text(self, data: st.DataObject) -> None:
        taught = [e.seq for e in self.lab.history() if e.active and e.remembers]
        self.maybe(lambda: self.lab.forget(document=f"edit:{data.draw(st.sampled_from(taught))}"))

    @rule(
        store=st.sampled_from((None, "few-flat", "few-ivfpq")),
        fact=st.sampled_from([("France", "Paris"), ("Germany", "Berlin"), ("Wakanda", "Birnin")]),
    )
    def forget_fact(self, store: str | None, fact: tuple[str, str]) -> None:
        self.maybe(lambda: self.lab.forget(fact=Fact(fact[0], "capital", fact[1]), datastore=store))

    @rule(
        store=st.sampled_from((None, "few-hnsw", "few-ivf")),
        prompt=st.sampled_from(QUESTIONS["masked"]),
        weight=st.sampled_from((0.0, 0.05, 0.3)),
    )
    def forget_what_a_prompt_finds(self, store: str | None, prompt: str, weight: float) -> None:
        self.maybe(lambda: self.lab.forget(prompt=prompt, weight_above=weight, datastore=store))

    @rule(new=st.sampled_from(("Marseille", "Birnin", "Onhava")))
    def correct(self, new: str) -> None:
        self.maybe(lambda: self.lab.correct(Fact("France", "capital", "Paris"), new))

    @precondition(lambda self: self.lab.head())
    @rule(data=st.data(), way=st.sampled_from(({}, {"anyway": True}, {"with_dependents": True})))
    def undo(self, data: st.DataObject, way: dict[str, bool]) -> None:
        number = data.draw(st.none() | st.integers(1, self.lab.head()))
        self.maybe(lambda: self.lab.undo(number, **way))

    @precondition(lambda self: any(e.kind == "undo" for e in self.lab.history()))
    @rule()
    def redo(self) -> None:
        self.maybe(self.lab.redo)

    def maybe(self, edit: Any) -> None:
        with suppress(InputError, NotFound):  # nothing left to forget, to undo or to correct
            edit()

    @invariant()
    def check(self) -> None:
        if self.lab.head() == getattr(self, "checked", -1):
            return
        self.checked = self.lab.head()
        edits = self.lab.history()
        now = everything(self.lab, Forgotten(edits), None)
        state = tuple(e.seq for e in edits if e.active and e.kind not in ("undo", "redo"))
        assert self.of_state.setdefault(state, now) == now, "the same edits hold, and something else is read"
        self.of_head[self.checked] = now

    def teardown(self) -> None:
        fresh = Lab.open(self.labs[1], self.workspace)
        assert fresh.verify() == []
        for head, then in list(self.of_head.items())[:: max(1, len(self.of_head) // 2)]:
            assert everything(self.lab, None, head) == then, "as_of gives another state"
            assert everything(fresh, None, head) == then, "caches change what is read"


class Forgotten:
    """What the active edits say is forgotten, worked out without the memory's own code."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        self.places: dict[tuple[str, str], set[int]] = defaultdict(set)
        holds = [e for e in edits if e.active and e.kind not in ("undo", "redo")]
        for source in (source for edit in holds for source in edit.sources):
            self.places[source.corpus, source.document] |= set(range(source.start, source.end))
        self.words = set(NONSENSE)  # of these, the ones that can be read nowhere
        for edit in holds:
            text = (edit.parameters.get("teaches") or {}).get("text", "")
            gone = self.places["edit", f"edit:{edit.seq}"]
            shown = "".join(" " if n in gone else c for n, c in enumerate(text))
            self.words -= set(shown.replace(".", " ").split())

    def check(self, corpus: str, document: str, start: int, text: str) -> None:
        """`text` stands at character `start` of a document."""
        gone = self.places["edit" if document.startswith("edit:") else corpus, document]
        seen = [n for n, c in enumerate(text) if start + n in gone and c != BLACK and not c.isspace()]
        assert not seen, f"{document} shows forgotten characters at {start + seen[0]}: {text}"

    def check_said(self, said: str, asked: str) -> None:
        told = self.words - set(asked.replace(".", " ").split())
        assert not [word for word in told if word in said], f"{told} can be read in {said[:300]}"


def everything(lab: Lab, forgotten: Forgotten | None, as_of: int | None) -> str:
    """All that can be read of memory, as one text; what is forgotten is looked for in it."""
    out: list[Any] = []
    ways = [
        *({"datastore": f"few-{recipe}", "search": "all"} for recipe in RECIPES),
        {"datastore": "few-flat", "search": "articles"},
        {"datastore": "few-flat", "search": "all", "key": "last"},
        {"method": "bert-knn", "search": "articles"},
        {"datastore": "few-causal", "method": "knn-lm", "search": "all"},
        {"datastore": "few-causal", "method": "knn-lm", "search": "articles"},
        {"method": "knn-lm", "search": "all"},
    ]
    for number, way in enumerate(ways):
        causal = way.get("method") == "knn-lm"
        prompt = QUESTIONS["causal" if causal else "masked"][number % 3]
        out.append(asked(lab, forgotten, prompt, as_of, {**way, "k": 8}))
    out += [read(lab, forgotten, method, as_of) for method in ("knn-lm", "spalm", "spalm+knn-lm")]
    out.append(continued(lab, forgotten, as_of))
    for store in (None, "few-flat"):
        articles = lab.articles(store, as_of)
        out.append([a.to_dict() for a in articles if a.title in TOPICS or a.id.startswith("edit:")])
        if forgotten:
            for article in articles:
                forgotten.check(corpus_of(lab, store), article.id, 0, article.text)
            forgotten.check_said(json.dumps(out[-1], ensure_ascii=False), "")
    if forgotten:
        searched(lab, forgotten)
    return json.dumps(out, ensure_ascii=False)


def asked(lab: Lab, forgotten: Forgotten | None, prompt: str, as_of: int | None, how: dict[str, Any]) -> Any:
    try:
        p = lab.ask(prompt, as_of=as_of, **how)
    except InputError as error:  # everything that the prompt is about was forgotten
        return str(error)
    if forgotten:
        check_neighbors(lab, p.datastore, p.neighbors, forgotten)
    said = p.to_dict(top=20)
    for name in ("as_of", "timings_ms"):
        del said[name]
    if forgotten:
        forgotten.check_said(json.dumps(said, ensure_ascii=False), prompt)
        forgotten.check_said(" ".join(w.token for w in p.knn), prompt)
    return said


def read(lab: Lab, forgotten: Forgotten | None, method: str, as_of: int | None) -> Any:
    """A passage read with memory: what is remembered at its last words."""
    trace = lab.read(PASSAGE, method, as_of=as_of, **({} if method == "spalm" else {"lam": 0.5}))
    last = range(len(trace) - 3, len(trace))
    if forgotten:
        for step in (lab.reading.step(trace, position) for position in last):
            assert step.neighbors
            check_neighbors(lab, trace.datastore, step.neighbors, forgotten)
    return [trace[position].to_dict() for position in last]


def continued(lab: Lab, forgotten: Forgotten | None, as_of: int | None) -> Any:
    """A prompt continued with memory: what is remembered at each step, and what was copied."""
    g = lab.generate(QUESTIONS["causal"][0], max_tokens=3, as_of=as_of, copied_from=1)
    if forgotten:
        for node in g.nodes:
            check_neighbors(lab, g.datastore, lab.generation.step(g, node.number).neighbors, forgotten)
        forgotten.check_said(g.continuation, g.prompt)
    return [[node.token.to_dict() for node in g.nodes], [span.to_dict() for span in g.copied]]


def check_neighbors(lab: Lab, datastore: str | None, neighbors: Iterable[Neighbor], forgotten: Forgotten) -> None:
    corpus, ids = corpus_of(lab, datastore), {a.title: a.id for a in lab.articles(datastore)}
    for n in neighbors:
        where = (corpus, ids[n.document]) if n.source == "base" else ("edit", n.source)
        assert not forgotten.places[where] & set(range(n.start, n.end)), f"a forgotten entry is found: {n}"
        forgotten.check(*where, n.start - len(n.left), n.left + n.value + n.right)


def searched(lab: Lab, forgotten: Forgotten) -> None:
    for word in ("capital", "Paris", *NONSENSE):
        for store in (None, "few-flat"):
            for s in lab.sources(value=word, datastore=store, limit=200).sources:
                text = s.left + s.source.text + s.right
                forgotten.check(s.source.corpus, s.source.document, s.source.start - len(s.left), text)


def corpus_of(lab: Lab, datastore: str | None) -> str:
    return articles_hash() if datastore is None else lab.context.shelf.open(datastore).fingerprint.corpus_hash
