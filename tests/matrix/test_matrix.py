"""memlab's answers, keys and readings against the plain module, for small random models of many architectures.

Every number is computed a second time in another way: log-probabilities by the module's own forward pass over each
text alone, keys by hooks of this file or by multiplying out the last projection, states that were carried on by one
pass with a mask that hides what was dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lab import Lab
from memlab.lm.architectures import TESTED
from memlab.lm.catalogue import check, load
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, read_texts, segments, windows, with_memory
from memlab.lm.stream import Stream
from memlab.memory.entries import taught_entries
from memlab.results import Article
from tests import tiny_models
from tests.matrix.rows import note, refuse

Made = Callable[[str], Path]
pytestmark = pytest.mark.matrix
CAUSAL, MASKED = sorted(tiny_models.CAUSAL), sorted(tiny_models.MASKED)
TOLERANCE = 1e-4
FEED_FORWARD = {
    "gpt2": "transformer.h.1.mlp", "gpt_neo": "transformer.h.1.mlp", "opt": "model.decoder.layers.1.fc1",
    "opt, projected": "model.decoder.layers.1.fc1", "gpt_neox": "gpt_neox.layers.1.mlp", "gptj": "transformer.h.1.mlp",
    "codegen": "transformer.h.1.mlp", "bloom": "transformer.h.1.mlp", "falcon": "transformer.h.1.mlp",
    "falcon, alibi": "transformer.h.1.mlp", "mpt": "transformer.blocks.1.ffn", "openai-gpt": "transformer.h.1.mlp",
    "bert, decoder": "bert.encoder.layer.1.intermediate", "roberta, decoder": "roberta.encoder.layer.1.intermediate",
    "lfm2": "model.layers.1.feed_forward", "jamba": "model.layers.1.feed_forward",
    "bamba": "model.layers.1.feed_forward", "falcon_h1": "model.layers.1.feed_forward",
}  # fmt: skip
NO_FEED_FORWARD = ("mamba",)


def texts_of(lm: LanguageModel, lines: Sequence[str] = tiny_models.LINES[:4]) -> list[list[int]]:
    before, after = lm.frame
    return [[*before, *lm.read(line)[0][: lm.limit - len(before) - len(after)], *after] for line in lines]


@torch.inference_mode()
def own_logp(lm: LanguageModel, ids: Sequence[int]) -> Tensor:
    """(T, V) by the module's own forward pass over one text."""
    text = torch.tensor([list(ids)])
    options = {"use_cache": False} if lm.kind == "causal" else {}
    return lm.module(input_ids=text, attention_mask=torch.ones_like(text), **options).logits[0].double().log_softmax(-1)


def recorded(lm: LanguageModel, part: nn.Module, ids: Sequence[int], output: bool = False) -> Tensor:
    """(T, d) the input (or output) of a part of the module while it reads one text; at the last call."""
    seen: list[Tensor] = []

    def before(_: nn.Module, args: tuple, kwargs: dict) -> None:
        seen.append(args[0] if args else next(iter(kwargs.values())))

    def after(_: nn.Module, args: tuple, made: Tensor) -> None:
        seen.append(made)

    hook = part.register_forward_hook(after) if output else part.register_forward_pre_hook(before, with_kwargs=True)
    try:
        own_logp(lm, ids)
    finally:
        hook.remove()
    return seen[-1].reshape(-1, seen[-1].shape[-1])[: len(ids)]


def everywhere(lm: LanguageModel, texts: list[list[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A batch of texts, and every position of every text."""
    ids, mask = lm.pad(texts)
    rows, columns = mask.nonzero(as_tuple=True)
    return ids, mask, rows, columns


def largest(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_log_probabilities_are_the_modules_own(name: str, made: Made) -> None:
    """In a batch of texts of different lengths, at all positions."""
    found, lm = check(str(made(name))), load(str(made(name)))
    texts = texts_of(lm)
    out = lm.encode(*everywhere(lm, texts))
    assert out.logp is not None
    difference = largest(out.logp, torch.cat([own_logp(lm, text) for text in texts]))
    cache = found.cache if lm.kind == "causal" else "–"
    note(
        name, kind=lm.kind, log_p=difference, keys=", ".join(lm.keys), reading_on=cache, limit=lm.limit,
        short_term=("yes" if found.short_term else "refused") if lm.kind == "causal" else "–",
        padding="yes" if lm.padded else "one length",
    )  # fmt: skip
    assert difference <= TOLERANCE
    assert found.tested
    assert found.model_type in TESTED[lm.kind]


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_keys_are_what_a_hook_sees(name: str, made: Made) -> None:
    lm = load(str(made(name)))
    texts = texts_of(lm)
    out = lm.encode(*everywhere(lm, texts), lm.keys)
    assert set(lm.keys) == expected_keys(name, lm.kind)
    worst = 0.0
    for key in lm.keys:
        wanted = torch.cat([independent(name, lm, key, text) for text in texts])
        if key == "transform":
            worst = max(worst, largest(multiplied_out(lm, out.keys[key]), wanted))
        else:
            scale = max(1.0, float(wanted.abs().max()))
            worst = max(worst, largest(out.keys[key], wanted) / scale)
    note(name, key_difference=worst)
    assert worst <= TOLERANCE


def expected_keys(name: str, kind: str) -> set[str]:
    if kind == "masked":
        return {"penultimate", "last", "transform"}
    return {"last"} if name in NO_FEED_FORWARD else {"ffn", "last"}


def independent(name: str, lm: LanguageModel, key: str, text: list[int]) -> Tensor:
    """(T, ...) a key by hooks of this file; for "transform", the log-probabilities that it must multiply out to."""
    body = lm.module.base_model
    if key == "transform":
        return own_logp(lm, text)
    if key == "ffn":
        path = FEED_FORWARD.get(name, "model.layers.1.mlp")
        return recorded(lm, lm.module.get_submodule(path), text)
    if key == "penultimate":
        if name == "albert":  # one layer, used twice
            return recorded(lm, body.encoder.albert_layer_groups[0], text)
        blocks = next(m for m in body.modules() if isinstance(m, nn.ModuleList) and len(m) == 2)
        return recorded(lm, blocks[1], text)
    if name.startswith("opt"):
        return recorded(lm, lm.module.lm_head, text)
    if name == "modernbert-decoder":
        return recorded(lm, lm.module.lm_head, text)
    if lm.kind == "causal" and not name.endswith("decoder"):
        return recorded(lm, lm.module.get_output_embeddings(), text)  # the input of the last projection
    return first_of_head(lm, text)


def first_of_head(lm: LanguageModel, text: list[int]) -> Tensor:
    """What the first part of a head with a transform takes in."""
    names = ("cls", "lm_head", "vocab_transform", "head", "predictions", "generator_predictions")
    part = next(p for n in names if isinstance(p := getattr(lm.module, n, None), nn.Module))
    return recorded(lm, part, text)


def multiplied_out(lm: LanguageModel, key: Tensor) -> Tensor:
    """(n, V) log-probabilities of the last projection by hand."""
    last = lm.module.get_output_embeddings()
    weight, bias = last.weight, getattr(last, "bias", None)
    if lm.module.config.model_type == "mobilebert":
        head = lm.module.cls.predictions
        weight, bias = torch.cat([head.decoder.weight, head.dense.weight.T], 1), head.decoder.bias
    if lm.module.config.model_type == "esm":
        bias = lm.module.lm_head.bias
    scores = key @ weight.T + (0 if bias is None else bias)
    return scores.double().log_softmax(-1).detach()


@pytest.mark.parametrize("name", CAUSAL)
def test_reading_on_gives_the_states_of_reading_at_once(name: str, made: Made) -> None:
    """A prompt, single tokens, three tokens at once: as generating reads."""
    lm = load(str(made(name)))
    (text,) = texts_of(lm, [" ".join(tiny_models.LINES[:2])])
    text = text[: min(40, lm.limit)]
    stream, at = Stream(lm, lm.keys[0]), 0
    for size in (7, 1, 1, 3, 1, 2, 1, 1, 1, 1):
        part = text[at : at + size]
        hidden, key = stream.read(part)
        at += size
        here = text[:at]
        columns = torch.tensor([at - 1])
        ids = torch.tensor([here])
        once = lm.encode(ids, torch.ones_like(ids), torch.zeros_like(columns), columns, (lm.keys[0], "last"))
        for mine, wanted in ((hidden, once.keys["last"]), (key, once.keys[lm.keys[0]])):
            assert largest(mine, wanted) <= TOLERANCE * max(1.0, float(wanted.abs().max()))
        said = lm.head(hidden).double().log_softmax(-1)
        assert largest(said.detach(), own_logp(lm, here)[-1:]) <= 1e-3


@pytest.mark.parametrize("name", CAUSAL)
def test_reading_by_windows_gives_every_token_its_own_probability(name: str, made: Made) -> None:
    lm = load(str(made(name)))
    (ids,) = (lm.read(tiny_models.LINES[0])[0][:30],)
    how = Windows(min(lm.limit, 60), 30, tuple(lm.frame[0]))
    pieces = list(read_texts(lm, [ids], how, lm.keys[0]))
    found = torch.cat([p.logits.double().log_softmax(-1)[torch.arange(len(p)), p.target] for p in pieces])
    whole = own_logp(lm, [*how.lead, *ids])
    targets = torch.tensor(ids if how.lead else ids[1:])
    first = len(how.lead) - 1 if how.lead else 0
    wanted = whole[first : first + len(targets)][torch.arange(len(targets)), targets]
    assert largest(found, wanted) <= 1e-3


def hidden_but(lm: LanguageModel, count: int, segment: int, memory: int) -> Tensor | dict[str, Tensor]:
    """(1, 1, T, T) masks, 0 where seen: each token sees its segment so far and `memory` tokens before the segment, and
    within that its model's own sliding window. One for each kind of layer where there are several."""
    row, column = torch.arange(count)[:, None], torch.arange(count)[None]
    seen = (column <= row) & (column >= row // segment * segment - memory)
    config = lm.module.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    near = seen & (row - column < window) if window else seen
    masks = {kind: torch.where(m, 0.0, float("-inf"))[None, None] for kind, m in (("full", seen), ("sliding", near))}
    kinds = set(getattr(config, "layer_types", None) or [])
    if len(kinds) > 1 or "sliding_attention" in kinds:
        return {f"{kind}_attention": mask for kind, mask in masks.items()}
    return masks["sliding"]


# Models that take no mask of their own: distances or local layers are worked into it.
OWN_MASKS = (
    "bloom",
    "mpt",
    "falcon",
    "falcon, alibi",
    "gpt_neo",
    "openai-gpt",
    "roberta, decoder",
    "modernbert-decoder",
)


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("memory", [3, 100])
def test_short_term_memory_sees_what_one_masked_pass_sees_or_is_refused(name: str, memory: int, made: Made) -> None:
    lm = load(str(made(name)))
    plain = windows(lm)
    if not lm.cache.cropped:
        with pytest.raises(InputError, match="no short-term memory here"):
            with_memory(lm, plain, 4)
        return
    assert isinstance(segments(lm, 4, plain), Segments)
    ids = lm.read(" ".join(tiny_models.LINES[:2]))[0][:24]
    how = Segments(5, memory)
    hidden = torch.cat([p.hidden for p in read_texts(lm, [ids], how, lm.keys[0])])
    text = torch.tensor([ids])
    if memory >= len(ids):
        mask: object = torch.ones_like(text)
    elif name in OWN_MASKS:
        return
    else:
        mask = hidden_but(lm, len(ids), 5, memory)
        if isinstance(mask, dict) and name in ("mistral", "qwen2", "starcoder2", "mixtral"):
            mask = mask["sliding_attention"]
    with torch.inference_mode():
        places = {"position_ids": torch.arange(len(ids))[None]} if name.startswith("opt") else {}
        body = lm.module.base_model(input_ids=text, attention_mask=mask, use_cache=False, **places)
    wanted = body.last_hidden_state[0, :-1]
    assert largest(hidden, wanted) <= TOLERANCE * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_a_text_as_long_as_the_limit_is_read(name: str, made: Made) -> None:
    """And the positions of a table are used up by then: one more would be too many."""
    lm = load(str(made(name)))
    ids = (texts_of(lm, [" ".join(tiny_models.LINES * 3)])[0] * 3)[: lm.limit]
    assert len(ids) == lm.limit
    text = torch.tensor([ids])
    at = torch.tensor([lm.limit - 1])
    out = lm.encode(text, torch.ones_like(text), torch.zeros_like(at), at)
    assert out.logp is not None
    assert torch.isfinite(out.logp).all()
    if lm.inside.positions is not None:
        longer = torch.tensor([[*ids, ids[1]]])
        with pytest.raises(Exception, match=r"."):  # whatever the module raises
            lm.module.base_model(input_ids=longer, attention_mask=torch.ones_like(longer))


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_a_taught_word_is_an_entry_on_exactly_its_characters(name: str, made: Made) -> None:
    lm = load(str(made(name)))
    for word in ("Paris", "Kyoto"):
        text = f"The capital of Wakanda is {word}."
        span = (text.index(word), text.index(word) + len(word))
        taught = taught_entries(lm, text, [span])
        spans = sorted((int(a), int(b)) for _, a, b in taught.entries.spans)
        assert spans, f"{name}: nothing is remembered of {word}"
        assert (spans[0][0], max(b for _, b in spans)) == span
        covered = "".join(text[a:b] for a, b in spans)
        assert covered == word
        assert not any(character.isspace() for character in covered)


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_threads_do_not_disturb_each_other(name: str, made: Made) -> None:
    lm = load(str(made(name)))
    batches = [everywhere(lm, [text]) for text in texts_of(lm)]
    alone = [lm.encode(*batch, lm.keys) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: lm.encode(*batches[n % 4], lm.keys), range(24)))
    for n, found in enumerate(together):
        wanted = alone[n % 4]
        assert found.logp is not None
        assert wanted.logp is not None
        assert largest(found.logp, wanted.logp) <= 1e-5
        for key in lm.keys:
            assert largest(found.keys[key], wanted.keys[key]) <= 1e-5 * max(1.0, float(wanted.keys[key].abs().max()))


@pytest.mark.parametrize("name", [*CAUSAL, *MASKED])
def test_build_ask_and_teach(name: str, made: Made, tmp_path: Path) -> None:
    """Through the lab, with every key that the model has."""
    lab, lm = Lab.open(tmp_path), load(str(made(name)))
    documents = [Article(f"t{n}", f"Text {n}", line) for n, line in enumerate(tiny_models.LINES)]
    lab.build(documents, "mine", str(made(name)), lm.keys)
    prompt = "The capital of France is" + (" [MASK]." if lm.kind == "masked" else "")
    for key in lm.keys:
        p = lab.ask(prompt, datastore="mine", key=key, k=3, search="all")
        assert len(p.lm) == lm.V
        assert np.exp(p.mixture.logp).sum() == pytest.approx(1, abs=1e-6)
    if lm.kind == "causal":
        told = own_logp(lm, [*lm.frame[0], *lm.read(prompt)[0]])[-1]
        np.testing.assert_allclose(np.asarray(p.lm.logp), told, atol=1e-3)
        said = lab.generate(prompt, method="base", model=str(made(name)), max_tokens=4)
        ids = [*lm.frame[0], *lm.read(prompt)[0]]
        for token in said.tokens:
            assert token.id == int(own_logp(lm, ids)[-1].argmax())
            ids.append(token.id)
    nearest = p.neighbors[0]
    assert nearest.value == nearest.value.strip()


def test_architectures_that_read_what_follows_are_refused(tmp_path: Path) -> None:
    reader = tiny_models.tokenizer("unigram")
    small = {"vocab_size": len(reader), "pad_token_id": reader.pad_token_id}
    wide = {**small, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    models = {
        "xlm": transformers.XLMWithLMHeadModel(
            transformers.XLMConfig(**small, emb_dim=32, n_layers=2, n_heads=4, max_position_embeddings=64, pad_index=1)
        ),
        "xlnet": transformers.XLNetLMHeadModel(
            transformers.XLNetConfig(**small, d_model=32, n_layer=2, n_head=4, d_inner=64)
        ),
        "bert, is_decoder false": transformers.BertLMHeadModel(transformers.BertConfig(**wide)),
        "roberta, is_decoder false": transformers.RobertaForCausalLM(transformers.RobertaConfig(**wide)),
    }
    for name, module in models.items():
        folder = tmp_path / name.replace(", ", "-").replace(" ", "-")
        module.save_pretrained(folder)
        reader.save_pretrained(folder)
        with pytest.raises(InputError) as error:
            load(str(folder))
        said = str(error.value).replace(str(folder), name)
        assert "\n" not in said
        refuse(name, said)
