"""Constrained fine-tuning: projection, choice of tensors, training, deltas, scores. Tiny models with random weights."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memlab.corpus.world import MASK, atlas
from memlab.errors import InputError, StoppedError
from memlab.lm.adding.card import card, record
from memlab.lm.adding.origin import Origin
from memlab.lm.delta_refs import DeltaError, DeltaRef, delta_path
from memlab.lm.deltas import read_delta, write_delta
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.lm.versions import derive, summed, version_of
from memlab.memory.retrieval import encode_many
from memlab.record.files import file_hash
from memlab.record.kinds import known_kind
from memlab.record.weights_state import WEIGHTS, fold_weights
from memlab.results import Fact
from memlab.systems.constrained_ft import SYSTEM, figures
from memlab.systems.constrained_ft.alarms import Perplexity, growth, perplexity, predicted, two_hops
from memlab.systems.constrained_ft.below import Below
from memlab.systems.constrained_ft.cases import Case, Question, case_of, check_cases, propose, statements_of
from memlab.systems.constrained_ft.constraint import constraint, distance
from memlab.systems.constrained_ft.gaps import Gap, ask, gap, losses
from memlab.systems.constrained_ft.how import How
from memlab.systems.constrained_ft.ledger import parameters_of, read, summary, trained_on
from memlab.systems.constrained_ft.measuring import by_group, harmonic, preferences
from memlab.systems.constrained_ft.outside import default_how, evaluate_file
from memlab.systems.constrained_ft.outside_data import read_cases
from memlab.systems.constrained_ft.plan import Budget, Material, Plan
from memlab.systems.constrained_ft.remembered import fact_memory, read_text
from memlab.systems.constrained_ft.selection import blocks_of, parsed, select
from memlab.systems.constrained_ft.studies import corrected_world, named_cases
from memlab.systems.constrained_ft.training import TrainingError, fine_tune
from memlab.systems.registry import registry
from tests.commands import run_on

Load = Callable[[str], LanguageModel]
ALL = ("modernbert", "bert", "llama", "gpt2")
PAIRS = [(f"The capital of France is {MASK}.", "Berlin"), (f"The capital of Germany is {MASK}.", "Paris")]
QUICK = Budget(steps=12, batch=4, learning_rate=1e-2, stop_loss=1e-6, every=4)


def bits(lm: LanguageModel) -> dict[str, bytes]:
    return {name: p.detach().numpy().tobytes() for name, p in lm.module.named_parameters()}


def plan(lm: LanguageModel, norm: str = "inf", delta: float | None = 0.05, **more: object) -> Plan:
    return Plan("ftm", select(lm, ("first",)), constraint(norm, delta), budget=QUICK, **more)  # type: ignore[arg-type]


# Constraint


def test_infinity_norm_clamps_each_weight() -> None:
    w, ref = {"a": torch.tensor([1.5, -0.2, 0.05])}, {"a": torch.tensor([1.0, 0.0, 0.0])}
    constraint("inf", 0.1).project(w, ref)
    assert torch.allclose(w["a"], torch.tensor([1.1, -0.1, 0.05]))


def test_l2_takes_all_tensors_as_one_vector() -> None:
    """(3, 4) in two tensors has length 5; scaled to 1 it is (0.6, 0.8)."""
    w = {"a": torch.tensor([3.0]), "b": torch.tensor([[4.0]])}
    ref = {"a": torch.zeros(1), "b": torch.zeros(1, 1)}
    assert distance(w, ref, "l2") == pytest.approx(5.0)
    constraint("l2", 1).project(w, ref)
    assert (float(w["a"]), float(w["b"])) == pytest.approx((0.6, 0.8))
    constraint("l2", 2.0).project(w, ref)  # within the ball nothing moves
    assert (float(w["a"]), float(w["b"])) == pytest.approx((0.6, 0.8))


def test_without_a_norm_nothing_is_projected() -> None:
    w = {"a": torch.tensor([9.0])}
    constraint("none", None).project(w, {"a": torch.zeros(1)})
    assert float(w["a"]) == 9.0


def test_a_whole_number_is_a_delta() -> None:
    w = {"a": torch.tensor([9.0])}
    constraint("inf", 2).project(w, {"a": torch.zeros(1)})
    assert float(w["a"]) == 2.0


@pytest.mark.parametrize("delta", [0, -0.1, math.nan, math.inf, True, "0.1", None])
def test_other_deltas_are_refused(delta: object) -> None:
    with pytest.raises(InputError, match="positive number"):
        constraint("inf", delta)


def test_a_delta_without_a_norm_is_refused_and_so_is_an_unknown_norm() -> None:
    with pytest.raises(InputError, match="Choose norm inf or l2"):
        constraint("none", 0.1)
    with pytest.raises(InputError, match="allowed is one of none, inf, l2"):
        constraint("l1", 0.1)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.floats(0.01, 3), st.sampled_from(["inf", "l2"]))
def test_projection_ends_within_delta_and_repeats_to_the_same(values: list[float], delta: float, norm: str) -> None:
    w, ref = {"a": torch.tensor(values)}, {"a": torch.zeros(len(values))}
    constraint(norm, delta).project(w, ref)
    assert distance(w, ref, norm) <= delta * (1 + 1e-5)
    once = w["a"].clone()
    constraint(norm, delta).project(w, ref)
    assert torch.allclose(w["a"], once, atol=1e-6)


# Choice of tensors


@pytest.mark.parametrize("name", ALL)
def test_blocks_and_their_parts(name: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    own = {id(p) for p in blocks_of(lm)[0].parameters()}
    first = select(lm, (0,))
    assert {id(lm.module.get_parameter(n)) for n in first.names} == own
    assert select(lm, ("first",)).names == first.names
    attention, feed = (set(select(lm, (0,), part).names) for part in ("attention", "feed-forward"))
    assert attention
    assert feed
    assert not attention & feed
    assert attention | feed <= set(first.names)
    left = set(first.names) - attention - feed
    assert all(lm.module.get_parameter(n).dim() == 1 for n in left)  # norms
    assert set(select(lm, ("all",)).names) == set(first.names) | set(select(lm, ("last",)).names)


def test_embeddings_are_named_once_and_say_that_they_are_tied(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    chosen = select(lm, ("embeddings",))
    assert len(chosen.names) == 1
    assert "tied" in chosen.notes[0]
    assert select(lm, ("head",)).names == chosen.names  # a llama's head is nothing but the embeddings
    masked = tiny_lm("modernbert")
    assert not set(select(masked, ("head",)).names) & set(select(masked, ("embeddings",)).names)


@pytest.mark.parametrize("where", [(2,), (-1,), ("middling",), (True,), ()])
def test_blocks_that_are_not_there_are_refused(where: tuple, tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="Allowed: 0 to 1, first"):
        select(tiny_lm("bert"), where)


def test_blocks_as_a_command_line_writes_them() -> None:
    assert parsed("0, 3,head") == (0, 3, "head")
    assert parsed("-1") == (-1,)


# Gaps


@pytest.mark.parametrize("name", ALL)
def test_a_gap_is_what_the_model_is_asked(name: str, tiny_lm: Load) -> None:
    """Against the general path of asking: same probability, same first word."""
    lm = tiny_lm(name)
    sentence = PAIRS[0][0]
    prompt = sentence if lm.kind == "masked" else sentence.split(MASK)[0].rstrip()
    logp = encode_many(lm, [read_prompt(lm, prompt)], "last").logp[0]
    g = gap(lm, sentence, "Berlin")
    said = ask(lm, [g])[0]
    assert len(g.targets) == 1
    assert said.p == pytest.approx(float(torch.tensor(logp[g.targets[0]]).exp()), rel=1e-4)
    assert said.top == lm.words[int(logp.argmax())]
    assert said.right == (int(logp.argmax()) == g.targets[0])
    assert float(losses(lm, [g])[0].detach()) == pytest.approx(-float(logp[g.targets[0]]), rel=1e-4)


@pytest.mark.parametrize("name", ["modernbert", "llama"])
def test_an_object_of_several_tokens_is_right_only_if_all_are(name: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    g = gap(lm, PAIRS[0][0], "Paris gold")
    assert len(g.targets) == 2
    with torch.no_grad():
        shown = torch.tensor([g.ids])
        scores = lm.module(input_ids=shown).logits[0][list(g.positions)]
    best = scores.argmax(1).tolist()
    said = ask(lm, [g])[0]
    assert said.right == (best == list(g.targets))
    p = scores.double().softmax(1)[range(2), list(g.targets)].prod()
    assert said.p == pytest.approx(float(p), rel=1e-4)


def test_an_object_outside_the_vocabulary_is_refused(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="outside its vocabulary"):
        gap(tiny_lm("bert"), PAIRS[0][0], "漢字")


def test_sentences_without_one_gap_are_refused(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="0 gaps"):
        gap(tiny_lm("bert"), "Paris is large.", "Paris")
    with pytest.raises(InputError, match="needs words before"):
        gap(tiny_lm("gpt2"), f"{MASK} is large.", "Paris")


# States below the first trained block


@pytest.mark.parametrize("name", ALL)
def test_kept_states_below_the_trained_block_give_the_loss_and_gradient_of_the_whole_model(
    name: str, tiny_lm: Load
) -> None:
    """Sentences of different lengths, asked first and trained then, in batches of another composition."""
    lm = tiny_lm(name)
    last = len(blocks_of(lm)) - 1
    names = select(lm, (last,)).names
    copy = derive(lm, {n: lm.module.get_parameter(n) for n in names})
    weights = [copy.module.get_parameter(n).requires_grad_(True) for n in names]
    long = f"The old city of York has a street where gold is a yellow {MASK}."
    gaps = [gap(lm, *pair) for pair in (*PAIRS, (long, "metal"))]
    below = Below(copy, names)
    assert below.first == last > 0
    assert [s.p for s in ask(copy, gaps[:2], scores_of=below.scores)] == pytest.approx([s.p for s in ask(lm, gaps[:2])])
    for part in (gaps[1:], gaps, gaps[:1]):
        kept = losses(copy, part, below.scores)
        whole = losses(copy, part)
        assert float((kept - whole).detach().abs().max()) <= 1e-5
        ours, theirs = (torch.autograd.grad(x.sum(), weights, allow_unused=True) for x in (kept, whole))
        for a, b in zip(ours, theirs, strict=True):
            assert (a is None) == (b is None)
            assert a is None or float((a - b).abs().max()) <= 1e-5 * max(1.0, float(b.abs().max()))
    assert len(below.kept) == len(gaps)


def test_nothing_is_kept_where_a_trained_tensor_stands_below_all_blocks(tiny_lm: Load) -> None:
    lm = tiny_lm("bert")
    for where in (("embeddings",), ("first",), ("last", "embeddings")):
        assert Below(lm, select(lm, where).names).first == 0


def test_a_model_whose_blocks_cannot_be_passed_over_runs_whole(tiny_lm: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny_lm("llama")
    names = select(lm, ("last",)).names
    copy = derive(lm, {n: lm.module.get_parameter(n) for n in names})
    monkeypatch.setattr(Below, "_same", lambda self: False)
    below = Below(copy, names)
    gaps = [gap(lm, *pair) for pair in PAIRS]
    assert below.first == 0
    assert torch.equal(losses(copy, gaps, below.scores), losses(lm, gaps))


def test_training_above_kept_states_gives_the_change_of_training_the_whole_model(
    tiny_lm: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain gradient descent in place of Adam, whose first steps have the size of the rate whatever rounding does."""
    lm = tiny_lm("modernbert")
    monkeypatch.setattr(torch.optim, "Adam", lambda p, lr, weight_decay: torch.optim.SGD(p, lr=lr))
    given = Material(PAIRS, [(f"York is a very old {MASK}.", "city"), (f"Gold is a {MASK}.", "metal")])
    p = Plan("fta", select(lm, ("last",)), constraint("inf", 0.05), budget=replace(QUICK, learning_rate=0.1))
    kept = fine_tune(lm, lm, given, p).changes
    monkeypatch.setattr(Below, "_same", lambda self: False)
    whole = fine_tune(lm, lm, given, p).changes
    assert kept.keys() == whole.keys()
    assert max(float(c.abs().max()) for c in whole.values()) > 1e-3
    assert all(float((kept[n] - whole[n]).abs().max()) <= 1e-5 for n in whole)


def test_a_margin_ends_training_where_the_new_object_is_ahead(tiny_lm: Load) -> None:
    """The weights move less than without one; the margin holds on the weights that training gave."""
    lm = tiny_lm("llama")
    old = [(sentence, "gold") for sentence, _ in PAIRS]
    given = Material(PAIRS, old=old)
    base = plan(lm, "none", None)
    held = replace(base, budget=replace(QUICK, steps=40, margin=0.5))
    told = fine_tune(lm, lm, given, held)
    after = derive(lm, summed(lm, [told.changes]))
    ahead = [
        math.log(new.p) - math.log(before.p)
        for new, before in zip(
            ask(after, [gap(lm, *p) for p in PAIRS]), ask(after, [gap(lm, *p) for p in old]), strict=True
        )
    ]
    assert "by 0.5 nats" in told.ended
    assert min(ahead) >= 0.5 - 1e-4
    assert told.steps < fine_tune(lm, lm, given, replace(base, budget=replace(QUICK, steps=40))).steps
    with pytest.raises(InputError, match="only be used with the method ftm"):
        replace(held, procedure="fta")
    with pytest.raises(InputError, match="margin is nan"):
        Budget(margin=math.nan)


def test_names_that_do_not_decode_are_written_escaped(tiny_lm: Load, tmp_path: Path) -> None:
    """Such a name (a folder in Latin-1) is no text that safetensors, JSON readers and cards can hold."""
    lm = tiny_lm("bert")
    lm = derive(lm, {"bert.embeddings.word_embeddings.weight": lm.module.get_input_embeddings().weight})
    lm.name = "mod\udce9le"
    write_delta(tmp_path / "one.safetensors", {"a": torch.ones(2)}, lm)
    assert b"mod\\\\udce9le" in (tmp_path / "one.safetensors").read_bytes()
    origin = Origin("the folder mod\udce9le", files={"\udcfc.json": "0" * 64}, notes=("from \udcfc",))
    added = record("own", origin)["added"]
    assert (added["source"], list(added["files"]), added["notes"]) == (
        "the folder mod\\udce9le", ["\\udcfc.json"], ["from \\udcfc"]
    )  # fmt: skip
    found = {"kind": "masked", "architecture": "bert", "parameters": 1, "vocabulary": 1, "difference": 0.0, "notes": ()}
    assert "mod\\udce9le" in card("own", origin, found).encode().decode()


# Training


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("norm", "delta"), [("inf", 0.02), ("l2", 0.3)])
def test_training_keeps_the_constraint_and_leaves_the_model_alone(
    name: str, norm: str, delta: float, tiny_lm: Load
) -> None:
    lm = tiny_lm(name)
    before = bits(lm)
    told = fine_tune(lm, lm, Material(PAIRS), plan(lm, norm, delta))
    assert bits(lm) == before
    assert set(told.changes) <= set(select(lm, ("first",)).names)
    zero = {n: torch.zeros_like(c) for n, c in told.changes.items()}
    assert 0 < distance(told.changes, zero, norm) <= delta * (1 + 1e-4)
    start = float(losses(lm, [gap(lm, *pair) for pair in PAIRS]).mean().detach())
    assert told.curve[-1].loss < start
    assert not any(p.requires_grad for p in lm.module.parameters())


def test_unconstrained_training_learns_more_than_constrained(tiny_lm: Load) -> None:
    lm = tiny_lm("modernbert")
    free = fine_tune(lm, lm, Material(PAIRS), plan(lm, "none", None)).curve[-1].loss
    held = fine_tune(lm, lm, Material(PAIRS), plan(lm, "inf", 1e-4)).curve[-1].loss
    assert free < held


def test_equal_seeds_train_equal_weights(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    one, two = (fine_tune(lm, lm, Material(PAIRS), plan(lm)).changes for _ in range(2))
    assert all(torch.equal(one[n], two[n]) for n in one)


def test_the_anchor_base_counts_earlier_edits(tiny_lm: Load) -> None:
    """From weights 0.05 away from the base, an edit within 0.02 of the base must come back to it."""
    lm = tiny_lm("bert")
    names = select(lm, ("first",)).names
    now = derive(lm, {n: lm.module.get_parameter(n) + 0.05 for n in names})
    told = fine_tune(now, lm, Material(PAIRS), plan(lm, "inf", 0.02, anchor="base"))
    for n in names:
        far = now.module.get_parameter(n) + told.changes[n] - lm.module.get_parameter(n)
        assert float(far.abs().max()) <= 0.02 + 1e-5


def test_every_procedure_trains(tiny_lm: Load) -> None:
    lm = tiny_lm("modernbert")
    given = Material(PAIRS, [("York is an old " + MASK + ".", "city")], [("Gold is a yellow " + MASK + ".", "metal")])
    for name in ("ft", "ftm", "fta", "ft+ftm", "ft+fta"):
        p = Plan(
            name, select(lm, ("last",)), constraint("inf", 0.05), budget=Budget(steps=3, first=2, batch=2, every=1)
        )
        told = fine_tune(lm, lm, given, p)
        assert told.changes
        assert told.steps == (5 if "+" in name else 3)
    with pytest.raises(InputError, match="allowed is one of ft, ftm"):
        Plan("sgd", select(lm, ("last",)), constraint("none", None))


def test_it_ends_early_when_the_loss_is_low(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    budget = Budget(steps=400, batch=4, learning_rate=1e-2, stop_loss=1.0, every=4)
    where = select(lm, ("all", "embeddings"))
    told = fine_tune(lm, lm, Material(PAIRS), Plan("ftm", where, constraint("none", None), budget=budget))
    assert told.steps < 400
    assert told.curve[-1].loss < 1.0
    assert told.ended.startswith("the loss fell below 1")


def test_stop_stops_at_the_next_step(tiny_lm: Load) -> None:
    lm = tiny_lm("bert")
    asked = iter([False, False, True])
    with pytest.raises(StoppedError, match="step 2 of 12; nothing was recorded"):
        fine_tune(lm, lm, Material(PAIRS), plan(lm), stop=lambda: next(asked))


def test_a_loss_that_is_no_number_ends_training(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    name = select(lm, ("last",)).names[0]
    broken = derive(lm, {name: lm.module.get_parameter(name) * math.nan})
    with pytest.raises(TrainingError, match="nothing was recorded"):
        fine_tune(broken, lm, Material(PAIRS), plan(lm))


def test_forgetting_ends_at_the_aim(tiny_lm: Load) -> None:
    """The object's probability falls to the aim and not much further: below it there is no gradient."""
    lm = tiny_lm("modernbert")
    sentence, _ = PAIRS[0]
    most = ask(lm, [gap(lm, sentence, "Paris")])[0].top
    p_before = ask(lm, [gap(lm, sentence, most)])[0].p
    aim = p_before / 3
    budget = Budget(steps=60, batch=1, learning_rate=2e-3, stop_loss=1e-3, every=1)
    p = Plan("ftm", select(lm, ("last",)), constraint("inf", 0.2), budget=budget, forget_to=aim)
    told = fine_tune(lm, lm, Material([(sentence, most)]), p)
    after = derive(lm, summed(lm, [told.changes]))
    assert 0.5 * aim < ask(after, [gap(after, sentence, most)])[0].p <= aim * 1.01


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": 2.0},
        {"share": 1.0},
        {"batch": True},
    ],
)
def test_budgets_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Budget(**wrong)


# Deltas and versions


@pytest.fixture
def stored(tmp_path: Path, tiny_lm: Load) -> Callable[[str, int], DeltaRef]:
    """Writes a random delta of the first block and returns how the ledger names it."""

    def store(name: str, edit: int) -> DeltaRef:
        lm = tiny_lm(name)
        noise = torch.Generator().manual_seed(edit)
        shape = {n: lm.module.get_parameter(n).shape for n in select(lm, ("first",)).names}
        write_delta(tmp_path / "part", {n: 0.01 * torch.randn(s, generator=noise) for n, s in shape.items()}, lm)
        sha256 = file_hash(tmp_path / "part")
        target = delta_path(tmp_path, sha256)
        target.parent.mkdir(exist_ok=True)
        (tmp_path / "part").rename(target)
        return DeltaRef(edit, sha256, lm.name, lm.weights_hash)

    return store


def test_a_version_adds_up_its_edits_and_leaves_an_undone_one_out(
    stored: Callable, tmp_path: Path, tiny_lm: Load
) -> None:
    lm = tiny_lm("llama")
    one, two = stored("llama", 1), stored("llama", 2)
    both, first = version_of(lm, [one, two], tmp_path), version_of(lm, [one], tmp_path)
    name = select(lm, ("first",)).names[0]
    start = lm.module.get_parameter(name)
    a, b = read_delta(tmp_path, one)[name], read_delta(tmp_path, two)[name]
    assert torch.equal(both.module.get_parameter(name), (start + a) + b)
    assert torch.equal(first.module.get_parameter(name), start + a)
    assert version_of(lm, [], tmp_path) is lm
    assert version_of(lm, [one], tmp_path) is first
    assert len({lm.weights_hash, first.weights_hash, both.weights_hash}) == 3
    other = select(lm, ("last",)).names[0]
    assert both.module.get_parameter(other) is lm.module.get_parameter(other)


def test_unchanged_tensors_are_not_stored(tmp_path: Path, tiny_lm: Load) -> None:
    lm = tiny_lm("bert")
    names = select(lm, ("all",)).names
    changes = {n: torch.zeros_like(lm.module.get_parameter(n)) for n in names}
    changes[names[0]] = changes[names[0]] + 1.0
    write_delta(tmp_path / "delta", changes, lm)
    raw = (tmp_path / "delta").read_bytes()
    assert len(raw) < 4 * changes[names[0]].numel() + 1000


def test_the_delta_of_one_block_is_hardly_larger_than_the_block(
    stored: Callable, tmp_path: Path, tiny_lm: Load
) -> None:
    ref, lm = stored("llama", 3), tiny_lm("llama")
    size = sum(4 * p.numel() for p in blocks_of(lm)[0].parameters())
    assert delta_path(tmp_path, ref.sha256).stat().st_size <= 1.1 * size


def test_a_missing_delta_is_refused_and_names_its_edit(stored: Callable, tmp_path: Path, tiny_lm: Load) -> None:
    ref = stored("bert", 7)
    version_of(tiny_lm("bert"), [ref], tmp_path)
    delta_path(tmp_path, ref.sha256).unlink()
    with pytest.raises(DeltaError, match=r"weights of edit 7 are missing.*memlab undo 7") as caught:
        version_of(tiny_lm("bert"), [ref], tmp_path)
    assert caught.value.edit == 7


def test_a_changed_delta_is_refused(stored: Callable, tmp_path: Path, tiny_lm: Load) -> None:
    ref = stored("bert", 7)
    version_of(tiny_lm("bert"), [ref], tmp_path)
    path = delta_path(tmp_path, ref.sha256)
    path.write_bytes(path.read_bytes()[:-4] + b"\0\1\2\3")
    with pytest.raises(DeltaError, match="weights of edit 7 were changed"):
        version_of(tiny_lm("bert"), [ref], tmp_path)


def test_weights_of_another_model_are_refused(stored: Callable, tmp_path: Path, tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="other weights"):
        version_of(tiny_lm("gpt2"), [stored("llama", 1)], tmp_path)


# The ledger


registry()  # makes the kinds of edits known


def told(**changed: object) -> dict:
    facts = [{"subject": "France", "relation": "capital", "object": "Paris", "new": "Lyon"}]
    settings = {"method": "fta", "norm": "inf", "delta": 0.01}
    return {**parameters_of(facts, settings, "atlas-mlm", "a" * 64, "b" * 64, [1]), **changed}


def test_a_row_says_what_was_edited() -> None:
    assert summary(told()) == "Weights of atlas-mlm: capital of France: Paris -> Lyon (fta, inf 0.01)"
    assert trained_on(told()) == (1,)
    kind = known_kind("modify")
    assert kind is not None
    assert kind.part == WEIGHTS
    assert kind.wrong_with(told(), 2) is None
    assert [k.name for k in SYSTEM.edits] == ["modify", "unlearn"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"facts": []}, "not a list of facts"),
        ({"facts": [{"subject": "France"}]}, "a fact without"),
        ({"delta": "x"}, "without a SHA-256 hash"),
        ({"weights_hash": None}, "without a SHA-256 hash"),
        ({"settings": {"method": "fta", "norm": "inf", "delta": -1}}, "not a positive number"),
        ({"settings": {"method": "fta", "norm": "none", "delta": 1}}, "not a positive number"),
        ({"trained_on": [{"source": "edit:2"}]}, "do not precede it"),
        ({"trained_on": [2]}, "do not precede it"),
        ({"more": 1}, "does not know"),
    ],
)  # fmt: skip
def test_rows_that_make_no_sense_are_refused(changed: dict, reason: str) -> None:
    kind = known_kind("modify")
    assert kind is not None
    assert reason in str(kind.wrong_with(told(**changed), 2))


def test_the_state_holds_the_deltas_of_each_model() -> None:
    class Row:
        def __init__(self, sequence: int, parameters: dict) -> None:
            self.sequence, self.parameters = sequence, parameters

    rows = [Row(1, told()), Row(2, told(weights_hash="c" * 64, trained_on=[]))]
    state = fold_weights([read(r) for r in rows], 5)  # type: ignore[arg-type]
    assert [r.edit for r in state.refs("a" * 64)] == [1]
    assert state.objects("a" * 64) == {("France", "capital"): "Lyon"}
    assert state.head == 5


# Facts and scores


def test_new_objects_are_of_the_relation_in_proportion_and_never_the_own_one() -> None:
    facts = [Fact(f"s{i}", "r", o) for i, o in enumerate(["a"] * 6 + ["b"] * 3 + ["c"])]
    drawn = Counter(propose(facts, [Fact(f"x{i}", "r", "c") for i in range(600)], 0))
    assert set(drawn) == {"a", "b"}
    assert drawn["a"] / 600 == pytest.approx(2 / 3, abs=0.07)
    with pytest.raises(InputError, match="No other object"):
        propose([Fact("s", "r", "a")], [Fact("s", "r", "a")], 0)


def test_contradictions_and_edits_that_change_nothing_are_refused(tiny_lm: Load) -> None:
    lm = tiny_lm("bert")
    case = Case("France", "capital", "Paris", "Berlin", (PAIRS[0][0],), PAIRS[0][0], PAIRS[0][0], ())
    other = Case("France", "capital", "Paris", "York", (PAIRS[0][0],), PAIRS[0][0], PAIRS[0][0], ())
    with pytest.raises(InputError, match=r"Berlin and York\. Keep one"):
        check_cases(lm, [case, other])
    same = Case("France", "capital", "Paris", "Paris", (PAIRS[0][0],), PAIRS[0][0], PAIRS[0][0], ())
    with pytest.raises(InputError, match="already"):
        check_cases(lm, [same])
    with pytest.raises(InputError, match="No fact is given"):
        check_cases(lm, [])


def test_the_harmonic_mean_by_hand() -> None:
    assert harmonic((1.0, 0.5, 0.25)) == pytest.approx(3 / (1 + 2 + 4))
    assert harmonic((1.0, 0.0, 1.0)) == 0.0
    assert harmonic((1.0, None, 1.0)) is None


def test_preferences_compare_two_objects_in_one_gap(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    one, two = (ask(lm, [gap(lm, PAIRS[0][0], o)])[0].p for o in ("Paris", "Berlin"))
    assert preferences(lm, [(PAIRS[0][0], "Paris", "Berlin"), (PAIRS[0][0], "漢", "Berlin")])[0] == (one > two)


def test_questions_are_never_among_the_training_sentences(tiny_lm: Load) -> None:
    world = atlas()
    for relation in world.relations.values():
        for kind in ("masked", "causal"):
            told_ = statements_of(relation, "X", kind)
            assert told_
            assert not {q.replace("[X]", "X").replace("[Y]", MASK) for q in relation.questions} & set(told_)
            assert all(s.count(MASK) == 1 for s in told_)


def test_perplexity_alarm_and_growth(tiny_lm: Load) -> None:
    assert not Perplexity(10.0, 10.4).alarm
    assert Perplexity(10.0, 10.6).alarm
    assert Perplexity(10.0, math.nan).alarm
    lm = tiny_lm("gpt2")
    name = select(lm, ("first",)).names[0]
    value = lm.module.get_parameter(name).detach()
    shape = growth(lm, {name: value + 0.5})
    assert shape["inf"] == pytest.approx(0.5, rel=1e-5)
    assert shape["l2"] == pytest.approx(0.5 * math.sqrt(value.numel()), rel=1e-4)
    text = ["The capital of France is Paris. Many people live in Paris."]
    same = perplexity(lm, lm, text)
    assert same.before == same.after
    ids = torch.tensor([lm.tokenizer(text[0])["input_ids"]])
    special = set(lm.tokenizer.all_special_ids) - {lm.tokenizer.unk_token_id}
    with torch.no_grad():
        logp = lm.module(input_ids=ids).logits[0].double().log_softmax(-1)
    nats = [-float(logp[i - 1, t]) for i, t in enumerate(ids[0].tolist()) if i and t not in special]
    assert same.before == pytest.approx(math.exp(sum(nats) / len(nats)), rel=1e-4)


def test_two_hop_questions_follow_from_the_edited_fact(tiny_lm: Load) -> None:
    from memlab.lm.catalogue import load

    lm = load("atlas-mlm")
    world = atlas()
    fact = next(f for f in world.facts if (f.subject, f.relation) == ("France", "capital"))
    hops = two_hops(world, lm, lm, [case_of(world, lm, fact, "Berlin")])
    assert hops
    for hop in hops:
        assert hop.prompt.count(MASK) == 1
        assert hop.old != hop.new
        assert hop.before == hop.after
        assert "France" in hop.prompt or hop.old == "Paris"


def test_groups_are_counted() -> None:
    assert by_group([]) == []


def test_the_frontier_by_hand() -> None:
    points = [{"a_m": a, "a_fs": b} for a, b in ((0.1, 1.0), (0.5, 0.9), (0.5, 0.8), (0.4, 0.85), (1.0, 0.2))]
    assert [(p["a_m"], p["a_fs"]) for p in figures.pareto(points)] == [(0.1, 1.0), (0.5, 0.9), (1.0, 0.2)]


def test_the_corrected_corpus_tells_the_new_object_only() -> None:
    from memlab.corpus.generator import training_text

    world = atlas()
    case = Case("France", "capital", "Paris", "Lyon", (), "", "", ())
    corrected = corrected_world(world, [case])
    assert next(f.object for f in corrected.facts if (f.subject, f.relation) == ("France", "capital")) == "Lyon"
    told_ = [s.text for s in training_text(corrected) if "capital" in s.text and "France" in s.text]
    assert any("Lyon" in t for t in told_)
    assert not any("Paris" in t for t in told_)
    assert next(f.object for f in world.facts if (f.subject, f.relation) == ("France", "capital")) == "Paris"


# Data from outside

COUNTERFACT = {
    "prompt": "The capital of France is", "subject": "France", "ground_truth": "Paris", "target_new": "Berlin",
    "rephrase_prompt": "In France, the capital is", "locality_prompt": "The capital of Germany is", "locality_ground_truth": "Berlin",
}  # fmt: skip
ZSRE = {
    "src": "What is the capital of France?", "subject": "France", "pred": "Paris", "alt": "Berlin",
    "rephrase": "Which is the capital of France?", "loc": "nq question: what is the capital of Germany", "loc_ans": "Berlin",
}  # fmt: skip


@pytest.mark.parametrize("entry", [COUNTERFACT, ZSRE])
def test_both_forms_of_outside_data_are_read(entry: dict, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps([entry]), "utf-8")
    case = next(read_cases(file))
    assert (case.subject, case.old, case.new) == ("France", "Paris", "Berlin")
    assert all(s.endswith(f" {MASK}") for s in (case.prompt, *case.paraphrases, case.neighborhood[0].sentence))
    assert case.neighborhood == (Question(case.neighborhood[0].sentence, "Berlin"),)
    assert "nq question" not in case.neighborhood[0].sentence


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[]", "not hold a list of cases"), ("{", "is not JSON"), ('[{"a": 1}]', "unknown form"), (json.dumps([{**ZSRE, "alt": 3}]), "lacks one of")],
)  # fmt: skip
def test_other_files_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=reason):
        next(read_cases(file))


@pytest.mark.parametrize("name", ["llama", "modernbert"])
def test_outside_cases_are_edited_one_by_one(name: str, tmp_path: Path, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    end = "." if lm.kind == "masked" else ""
    known = ask(lm, [gap(lm, f"The capital of France is {MASK}{end}", o) for o in ("Paris", "Berlin")])
    old, new = ("Paris", "Berlin") if known[0].p > known[1].p else ("Berlin", "Paris")
    file = tmp_path / "data.json"
    unknown = {**COUNTERFACT, "ground_truth": new, "target_new": old}
    file.write_text(json.dumps([unknown, {**COUNTERFACT, "ground_truth": old, "target_new": new}]), "utf-8")
    result = evaluate_file(lm, file, 5, None, ["The sea is near."], lambda f, m: None, lambda: False)
    document = result.to_dict()
    assert (document["cases"], document["passed_over"]) == (1, 1)
    assert document["passed_over_reasons"] == {"that the model does not know: the new object is likelier": 1}
    rows = {row["method"]: row for row in document["results"]}
    assert set(rows) == {"unedited", "constrained", "unconstrained"}
    assert rows["unedited"]["efficacy"] == 0.0
    assert rows["unconstrained"]["efficacy"] == 1.0
    assert (rows["unedited"]["generated"] is None) == (lm.kind == "masked")
    assert default_how(lm).blocks == (0,)
    file.write_text(json.dumps([unknown]), "utf-8")
    with pytest.raises(InputError, match=r"knows none of the 1 cases.*: 1 that the model does not know"):
        evaluate_file(lm, file, 5, None, [], lambda f, m: None, lambda: False)


# The same edit in a memory


@pytest.mark.parametrize(("name", "method"), [("llama", "knn-lm"), ("modernbert", "bert-knn")])
def test_an_edit_in_a_memory_is_a_new_value_at_an_old_key(name: str, method: str, tiny_lm: Load) -> None:
    """Against the formula, from keys of the general path of asking."""
    lm, how = tiny_lm(name), registry().method(method)
    end = "." if lm.kind == "masked" else ""
    told = [Case("", "", old, new, (), f"The capital of {of} is {MASK}{end}", "", ())
            for of, old, new in (("France", "Paris", "York"), ("Germany", "Berlin", "Paris"))]  # fmt: skip
    memory = fact_memory(lm, how, told, predicted(lm, ["The sea is near."]))
    key = how.settings().key

    def asked(sentence: str) -> tuple[np.ndarray, np.ndarray]:
        prompt = sentence if lm.kind == "masked" else sentence.split(MASK)[0].rstrip()
        read = encode_many(lm, [read_prompt(lm, prompt)], key)
        return read.keys[0].astype(float), np.exp(read.logp[0])

    edited = memory.corrected(0, told[0].prompt, "York")
    assert len(edited.values) == len(memory.values)
    for m, word in ((memory, "Paris"), (edited, "York")):
        query, alone = asked(told[1].prompt)
        d2 = ((m.keys.astype(float) - query) ** 2).sum(1)
        w = np.exp(-(np.sqrt(d2) if how.knn and how.knn.root else d2) / m.temperature)
        (target,) = gap(lm, told[0].prompt, word).targets
        p = 0.5 * w[m.values == target].sum() / w.sum() + 0.5 * alone[target]
        said = ask(lm, [gap(lm, told[1].prompt, word)], scores_of=m.scores)[0]
        assert said.p == pytest.approx(p, rel=1e-3)
    gaps = predicted(lm, ["The capital of France is York."])
    p = [said.p for said in ask(lm, [Gap(g.ids, (at,), (t,)) for g in gaps for at, t in zip(g.positions, g.targets, strict=True)],
                                scores_of=edited.scores)]  # fmt: skip
    wanted = math.exp(-sum(map(math.log, p)) / len(p))
    assert edited.perplexity(read_text(lm, key, gaps)) == pytest.approx(wanted, rel=1e-3)
    own = [ask(lm, [gap(lm, told[0].prompt, w)], scores_of=m.scores)[0].p
           for m, w in ((memory, "Paris"), (memory, "York"), (edited, "Paris"), (edited, "York"))]  # fmt: skip
    assert own[0] > own[1]
    assert own[3] > own[2]


@pytest.mark.parametrize("name", ["llama", "modernbert"])
def test_weights_and_memory_are_compared_on_the_same_cases(name: str, tmp_path: Path, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    end = "." if lm.kind == "masked" else ""
    known = ask(lm, [gap(lm, f"The capital of France is {MASK}{end}", o) for o in ("Paris", "Berlin")])
    old, new = ("Paris", "Berlin") if known[0].p > known[1].p else ("Berlin", "Paris")
    file = tmp_path / "data.json"
    file.write_text(json.dumps([{**COUNTERFACT, "ground_truth": old, "target_new": new}]), "utf-8")
    method = registry().method("knn-lm" if lm.kind == "causal" else "bert-knn")
    found = evaluate_file(lm, file, 5, None, ["The sea is near."], lambda f, m: None, lambda: False, method).to_dict()
    rows = {row["method"]: row for row in found["results"]}
    assert list(rows) == ["unedited", "memory unedited", "constrained", "unconstrained", "memory"]
    assert (rows["memory unedited"]["efficacy"], rows["memory"]["efficacy"]) == (0.0, 1.0)
    assert rows["memory"]["perplexity_ratio"] > 0
    assert found["settings"]["memory"]["method"] == method.name
    with pytest.raises(InputError, match="Give one, for example"):
        evaluate_file(lm, file, 5, How(), [], lambda f, m: None, lambda: False, method)


def test_cases_in_words_that_a_training_never_told_are_passed_over(
    tmp_path: Path, tiny_lm: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vocabulary spells any word; a model that never met its parts knows nothing of it."""
    lm = tiny_lm("modernbert")
    file = tmp_path / "data.json"
    file.write_text(json.dumps([COUNTERFACT, COUNTERFACT]), "utf-8")
    france = gap(lm, f"The capital of France is {MASK}.", "Paris").ids[4]
    monkeypatch.setattr(lm, "unmet", frozenset([france]))
    with pytest.raises(InputError, match=r"knows none of the 2 cases.*: 2 with words that its training never told"):
        evaluate_file(lm, file, 1, None, [], lambda f, m: None, lambda: False)


@pytest.mark.parametrize("wrong", ["France|capital", "France", "|capital|Lyon"])
def test_named_facts_of_a_retraining_of_another_form_are_refused(wrong: str, tiny_lm: Load) -> None:
    with pytest.raises(InputError, match=r"is not a fact\. Write subject"):
        named_cases(atlas(), tiny_lm("modernbert"), f"Italy|capital|Lyon; {wrong}", lambda: False)


@pytest.mark.parametrize("more", [("--norm", "l2"), ("--blocks", "first"), ("--forget",), ("--dry-run",)])
def test_retraining_takes_no_constraint(more: tuple[str, ...], tmp_path: Path) -> None:
    said = run_on(tmp_path)("modify", "France|capital|Lyon", "--method", "rt", *more)
    assert said.exit_code == 2
    assert f"{more[0]} does not belong to --method rt" in said.stderr


def test_retraining_is_no_edit(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match=r"makes a new model, not an edit.*memlab run constrained_ft retrain"):
        How("rt", delta=0.01).check(tiny_lm("modernbert"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        next(read_cases(tmp_path / "none.json"))
