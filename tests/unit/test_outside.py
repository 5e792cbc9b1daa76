"""Writing outside the home: nothing is removed that memlab did not make."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from memlab.errors import InputError
from memlab.evaluate.perplexity_report import check_losses
from memlab.outside import check_file, check_model_folder, marked, new_file, new_model_folder, write_text
from memlab.record.archive import is_archive
from tests.tables import put_table

MARK = '"format": "memlab-lesson"'
MINE = marked(MARK)


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, hidden ones too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def model(folder: Path, name: str = "old") -> Path:
    """A folder as training writes it."""
    folder.mkdir()
    (folder / "memlab.json").write_text(json.dumps({"name": name, "recipe": {}}))
    (folder / "model.safetensors").write_bytes(b"weights of " + name.encode())
    return folder


@pytest.mark.parametrize("name", ["precious", "precious.tmp"])
def test_a_folder_of_other_things_is_refused_and_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("x")
    before = everything(tmp_path)
    if name == "precious":
        with pytest.raises(InputError, match=r"precious is not empty and is not a model.*thesis\.tex.*Name a new"):
            check_model_folder(tmp_path / "precious")
        with pytest.raises(InputError), new_model_folder(tmp_path / "precious"):
            raise AssertionError("never entered")
    else:
        with new_model_folder(tmp_path / "precious") as work:
            (work / "config.json").write_text("{}")
    after = everything(tmp_path)
    assert before.items() <= after.items()


def test_a_model_with_a_file_of_somebody_in_it_is_refused(tmp_path: Path) -> None:
    (model(tmp_path / "m") / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt"):
        check_model_folder(tmp_path / "m")
    (tmp_path / "m" / "notes.txt").unlink()
    check_model_folder(tmp_path / "m")


def test_a_model_that_memlab_did_not_train_is_refused(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "memlab.json").unlink()
    with pytest.raises(InputError, match="not a model that memlab wrote"):
        check_model_folder(folder)


def test_a_model_of_ours_gives_way_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    model(tmp_path / "m")
    with new_model_folder(tmp_path / "m") as work:
        (work / "config.json").write_text("new")
        assert (tmp_path / "m" / "model.safetensors").read_bytes() == b"weights of old"
    assert everything(tmp_path) == {"m/config.json": b"new"}


@pytest.mark.parametrize("there", ["nothing", "empty", "link"])
def test_new_empty_and_linked_places_are_written(there: str, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "m"
    if there == "empty":
        place.mkdir(parents=True)
    elif there == "link":
        place.parent.mkdir()
        place.symlink_to(model(tmp_path / "elsewhere"))
    with new_model_folder(place) as work:
        (work / "config.json").write_text("new")
    assert (place / "config.json").read_text() == "new"
    assert place.is_symlink() == (there == "link")
    assert list(place.iterdir()) == [place / "config.json"]


def test_a_failure_leaves_the_old_model_and_nothing_else(tmp_path: Path) -> None:
    model(tmp_path / "m")
    before = everything(tmp_path)

    def broken() -> None:
        with new_model_folder(tmp_path / "m") as work:
            (work / "config.json").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert everything(tmp_path) == before


def test_what_came_while_a_model_was_written_stays(tmp_path: Path) -> None:
    def overtaken() -> None:
        with new_model_folder(tmp_path / "m") as work:
            (work / "config.json").write_text("new")
            (tmp_path / "m").mkdir()
            (tmp_path / "m" / "thesis.tex").write_text("x")

    with pytest.raises(InputError, match=r"thesis\.tex"):
        overtaken()
    assert everything(tmp_path) == {"m/thesis.tex": b"x"}


def test_a_file_at_the_place_of_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("x")
    with pytest.raises(InputError, match="is not a folder"):
        check_model_folder(tmp_path / "m")


def test_a_file_of_another_kind_is_refused_and_one_of_ours_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("thesis")
    with pytest.raises(InputError, match=r"x\.json exists already.*Nothing was changed"):
        write_text(file, f"{{{MARK}}}", MARK)
    assert everything(tmp_path) == {"x.json": b"thesis"}
    file.write_text(f"{{ {MARK}, 1}}")
    write_text(file, f"{{{MARK}, 2}}", MARK)
    assert everything(tmp_path) == {"x.json": f"{{{MARK}, 2}}".encode()}
    file.write_text("")
    write_text(file, f"{{{MARK}, 3}}", MARK)
    assert file.read_text().endswith("3}")


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(MARK)

    def broken() -> None:
        with new_file(tmp_path / "x", MINE) as work:
            work.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert everything(tmp_path) == {"x": MARK.encode()}


def test_folders_and_places_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        check_file(tmp_path, MINE)
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_text(tmp_path / "no" / "x", MARK, MARK)


def test_a_device_is_written_to_as_it_is() -> None:
    write_text(Path(os.devnull), MARK, MARK)
    assert not Path(os.devnull).is_file()


def test_permissions_are_those_of_a_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    write_text(tmp_path / "new", MARK, MARK)
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    plain.chmod(0o640)
    write_text(plain, MARK, MARK)
    assert plain.stat().st_mode & 0o777 == 0o640


def test_losses_and_archives_know_their_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.npz").write_bytes(b"x")
    (tmp_path / "thesis.parquet").write_bytes(b"x")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    put_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    for name in ("thesis.npz", "thesis.parquet", "other.npz", "other.parquet"):
        with pytest.raises(InputError, match="exists already"):
            check_losses(tmp_path / name)
    np.savez(tmp_path / "l.npz", text=[0], position=[1], target=[2], base=[0.5])
    put_table(pa.table({"text": [0], "position": [1], "target": [2]}), tmp_path / "l.parquet")
    check_losses(tmp_path / "l.npz")
    check_losses(tmp_path / "l.parquet")
    assert not is_archive(tmp_path / "l.npz")
    assert not is_archive(tmp_path / "thesis.npz")
