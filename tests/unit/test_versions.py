"""Weights versions: own module objects that share what did not change."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from memlab.errors import InputError
from memlab.lm.model import KEYS, LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.lm.versions import derive
from memlab.memory.retrieval import encode_many

Load = Callable[[str], LanguageModel]
ALL = ("modernbert", "bert", "llama", "gpt2")
PROMPTS = ("The capital of France is", "York is", "Many people live in Paris, and gold is", "Berlin")


def fingerprint(lm: LanguageModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in lm.module.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def changed(lm: LanguageModel, seed: int = 1) -> dict[str, Tensor]:
    """A new value for one matrix of the first block."""
    noise = torch.Generator().manual_seed(seed)
    block = [n for n, p in lm.module.named_parameters() if ".0." in n and p.dim() == 2]
    value = lm.module.get_parameter(block[0])
    return {block[0]: value + 0.5 * torch.randn(value.shape, generator=noise)}


def answers(lm: LanguageModel) -> tuple[bytes, ...]:
    """Keys and log-probabilities of all prompts, bit by bit."""
    end = " [MASK]." if lm.kind == "masked" else ""
    out = []
    for prompt in PROMPTS:
        for key in KEYS[lm.kind]:
            keys, logp, _ = encode_many(lm, [read_prompt(lm, prompt + end)], key)
            out.append(keys.tobytes() + logp.tobytes())
    return tuple(out)


@pytest.mark.parametrize("name", ALL)
def test_a_version_shares_every_tensor_that_did_not_change(name: str, tiny_lm: Load) -> None:
    base = tiny_lm(name)
    new = changed(base)
    version = derive(base, new)
    assert version.module is not base.module
    ours = dict(base.module.named_parameters(remove_duplicate=False))
    for parameter, value in version.module.named_parameters(remove_duplicate=False):
        if parameter in new:
            assert torch.equal(value, new[parameter])
            assert value.data_ptr() != ours[parameter].data_ptr()
        else:
            assert value is ours[parameter]
        assert not value.requires_grad
    for (_, one), (_, two) in zip(base.module.named_buffers(), version.module.named_buffers(), strict=True):
        assert one is two
    assert not version.module.training


@pytest.mark.parametrize("name", ALL)
def test_a_version_computes_with_its_own_weights(name: str, tiny_lm: Load) -> None:
    """As a model that was loaded with these weights; hooks and head belong to the version."""
    base = tiny_lm(name)
    new = changed(base)
    version = derive(base, new)
    kept = {n: base.module.get_parameter(n).clone() for n in new}
    wanted = answers(version)
    assert wanted != answers(base)
    with torch.no_grad():  # the base itself, for a moment, in this one test
        for parameter, value in new.items():
            base.module.get_parameter(parameter).copy_(value)
        try:
            assert answers(base) == wanted
        finally:
            for parameter, value in kept.items():
                base.module.get_parameter(parameter).copy_(value)


@pytest.mark.parametrize("name", ["modernbert", "bert", "llama", "gpt2"])
def test_tied_parameters_change_under_all_their_names(name: str, tiny_lm: Load) -> None:
    base = tiny_lm(name)
    table = base.module.get_input_embeddings().weight
    names = [n for n, p in base.module.named_parameters(remove_duplicate=False) if p is table]
    assert len(names) >= 2
    for one in names:
        version = derive(base, {one: table * 1.5})
        shown = dict(version.module.named_parameters(remove_duplicate=False))
        assert all(shown[n] is shown[names[0]] for n in names)
        assert torch.equal(version.module.get_output_embeddings().weight, table * 1.5)
        assert version.module.get_output_embeddings().weight is version.module.get_input_embeddings().weight


@pytest.mark.parametrize("name", ["modernbert", "llama"])
def test_base_and_versions_in_threads_answer_as_in_series(name: str, tiny_lm: Load) -> None:
    base = tiny_lm(name)
    before = fingerprint(base)
    models = [base, derive(base, changed(base, 1)), derive(base, changed(base, 2))]
    wanted = [answers(lm) for lm in models]
    assert len(set(wanted)) == 3
    seen: list[list[tuple[bytes, ...]]] = [[] for _ in range(6)]
    start = threading.Barrier(len(seen))

    def ask(i: int) -> None:
        start.wait()
        for _ in range(5):
            seen[i].append(answers(models[i % 3]))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(seen))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, got in enumerate(seen):
        assert got == [wanted[i % 3]] * 5
    assert fingerprint(base) == before


def test_a_version_has_a_hash_of_its_own(tiny_lm: Load) -> None:
    base = tiny_lm("bert")
    one, two, again = (derive(base, changed(base, seed)) for seed in (1, 2, 1))
    assert len({base.weights_hash, one.weights_hash, two.weights_hash}) == 3
    assert one.weights_hash == again.weights_hash
    assert one.tokenizer_hash == base.tokenizer_hash


def test_a_version_does_not_follow_its_delta_or_its_base(tiny_lm: Load) -> None:
    base = tiny_lm("bert")
    new = changed(base)
    version = derive(base, new)
    wanted = answers(version)
    for value in new.values():
        value.zero_()
    assert answers(version) == wanted


def test_versions_of_versions_keep_both_changes(tiny_lm: Load) -> None:
    base = tiny_lm("llama")
    one = changed(base)
    norm = next(n for n, p in base.module.named_parameters() if p.dim() == 1)
    two = {norm: base.module.get_parameter(norm) * 2}
    assert answers(derive(derive(base, one), two)) == answers(derive(base, {**one, **two}))


def test_no_change_is_the_base_itself(tiny_lm: Load) -> None:
    assert derive(tiny_lm("bert"), {}) is tiny_lm("bert")


def test_unknown_parameters_and_other_shapes_are_refused(tiny_lm: Load) -> None:
    base = tiny_lm("bert")
    name, value = next(iter(base.module.named_parameters()))
    with pytest.raises(InputError, match="no parameter 'nothing'"):
        derive(base, {"nothing": torch.zeros(1)})
    with pytest.raises(InputError, match=f"no parameter '{name}' of shape"):
        derive(base, {name: value[:-1]})
