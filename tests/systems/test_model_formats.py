"""Models with parts of their own: declared by a system, read by its code, refused in one sentence where something is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memlab import Lab
from memlab.declare import ModelFormat, System
from memlab.errors import InputError
from memlab.lm.adding import adding
from memlab.lm.adding.converting import convert
from memlab.lm.adding.model_files import choose
from memlab.lm.catalogue import info, load
from memlab.systems.registry import registered, registry
from tests.systems import tilted
from tests.systems.tilted import FORMAT, SYSTEM, TILT_FILE, TiltedModel, write

Tiny = Callable[[str], Path]
TILT = torch.arange(32, dtype=torch.float32) / 32


@pytest.fixture
def toy() -> Iterator[System]:
    with registered(SYSTEM) as system:
        yield system


@pytest.fixture
def home(tiny: Tiny, tmp_path: Path) -> Path:
    """A home folder with one tilted model, "leaning"."""
    (tmp_path / "models").mkdir()
    write(tiny("llama"), tmp_path / "models" / "leaning", TILT)
    return tmp_path


def changed(home: Path, **parts: Any) -> str:
    """The model with other entries in its memlab.json (None: without)."""
    folder = home / "models" / "leaning"
    record = {**json.loads((folder / "memlab.json").read_text()), **parts}
    (folder / "memlab.json").write_text(json.dumps({k: v for k, v in record.items() if v is not None}), "utf-8")
    return str(folder)


def test_a_system_from_outside_ships_a_model_of_its_own_format(toy: System, home: Path, tiny: Tiny) -> None:
    lab = Lab.open(home)
    listed = {m.path.name: m for m in lab.models()}["leaning"]
    assert (listed.title, listed.method, listed.note) == ("leaning (causal, tilted)", "tilted", FORMAT.note)
    assert (listed.to_dict()["format"], listed.dtype) == ("tilt", "float32")
    made = load(str(home / "models" / "leaning"))
    assert isinstance(made, TiltedModel)
    assert torch.equal(made.tilt, TILT)
    assert made.strength == 0.5
    p = lab.ask("The capital of France is", model="leaning")  # by the method that the model was made for
    assert p.method == "tilted"
    assert p.answer == lab.ask("The capital of France is", "base", model=str(tiny("llama"))).answer
    assert lab.systems().system("tilted").to_dict()["model_formats"] == ["tilt"]


def test_a_folder_written_before_formats_were_named_is_known_by_its_part(toy: System, home: Path) -> None:
    assert isinstance(load(changed(home, format=None)), TiltedModel)
    assert {info(name).method: info(name).format is not None for name in ("atlas-spalm", "atlas-fae", "atlas-clm")} == {
        "spalm": True, "facts-as-experts": True, None: False
    }  # fmt: skip


def test_without_the_system_the_model_is_listed_and_refused_and_never_read_as_a_plain_one(home: Path) -> None:
    listed = {m.path.name: m for m in Lab.open(home).models()}["leaning"]
    assert listed.title == "leaning (causal, tilt: no system here declares this format)"
    assert (listed.method, listed.format, listed.to_dict()["format"]) == (None, None, "tilt")
    with pytest.raises(
        InputError, match=r"names the format 'tilt', which no system here declares \(declared: spalm, fae\)"
    ):
        load(str(home / "models" / "leaning"))
    with registered(SYSTEM):
        assert isinstance(load(str(home / "models" / "leaning")), TiltedModel)
    with pytest.raises(InputError, match="no system here declares"):
        load(str(home / "models" / "leaning"))  # though it is in memory
    with pytest.raises(InputError, match="no system here declares"):
        Lab.open(home).ask("The capital of France is", model="leaning")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tilt": None}, "has no part 'tilt'"),
        ({"tilt": [1]}, "has no part 'tilt'"),
        ({"tilt": {}}, r"The tilt of .*leaning cannot be read \('strength'\). Train it again"),
    ],
)
def test_a_damaged_part_is_said_in_one_sentence(toy: System, home: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        load(changed(home, **change))


def test_a_missing_file_is_said_in_one_sentence(toy: System, home: Path) -> None:
    (home / "models" / "leaning" / TILT_FILE).unlink()
    with pytest.raises(InputError, match=rf"leaning is damaged: {TILT_FILE} is missing.*Train the model again"):
        load(str(home / "models" / "leaning"))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("not_there_at_all:f", r"not_there_at_all:f\) cannot be loaded: ModuleNotFoundError"),
        (f"{tilted.__name__}:nothing", "cannot be loaded: AttributeError"),
        (
            f"{tilted.__name__}:fails",
            r"leaning cannot be read as a model of the format 'tilt'.*ZeroDivisionError: of its own",
        ),
        (f"{tilted.__name__}:returns_none", "returned a NoneType; expected is a memlab.lm.model.LanguageModel"),
    ],
)
def test_a_loader_with_a_fault_is_named(home: Path, code: str, why: str) -> None:
    with registered(replace(SYSTEM, model_formats=(replace(FORMAT, load=code),))), pytest.raises(InputError, match=why):
        load(str(home / "models" / "leaning"))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "kind"}, "cannot name a format"),
        ({"name": "Tilt!"}, "cannot name a format"),
        ({"load": "tilted_model"}, "does not name code"),
        ({"files": ("../tilt.safetensors",)}, "cannot be one of its files"),
        ({"files": ("tilt.pkl",)}, "cannot be one of its files"),
        ({"files": ("config.json",)}, "cannot be one of its files"),
    ],
)
def test_a_wrong_declaration_is_refused_when_it_is_made(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(FORMAT, **wrong)


@pytest.mark.parametrize(
    ("formats", "why"),
    [
        ((replace(FORMAT, name="spalm"),), "declares the model format 'spalm', and so does the system 'spalm'"),
        ((FORMAT, FORMAT), "declares the model format 'tilt' twice"),
        (
            (replace(FORMAT, method="knn-lm"),),
            r"names the method 'knn-lm', which it does not declare \(declared: tilted\)",
        ),
    ],
)
def test_a_system_whose_formats_do_not_fit_is_listed_with_the_reason(
    formats: tuple[ModelFormat, ...], why: str
) -> None:
    found = registry().with_system(replace(SYSTEM, model_formats=formats), "tilted")
    assert "tilted" not in found.systems
    (reason,) = [u.reason for u in found.unavailable if u.name == "tilted"]
    assert re.search(why, reason), reason


def test_adding_copies_the_parts_and_tries_the_copy(
    toy: System, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter runs in this process, which knows the format."""
    monkeypatch.setattr(
        adding, "in_child", lambda verb, arguments, work, watch: convert(lambda f, m: None, **arguments)
    )
    lab = Lab.open(tmp_path / "other")
    found = lab.library.add(home / "models" / "leaning", "copied")
    assert found.method == "tilted"
    assert TILT_FILE in found.record["added"]["files"]
    made = load(str(found.path))
    assert isinstance(made, TiltedModel)
    assert torch.equal(made.tilt, TILT)
    assert made.strength == 0.5
    with pytest.raises(InputError, match="The tilt of broken cannot be read"):
        lab.library.add(changed(home, tilt={}), "broken")
    (home / "models" / "leaning" / TILT_FILE).unlink()
    with pytest.raises(InputError, match=rf"^the folder leaning is damaged: {TILT_FILE} is missing"):
        lab.library.add(home / "models" / "leaning", "incomplete")
    assert [m.path.name for m in lab.models() if not m.bundled] == ["copied"]


def test_a_format_that_another_process_does_not_know_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'tilt' is declared only in the process that adds the model"):
        convert(lambda f, m: None, str(tmp_path), str(tmp_path / "out"), "x", {}, format="tilt")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "why"),
    [("atlas-spalm", "This is a SPALM, which needs the encoder"), ("atlas-fae", "memories of its own")],
)
def test_formats_that_cannot_be_added_say_why(model: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=why):
        Lab.open(tmp_path).library.add(info(model).path, "mine")


def test_files_of_formats_are_taken_only_beside_a_memlab_json() -> None:
    plain = ["m/config.json", "m/model.safetensors", "m/facts.csv"]
    assert choose(plain, "it") == ("folder", ["m/config.json", "m/model.safetensors"])
    assert choose([*plain, "m/memlab.json"], "it") == ("folder", sorted([*plain, "m/memlab.json"]))


def test_the_room_of_models_names_no_system() -> None:
    """But for the names of the models that ship."""
    room = Path(adding.__file__).parents[1]
    texts = {f.name: f.read_text("utf-8").casefold() for f in room.rglob("*.py") if f.name != "shipped.py"}
    words = [w for f in registry().model_formats.values() for w in (f.title, f.method, f'"{f.name}"', f"'{f.name}'")]
    assert [(file, word) for file, text in texts.items() for word in words if word.casefold() in text] == []
