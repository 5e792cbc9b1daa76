"""Folders that ask for code of their own, or are not what they say: nothing runs, one line says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.errors import InputError, NotFound
from memlab.lm.adding.adding import Adding, add_model
from memlab.lm.catalogue import load
from tests.forks import Forks

Tiny = Callable[[str], Path]
CODE = """
from pathlib import Path
Path({marker!r}).write_text("ran")
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast
class OwnConfig(BertConfig):
    model_type = "own"
class OwnModel(BertForMaskedLM):
    config_class = OwnConfig
class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""
MAPS = {
    "config.json": {"AutoConfig": "own.OwnConfig", "AutoModelForMaskedLM": "own.OwnModel"},
    "tokenizer_config.json": {"AutoTokenizer": ["own.OwnTokenizer", "own.OwnTokenizer"]},
}


def _with_code(file: str, source: Path, folder: Path, marker: Path, **settings: object) -> Path:
    """A copy of a model whose `file` names code that writes `marker` when it runs."""
    shutil.copytree(source, folder)
    (folder / "own.py").write_text(CODE.format(marker=str(marker)))
    told = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**told, "auto_map": MAPS[file], **settings}))
    return folder


CASES = [
    ("config.json", {"model_type": "own"}),
    ("config.json", {"architectures": ["OwnModelForMaskedLM"]}),
    ("tokenizer_config.json", {"tokenizer_class": "OwnTokenizer"}),
]


@pytest.mark.parametrize(("file", "settings"), CASES)
def test_code_in_a_model_folder_is_refused(
    file: str, settings: dict[str, object], tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    folder = _with_code(file, tiny("bert"), tmp_path / "own", marker, **settings)
    monkeypatch.setattr("builtins.input", lambda *asked: pytest.fail("a question stood on the screen"))
    with pytest.raises(InputError, match=rf"needs its own code \({file} has an \"auto_map\"\)"):
        load(str(folder))
    assert not marker.exists()


@pytest.mark.parametrize("file", MAPS)
def test_yes_on_standard_input_runs_no_code(file: str, tiny: Tiny, forked: Forks, tmp_path: Path) -> None:
    marker, text = tmp_path / "marker", tmp_path / "t.txt"
    text.write_text("The capital of France is Paris.")
    settings = {"model_type": "own"} if file == "config.json" else {"tokenizer_class": "OwnTokenizer"}
    folder = _with_code(file, tiny("bert"), tmp_path / "own", marker, **settings)
    command = ["build", str(text), "--name", "x", "--model", str(folder), "--home", str(tmp_path / "home"), "--json"]
    done = forked.memlab(*command, typed="y\n" * 5)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"needs its own code" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not marker.exists()


def test_a_known_architecture_that_also_brings_code_is_read_without_it(tiny: Tiny, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = _with_code("config.json", tiny("bert"), tmp_path / "own", marker)
    assert load(str(folder)).kind == "masked"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("config.json", "[1, 2]", "contains a list"),
        ("config.json", '"bert"', "contains a str"),
        ("tokenizer.json", "{", "cannot be loaded"),
        ("tokenizer.json", '{"model": 3}', "cannot be loaded"),
        ("tokenizer_config.json", "[]", "contains a list"),
        ("config.json", "[" * 100_000, "nested too deeply"),
    ],
)
def test_damaged_files_are_one_line(file: str, content: str, said: str, tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny("bert"), folder)
    (folder / file).write_text(content)
    with pytest.raises(InputError, match=said) as error:
        load(str(folder))
    assert "\n" not in str(error.value)


def _changed(tiny: Tiny, folder: Path, name: str = "bert", **settings: object) -> Path:
    shutil.copytree(tiny(name), folder)
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, **settings}))
    return folder


def test_quantized_weights_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    quantized = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    with pytest.raises(InputError, match=r"quantized weights \(bitsandbytes\)"):
        load(str(_changed(tiny, tmp_path / "q", **quantized)))


@pytest.mark.parametrize("field", ["compression_config", "quantization", "load_in_8bit"])
def test_other_marks_of_quantized_weights_are_refused(field: str, tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="quantized weights"):
        load(str(_changed(tiny, tmp_path / "q", **{field: {"bits": 8}})))


LORA = '{"peft_type": "LORA", "base_model_name_or_path": "owner/base"}'
ADAPTER = {"adapter_config.json": LORA, "adapter_model.safetensors": "x"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (ADAPTER, r"an adapter without .* Merge it into its base model, owner/base, with peft"),
        ({"adapter_config.json": "[1", "adapter_model.bin": "x"}, "Merge it into its base model with peft"),
        ({**ADAPTER, "config.json": '{"model_type": "bert", "architectures": ["BertForMaskedLM"]}'}, "owner/base"),
        ({"checkpoint-5/config.json": "{}"}, "There is one in checkpoint-5; give that folder"),
        ({"lora/adapter_config.json": LORA}, "There is one in lora; give that folder"),
        ({"m.Q8_0.gguf": "GGUF"}, "memlab models add"),
        ({"consolidated.00.pth": "x"}, r"consolidated\.00\.pth can run code"),
        ({"notes.txt": "x"}, r"contains no model: config\.json is missing\.$"),
    ],
)
def test_a_folder_without_a_model_says_what_it_holds(files: dict[str, str], said: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises((InputError, NotFound), match=said) as error:
        load(str(tmp_path))
    assert "\n" not in str(error.value)


def test_an_adapter_that_is_added_alone_names_its_base_model(tmp_path: Path) -> None:
    folder = tmp_path / "lora"
    folder.mkdir()
    for name, text in ADAPTER.items():
        (folder / name).write_text(text)
    with pytest.raises(InputError, match="Merge it into its base model, owner/base, with peft"):
        add_model(tmp_path / "models", Adding(str(folder), "lora"), lambda f, m: None, lambda: False)
    assert not (tmp_path / "models/lora").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_hidden_layers": 10**6}, "claims 1000000 layers"),
        ({"vocab_size": 10**12}, "its configuration needs"),
        ({"hidden_size": -4}, "cannot be loaded"),
        ({"hidden_size": "32"}, "Validation error for field 'hidden_size': ."),
    ],
)
def test_a_configuration_that_asks_for_too_much_is_refused_before_it_is_made(
    settings: dict[str, object], said: str, tiny: Tiny, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        load(str(_changed(tiny, tmp_path / "large", **settings)))


def test_shards_outside_the_folder_are_not_read(tiny: Tiny, tmp_path: Path) -> None:
    folder = _changed(tiny, tmp_path / "shards")
    index = {"weight_map": {"bert.pooler.bias": "../../other/model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="which is not a weight file of a model"):
        load(str(folder))


def test_weights_or_tokenizer_that_are_missing_are_named(tiny: Tiny, tmp_path: Path) -> None:
    pickled, without = _changed(tiny, tmp_path / "p"), _changed(tiny, tmp_path / "w")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no weights .* pytorch_model\.bin can run code when they are read"):
        load(str(pickled))
    (without / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"lacks a tokenizer \(tokenizer\.json\)"):
        load(str(without))


def test_kernels_of_the_hub_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kernel from the hub"):
        load(str(_changed(tiny, tmp_path / "k", attn_implementation="somebody/fast-attention")))


def test_weights_of_other_shapes_are_refused_with_their_names(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"other shapes than its config\.json says: .*\(64, 32\) for \(48, 32\)"):
        load(str(_changed(tiny, tmp_path / "s", intermediate_size=48)))
