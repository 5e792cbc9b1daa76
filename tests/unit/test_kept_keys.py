"""Keys of taught texts on disk: found again, never trusted when damaged, bounded, shared by processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from memlab.lm.model import LanguageModel
from memlab.memory import kept_keys, taught
from memlab.memory.building import Order, build
from memlab.memory.changes import Taught
from memlab.memory.datastore import Datastore
from memlab.memory.entries import encode_keys, taught_entries
from memlab.memory.kept_keys import Encoded, KeptKeys, text_id
from memlab.memory.taught import Texts, encode_taught
from memlab.results import Article

Load = Callable[[str], LanguageModel]
TEXTS = [
    Taught(1, "a", "The capital of Wakanda is Birnin."),
    Taught(2, "b", "Gold is a yellow metal, and Paris is large.", ((0, 4),)),
    Taught(3, "c", "of the"),
    Taught(4, "d", "Many people live in Port-au-Prince, and the river is long."),
]


@pytest.fixture(params=["modernbert", "llama", "gpt2"])
def lm(request: pytest.FixtureRequest, tiny_lm: Load) -> LanguageModel:
    return tiny_lm(request.param)


@pytest.fixture
def bert(tiny_lm: Load) -> LanguageModel:
    return tiny_lm("modernbert")


def same(a: Encoded, b: Encoded) -> bool:
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("keys", "values", "spans"))
    return arrays and a.unknown == b.unknown


def texts(lm: LanguageModel, documents: list[Article], home: Path) -> Texts:
    store = Datastore(build(home, lm, documents[:3], Order("mine", ("last",)))[0])
    return Texts(store, lm, "last", KeptKeys(home, lm, "last"))


def test_texts_encoded_together_are_those_encoded_alone(lm: LanguageModel) -> None:
    for t, e in zip(TEXTS, encode_taught(lm, TEXTS, "last"), strict=True):
        planned = taught_entries(lm, t.text, t.spans)
        keys = encode_keys(lm, planned.entries, ("last",))["last"]
        assert np.array_equal(e.values, planned.entries.values)
        assert np.array_equal(e.spans, planned.entries.spans[:, 1:])
        assert e.unknown == planned.unknown
        np.testing.assert_allclose(e.keys.astype(float), keys.astype(float), rtol=4e-3, atol=4e-3)


def test_what_was_kept_is_found_by_another_process_without_the_model(
    lm: LanguageModel, documents: list[Article], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = texts(lm, documents, tmp_path).encoded(TEXTS)
    monkeypatch.setattr(taught, "encode_taught", None)  # it would be called for what is not found
    again = texts(lm, documents, tmp_path).encoded(TEXTS)
    assert [same(a, b) for a, b in zip(made, again, strict=True)] == [True] * len(TEXTS)
    assert sum(len(e.values) for e in made) > 0


def test_other_spans_keys_and_models_have_their_own(bert: LanguageModel, tiny_lm: Load, tmp_path: Path) -> None:
    assert text_id(TEXTS[1]) != text_id(Taught(2, "b", TEXTS[1].text))
    assert text_id(TEXTS[0]) == text_id(Taught(9, "other title", TEXTS[0].text))
    folders = {KeptKeys(tmp_path, m, k).folder for m in (bert, tiny_lm("bert")) for k in ("last", "transform")}
    assert len(folders) == 4


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign"])
def test_a_damaged_pack_is_removed_and_made_anew(
    damage: str, bert: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    made = texts(bert, documents, tmp_path).encoded(TEXTS)
    (pack,) = KeptKeys(tmp_path, bert, "last").folder.glob("*.pack")
    raw = bytearray(pack.read_bytes())
    if damage == "flipped":
        raw[len(raw) // 2] ^= 1
    pack.write_bytes({"cut": raw[:-9], "empty": b"", "foreign": b"x" * 999}.get(damage, raw))
    assert KeptKeys(tmp_path, bert, "last").find(TEXTS) == {}
    assert not pack.exists()
    again = texts(bert, documents, tmp_path).encoded(TEXTS)
    assert all(same(a, b) for a, b in zip(made, again, strict=True))
    assert pack.exists()


def test_many_small_packs_become_one_and_nothing_is_lost(bert: LanguageModel, tmp_path: Path) -> None:
    one = encode_taught(bert, TEXTS[:1], "last")[0]
    kept = KeptKeys(tmp_path, bert, "last")
    told = [Taught(n, "", f"Text {n}") for n in range(2 * kept_keys.MANY)]
    for t in told:
        kept.add({text_id(t): one})
    assert len(list(kept.folder.glob("*.pack"))) < kept_keys.MANY
    assert list(kept.folder.glob("*.tmp")) == []
    assert len(KeptKeys(tmp_path, bert, "last").find(told)) == len(told)
    assert len(kept.find(told)) == len(told)


def test_the_oldest_go_when_all_are_too_large(
    bert: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_keys, "LARGEST", 20_000)
    one = encode_taught(bert, TEXTS[:1], "last")[0]
    kept = KeptKeys(tmp_path, bert, "last")
    told = [Taught(n, "", f"Text {n}") for n in range(30)]
    for t in told:
        kept.add({text_id(t): one})
    assert sum(p.stat().st_size for p in kept.folder.glob("*.pack")) <= 20_000
    found = KeptKeys(tmp_path, bert, "last").find(told)
    assert text_id(told[-1]) in found
    assert text_id(told[0]) not in found


def test_a_folder_that_cannot_be_written_only_costs_time(
    bert: LanguageModel, documents: list[Article], tmp_path: Path
) -> None:
    whole = texts(bert, documents, tmp_path)
    (tmp_path / kept_keys.FOLDER).write_text("a file where the folder would be")
    assert len(whole.encoded(TEXTS)) == len(TEXTS)


WRITER = """
import sys
from pathlib import Path
from typing import cast
import numpy as np
from memlab.memory.kept_keys import Encoded, KeptKeys

class Model:
    weights_hash, tokenizer_hash, kind = "w", "t", "masked"
    width = staticmethod(lambda key: 4)

kept = KeptKeys(Path(sys.argv[1]), Model, "last")
for n in range(20):
    name = f"{sys.argv[2]}-{n}"
    kept.add({name: Encoded(np.full((2, 4), n, np.float16), np.array([n, n], np.int32), np.zeros((2, 2), np.int32), {})})
"""


def test_several_processes_add_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(w)]) for w in range(3)]
    assert [w.wait(timeout=120) for w in writers] == [0, 0, 0]
    (folder,) = (tmp_path / kept_keys.FOLDER).iterdir()
    found: dict[str, Encoded] = {}
    for pack in folder.glob("*.pack"):
        found |= kept_keys._unpacked(kept_keys._content(pack) or b"", 4)
    assert set(found) == {f"{w}-{n}" for w in range(3) for n in range(20)}
    assert all(e.keys.shape == (2, 4) and (e.keys == int(name.split("-")[1])).all() for name, e in found.items())
    assert json.dumps(sorted(p.suffix for p in folder.iterdir() if p.suffix == ".tmp")) == "[]"


class Wide:
    """A model whose key is wider than its hidden states."""

    weights_hash, tokenizer_hash, kind, d = "w", "t", "masked", 4
    width = staticmethod(lambda key: 6)


def test_keys_of_another_width_than_the_model_s_are_found_and_joined(tmp_path: Path) -> None:
    kept = KeptKeys(tmp_path, cast(LanguageModel, Wide), "transform")
    told = [Taught(n, "", f"Text {n}") for n in range(kept_keys.MANY + 1)]
    for n, t in enumerate(told):
        spans = np.array([[0, n]], np.int32)
        kept.add({text_id(t): Encoded(np.full((1, 6), n, np.float16), np.array([n], np.int32), spans, {})})
    assert len(list(kept.folder.glob("*.pack"))) < kept_keys.MANY
    found = KeptKeys(tmp_path, cast(LanguageModel, Wide), "transform").find(told)
    assert [found[text_id(t)].keys.tolist() for t in told] == [[[n] * 6] for n in range(len(told))]
