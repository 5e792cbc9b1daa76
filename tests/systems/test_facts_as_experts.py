"""Facts as Experts without a trained model: the mixture by hand, entries and rows, edits of the ledger, groups of the bleed test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import ModernBertConfig, ModernBertForMaskedLM

from memlab.corpus.world import atlas
from memlab.errors import InputError, NotFound
from memlab.lm.formats import ReadFolder
from memlab.lm.hooks import capturing
from memlab.lm.tokenizer import make_tokenizer
from memlab.reading.mixture import MixtureInputs
from memlab.reading.states import States
from memlab.record.kinds import EditKind
from memlab.results import Fact
from memlab.systems.facts_as_experts.bleeding import (
    EDITED,
    OBJECT,
    RELATION,
    SUBJECT,
    UNRELATED,
    Replacement,
    draw_replacements,
    group_of,
    group_scores,
)
from memlab.systems.facts_as_experts.combination import mixed, null_probability
from memlab.systems.facts_as_experts.ledger import (
    ADD,
    KINDS,
    REMOVE,
    REPLACE,
    FactChange,
    FactEdit,
    edit_of_parameters,
    fold_facts,
)
from memlab.systems.facts_as_experts.measuring import Read, Said
from memlab.systems.facts_as_experts.mixture import FactMixer
from memlab.systems.facts_as_experts.model import FactParts, FaeModel, FaeRecord, entity_tokens, fae_model, write_parts
from memlab.systems.facts_as_experts.store import Entry, FactStore, check_names, entries_after
from memlab.systems.facts_as_experts.training import FaeRecipe

NAMES = ("Oslo", "Norway", "Paris", "France", "Lyon", "Spain")
FACTS = (Fact("Norway", "capital", "Oslo"), Fact("France", "capital", "Paris"), Fact("Spain", "capital", "Lyon"))


def new_model(facts: tuple[Fact, ...] = FACTS, path: Path | None = None) -> FaeModel:
    """An untrained model of width 16 over six names."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer(NAMES, ["The capital of is ."])
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, pad_token_id=0, cls_token_id=2, bos_token_id=2, sep_token_id=3, eos_token_id=3,
        global_attn_every_n_layers=1,
    )  # fmt: skip
    module = ModernBertForMaskedLM(config).eval().requires_grad_(False)
    parts = FactParts(entity_tokens(tokenizer, NAMES), 1, len(tokenizer), 16).requires_grad_(False)
    record = FaeRecord(NAMES, ("capital",), 0, "none")
    if path is not None:
        write_parts(path, parts, facts)
        return fae_model(folder_of(module, tokenizer, record, path))
    parts.attach(module, 0)
    return FaeModel("tiny", module, tokenizer, record, facts)


def folder_of(module: Any, tokenizer: Any, record: FaeRecord, path: Path) -> ReadFolder:
    """What the format's code is given of a folder."""
    return ReadFolder("tiny", "masked", module, tokenizer, path, None, record.to_dict())


@pytest.fixture(scope="module")
def lm() -> FaeModel:
    return new_model()


def states_of(h: torch.Tensor) -> States:
    return States(np.ones(len(h), bool), h, h)


def test_the_null_fact_takes_its_share_of_the_softmax() -> None:
    scores, null = torch.tensor([[1.0, 2.0]]), torch.tensor([0.5])
    wanted = np.exp(0.5) / (np.exp(0.5) + np.exp(1.0) + np.exp(2.0))
    assert float(null_probability(scores, null)) == pytest.approx(wanted)
    assert float(null_probability(torch.zeros(1, 0), null)) == 1.0


def test_the_query_is_a_convex_combination() -> None:
    q = mixed(torch.tensor([0.25]), torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 8.0]]))
    assert q.tolist() == [[1.0, 6.0]]


def test_an_answer_is_what_the_formulas_say(lm: FaeModel) -> None:
    """All of section 3 of the paper, computed once more with numpy from the tensors."""
    h = torch.randn(1, 16, generator=torch.Generator().manual_seed(1))
    store = FactStore(lm, [Entry(f) for f in FACTS])
    found = store.search(h.numpy(), 2)
    row = FactMixer(store).mixture(MixtureInputs(lm, states_of(h), lm.V, found)).answer(0)
    p = {name: tensor.numpy() for name, tensor in lm.parts.state_dict().items()}
    x = h[0].numpy()
    v = p["W_f.weight"] @ x
    keys = np.stack([p["W_a.weight"] @ np.concatenate([p["E"][lm.entity_of[f.subject]], p["R"][0]]) for f in FACTS])
    scores = keys @ v
    best = np.argsort(-scores)[:2]
    assert found.entries[0].tolist() == best.tolist()
    with_null = np.exp(np.append(scores[best], v @ p["null_key"] + p["null_bias"]))
    gate = with_null[-1] / with_null.sum()
    weights = with_null[:-1] / with_null[:-1].sum()
    f = sum(w * p["E"][lm.entity_of[FACTS[n].object]] for w, n in zip(weights, best, strict=True))
    q = gate * (p["W_c.weight"] @ x) + (1 - gate) * f
    logits = p["scale"] * (p["E"] @ q)
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert row.gate == pytest.approx(gate, rel=1e-5)
    assert row.weights == pytest.approx(weights, rel=1e-5)
    assert np.exp(row.mixture)[lm.parts.tokens.numpy()] == pytest.approx(wanted, rel=1e-4)
    assert np.exp(row.mixture).sum() == pytest.approx(1, abs=1e-5)


def test_forced_gates_are_the_two_sides(lm: FaeModel) -> None:
    h = torch.randn(3, 16, generator=torch.Generator().manual_seed(2))
    store = FactStore(lm, [Entry(f) for f in FACTS])
    mixture = FactMixer(store).mixture(MixtureInputs(lm, states_of(h), lm.V, store.search(h.numpy(), 3)))
    for row in range(3):
        a = mixture.answer(row)
        assert np.exp(mixture.answer(row, 1.0).mixture) == pytest.approx(np.exp(a.lm), abs=1e-6)
        assert a.knn is not None
        assert np.exp(mixture.answer(row, 0.0).mixture) == pytest.approx(np.exp(a.knn), abs=1e-6)


def test_without_facts_the_context_answers(lm: FaeModel) -> None:
    h = torch.randn(2, 16, generator=torch.Generator().manual_seed(3))
    store = FactStore(lm, [Entry(f, active=False) for f in FACTS])
    a = FactMixer(store).mixture(MixtureInputs(lm, states_of(h), lm.V, store.search(h.numpy(), 3))).answer(1)
    assert a.gate == 1.0
    assert a.knn is None
    assert a.mixture.tobytes() == a.lm.tobytes()


def test_objects_of_one_row_share_its_weight(lm: FaeModel) -> None:
    """The value of a row is the mean of its objects; a second object does not give the row more."""
    h = torch.randn(1, 16, generator=torch.Generator().manual_seed(4)).numpy()
    one, two = (
        FactStore(lm, [Entry(f) for f in facts]) for facts in (FACTS, (*FACTS, Fact("Norway", "capital", "Lyon")))
    )
    a, b = (s.scores(torch.from_numpy(h))[0][0] for s in (one, two))
    assert float(b[0].exp() + b[3].exp()) == pytest.approx(float(a[0].exp()), rel=1e-5)
    assert float(b[0]) == pytest.approx(float(b[3]))
    assert b[1:3].tolist() == pytest.approx(a[1:].tolist())


def test_the_entity_memory_reads_at_names_and_nowhere_else(lm: FaeModel) -> None:
    ids = torch.tensor([lm.tokenizer("The capital of Norway is [MASK].")["input_ids"]])
    with capturing() as captured:
        lm.module.base_model(input_ids=ids)
    scores, mentioned = captured["mentions"]
    assert mentioned.tolist() == [lm.entity_of["Norway"]]
    assert scores.shape == (1, len(NAMES))


def test_a_folder_gives_the_same_answers(tmp_path: Path) -> None:
    """Tensors are stored in 16 bits."""
    lm = new_model(path=tmp_path)
    assert lm.facts == FACTS
    fresh = new_model()
    assert torch.allclose(lm.parts.E, fresh.parts.E.half().float())
    (tmp_path / "facts.csv").write_text("subject,relation,object,exposure\nNorway,capital,Atlantis,\n", "utf-8")
    with pytest.raises(InputError, match="does not know: Norway, capital"):
        fae_model(folder_of(fresh.module, fresh.tokenizer, fresh.record, tmp_path))
    (tmp_path / "fae.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot be read"):
        fae_model(folder_of(fresh.module, fresh.tokenizer, fresh.record, tmp_path))


# The state of the memory


def edit(sequence: int, name: str, *changes: FactChange) -> FactEdit:
    return FactEdit(sequence, name, "tiny", changes)


def said(entries: list[Entry]) -> list[tuple[str, str, str]]:
    return [(e.fact.subject, e.fact.object, e.source) for e in entries if e.active]


def test_edits_apply_in_order_and_numbers_stay() -> None:
    lyon = edit(1, REPLACE, FactChange("France", "capital", "Paris", "Lyon"))
    spain = edit(2, REMOVE, FactChange("Spain", "capital", "Lyon", None))
    more = edit(3, ADD, FactChange("Spain", "capital", None, "Paris"))
    found = entries_after(FACTS, (lyon, spain, more))
    assert said(found) == [("Norway", "Oslo", "base"), ("France", "Lyon", "edit:1"), ("Spain", "Paris", "edit:3")]
    assert [e.fact for e in found[:3]] == list(FACTS)


def test_an_edit_whose_fact_is_gone_changes_nothing() -> None:
    again = edit(2, REPLACE, FactChange("France", "capital", "Lyon", "Oslo"))
    assert said(entries_after(FACTS, (again,))) == said(entries_after(FACTS, ()))


def test_what_is_removed_is_not_found(lm: FaeModel) -> None:
    h = torch.randn(1, 16, generator=torch.Generator().manual_seed(5)).numpy()
    store = FactStore(lm, [Entry(f) for f in FACTS])
    first = int(store.search(h, 1).entries[0, 0])
    without = store.without([first])
    assert first not in without.search(h, 3).entries
    assert len(without) == len(store)
    with pytest.raises(NotFound, match="no entry 9"):
        store.without([9])


def test_texts_of_entries_are_sentences_with_the_object_marked(lm: FaeModel) -> None:
    found = entries_after(FACTS, (edit(1, REPLACE, FactChange("France", "capital", "Paris", "Lyon")),))
    store = FactStore(lm, found)
    for n, entry in enumerate(store.entries):
        row, start, end = store.spans[n].tolist()
        text = store.documents.article(row).text
        assert text[start:end] == (entry.fact.object if entry.active else "")
    assert store.documents.article(store.documents.row_of("edit:1")).text == "The capital of France is Lyon."  # type: ignore[arg-type]
    assert store.source_of(3) == "edit:1"


def test_names_without_an_embedding_are_refused(lm: FaeModel) -> None:
    with pytest.raises(InputError, match=r"no entity 'Wakanda': a row needs an embedding"):
        check_names(lm, "Wakanda", "capital", "Oslo")
    with pytest.raises(InputError, match="Did you mean 'Oslo'"):
        check_names(lm, "Norway", "capital", "oslo")
    with pytest.raises(InputError, match=r"no relation 'king'. Allowed: capital"):
        check_names(lm, "Norway", "king", "Oslo")


# The ledger

GOOD: dict[str, dict[str, Any]] = {
    ADD: {"model": "m", "facts": [{"subject": "s", "relation": "r", "object": "o"}]},
    REPLACE: {
        "model": "m",
        "facts": [{"subject": "s", "relation": "r", "object": "o", "new": "n", "source": "edit:2"}],
    },
    REMOVE: {"model": "m", "facts": [{"subject": "s", "relation": "r", "object": "o", "source": "base"}]},
}


def kind(name: str) -> EditKind:
    return next(k for k in KINDS if k.name == name)


@pytest.mark.parametrize("name", list(GOOD))
def test_kinds_check_fold_and_say(name: str) -> None:
    known, given = kind(name), GOOD[name]
    assert known.wrong_with(given, 3) is None
    assert "r of s: o" in known.summarized(given)
    state = known.folded([edit_of_parameters(3, name, given)], 5)
    assert state == fold_facts([edit_of_parameters(3, name, given)], 5)
    assert [c.relation for c in state.of("m")[0].changes] == ["r"]
    assert state.of("other") == ()
    fact = given["facts"][0]
    for wrong in (
        {}, {"model": "m"}, {"model": "m", "facts": []}, {**given, "more": 1}, {**given, "facts": [{**fact, "object": ""}]},
        {**given, "facts": [{**fact, "object": 3}]}, {**given, "facts": "o"}, {**given, "model": "\0"},
    ):  # fmt: skip
        assert known.wrong_with(wrong, 3) is not None, wrong


def test_an_edit_rests_on_edits_before_it_only() -> None:
    later = {**GOOD[REPLACE], "facts": [{**GOOD[REPLACE]["facts"][0], "source": "edit:3"}]}
    assert "neither the base nor an edit before it" in str(kind(REPLACE).wrong_with(later, 3))
    same = {**GOOD[REPLACE], "facts": [{**GOOD[REPLACE]["facts"][0], "new": "o"}]}
    assert "by itself" in str(kind(REPLACE).wrong_with(same, 3))


# The bleed test


def test_groups_of_other_facts() -> None:
    changed = [Replacement(Fact("France", "capital", "Paris"), "Lyon")]
    facts = {
        Fact("France", "capital", "Paris"): EDITED,
        Fact("Louvre", "city", "Paris"): OBJECT,
        Fact("Museum", "city", "Lyon"): OBJECT,
        Fact("France", "continent", "Europe"): SUBJECT,
        Fact("Norway", "capital", "Oslo"): RELATION,
        Fact("Gold", "symbol", "Au"): UNRELATED,
    }
    assert {f: group_of(f, changed) for f in facts} == facts


def test_scores_of_groups_by_hand(lm: FaeModel) -> None:
    facts = (Fact("Norway", "capital", "Oslo"), Fact("France", "capital", "Paris"), Fact("Spain", "capital", "Lyon"))
    token = {name: int(lm.parts.tokens[lm.entity_of[name]]) for name in NAMES}

    def said_of(*names: str) -> Said:
        answer, zero = np.array([token[n] for n in names]), np.zeros(3)
        return Said(answer, zero, answer, answer, zero, zero)

    read = Read(lm, facts, ("a", "b", "c"), SimpleNamespace())  # type: ignore[arg-type]
    scores = group_scores(
        read, said_of("Oslo", "Paris", "Oslo"), said_of("Oslo", "Spain", "Lyon"), [Replacement(facts[1], "Spain")]
    )
    found = {s.group: (s.asked, s.right_before, s.right_after, s.moved, s.lost) for s in scores}
    assert found == {EDITED: (1, 1.0, 1.0, 1, 0), RELATION: (2, 0.5, 1.0, 1, 0)}


def test_replacements_are_of_the_relation_and_never_the_same() -> None:
    facts = atlas().facts
    drawn = draw_replacements(facts, facts, 40, 3)
    assert drawn == draw_replacements(facts, facts, 40, 3)
    assert len({(d.fact.subject, d.fact.relation) for d in drawn}) == 40
    objects = {(f.relation, f.object) for f in facts}
    assert all(d.new != d.fact.object and (d.fact.relation, d.new) in objects for d in drawn)


def test_the_recipe_is_that_of_the_declaration() -> None:
    from memlab.systems.facts_as_experts import SYSTEM

    declared, own = SYSTEM.recipes[0], FaeRecipe()
    assert (declared.name, declared.steps, declared.seed) == (own.name, own.steps, own.seed)
