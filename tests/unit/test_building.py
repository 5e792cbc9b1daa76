"""Building datastores: whole or not at all, and never from the beginning again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from memlab.errors import HomeError, InputError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.memory import building
from memlab.memory.building import Order, build, remove_store
from memlab.memory.datastore import FILES, Datastore, listed
from memlab.memory.entries import Reading, encode_keys, entries_of
from memlab.results import Article
from tests.forks import Forks, until

Load = Callable[[str], LanguageModel]
ORDER = Order("mine", ("transform", "last"), shard=100)
SHARDS = 10  # of ORDER over `documents`

SLOW_BUILD = f"""
import json, sys, time
from pathlib import Path
from memlab.lm.catalogue import load
from memlab.memory.building import Order, build
from memlab.results import Article

def progress(fraction, message):
    print(message, flush=True)
    time.sleep(0.2)

folder = Path(sys.argv[1])
documents = [Article(**d) for d in json.loads((folder / "documents.json").read_text())]
build(folder / "home", load(sys.argv[2]), documents, Order({ORDER.name!r}, {ORDER.keys!r}, shard={ORDER.shard}), progress)
"""


@pytest.fixture
def lm(tiny_lm: Load) -> LanguageModel:
    return tiny_lm("modernbert")


@pytest.fixture
def shards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the shards that were encoded, in order."""
    made: list[int] = []
    write = building._write_shard

    def watched(work: Path, number: int, *rest: object) -> None:
        made.append(number)
        write(work, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "_write_shard", watched)
    return made


def contents(folders: list[Path]) -> dict[str, bytes]:
    """Every file of some datastores."""
    return {f"{folder.name}/{name}": (folder / name).read_bytes() for folder in folders for name in FILES}


def stop_after(n: int, home: Path) -> Callable[[], bool]:
    """Says stop once n shards are finished."""
    return (home / f"datastores/.{ORDER.name}.building/{n - 1:06d}").is_dir


def test_a_datastore_holds_the_planned_entries_with_their_keys(
    lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    folders = build(tmp_path, lm, documents, ORDER)
    assert [f.name for f in folders] == ["mine", "mine-last"]
    planned = entries_of(lm, documents)
    keys = encode_keys(lm, planned, ORDER.keys)
    for folder, key in zip(folders, ORDER.keys, strict=True):
        store = Datastore(folder)
        assert len(store) == len(planned)
        assert np.array_equal(store.values, planned.values)
        assert np.array_equal(store.spans, planned.spans)
        np.testing.assert_allclose(store.keys.astype(float), keys[key].astype(float), rtol=2e-3, atol=2e-3)
        assert store.index.ntotal == len(planned)
        assert store.fingerprint.key == key
        assert store.documents.articles == documents
        store.check(lm, key)


def test_documents_know_their_entries(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> None:
    documents = [documents[0], Article("e", "Empty", "of the"), *documents[1:3]]
    store = Datastore(build(tmp_path, lm, documents, ORDER)[0])
    for row in range(len(documents)):
        assert (store.spans[store.documents.entries([row]), 0] == row).all()
    assert len(store.documents.entries([1])) == 0
    assert store.documents.entries([2, 0]).tolist() == [
        *np.flatnonzero(store.spans[:, 0] == 2),
        *np.flatnonzero(store.spans[:, 0] == 0),
    ]
    assert store.documents.count.sum() == len(store)


def test_shards_are_bounded_and_make_no_difference(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    one = build(tmp_path / "one", lm, documents, Order("mine", ("last",)))
    assert shards == [0]
    many = build(tmp_path / "many", lm, documents, Order("mine", ("last",), shard=1))
    assert shards == [0, *range(len(documents))]
    for name in ("values.i32", "tokens.i32", "documents.parquet"):
        assert (one[0] / name).read_bytes() == (many[0] / name).read_bytes()
    np.testing.assert_allclose(Datastore(one[0]).keys, Datastore(many[0]).keys, rtol=2e-3, atol=2e-3)


def test_a_stopped_build_goes_on_and_gives_the_same_bytes(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    whole = contents(build(tmp_path / "whole", lm, documents, ORDER))
    assert shards == list(range(SHARDS))
    with pytest.raises(StoppedError, match=f"stopped after 5 of {SHARDS} shards"):
        build(tmp_path / "home", lm, documents, ORDER, stop=stop_after(5, tmp_path / "home"))
    assert listed(tmp_path / "home") == []
    shards.clear()
    assert contents(build(tmp_path / "home", lm, documents, ORDER)) == whole
    assert shards == list(range(5, SHARDS))


def test_a_killed_build_goes_on_and_gives_the_same_bytes(
    lm: LanguageModel,
    tiny: Callable[[str], Path],
    documents: list[Article],
    tmp_path: Path,
    shards: list[int],
    forked: Forks,
) -> None:
    whole = contents(build(tmp_path / "whole", lm, documents, ORDER))
    (tmp_path / "documents.json").write_text(json.dumps([vars(d) for d in documents]))
    process = forked.start(SLOW_BUILD, str(tmp_path), str(tiny("modernbert")))
    until((tmp_path / f"home/datastores/.{ORDER.name}.building/000002").is_dir)
    process.send_signal(signal.SIGKILL)
    assert process.wait().returncode == -signal.SIGKILL
    assert "texts read" in process.out.read_text()
    assert listed(tmp_path / "home") == []
    shards.clear()
    assert contents(build(tmp_path / "home", lm, documents, ORDER)) == whole
    assert 0 < len(shards) < SHARDS - 2
    assert [p.name for p in (tmp_path / "home/datastores").iterdir() if "building" in p.name] == []


def test_a_shard_that_was_half_written_is_written_again(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut between two files of a shard."""
    whole = contents(build(tmp_path / "whole", lm, documents, ORDER))

    def broken(array: np.ndarray, path: Path) -> None:
        if path.parts[-2:] == ("000003.tmp", "tokens.i32"):
            path.write_bytes(array.tobytes()[:7])
            raise KeyboardInterrupt
        write(array, path)

    write = building.write_array
    with monkeypatch.context() as patch:
        patch.setattr(building, "write_array", broken)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path / "home", lm, documents, ORDER)
    assert contents(build(tmp_path / "home", lm, documents, ORDER)) == whole


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize(
    "file",
    [
        "000002.tmp/values.i32",
        "000002.tmp/tokens.i32",
        "000002.tmp/transform.f16",
        "transform/values.i32",
        "transform/documents.parquet",
        "transform/articles.npz",
        "transform/keys.f16",
        "last/index.faiss",
        "last/meta.json.tmp",
    ],
)
def test_a_full_disk_is_said_and_the_build_goes_on_where_it_ended(
    file: str,
    lm: LanguageModel,
    documents: list[Article],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shards: list[int],
) -> None:
    folder, name = file.split("/")
    mkdir = Path.mkdir

    def onto_full_disk(path: Path, *args: Any, **more: Any) -> None:
        mkdir(path, *args, **more)
        if path.name == folder:
            (path / name).symlink_to(FULL)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", onto_full_disk)
        with pytest.raises(HomeError, match=r"disk is full.*build again; it continues"):
            build(tmp_path, lm, documents, ORDER)
    assert listed(tmp_path) == []
    finished = 2 if folder.endswith(".tmp") else SHARDS
    shards.clear()
    store = Datastore(build(tmp_path, lm, documents, ORDER)[1])
    assert shards == list(range(finished, SHARDS))
    assert store.index.ntotal == len(store) == len(entries_of(lm, documents))


def test_other_errors_of_the_system_stay_visible(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(array: np.ndarray, path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(building, "write_array", broken)
    with pytest.raises(OSError, match="Input/output error"):
        build(tmp_path, lm, documents, ORDER)


def test_a_folder_that_cannot_be_written_is_said(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(array: np.ndarray, path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(building, "write_array", refused)
    with pytest.raises(HomeError, match=r"cannot be written.*MEMLAB_HOME"):
        build(tmp_path, lm, documents, ORDER)


def test_several_keys_share_values_and_documents(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> None:
    one, two = build(tmp_path, lm, documents, ORDER)
    for name in ("values.i32", "tokens.i32", "documents.parquet", "articles.npz"):
        assert (one / name).samefile(two / name)
    for name in ("keys.f16", "index.faiss", "meta.json"):
        assert not (one / name).samefile(two / name)


def test_arrays_are_memory_mapped_and_read_only(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> None:
    store = Datastore(build(tmp_path, lm, documents, ORDER)[0])
    for array in (store.keys, store.values, store.spans):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    assert (store.keys.dtype, store.values.dtype, store.spans.dtype) == (np.float16, np.int32, np.int32)


def test_the_same_order_twice_does_nothing(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    folders = build(tmp_path, lm, documents, ORDER)
    before = {f: (f / "meta.json").stat().st_ino for f in folders}
    shards.clear()
    assert build(tmp_path, lm, list(documents), ORDER) == folders
    assert shards == []
    assert {f: (f / "meta.json").stat().st_ino for f in folders} == before


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_datastore_is_built_again(
    file: str, lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    folders = build(tmp_path, lm, documents, ORDER)
    whole = contents(folders)
    (folders[1] / file).unlink()
    (folders[1] / file).write_bytes(b"damaged")
    assert contents(build(tmp_path, lm, documents, ORDER)) == whole


@pytest.mark.parametrize("change", ["text", "title", "order", "one more", "one less"])
def test_another_collection_is_built_again(
    change: str, lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    before = Datastore(build(tmp_path, lm, documents, ORDER)[0]).fingerprint.corpus_hash
    first = documents[0]
    other = {
        "text": [Article(first.id, first.title, first.text + " Gold."), *documents[1:]],
        "title": [Article(first.id, "Another", first.text), *documents[1:]],
        "order": documents[::-1],
        "one more": [*documents, Article("n", "New", "Paris is old.")],
        "one less": documents[1:],
    }[change]
    shards.clear()
    store = Datastore(build(tmp_path, lm, other, ORDER)[0])
    assert shards
    assert store.fingerprint.corpus_hash != before
    assert store.documents.articles == other


def test_a_stopped_build_of_something_else_is_not_continued(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    with pytest.raises(StoppedError):
        build(tmp_path, lm, documents, ORDER, stop=stop_after(3, tmp_path))
    shards.clear()
    store = Datastore(build(tmp_path, lm, documents[::-1], ORDER)[0])
    assert shards == list(range(len(shards)))
    assert store.documents.articles == documents[::-1]


def test_another_reading_or_index_is_built_again(tiny_lm: Load, documents: list[Article], tmp_path: Path) -> None:
    lm = tiny_lm("llama")
    counts = set()
    for reading in (Reading(), Reading(16, 16), Reading(16, 8)):
        store = Datastore(build(tmp_path, lm, documents, Order("c", ("last",), None, reading))[0])
        assert (store.fingerprint.window, store.fingerprint.stride) == (reading.window, reading.stride)
        counts.add(len(store))
    assert len(counts) >= 2
    store = Datastore(build(tmp_path, lm, documents, Order("c", ("last",), "hnsw", Reading(16, 8)))[0])
    assert store.fingerprint.index == "hnsw"
    again = build(tmp_path, lm, documents, Order("c", ("last",), None, Reading(16, 8)))[0]
    assert Datastore(again).fingerprint.index == "hnsw"  # no wish: what is there will do


def test_progress_never_goes_back(lm: LanguageModel, documents: list[Article], tmp_path: Path) -> None:
    seen: list[float] = []
    build(tmp_path, lm, documents, ORDER, lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= SHARDS


def test_two_builds_of_one_name_wait_for_each_other(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, shards: list[int]
) -> None:
    (tmp_path / "datastores").mkdir()
    other = filelock.FileLock(tmp_path / "datastores/.mine.lock")
    said: list[str] = []

    def hear(fraction: float, message: str) -> None:
        said.append(message)
        if len(said) == 2:
            other.release()  # the other process has ended

    other.acquire()
    with pytest.raises(StoppedError, match="while waiting for another process"):
        build(tmp_path, lm, documents, ORDER, stop=lambda: True)
    assert shards == []
    assert build(tmp_path, lm, documents, ORDER, hear)[0].is_dir()
    assert ["waiting for another process" in message for message in said[:3]] == [True, True, False]


@pytest.mark.parametrize("stage", ["planning", "encoding", "indexing"])
def test_a_stop_is_noticed_within_a_shard_and_while_the_index_is_made(
    stage: str, lm: LanguageModel, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = False

    def from_now_on(function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **more: Any) -> Any:
            nonlocal wanted
            wanted = True
            return function(*args, **more)

        return watched

    name = {"planning": "entries_of", "encoding": "encode_keys", "indexing": "make_index"}[stage]
    monkeypatch.setattr(building, "TICK", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(building, name, from_now_on(getattr(building, name)))
        with pytest.raises(StoppedError, match=r"after 0 of|while making the index"):
            build(tmp_path, lm, documents, ORDER, stop=lambda: wanted)
    kept = list((tmp_path / "datastores/.mine.building").glob("0*"))
    assert len(kept) == (SHARDS if stage == "indexing" else 0)
    assert len(Datastore(build(tmp_path, lm, documents, ORDER)[0])) == len(entries_of(lm, documents))


def test_a_removed_store_is_gone_and_its_readers_keep_their_files(
    lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    first = Datastore(build(tmp_path, lm, documents, ORDER)[0])
    keys = np.array(first.keys)
    remove_store(tmp_path, "mine")
    assert listed(tmp_path) == ["mine-last"]
    assert np.array_equal(first.keys, keys)
    with filelock.FileLock(tmp_path / "datastores/.mine-last.lock"), pytest.raises(InputError, match="being built"):
        remove_store(tmp_path, "mine-last")


def test_nothing_to_remember_is_said(lm: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one document"):
        build(tmp_path, lm, [], ORDER)
    with pytest.raises(InputError, match=r"tiny-modernbert.*single token"):
        build(tmp_path, lm, [Article("a", "a", "of the ...")], ORDER)
    assert listed(tmp_path) == []


def test_unknown_key_and_impossible_index_are_refused(
    lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"'ffn'.*penultimate"):
        build(tmp_path, lm, documents, Order("mine", ("ffn",)))
    with pytest.raises(InputError, match="at least 256"):
        build(tmp_path, lm, documents[:2], Order("mine", ("last",), "ivf"))
    assert listed(tmp_path) == []


def test_a_reader_keeps_the_old_files_while_a_new_build_replaces_them(
    lm: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    old = Datastore(build(tmp_path, lm, documents, ORDER)[0])
    keys = np.array(old.keys)
    build(tmp_path, lm, documents[::-1], ORDER)
    assert np.array_equal(old.keys, keys)
    assert [p for p in os.listdir(tmp_path / "datastores") if ".old-" in p] == []
