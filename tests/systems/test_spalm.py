"""SPALM: the combination by hand, what training may touch, leaks, near-duplicates, and what is refused."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab.errors import InputError, StoppedError, StoreError
from memlab.evaluate.text_models import losses
from memlab.lm.model import LanguageModel
from memlab.lm.passage import windows
from memlab.lm.text_training import Extra, TextRecipe, make_stream, new_model, plain_loss, segments, train_on_stream
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.entries import Reading
from memlab.memory.index import recall_of
from memlab.memory.precompute import Positions, Ticket, keep, kept, neighbors, sentences_of
from memlab.results import Article
from memlab.systems.spalm.combination import check_spalm, combine, loss, retrieved, spalm_scores
from memlab.systems.spalm.model import SpalmModel, SpalmRecord
from memlab.systems.spalm.training import SpalmReading, spalm_loss, spalm_losses, values_at
from tests.conftest import TEXTS

RECIPE = TextRecipe("tiny", "spalm", steps=200, batch=8, segment=16, memory=16, width=32, layers=1, heads=2,
                    feed_forward=64, warmup=10, learning_rate=5e-2, K=1)  # fmt: skip


def test_the_combination_is_the_papers_by_hand() -> None:
    h = torch.tensor([[1.0, 2.0]])
    y = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
    real = torch.tensor([[True, True, False]])
    w_g = torch.tensor([0.5, -1.0])
    a, b = math.exp(1), math.exp(2)  # y_k . h = 1 and 2
    m = np.array([a, b]) / (a + b)
    g = 1 / (1 + math.exp(1.5))  # w_g . h = 0.5 - 2
    c = combine(h, y, real, w_g)
    assert c.weights[0].tolist() == pytest.approx([*m, 0.0])
    assert c.m[0].tolist() == pytest.approx(m.tolist())
    assert c.g.item() == pytest.approx(g)
    assert c.z[0].tolist() == pytest.approx(((1 - g) * m + g * np.array([1.0, 2.0])).tolist())
    assert combine(h, y, real, w_g, 1.0).z.tolist() == h.tolist()
    assert combine(h, y, real, w_g, 0.0).z[0].tolist() == pytest.approx(m.tolist())


def test_a_position_without_neighbors_is_local_whatever_the_gate() -> None:
    h, y, real = torch.randn(2, 3), torch.randn(2, 2, 3), torch.tensor([[False, False], [True, False]])
    for gate in (None, 0.0):
        c = combine(h, y, real, torch.ones(3), gate)
        assert c.g[0] == 1
        assert torch.equal(c.z[0], h[0])
        assert c.weights[0].tolist() == [0, 0]
        assert torch.equal(c.m[1], y[1, 0])


def test_ids_that_are_no_tokens_of_the_model_are_no_neighbors() -> None:
    embedding = torch.randn(5, 3)
    y, real = retrieved(np.array([[4, -1, 5, 0]]), embedding)
    assert real.tolist() == [[True, False, False, True]]
    assert torch.equal(y[0, 0], embedding[4])


def test_gradients_reach_gate_state_and_embeddings_of_retrieved_tokens() -> None:
    embedding = nn.Parameter(torch.randn(6, 3))
    h, w_g = torch.randn(2, 3, requires_grad=True), nn.Parameter(torch.randn(3))
    loss(h, torch.tensor([0, 1]), np.array([[2, 3], [2, -1]]), embedding, w_g).backward()
    for part in (h.grad, w_g.grad, embedding.grad):
        assert part is not None
        assert part.abs().sum() > 0
    through_output = torch.autograd.grad(
        loss(h.detach(), torch.tensor([0, 1]), np.array([[-1, -1], [-1, -1]]), embedding, w_g), embedding
    )[0]
    assert not torch.allclose(through_output[2], embedding.grad[2])  # type: ignore[index]


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, tiny_lm: Callable[[str], LanguageModel]
) -> tuple[LanguageModel, Datastore, list[int], list[int]]:
    """A frozen encoder, its datastore over a text of words in random order, and unseen text of the same kind."""
    words = sorted({w for text in TEXTS for w in text.replace(".", "").replace(",", "").replace(";", "").split()})
    rng = random.Random(3)

    def write(count: int) -> str:
        return " ".join(rng.choice(words) for _ in range(count))

    lm = tiny_lm("llama")
    text = Article("t", "t", write(3000))
    order = Order("tiny", ("ffn",), reading=Reading(16, 8))
    store = Datastore(build(tmp_path_factory.mktemp("spalm"), lm, [text], order)[0])
    read = lm.tokenizer([text.text, write(400)], add_special_tokens=False)["input_ids"]
    return lm, store, read[0], read[1]


def _train(lm: LanguageModel, store: Datastore, text: list[int], apart: bool) -> tuple[SpalmModel, list[float]]:
    stream = make_stream([text], [])
    positions = Positions(np.asarray(store.keys), sentences_of(store.documents.articles, np.asarray(store.spans)), True)
    ids = neighbors(store, positions, RECIPE.K, gap=16, apart=apart)
    w_g = nn.Parameter(torch.zeros(RECIPE.width))
    heard: list[float] = []
    inner = spalm_loss(values_at(stream, ids, np.asarray(store.values)), w_g)

    def heard_loss(*given: object) -> Tensor:
        value = inner(*given)  # type: ignore[arg-type]
        heard.append(value.item())
        return value

    module = train_on_stream(RECIPE, stream, lm.V, Extra(heard_loss, (w_g,))).eval().requires_grad_(False)
    record = SpalmRecord(
        lm.name, lm.weights_hash, lm.tokenizer_hash, "ffn", store.name, store.fingerprint.corpus_hash, RECIPE.K, ""
    )
    return SpalmModel("tiny-spalm", module, lm.tokenizer, w_g.detach(), record), heard


def test_training_with_itself_as_neighbor_only_teaches_to_copy(
    made: tuple[LanguageModel, Datastore, list[int], list[int]],
) -> None:
    lm, store, text, unseen = made
    before = lm.weights_hash, {k: v.clone() for k, v in lm.module.state_dict().items()}
    honest, honest_heard = _train(lm, store, text, apart=True)
    leaking, leaking_heard = _train(lm, store, text, apart=False)
    after = lm.module.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before[1].items())  # the encoder is frozen
    gates = {"computed": None, "local": 1.0}
    at_test = {
        name: spalm_losses(SpalmReading(model, lm, store, windows(lm, 16, 8)), [unseen], RECIPE.K, gates)
        for name, model in (("honest", honest), ("leaking", leaking))
    }
    assert np.mean(leaking_heard[-10:]) < 0.5 * np.mean(
        honest_heard[-10:]
    )  # words in random order: nobody can know them
    assert at_test["leaking"].losses["computed"].mean() > at_test["honest"].losses["computed"].mean() + 0.5
    assert at_test["leaking"].gate.mean() < 0.5  # it trusts memory blindly
    plain = losses(leaking, [unseen], windows(lm, 16, 8))
    assert plain == pytest.approx(at_test["leaking"].losses["local"], abs=1e-4)  # g = 1 is the plain model


def test_neighbors_leave_out_the_position_overlaps_and_copies_of_its_sentence(
    tmp_path: Path, tiny_lm: Callable[[str], LanguageModel]
) -> None:
    lm = tiny_lm("llama")
    copied = "The capital of France is Paris."
    texts = [f"{TEXTS[1]} {copied}", f"{copied} {TEXTS[2]}", TEXTS[3], "The capital of Germany is Berlin."]
    documents = [Article(str(i), str(i), text) for i, text in enumerate(texts)]
    store = Datastore(build(tmp_path, lm, documents, Order("tiny", ("ffn",)))[0])
    spans = np.asarray(store.spans)
    sentence = sentences_of(documents, spans)
    of_paris = [i for i, (row, a, b) in enumerate(spans) if documents[row].text[a:b] == "Paris"]
    assert len(of_paris) == 2
    assert sentence[of_paris[0]] == sentence[of_paris[1]] != 0
    positions = Positions(np.asarray(store.keys), sentence, own=True)
    found = neighbors(store, positions, 8, gap=3)
    everything = neighbors(store, positions, 8, gap=3, apart=False)
    for i, row in enumerate(found):
        real = row[row >= 0]
        assert (np.abs(real - i) >= 3).all()
        assert (sentence[real] != sentence[i]).all() or sentence[i] == 0
        assert len(set(real)) == len(real)
        assert everything[i, 0] == i or np.array_equal(store.keys[everything[i, 0]], store.keys[i])
    assert (found >= 0).all()  # what was left out is filled up with farther ones


def test_very_many_pairs_go_through_an_index_with_lists_and_lose_hardly_a_neighbor(
    made: tuple[LanguageModel, Datastore, list[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made[1]
    positions = Positions(np.asarray(store.keys), sentences_of(store.documents.articles, np.asarray(store.spans)), True)
    exact = neighbors(store, positions, 4, gap=16)
    monkeypatch.setattr("memlab.memory.precompute.EXACT", 0)
    monkeypatch.setattr("memlab.memory.precompute.search_all", None)  # not asked
    fast = neighbors(store, positions, 4, gap=16)
    assert 0.98 <= recall_of(fast, exact) <= 1.0
    assert (fast[:, 1:] != fast[:, :-1]).all()
    assert (np.abs(fast - np.arange(len(positions))[:, None]) >= 16).all()


def test_short_sentences_are_no_copies() -> None:
    documents = [Article("a", "a", "Yes, sir. He went away.")]
    assert sentences_of(documents, np.array([[0, 0, 3], [0, 10, 12]])).tolist() == [0, 0]


def test_kept_neighbors_are_used_again_only_for_the_same_and_when_whole(tmp_path: Path) -> None:
    ticket = Ticket("model", "ffn", "memory", "text", "flat", K=2, gap=16)
    ids = np.array([[1, 2], [0, -1]], np.int32)
    keep(tmp_path, ticket, ids)
    again = kept(tmp_path, ticket, 2)
    assert again is not None
    assert np.array_equal(again, ids)
    assert kept(tmp_path, replace(ticket, encoder_hash="other"), 2) is None
    assert kept(tmp_path, replace(ticket, text_hash="other"), 2) is None
    (tmp_path / f"{ticket.name}.i32").write_bytes(ids[::-1].tobytes())
    assert kept(tmp_path, ticket, 2) is None


def test_a_wrong_encoder_or_datastore_is_refused_with_the_reason(
    made: tuple[LanguageModel, Datastore, list[int], list[int]], tiny_lm: Callable[[str], LanguageModel]
) -> None:
    lm, store, _, _ = made
    record = SpalmRecord(lm.name, lm.weights_hash, lm.tokenizer_hash, "ffn", store.name, store.fingerprint.corpus_hash, 4, "")  # fmt: skip
    module = new_model(RECIPE, lm.V).eval()
    model = SpalmModel("s", module, lm.tokenizer, torch.zeros(32), record)
    check_spalm(model, lm, store.fingerprint)
    with pytest.raises(StoreError, match="other weights"):
        check_spalm(model, tiny_lm("gpt2"), store.fingerprint)
    with pytest.raises(StoreError, match="another text collection"):
        check_spalm(model, lm, replace(store.fingerprint, corpus_hash="x"))
    with pytest.raises(StoreError, match="keys 'last'"):
        check_spalm(model, lm, replace(store.fingerprint, key="last"))
    with pytest.raises(StoreError, match="keys 'ffn' of other"):
        check_spalm(model, lm, replace(store.fingerprint, model="other", model_hash="x"))
    with pytest.raises(InputError, match="shape"):
        SpalmModel("s", module, lm.tokenizer, torch.zeros(31), record)
    logp, g, weights = spalm_scores(torch.randn(3, 32), np.array([[1, 2, 3, 4]] * 3), model)
    assert logp.exp().sum(-1).tolist() == pytest.approx([1.0] * 3, abs=1e-5)
    assert g.tolist() == [0.5] * 3
    assert weights.sum(-1).tolist() == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"K": 0}, "K is 0"),
        ({"memory": -1}, "-1 tokens"),
        ({"steps": 0}, "0 steps"),
    ],
)
def test_recipes_that_cannot_be_are_refused(wrong: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(RECIPE, **wrong)


def test_segments_run_on_in_every_lane_and_all_kinds_read_the_same() -> None:
    steps = list(zip(range(30), segments(1000, RECIPE), strict=False))
    last = steps[0][1][0]
    base = replace(RECIPE, kind="base")
    for (_, (places, fresh)), (other, _) in zip(steps, segments(1000, base), strict=False):
        assert np.array_equal(places, other)
        assert places.shape == (8, 16)
        if not fresh:
            assert (places[:, 0] == last[:, -1] + 1).all()
        last = places
    assert sum(fresh for _, (_, fresh) in steps) > 2
    with pytest.raises(InputError, match="longer text"):
        next(segments(200, RECIPE))


def test_carried_states_see_what_one_long_pass_sees_and_no_memory_does_not() -> None:
    still = {"steps": 2, "learning_rate": 0.0, "muon_rate": 0.0}
    ids = np.random.default_rng(0).integers(0, 50, 600)
    stream = make_stream([ids.tolist()], [])
    for kind, carried in (("short-term", True), ("base", False)):
        recipe = replace(RECIPE, kind=kind, **still)
        seen: list[Tensor] = []

        def look(
            h: Tensor, targets: Tensor, places: np.ndarray, embedding: Tensor, seen: list[Tensor] = seen
        ) -> Tensor:
            seen.append(h.detach())
            return plain_loss(h, targets, places, embedding)

        module = train_on_stream(recipe, stream, 50, Extra(look))
        places = next(segments(600, recipe))[0]
        both = np.arange(places[0, 0], places[0, 0] + 32)
        whole = module.base_model(input_ids=torch.from_numpy(ids[both])[None]).last_hidden_state[0]
        same = torch.allclose(seen[1][:16], whole[16:], atol=1e-4)
        assert same == carried


def test_a_segment_sees_the_carried_states_of_its_own_text_only() -> None:
    recipe = replace(RECIPE, kind="short-term", steps=2, learning_rate=0.0, muon_rate=0.0)
    ids = np.random.default_rng(0).integers(0, 50, 600)
    first = next(segments(600, recipe))[0]  # of one layer, so a state depends on its own token alone
    own = {
        0: 8,
        1: 0,
        2: 16,
    }  # so many of the 16 carried tokens belong to the text that the lane's second segment goes on with
    begins = {lane: int(first[lane, -1]) + 1 - carried for lane, carried in own.items()}
    texts = [ids[a:b].tolist() for a, b in pairwise([0, *begins.values(), 600])]
    stream, seen = make_stream(texts, []), []

    def look(h: Tensor, targets: Tensor, places: np.ndarray, embedding: Tensor) -> Tensor:
        seen.append(h.detach())
        return plain_loss(h, targets, places, embedding)

    module = train_on_stream(recipe, stream, 50, Extra(look))
    lanes = seen[1].split(stream.predicted[first + 16 + 1].sum(1).tolist())
    for lane, begin in begins.items():
        end = int(first[lane, -1]) + 1 + 16
        alone = module.base_model(input_ids=torch.from_numpy(ids[begin:end])[None]).last_hidden_state[0, -16:]
        assert torch.allclose(lanes[lane], alone, atol=1e-4)


def test_training_stops_when_asked() -> None:
    stream = make_stream([list(range(50)) * 12], [])
    with pytest.raises(StoppedError):
        train_on_stream(RECIPE, stream, 50, stop=lambda: True)


def test_a_stream_predicts_what_a_datastore_has_as_entries() -> None:
    with_start = make_stream([[5, 6], [7]], [2])
    assert with_start.ids.tolist() == [2, 5, 6, 2, 7]
    assert with_start.predicted.tolist() == [False, True, True, False, True]
    without = make_stream([[5, 6], [7, 8, 9]], [])
    assert without.predicted.tolist() == [False, True, False, True, True]
