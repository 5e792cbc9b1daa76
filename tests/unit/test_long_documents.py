"""A long document is read in parts: the same entries, resumed where a build ended, in bounded memory."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import StoppedError
from memlab.lm.model import LanguageModel
from memlab.memory import building
from memlab.memory.building import Order, Shard, build
from memlab.memory.datastore import FILES, Datastore
from memlab.memory.entries import WHOLE, Entries, Reading, entries_of, entries_of_part
from memlab.results import Article
from tests.forks import Forks

Load = Callable[[str], LanguageModel]
ORDER = Order("novel", ("last",), part=150)


@pytest.fixture
def novel(documents: list[Article]) -> Article:
    """About 1,300 words in one text."""
    return Article("novel", "Novel", "\n\n".join(a.text for a in documents))


def contents(folders: list[Path]) -> dict[str, bytes]:
    return {f"{folder.name}/{name}": (folder / name).read_bytes() for folder in folders for name in FILES}


def entries(plans: list[Entries]) -> list[tuple[object, ...]]:
    """Context, position, value and span of every entry, in order."""
    return [
        (tuple(p.contexts[c]), int(at), int(value), *map(int, span))
        for p in plans
        for c, at, value, span in zip(p.context, p.position, p.values, p.spans, strict=True)
    ]


@pytest.mark.parametrize("name", ["modernbert", "llama", "gpt2"])
@pytest.mark.parametrize("reading", [WHOLE, Reading(16, 8), Reading(16, 16)])
def test_parts_give_the_entries_of_the_whole(name: str, reading: Reading, tiny_lm: Load, novel: Article) -> None:
    lm = tiny_lm(name)
    if lm.kind == "masked" and reading is not WHOLE:
        pytest.skip("windows are for causal models")
    whole = entries([entries_of(lm, [novel], 3, reading)])
    assert len(whole) > 300
    for of in (2, 7, 50):
        parts = [Shard(0, 1, n, of).characters(novel.text) for n in range(of)]
        assert parts[0][0] == 0
        assert parts[-1][1] == len(novel.text)
        assert [a for a, _ in parts[1:]] == [b for _, b in parts[:-1]]
        plans = [entries_of_part(lm, novel, 3, part, reading) for part in parts]
        assert entries(plans) == whole
        assert max(len(p.contexts) for p in plans) < len(entries_of(lm, [novel], 3, reading).contexts)


@pytest.mark.parametrize("name", ["modernbert", "llama"])
def test_a_stopped_build_of_one_document_goes_on_and_gives_the_same_bytes(
    name: str, tiny_lm: Load, novel: Article, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = tiny_lm(name)
    whole = contents(build(tmp_path / "whole", lm, [novel], ORDER))
    one = build(tmp_path / "one", lm, [novel], Order("novel", ("last",)))[0]
    for file in ("values.i32", "tokens.i32", "documents.parquet"):
        assert (one / file).read_bytes() == whole[f"novel/{file}"]
    np.testing.assert_allclose(
        Datastore(one).keys, Datastore(tmp_path / "whole/datastores/novel").keys, rtol=4e-3, atol=4e-3
    )
    third = tmp_path / "home/datastores/.novel.building/000002"
    with pytest.raises(StoppedError, match=r"stopped after 3 of \d+ shards"):
        build(tmp_path / "home", lm, [novel], ORDER, stop=third.is_dir)
    made: list[int] = []
    write = building._write_shard
    monkeypatch.setattr(building, "_write_shard", lambda w, n, *rest: (made.append(n), write(w, n, *rest)))
    assert contents(build(tmp_path / "home", lm, [novel], ORDER)) == whole
    assert made[0] == 3
    assert len(made) >= 4


KILLED = """
import json, os, signal, sys
from pathlib import Path
from memlab.lm.catalogue import load
from memlab.memory.building import Order, build
from memlab.results import Article

folder, document = Path(sys.argv[1]), Article(**json.loads(Path(sys.argv[1], "novel.json").read_text()))

def progress(fraction, message):
    if fraction > 0.6:
        os.kill(os.getpid(), signal.SIGKILL)

build(folder / "home", load(sys.argv[2]), [document], Order("novel", ("last",), part=150), progress)
"""


def test_a_build_of_one_document_killed_past_its_half_goes_on_and_gives_the_same_bytes(
    tiny_lm: Load, tiny: Callable[[str], Path], novel: Article, forked: Forks, tmp_path: Path
) -> None:
    lm = tiny_lm("modernbert")
    whole = contents(build(tmp_path / "whole", lm, [novel], ORDER))
    (tmp_path / "novel.json").write_text(json.dumps(vars(novel)))
    killed = forked.start(KILLED, str(tmp_path), str(tiny("modernbert"))).wait()
    assert killed.returncode == -signal.SIGKILL
    work = tmp_path / "home/datastores/.novel.building"
    kept = {p.name: p.stat().st_mtime_ns for p in work.glob("[0-9]*")}
    assert len(kept) >= 4
    seen: list[float] = []
    assert contents(build(tmp_path / "home", lm, [novel], ORDER, lambda f, m: seen.append(f))) == whole
    assert seen == sorted(seen)


def test_long_and_short_documents_have_shards_of_their_own(documents: list[Article], novel: Article) -> None:
    short = documents[:3]
    found = list(building._shards([*short, novel, *short], 60_000, 500))
    assert (found[0], found[-1]) == (Shard(0, 3), Shard(4, 7))
    parts = found[1:-1]
    assert [(s.first, s.n, s.of) for s in parts] == [(3, n, len(parts)) for n in range(len(parts))]
    assert len(parts) == -(-(novel.text.count(" ") + 1) // 500)
    assert [s.begin for s in found[1:]] == pytest.approx([s.end for s in found[:-1]])


def test_a_text_without_spaces_is_cut_by_its_length() -> None:
    text = "北京是中国的首都。" * 8_000  # 72,000 characters
    assert len(list(building._shards([Article("a", "a", text)], 60_000, 1_000))) == 6


def test_a_shard_holds_no_more_than_its_part(
    tiny_lm: Load, novel: Article, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Memory of a build is that of one shard: none has many more entries than the part has words."""
    made: list[int] = []
    encode = building.encode_keys
    monkeypatch.setattr(building, "encode_keys", lambda lm, p, *rest: (made.append(len(p)), encode(lm, p, *rest))[1])
    build(tmp_path, tiny_lm("llama"), [novel], ORDER)
    assert len(made) == -(-(novel.text.count(" ") + 1) // 150)
    assert max(made) < 2 * sum(made) / len(made)
