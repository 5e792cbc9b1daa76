"""Generating with memory: the model's own text at lambda 0, the answer of `ask` at every step, a tree of branches."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from memlab.cli import main
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab import Lab
from memlab.lm.catalogue import load
from memlab.results import Generation
from memlab.results.moves import written

PROMPT = "The capital of Norway is"
OTHERS = ("Marie Curie was", "In the morning, the")


@pytest.fixture(scope="module")
def made(lab: Lab) -> Generation:
    return lab.generate(PROMPT, max_tokens=14)


@pytest.fixture
def own(built_home: Path, tmp_path: Path) -> Lab:
    """A home of the test's own over the same datastores."""
    shutil.copytree(
        built_home / "datastores", tmp_path / "home" / "datastores", copy_function=os.link,
        ignore=shutil.ignore_patterns(".*"),
    )  # fmt: skip
    return Lab.open(tmp_path / "home")


def ids(g: Generation) -> list[int]:
    return [token.id for token in g.tokens]


@pytest.mark.parametrize("prompt", [PROMPT, *OTHERS])
def test_with_lambda_0_it_is_the_models_own_generation(lab: Lab, prompt: str) -> None:
    lm = load("atlas-clm")
    start = torch.tensor([lab.generate(prompt, "base", max_tokens=1).ids])
    with torch.inference_mode():
        own = lm.module.generate(
            start, attention_mask=torch.ones_like(start), max_new_tokens=24, do_sample=False, pad_token_id=0
        )[0, start.shape[1] :].tolist()  # fmt: skip
    assert ids(lab.generate(prompt, "base", max_tokens=24)) == own
    assert ids(lab.generate(prompt, max_tokens=24, lam=0)) == own


def test_every_step_is_the_answer_to_the_text_so_far(lab: Lab, made: Generation) -> None:
    for node in made.path():
        token = node.token
        p = lab.ask(made.text[: token.start], method="knn-lm")
        assert token.id == p.mixture[0].id
        for side, distribution in (("lm", p.lm), ("knn", p.knn), ("mixture", p.mixture)):
            for word in token.top[side]:
                assert word.p == pytest.approx(distribution.of(word.id), abs=2e-4)
            assert token.rest[side] + sum(word.p for word in token.top[side]) == pytest.approx(1, abs=1e-5)
        nearest = {n.entry: n.distance for n in p.neighbors}
        assert all(nearest[n.entry] == pytest.approx(n.distance, rel=1e-2, abs=1e-2) for n in token.neighbors)
        step = lab.generation.step(made, node.number)
        assert step.token is token
        assert step.mixture.of(token.id) == pytest.approx(p.mixture.of(token.id), abs=2e-4)
        assert step.counterfactuals["0"].of(token.id) == pytest.approx(p.lm.of(token.id), abs=2e-4)
        assert [n.entry for n in step.neighbors[: len(token.neighbors)]] == [n.entry for n in token.neighbors]
        assert step.neighbors[0].left == next(n for n in p.neighbors if n.entry == step.neighbors[0].entry).left
    assert made.continuation == "".join(token.text for token in made.tokens)


def test_spalm_goes_on_as_it_reads(lab: Lab) -> None:
    """What it says is, at every step, the most probable word of the trace of its own text."""
    made = lab.generate(PROMPT, "spalm", max_tokens=10)
    read = lab.read(made.text, "spalm", leave_out="nothing")
    told = read[-len(made.tokens) :]
    assert [t.id for t in told] == ids(made)
    for said, token in zip(made.tokens, told, strict=True):
        assert said.loss == pytest.approx(token.loss, abs=2e-3)
        assert said.gate == pytest.approx(token.gate, abs=2e-3)
        assert said.id == token.top["mixture"][0].id
    alone = lab.generate(PROMPT, "base", model="atlas-spalm", max_tokens=10)
    assert ids(lab.generate(PROMPT, "spalm", gate="local", max_tokens=10)) == ids(alone)
    assert lab.generate(PROMPT, "spalm+knn-lm", max_tokens=3).tokens[0].top["knn"]


def test_the_same_seed_says_the_same_and_it_goes_on_as_at_once(lab: Lab) -> None:
    how = {"temperature": 0.9, "top_p": 0.95}
    texts = {seed: lab.generate(PROMPT, max_tokens=12, seed=seed, **how).text for seed in (1, 2, 3)}
    assert len(set(texts.values())) > 1
    for seed, text in texts.items():
        g = lab.generate(PROMPT, max_tokens=1, seed=seed, **how)
        g = lab.generation.extend(g, 1)
        assert lab.generation.extend(g, 10).text == text


def test_what_it_copies_stands_in_the_article_that_is_named(lab: Lab, made: Generation) -> None:
    assert made.copied
    for span in made.copied:
        article = lab.article(span.document).text[span.start : span.end]
        assert article == span.text == "".join(t.text for t in made.tokens[span.first : span.last]).strip()
        assert span.last - span.first >= made.copied_from
    assert lab.generate(PROMPT, "base", max_tokens=5).copied == ()


def test_another_token_begins_a_branch_and_all_branches_stay(lab: Lab, made: Generation) -> None:
    other = made.tokens[3].top["mixture"][1]
    branched = lab.generation.choose_token(made, made.node_of(3), other.id, 5)
    assert ids(branched)[:3] == ids(made)[:3]
    assert branched.tokens[3].id == other.id
    assert branched.path()[3].chosen
    assert len(branched.tokens) == 8
    assert {b.leaf for b in branched.branches} == {made.leaf, branched.leaf}
    assert branched.branch(made.leaf).text == made.text
    assert branched.branch(made.leaf).copied == made.copied
    typed = lab.generation.choose_token(made, made.node_of(3), other.token, 5)
    assert typed.text == branched.text
    back = lab.generation.choose_token(branched, branched.node_of(3), made.tokens[3].id)
    assert back.text == made.text
    assert len(back.nodes) == len(branched.nodes)
    longer = lab.generation.extend(branched, 2)
    assert longer.text.startswith(branched.text)
    assert len(longer.branches) == 2


def test_without_memory_the_model_goes_on_from_the_same_text(lab: Lab, made: Generation) -> None:
    other = made.tokens[3].top["mixture"][1]
    branched = lab.generation.choose_token(made, made.node_of(3), other.id, 5)
    alone = lab.generation.without_memory(branched, 4, after=branched.node_of(3))
    assert alone.prompt == made.text[: made.tokens[3].start] + branched.tokens[3].text
    assert ids(alone) == ids(lab.generate(alone.prompt, "base", max_tokens=4))
    pair = lab.generation.pair(PROMPT, max_tokens=6)
    assert pair.without_memory.text == lab.generate(PROMPT, "base", max_tokens=6).text
    assert pair.parted is not None
    assert pair.with_memory.tokens[pair.parted].id != pair.without_memory.tokens[pair.parted].id
    later = lab.generation.pair("Marie Curie was", max_tokens=12)
    assert later.parted
    assert ids(later.with_memory)[: later.parted] == ids(later.without_memory)[: later.parted]
    assert ids(later.with_memory)[later.parted] != ids(later.without_memory)[later.parted]
    same = lab.generation.pair(PROMPT, max_tokens=6, lam=0)
    assert same.parted is None


def test_stop_gives_what_was_said(lab: Lab, made: Generation) -> None:
    asked = iter(range(100))
    stopped = lab.generate(PROMPT, max_tokens=14, stop=lambda: next(asked) >= 4)
    assert ids(stopped) == ids(made)[:4]
    assert stopped.ended == "stopped"
    assert lab.generation.extend(stopped, 10).text == made.text


def test_the_context_ends_it_and_says_so(lab: Lab) -> None:
    prompt = " ".join(["The city is old."] * 24)
    room = load("atlas-clm").limit - len(lab.generate(prompt, "base", max_tokens=1).ids)
    full = lab.generate(prompt, "base", max_tokens=room)
    assert len(full.tokens) == room
    with pytest.raises(InputError, match=r"context of atlas-clm is full"):
        lab.generation.extend(full, 1)
    with pytest.raises(InputError, match=rf"room for 1 to {room}"):
        lab.generate(prompt, "base", max_tokens=room + 1)
    with pytest.raises(InputError, match=r"Shorten it"):
        lab.generate(f"{prompt} {prompt}")


def test_a_gate_spares_searches(own: Lab) -> None:
    """Where it does not ask, the model speaks alone; lambda 0 there, and nothing was found."""
    own.gates.train("skip", [article.text for article in own.articles()[:8]])
    made = own.generate(PROMPT, gate="skip", max_tokens=20)
    asked = [t.searched for t in made.tokens]
    assert 0 < sum(asked) < len(asked)
    for node in made.path():
        t, step = node.token, own.generation.step(made, node.number)
        assert (step.knn is not None) == t.searched == ("knn" in t.top) == bool(t.neighbors)
        assert step.mixture.of(t.id) == pytest.approx(math.exp(-t.loss), abs=1e-5)
        if not t.searched:
            assert t.gate == 0
            assert t.loss == pytest.approx(t.loss_without_memory)
    assert made.summary["searched"] == sum(asked)


def test_memory_says_a_word_that_the_model_cannot_say(own: Lab) -> None:
    lab = own
    before = lab.generate(PROMPT, max_tokens=4)
    lab.teach("The capital of Norway is Xyltopia.", value="Xyltopia")
    said = lab.generate(PROMPT, max_tokens=4, lam=0.9, k=4)
    assert said.continuation.startswith(" Xyltopia")
    assert said.tokens[0].loss_without_memory is None
    assert len(said.path()[0].reads) > 1
    assert any("cannot say Xyltopia" in notice for notice in said.notices)
    assert said.tokens[0].neighbors[0].entry >= 0
    assert lab.generation.step(said, 0).neighbors[0].source == "edit:1"
    assert lab.generate(PROMPT, max_tokens=4, as_of=0).text == before.text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": "Paris is [MASK]."}, "continues a text at its end"),
        ({"max_tokens": 0}, "max_tokens is 0; .* 1 to"),
        ({"max_tokens": 9999}, "max_tokens is 9999; .* room for 1 to"),
        ({"top_p": 0}, "top_p is 0; allowed is a number from 0.001 to 1"),
        ({"top_p": 2}, "top_p is 2; allowed"),
        ({"temperature": -0.5}, "temperature is -0.5; allowed is a number from 0 to 10"),
        ({"k": 0}, "k is 0; allowed"),
        ({"knn_temperature": 0}, "temperature is 0; allowed"),
        ({"copied_from": 0}, "copied_from is 0; allowed"),
        ({"copied_from": "4"}, "copied_from is '4'; allowed"),
        ({"model": "atlas-mlm"}, "masked model.*causal model"),
        ({"method": "bert-knn"}, "cannot continue a text. Methods that can: knn-lm, spalm"),
        ({"method": "spalm", "datastore": "atlas-mlm"}, "this datastore has keys .* Use 'atlas-clm'"),
        ({"method": "spalm", "model": "atlas-clm"}, "atlas-clm is not a SPALM"),
        ({"gate": "foo"}, "no gate 'foo'. Available: constant"),
        ({"as_of": 10_000}, "10000|10,000"),
    ],
)
def test_bad_input_gets_one_clear_message(lab: Lab, how: dict[str, object], message: str) -> None:
    with pytest.raises(MemlabError, match=message) as caught:
        lab.generate(**{"prompt": PROMPT, "max_tokens": 2, **how})
    assert "\n" not in str(caught.value)


def test_bad_choices_in_the_tree_are_refused(lab: Lab, made: Generation) -> None:
    with pytest.raises(InputError, match="There is no node 99"):
        lab.generation.choose_token(made, 99, "Oslo")
    with pytest.raises(NotFound, match="no token 'Qqqq'"):
        lab.generation.choose_token(made, 0, "Qqqq")
    with pytest.raises(NotFound, match="no token -1"):
        lab.generation.choose_token(made, 0, -1)
    with pytest.raises(InputError, match="max_tokens is 0"):
        lab.generation.extend(made, 0)
    with pytest.raises(InputError, match="nothing to compare with"):
        lab.generation.pair(PROMPT, "base")


def test_the_command_says_what_the_lab_says(lab: Lab, made: Generation) -> None:
    run = CliRunner().invoke(main, ["generate", PROMPT, "--max-tokens", "14", "--json", "--home", str(lab.home)])
    assert run.exit_code == 0, run.output
    told = json.loads(run.output)
    assert told["text"] == made.text
    assert [t["id"] for t in told["tokens"]] == ids(made)
    assert told["without_memory"]["method"] == "base"
    assert [span["text"] for span in told["copied"]] == [span.text for span in made.copied]
    wrong = CliRunner().invoke(main, ["generate", PROMPT, "--top-p", "2", "--home", str(lab.home)])
    assert wrong.exit_code != 0
    assert "top_p is '2'; allowed" in wrong.output


def test_a_tree_grows_again_from_its_moves(lab: Lab, made: Generation) -> None:
    other = made.tokens[3].top["mixture"][1]
    grown = lab.generation.choose_token(made, made.node_of(3), other.id, 5).branch(made.leaf)
    grown = lab.generation.extend(grown, 2)
    moves = written(grown.moves)
    assert moves == f"g14.c3-{other.id}-5.b13.g2"
    again = Lab.open(lab.home).trees.replay(PROMPT, moves, method="knn-lm")
    assert [n.token.text for n in again.with_memory.nodes] == [n.token.text for n in grown.nodes]
    assert again.with_memory.leaf == grown.leaf
    assert again.with_memory.copied == grown.copied
    assert again.without_memory is not None
    assert again.without_memory.text == lab.generate(PROMPT, "base", max_tokens=16).text


def test_one_move_more_says_only_what_is_new(lab: Lab) -> None:
    own = Lab.open(lab.home)
    how = {"method": "knn-lm", "seed": 4, "temperature": 0.8}
    first = own.trees.replay(PROMPT, "g6", **how)
    assert own.trees.tokens_left(PROMPT, "g6", **how) == 0
    assert own.trees.tokens_left(PROMPT, "g6.g2", **how) == 2
    assert own.trees.tokens_left(PROMPT, "g6", **{**how, "seed": 5}) == 6
    steps: list[float] = []
    more = own.trees.replay(PROMPT, "g6.g2", lambda fraction, message: steps.append(fraction), **how)
    assert len(steps) == 4  # two with memory, two without
    assert steps == sorted(steps)
    assert more.with_memory.text.startswith(first.with_memory.text)
    assert more.without_memory is not None
    assert more.without_memory.text == own.generate(PROMPT, "base", max_tokens=8, seed=4, temperature=0.8).text
    chosen = own.trees.replay(PROMPT, f"g6.g2.c5-{more.with_memory.tokens[5].top['mixture'][2].id}-3", **how)
    assert chosen.after == 6
    assert chosen.without_memory is not None
    assert chosen.without_memory.prompt == "".join((PROMPT, *(t.text for t in chosen.with_memory.tokens[:6])))
    assert len(chosen.without_memory.tokens) == 2
    asked = iter(range(100))
    stopped = own.trees.replay(PROMPT, "g9", stop=lambda: next(asked) >= 4, **how)
    assert written(stopped.with_memory.moves) == "g4"
    assert own.trees.tokens_left(PROMPT, "g9", **how) == 9


@pytest.mark.parametrize("moves", ["", "5", "g0", "b3", "g5.", "g5.x", "g5.c1-2", "g5.g0", "g5;g5", "g99999", "g5.c9-1-1", "g5.b2", "g5.c1-999999-2"])  # fmt: skip
def test_moves_that_make_no_tree_are_refused(lab: Lab, moves: str) -> None:
    with pytest.raises(MemlabError) as caught:
        lab.trees.replay(PROMPT, moves)
    assert str(caught.value).endswith((".",))


def test_the_table_has_a_line_for_every_token(made: Generation) -> None:
    rows = list(csv.DictReader(io.StringIO(made.csv())))
    assert "".join(row["text"] for row in rows) == made.continuation
    for row, token in zip(rows, made.tokens, strict=True):
        assert float(row["p"]) == pytest.approx(token.top["mixture"][0].p)
    span = made.copied[0]
    assert span.document in rows[span.first]["copied_from"]
