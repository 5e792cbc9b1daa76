"""Answers of the three kinds of model against computations of their own; a common beginning read once; kept scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    PreTrainedModel,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

from memlab.declare import KINDS
from memlab.errors import InputError, NotFound
from memlab.lab import Lab
from memlab.lm.adding.converting import convert
from memlab.lm.model import LanguageModel
from memlab.systems.beliefbank import kept_scores
from memlab.systems.beliefbank.answers import Question
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.chapter import Asking
from memlab.systems.beliefbank.kept_scores import KeptScores
from memlab.systems.beliefbank.model_answers import ModelAnswerer, calibrated
from memlab.systems.beliefbank.prefix import after, common_length, read_prefix
from memlab.systems.beliefbank.prompts import Prompt, default_prompt
from memlab.systems.beliefbank.seq2seq import Seq2SeqModel, model_for_questions
from tests.conftest import _tokenizer

PROMPT = Prompt("own", "The capital of {statement}", "Paris", "Berlin")
QUESTIONS = [
    Question("swallow", "IsA,bird"),
    Question("apple tree", "HasPart,leaves"),
    Question("owl", "CapableOf,fly"),
]


def _no_other(name: str) -> LanguageModel:
    raise AssertionError(f"{name} is no masked or causal model")


@pytest.fixture(scope="module")
def t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 with two layers of width 32 and random weights."""
    folder, tokenizer = tmp_path_factory.mktemp("t5") / "tiny-t5", _tokenizer("bert")
    torch.manual_seed(3)
    marks = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0}
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, n_positions=96,
        initializer_factor=2.0, **marks,
    )  # fmt: skip
    T5ForConditionalGeneration(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def t5(t5_folder: Path) -> Seq2SeqModel:
    found = model_for_questions(t5_folder.parent, str(t5_folder), _no_other)
    assert isinstance(found, Seq2SeqModel)
    return found


def test_the_decoder_of_a_seq2seq_model_answers(t5: Seq2SeqModel, t5_folder: Path) -> None:
    answers = ModelAnswerer(t5, bundled_graph(), PROMPT).ask(QUESTIONS)
    module = T5ForConditionalGeneration.from_pretrained(t5_folder).eval()
    paris, berlin = (t5.tokenizer.convert_tokens_to_ids(word) for word in ("Paris", "Berlin"))
    start = t5.tokenizer.cls_token_id  # this tokenizer puts it before every text, the answer too
    for answer in answers:  # each alone, without padding
        ids = torch.tensor([t5.tokenizer(answer.prompt)["input_ids"]])
        with torch.inference_mode():
            logp = module(input_ids=ids, decoder_input_ids=torch.tensor([[0, start]])).logits[0, -1].log_softmax(-1)
        assert answer.score == pytest.approx(float(logp[paris] - logp[berlin]), abs=1e-4)
        assert answer.label is bool(logp[paris] > logp[berlin])
    assert len({round(a.score, 3) for a in answers}) == len(answers)


def _other_seq2seq(kind: str, V: int) -> PreTrainedModel:
    """A BART, Marian or M2M-100 of width 32 with random weights, and a bias of the output where it has one."""
    shape = {
        "vocab_size": V,
        "d_model": 32,
        "max_position_embeddings": 96,
        "init_std": 0.2,
        "activation_function": "gelu",
    }
    for side in ("encoder", "decoder"):
        shape |= {f"{side}_layers": 2, f"{side}_attention_heads": 2, f"{side}_ffn_dim": 64}
    marks = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3}
    torch.manual_seed(5)
    if kind == "bart":
        module: PreTrainedModel = BartForConditionalGeneration(BartConfig(**shape, **marks))
    elif kind == "marian":
        module = MarianMTModel(MarianConfig(**shape, **marks, decoder_vocab_size=V, scale_embedding=True))
    else:
        module = M2M100ForConditionalGeneration(M2M100Config(**shape, **marks))
    if kind != "m2m_100":
        module.final_logits_bias.copy_(torch.randn(1, V))
    return module.eval()


@pytest.mark.parametrize("kind", ["bart", "marian", "m2m_100"])
def test_other_encoder_decoders_answer_as_the_plain_module(kind: str, tmp_path: Path) -> None:
    tokenizer = _tokenizer("bert")
    module = _other_seq2seq(kind, len(tokenizer))
    module.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    found = model_for_questions(tmp_path.parent, str(tmp_path), _no_other)
    answers = ModelAnswerer(found, bundled_graph(), PROMPT).ask(QUESTIONS)
    paris, berlin = (tokenizer.convert_tokens_to_ids(word) for word in ("Paris", "Berlin"))
    for answer in answers:  # each alone, without padding, by the module that was never written
        ids = torch.tensor([tokenizer(answer.prompt)["input_ids"]])
        said = torch.tensor([[3, tokenizer.cls_token_id]])
        with torch.inference_mode():
            logp = module(input_ids=ids, decoder_input_ids=said).logits[0, -1].log_softmax(-1)
        assert answer.score == pytest.approx(float(logp[paris] - logp[berlin]), abs=1e-4)
    assert len({round(a.score, 3) for a in answers}) == len(answers)


def test_seq2seq_models_that_do_not_fit_are_named(t5: Seq2SeqModel, t5_folder: Path, tmp_path: Path) -> None:
    graph = bundled_graph()
    with pytest.raises(InputError, match="tiny-t5 reads 96"):
        ModelAnswerer(t5, graph, replace(PROMPT, frame="Paris " * 100 + "{question}")).ask(QUESTIONS)
    with pytest.raises(InputError, match=r"leave \[MASK\] out"):
        ModelAnswerer(t5, graph, replace(PROMPT, frame="{question} [MASK]"))
    with pytest.raises(NotFound, match="no-such-model"):
        model_for_questions(tmp_path, "no-such-model", _no_other)
    headless = tmp_path / "models" / "headless"
    T5EncoderModel(t5.module.config).save_pretrained(headless)
    t5.tokenizer.save_pretrained(headless)
    (headless / "config.json").write_text((t5_folder / "config.json").read_text("utf-8"), "utf-8")
    with pytest.raises(InputError, match=r"'headless' cannot be used: its files lack"):
        model_for_questions(tmp_path, "headless", _no_other)


def test_a_seq2seq_model_that_is_added_is_refused_with_the_hint(
    t5_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)  # those of the other tests
    with pytest.raises(InputError, match=r"t5 is a seq2seq model; .* masked and causal .*: memlab believe --model"):
        convert(lambda share, what: None, str(t5_folder), str(tmp_path / "out"), "t5", {"added": {"notes": []}})


def test_a_property_without_a_label_calibrates_nothing(t5: Seq2SeqModel) -> None:
    with pytest.raises(InputError, match="does not say whether swallow has the property IsA,spaceship"):
        calibrated(ModelAnswerer(t5, bundled_graph(), PROMPT), [*QUESTIONS, Question("swallow", "IsA,spaceship")])


def test_a_prompt_for_each_kind_of_model() -> None:
    assert [default_prompt("any", kind).name for kind in KINDS] == ["masked-question", "true-or-false", "true-or-false"]
    with pytest.raises(InputError, match="no questions about beliefs for ranking models"):
        default_prompt("any", "ranking")


def test_the_lab_asks_a_seq2seq_model(t5_folder: Path, tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    (lab.home / "models").mkdir(exist_ok=True)
    (lab.home / "models" / "five").symlink_to(t5_folder)
    csv = 'source,relation,target\n"IsA,bird",implies,"IsA,animal"\n'
    lab.beliefs.import_graph("birds", csv, ".csv")
    lab.beliefs.import_entities("birds", 'entity,property,label\nrobin,"IsA,bird",yes\n', ".csv")
    edit = lab.beliefs.ask_all("robin", "birds", Asking("five", PROMPT))
    assert {b["property"] for b in edit.parameters["beliefs"]} == {"IsA,bird", "IsA,animal"}
    assert lab.beliefs.bank("birds").about("robin")["IsA,bird"].origin == "model"
    assert next(m.kind for m in lab.models() if m.path.name in ("five", t5_folder.name)) == "seq2seq"
    with pytest.raises(InputError, match="is seq2seq"):
        lab.ask("The capital of France is [MASK].", model="five")


# A common beginning


def test_common_beginnings() -> None:
    assert common_length([[1, 2, 3, 4], [1, 2, 5], [1, 2, 3]]) == 2
    assert common_length([[1, 2, 3], [1, 2, 3]]) == 2  # something is left to read
    assert common_length([[1, 2], [1, 2, 3]]) == 1
    assert common_length([[4, 1], [1, 4]]) == 0
    assert common_length([]) == 0


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_reading_the_beginning_once_gives_what_reading_all_gives(
    architecture: str, tiny_lm: Callable[[str], LanguageModel]
) -> None:
    lm = tiny_lm(architecture)
    start = [*lm.frame[0], *lm.read("Many people live in Paris, and the river is long. New York is")[0]]
    rows = [start + lm.read(text)[0] for text in ("Berlin", "the sea and the hills", "gold, and the city of Paris is")]
    prefix = read_prefix(lm, rows)
    assert prefix is not None
    assert prefix.length == len(start)
    found = after(lm, prefix, rows)
    again = after(lm, prefix, rows[::-1])  # what was read is not changed by use
    assert torch.allclose(found, again.flip(0), atol=1e-5)
    for row, logp in zip(rows, found, strict=True):
        with torch.inference_mode():
            alone = lm.module(input_ids=torch.tensor([row])).logits[0, -1].double().log_softmax(-1)
        assert torch.allclose(logp, alone, atol=1e-4)
    assert read_prefix(lm, [row[-3:] for row in rows]) is None


# Scores that are kept


def test_scores_of_a_large_model_are_kept(
    tmp_path: Path, tiny_lm: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = tiny_lm("llama")
    assert KeptScores.of(tmp_path, lm, PROMPT) is None  # small
    monkeypatch.setattr(kept_scores, "LARGE", 1)
    asked: list[str] = []
    watch = lambda fraction, message: asked.append(message)  # noqa: E731

    def answers(prompt: Prompt = PROMPT) -> list[float]:
        kept = KeptScores.of(tmp_path, lm, prompt)
        return [a.score for a in ModelAnswerer(lm, bundled_graph(), prompt, watch=watch, kept=kept).ask(QUESTIONS)]

    first = answers()
    assert asked == ["0 of 3 questions"]
    assert answers() == pytest.approx(first, abs=1e-6)
    assert asked == ["0 of 3 questions"]
    (file,) = (tmp_path / "belief-scores").iterdir()
    file.write_text(file.read_text("utf-8")[:-4], "utf-8")  # the last line was cut off
    assert answers() == pytest.approx(first, abs=1e-6)
    assert asked[1:] == ["0 of 1 questions"]
    answers(replace(PROMPT, yes="Berlin", no="Paris"))
    assert asked[2:] == ["0 of 3 questions"]
