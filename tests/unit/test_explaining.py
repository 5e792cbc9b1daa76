"""The parts of the views: prompt words, principal plane, hubness, layers, and what their figures say."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from memlab.evaluate.asked_fact import asked_facts
from memlab.evaluate.health import hubness
from memlab.evaluate.lens import final_norm, read_layers
from memlab.evaluate.occlusion import hidden, prompt_words
from memlab.evaluate.projection import agreement, principal_plane
from memlab.figures import health, key_map, layers, occlusion, sweep
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.results import (
    KeyHealth,
    KeyMap,
    LayerLens,
    LayerReading,
    MapPoint,
    Neighbor,
    OccludedWord,
    Occlusion,
    QueryHealth,
    Sweep,
    Turn,
    WordProbability,
)

NASTY = "<b>$x$</b>"
MASKED = "The capital of New York is [MASK]."


def neighbor(rank: int, token: str, weight: float) -> Neighbor:
    return Neighbor(rank, 10 + rank, rank, token, 1.0, weight, "left ", token, " right", "Text", 5, 9)


def test_words_of_a_prompt_are_hidden_one_by_one(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("modernbert")
    read = read_prompt(lm, MASKED)
    words = prompt_words(lm, read)
    assert [w.text for w in words] == ["The", "capital", "of", "New York", "is"]
    assert all(MASKED[w.start : w.end] == w.text for w in words)
    city = hidden(lm, read, words[3])
    changed = [i for i, (a, b) in enumerate(zip(read.ids, city.ids, strict=True)) if a != b]
    assert tuple(changed) == words[3].places
    assert {city.ids[i] for i in changed} == {lm.tokenizer.mask_token_id}
    assert city.position == read.position


def test_a_causal_model_reads_the_prompt_without_the_word(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("llama")
    read = read_prompt(lm, "The capital of France is")
    for word, rest in zip(prompt_words(lm, read), ("capital of France is", "The of France is"), strict=False):
        ids = hidden(lm, read, word).ids
        assert ids[-4:] == read_prompt(lm, rest).ids[-4:]
        assert hidden(lm, read, word).position == len(ids) - 1


@pytest.mark.parametrize(
    ("architecture", "norm"), [("modernbert", True), ("bert", False), ("llama", True), ("gpt2", True)]
)
def test_a_layer_is_read_as_if_the_model_ended_there(
    tiny_lm: Callable[[str], LanguageModel], architecture: str, norm: bool
) -> None:
    lm = tiny_lm(architecture)
    read = read_prompt(lm, MASKED if lm.kind == "masked" else "The capital of France is")
    found = read_layers(lm, read)
    assert found.shape == (3, lm.V)
    assert (final_norm(lm) is not None) == norm
    ids = torch.tensor([read.ids])
    for layer, module in ((1, shortened(lm.module)), (2, lm.module)):
        with torch.inference_mode():
            said = module(input_ids=ids).logits[0, read.position].double().log_softmax(-1)
        assert torch.allclose(found[layer], said, atol=1e-5)


def shortened(module: nn.Module) -> nn.Module:
    """The same model with its first block only."""
    short = copy.deepcopy(module)
    for name, part in short.named_modules():
        if isinstance(part, nn.ModuleList) and len(part) == 2:
            parent = short.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], part[:1])
            break
    short.config.num_hidden_layers = 1
    return short


def test_the_plane_of_flat_keys_keeps_everything() -> None:
    rng = np.random.default_rng(1)
    flat = rng.standard_normal((20, 2)) * [5, 1]
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0][:2]
    plane, kept = principal_plane(flat @ turn + 3)
    assert kept == pytest.approx(1)
    gaps = np.linalg.norm(flat[:, None] - flat, axis=-1)
    assert np.linalg.norm(plane[:, None] - plane, axis=-1) == pytest.approx(gaps)
    assert agreement(plane, flat @ turn) == pytest.approx(1)
    assert plane.var(0)[0] > plane.var(0)[1]
    assert principal_plane(np.roll(flat @ turn + 3, 5, axis=0))[0] == pytest.approx(np.roll(plane, 5, axis=0))


def test_the_share_of_variance_by_hand() -> None:
    """Three axes with spreads 3, 2 and 1: the plane keeps (9 + 4) / 14."""
    keys = np.concatenate([np.diag([3.0, 2.0, 1.0]), -np.diag([3.0, 2.0, 1.0])])
    assert principal_plane(keys)[1] == pytest.approx(13 / 14)


def test_keys_that_are_all_equal_are_one_point() -> None:
    for keys in (np.ones((1, 3)), np.full((4, 3), 2.5, np.float32)):
        plane, kept = principal_plane(keys)
        assert plane.tolist() == [[0.0, 0.0]] * len(keys)
        assert kept == 1.0


def test_two_keys_differ_in_one_direction_with_the_larger_loading_positive() -> None:
    plane, kept = principal_plane(np.array([[0.0, 0.0, 0.0], [3.0, -4.0, 0.0]]))
    assert plane[:, 0] == pytest.approx([2.5, -2.5])
    assert plane[:, 1] == pytest.approx([0.0, 0.0])
    assert kept == pytest.approx(1.0)
    assert principal_plane(np.ones((4, 3)))[1] == 1.0
    assert principal_plane(np.ones((1, 3)))[0].tolist() == [[0.0, 0.0]]
    assert agreement(np.zeros((3, 2)), np.zeros((3, 5))) is None


def test_hubness_by_hand() -> None:
    """A center that is nearest to four corners; the corners are apart. N_1 = (4, 1, 0, 0, 0), skewness 1.3669."""
    corners = np.array([[0, 0], [1.0, 0], [0, 1.1], [-1.2, 0], [0, -1.3]])
    counts = np.array([4, 1, 0, 0, 0.0])
    centered = counts - counts.mean()
    assert hubness(corners, 1) == pytest.approx((centered**3).mean() / (centered**2).mean() ** 1.5)


def test_the_fact_that_a_prompt_asks_for() -> None:
    assert [f.object for f in asked_facts("The capital of France is [MASK].", "masked")] == ["Paris"]
    assert [f.object for f in asked_facts(" The  capital of France is", "causal")] == ["Paris"]
    assert asked_facts("Nobody asks this [MASK].", "masked") == []


def test_figures_say_what_they_show_and_show_names_as_text() -> None:
    swept = Sweep(
        over="lam",
        label="lambda",
        log=False,
        current=0.5,
        values=np.array([0.0, 0.5, 1.0]),
        words=("Paris", NASTY),
        mixture=np.array([[0.9, 0.1], [0.5, 0.4], [0.1, 0.7]]),
        answers=("Paris", "Paris", NASTY),
        turns=(Turn(0.6, "Paris", NASTY),),
    )
    assert sweep.described(swept) == f"The answer from lambda = 0 to 1: “Paris” at first, then “{NASTY}” from 0.6."
    drawn = sweep.sweep(swept)
    assert {t.name for t in drawn.data} == {"Paris", "&lt;b&gt;&#36;x&#36;&lt;/b&gt;"}
    assert len({(t.line.color, t.line.dash) for t in drawn.data}) == 2
    rows = list(csv.DictReader(io.StringIO(swept.csv())))
    assert [row["p(Paris)"] for row in rows] == ["0.9", "0.5", "0.1"]
    assert [row["answer"] for row in rows] == list(swept.answers)

    words = (OccludedWord("The", 0, 3, 0.5, -0.2), OccludedWord(NASTY, 4, 9, 0.1, 2.0))
    why = Occlusion("Paris", 0.5, "mask", words, (neighbor(1, "Paris", 1.0),), np.array([[-0.2], [2.0]]))
    assert (
        occlusion.described(why)
        == f"The neighbors' distances grow most, on weighted average, without {NASTY} (by 2.00)."
    )
    texts = [a.text for a in occlusion.occlusion(why).layout.annotations]
    assert texts == ["−0.2", "−0.2", "+2.0", "+2.0"]

    top = (WordProbability(1, "Paris", 0.6),)
    read = LayerLens(
        ("Paris",), "fact", "city", "fact", True, (LayerReading(0, 0.0, 0.1, top), LayerReading(1, 0.4, 0.8, top))
    )
    assert layers.described(read) == (
        "Any city has half of the probability from layer 1 on; "
        "the right answer “Paris” never has half of the probability (at the end 0.40)."
    )
    assert [list(t.y) for t in layers.layers(read).data] == [[0.1, 0.8], [0.0, 0.4]]

    points = (
        MapPoint("question", 0, 0),
        MapPoint("neighbor", 1, 0, neighbor(1, NASTY, 0.9)),
        MapPoint("other", 2, 0, neighbor(9, "x", 0)),
    )
    plane = KeyMap(points, 0.31, 0.9)
    assert "keeps 31% of the variance" in key_map.described(plane)
    assert "well (rank correlation 0.90)" in key_map.described(plane)
    hover = "".join(
        text for t in key_map.key_map(plane).data for text in (t.customdata if t.customdata is not None else ())
    )
    assert NASTY not in hover
    assert "&lt;b&gt;" in hover

    keys = KeyHealth("store", 3, 3, 10, 0.5, 0.1, 1.0, 3, np.array([1.0, 2.0, 3.0]), 2.98)
    near, far = QueryHealth(keys, 2.5, 2 / 3), QueryHealth(keys, 3.5, 1.0)
    assert (near.far, far.far) == (False, True)
    assert health.described(near).startswith("The nearest entry is 2.50 from the question; 67%")
    assert health.health(far).layout.xaxis.range[1] > 3.5
