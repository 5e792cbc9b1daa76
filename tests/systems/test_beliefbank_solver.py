"""The solver against all labelings of small problems, and by hand; conflicts, reasons, proposals."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memlab.errors import InputError
from memlab.systems.beliefbank.bank import Bank, Belief
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, NEEDS, Constraint, ConstraintGraph
from memlab.systems.beliefbank.explain import conflicts, consistent, reasons, smallest_conflict
from memlab.systems.beliefbank.proposals import propose
from memlab.systems.beliefbank.solver import Weights, applicable, solve

BIRD, FISH, WINGS, ANIMAL = "IsA,bird", "IsA,fish", "HasPart,wings", "IsA,animal"
RULES = (
    Constraint(IMPLIES, BIRD, (WINGS,)),
    Constraint(IMPLIES, BIRD, (ANIMAL,)),
    Constraint(IMPLIES, FISH, (ANIMAL,)),
    Constraint(EXCLUDES, BIRD, (FISH,)),
)


def bank(**labels):
    """name=(label, p) of beliefs about x, name being the text of the property."""
    names = {p.partition(",")[2]: p for p in (BIRD, FISH, WINGS, ANIMAL)}
    return {names[n]: Belief("x", names[n], label, p) for n, (label, p) in labels.items()}


def test_the_cheaper_flip_is_taken():
    beliefs = bank(bird=(True, 0.9), fish=(True, 0.6), wings=(True, 0.8), animal=(True, 0.9))
    found = solve("x", beliefs, RULES, Weights(forward=10.0))
    assert found.labels == {BIRD: True, FISH: False, WINGS: True, ANIMAL: True}
    assert found.objective == pytest.approx(0.6)
    assert found.bound == pytest.approx(0.6)
    assert found.proven
    assert [(f.property, f.because) for f in found.flips] == [(FISH, (RULES[3].id,))]
    assert found.before == (RULES[3].id,)
    assert found.violated == ()


def test_a_weak_constraint_is_violated_rather_than_a_belief_flipped():
    beliefs = bank(bird=(True, 0.9), fish=(True, 0.6))
    found = solve("x", beliefs, RULES, Weights(forward=0.5))
    assert found.flips == ()
    assert found.violated == (RULES[3].id,)
    assert found.objective == pytest.approx(0.5)


def test_a_pinned_belief_wins_over_any_number_of_guesses():
    properties = [f"IsA,kind {i}" for i in range(60)]
    rules = [Constraint(EXCLUDES, BIRD, (p,)) for p in properties]
    guesses = {p: Belief("x", p, True, 0.99) for p in properties}
    pinned = Belief("x", BIRD, True, 1.0, "person", pinned=True)
    for weights in (Weights(forward=0.1), Weights(forward=10.0)):
        assert solve("x", {**guesses, BIRD: pinned}, rules, weights).labels[BIRD] is True
    assert (
        solve("x", {**guesses, BIRD: Belief("x", BIRD, True, 0.99)}, rules, Weights(forward=10.0)).labels[BIRD] is False
    )


def test_log_odds_let_a_coin_flip_weigh_nothing():
    assert Belief("x", BIRD, True, 0.5).weight("log-odds") == 0
    assert Belief("x", BIRD, True, 0.8).weight("log-odds") == pytest.approx(math.log(4))
    assert Belief("x", BIRD, True, 1.0).weight("log-odds") == pytest.approx(math.log(999))
    assert Belief("x", BIRD, True, 0.8).weight("p") == 0.8


def _cost(labels, beliefs, rules, weights):
    flips = sum(weights.lam * b.weight(weights.measure) for n, b in beliefs.items() if labels[n] != b.label)
    return flips + sum(weights.of(c) for c in rules if c.violated(labels))


names = [f"IsA,{i}" for i in range(6)]
rule = st.tuples(
    st.sampled_from([IMPLIES, EXCLUDES, NEEDS]), st.permutations(names), st.integers(1, 3), st.floats(0.1, 2)
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(rule, min_size=1, max_size=8),
    st.lists(st.tuples(st.booleans(), st.floats(0.5, 1)), min_size=6, max_size=6),
)
def test_no_labeling_costs_less(drawn, asserted):
    rules = [Constraint(k, order[0], tuple(order[1 : 1 + (n if k == NEEDS else 1)]), w) for k, order, n, w in drawn]
    beliefs = {n: Belief("x", n, label, p) for n, (label, p) in zip(names, asserted, strict=True)}
    weights = Weights(forward=1.3, back=0.7)
    found = solve("x", beliefs, rules, weights)
    best = min(
        _cost(dict(zip(names, labels, strict=True)), beliefs, rules, weights)
        for labels in itertools.product([False, True], repeat=len(names))
    )
    assert found.objective == pytest.approx(best, abs=1e-6)
    assert _cost(found.labels, beliefs, rules, weights) == pytest.approx(found.objective, abs=1e-6)
    assert all(f.because for f in found.flips)
    assert consistent({n: b.label for n, b in beliefs.items()}, rules) == (not conflicts(beliefs, rules))


def test_backward_rules_are_cut_to_what_is_known():
    needs = Constraint(NEEDS, WINGS, (BIRD, "IsA,insect"))
    assert applicable([needs], {WINGS: 1, BIRD: 1})[0].targets == (BIRD,)
    assert applicable([needs], {WINGS: 1}) == []
    assert applicable([needs], {BIRD: 1}) == []


def test_nothing_to_solve_is_said():
    beliefs = {"IsA,thing": Belief("x", "IsA,thing", True, 0.7)}
    found = solve("x", beliefs, RULES, Weights())
    assert found.labels == {"IsA,thing": True}
    assert "No constraint applies to these beliefs" in found.note
    assert solve("x", {}, RULES, Weights()).proven


def test_cyclic_implications_are_fine():
    ring = [Constraint(IMPLIES, f"IsA,{i}", (f"IsA,{(i + 1) % 5}",)) for i in range(5)]
    beliefs = {f"IsA,{i}": Belief("x", f"IsA,{i}", i != 2, 0.9) for i in range(5)}
    found = solve("x", beliefs, ring, Weights(forward=10.0))
    assert set(found.labels.values()) == {True}
    assert reasons({n: beliefs[n].relabeled(label) for n, label in found.labels.items()}, ring, "IsA,2")


def test_a_time_limit_that_strikes_is_said():
    graph = bundled_graph()
    facts = graph.entity("swallow").facts
    beliefs = {
        n: Belief("swallow", n, label != (i % 3 == 0), 0.7 + (i % 7) / 50) for i, (n, label) in enumerate(facts.items())
    }
    found = solve("swallow", beliefs, graph.constraints, Weights(seconds=0.01))
    if not found.proven:
        assert "not proven" in found.note
        assert found.to_dict()["status"] == "best found, not proven"
    assert found.bound <= found.objective + 1e-9
    assert solve("swallow", beliefs, graph.constraints, Weights(seconds=60)).proven


@pytest.mark.parametrize("wrong", [{"lam": 0}, {"forward": -1}, {"back": 0.0}, {"seconds": 0}, {"lam": math.inf}])
def test_weights_of_zero_or_below_are_refused(wrong):
    with pytest.raises(InputError, match="allowed is a number above 0"):
        Weights(**wrong)


def test_five_thousand_beliefs_at_once():
    rules = [Constraint(IMPLIES, f"IsA,{i}", (f"IsA,{i + 1}",)) for i in range(4999)]
    beliefs = {f"IsA,{i}": Belief("x", f"IsA,{i}", i % 5 != 0, 0.6) for i in range(5000)}
    found = solve("x", beliefs, rules, Weights(forward=10.0, seconds=60))
    assert found.proven
    assert found.violated == ()
    assert len(found.labels) == 5000


# Conflicts


def test_a_direct_conflict_is_its_constraint():
    beliefs = bank(bird=(True, 0.9), fish=(True, 0.6), animal=(False, 0.7))
    found = smallest_conflict(beliefs, RULES, FISH)
    assert found is not None
    assert len(found.constraints) == 1
    assert FISH in {b.property for b in found.beliefs}
    assert len(conflicts(beliefs, RULES)) == 3


def test_a_conflict_through_a_property_that_nobody_answered():
    rules = (Constraint(IMPLIES, BIRD, ("IsA,mid",)), Constraint(IMPLIES, "IsA,mid", (ANIMAL,)))
    beliefs = bank(bird=(True, 0.9), animal=(False, 0.8))
    found = smallest_conflict(beliefs, rules)
    assert found is not None
    assert {c.id for c in found.constraints} == {c.id for c in rules}
    assert {b.property for b in found.beliefs} == {BIRD, ANIMAL}


def test_a_conflict_that_needs_a_backward_rule():
    rules = (
        Constraint(NEEDS, WINGS, ("IsA,a", "IsA,b")),
        Constraint(EXCLUDES, "IsA,a", (ANIMAL,)),
        Constraint(IMPLIES, "IsA,b", (FISH,)),
        Constraint(IMPLIES, BIRD, (ANIMAL,)),
    )
    beliefs = bank(wings=(True, 0.9), animal=(True, 0.9), fish=(False, 0.9), bird=(True, 0.5))
    found = smallest_conflict(beliefs, rules)
    assert found is not None
    assert {c.id for c in found.constraints} == {c.id for c in rules[:3]}
    assert {b.property for b in found.beliefs} == {WINGS, ANIMAL, FISH}
    for left_out in found.beliefs:  # minimal: without any one, the rest can hold
        assert consistent({b.property: b.label for b in found.beliefs if b is not left_out}, rules)
    assert smallest_conflict(bank(wings=(True, 0.9), animal=(True, 0.9)), rules) is None


# Reasons


def test_a_chain_from_a_pinned_belief():
    rules = (Constraint(IMPLIES, BIRD, (ANIMAL,)), Constraint(IMPLIES, ANIMAL, ("IsA,alive",)))
    beliefs = {
        BIRD: Belief("x", BIRD, True, 1.0, "person", pinned=True),
        ANIMAL: Belief("x", ANIMAL, True, 0.6, "solver", asserted=False),
        "IsA,alive": Belief("x", "IsA,alive", True, 0.6, "solver", asserted=False),
    }
    chain = reasons(beliefs, rules, "IsA,alive")
    assert [(s.property, s.because) for s in chain] == [("IsA,alive", ((ANIMAL, True),)), (ANIMAL, ((BIRD, True),))]
    assert reasons(beliefs, rules, BIRD) == []


def test_the_solver_starts_from_what_was_asserted():
    belief = Belief("x", BIRD, True, 0.6)
    flipped = belief.relabeled(False)
    assert (flipped.label, flipped.origin, flipped.flipped, flipped.first) == (False, "solver", True, True)
    assert flipped.relabeled(True) == belief
    whole = Bank().with_beliefs([belief, Belief("y", BIRD, True, 0.7)])
    assert whole.size == 2
    assert whole.without("x", [BIRD]).size == 1


def test_the_belief_that_decides_most_is_proposed_first():
    kinds = [f"HasPart,{i}" for i in range(5)]
    rules = tuple(Constraint(IMPLIES, BIRD, (p,)) for p in kinds)
    graph = ConstraintGraph("g", "g", rules, {})
    beliefs = {BIRD: Belief("x", BIRD, True, 0.55), **{p: Belief("x", p, False, 0.9) for p in kinds}}
    first = propose(beliefs, graph, Weights(forward=10.0))[0]
    assert first.belief.property == BIRD
    assert (first.doubt, first.moves) == (
        pytest.approx(0.55),
        5,
    )  # it is solved to False; if that is wrong, five parts follow
