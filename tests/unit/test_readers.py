"""Texts of one's own, in every format, and what is said about those that cannot be read."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.corpus import readers
from memlab.corpus.readers import READERS, read_texts
from memlab.corpus.received import keep_texts
from memlab.corpus.sentences import sentence_spans
from memlab.errors import InputError
from tests.tables import put_table

ROWS = [{"title": "Paris", "text": "Paris is in France."}, {"title": "Köln", "text": 'It says "Kölle",\nand more.'}]


def write(path: Path, rows: list[dict] = ROWS) -> Path:
    """A table in the format that the path's ending names."""
    name = path.name.removesuffix(".gz")
    plain = path.with_name(name)
    if name.endswith(".csv"):
        with plain.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif name.endswith(".jsonl"):
        plain.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", "utf-8")
    else:
        put_table(pa.Table.from_pylist(rows), plain)
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".csv.gz", ".jsonl.gz", ".parquet.gz", ".CSV"])
def test_tables_give_a_document_for_each_row(ending: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"world{ending.lower()}")
    if ending == ".CSV":
        path = path.rename(tmp_path / "world.CSV")
    read = read_texts([path])
    assert [(a.title, a.text) for a in read] == [(row["title"], row["text"]) for row in ROWS]
    assert [a.id for a in read] == ["Paris", "Köln"]


@pytest.mark.parametrize("ending", [".txt", ".md", ".txt.gz", ".md.gz"])
def test_a_text_file_is_a_document_with_its_name(ending: str, tmp_path: Path) -> None:
    raw = "\ufeff\n  Grüße aus Köln.\r\n\nZweiter Absatz.\n".encode()
    path = tmp_path / f"notes{ending}"
    path.write_bytes(gzip.compress(raw) if ending.endswith(".gz") else raw)
    (article,) = read_texts([path])
    assert (article.title, article.text) == ("notes", "\n  Grüße aus Köln.\n\nZweiter Absatz.\n")


@pytest.mark.parametrize("text_column", ["text", "content", "body", "article", "sentence"])
@pytest.mark.parametrize("title_column", ["title", "name", "subject", "id", None])
def test_columns_may_have_other_names(text_column: str, title_column: str | None, tmp_path: Path) -> None:
    row = {text_column: "Gold is yellow.", "year": 1900, **({title_column: "Gold"} if title_column else {})}
    (article,) = read_texts([write(tmp_path / "t.jsonl", [row])])
    assert article.text == "Gold is yellow."
    assert article.title == ("Gold" if title_column else "t 1")


def test_rows_and_files_without_text_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("  \n")
    table = write(tmp_path / "t.csv", [{"title": "a", "text": " "}, {"title": "b", "text": "Gold."}])
    assert [a.title for a in read_texts([tmp_path / "empty.txt", table])] == ["b"]
    with pytest.raises(InputError, match="contain no text"):
        read_texts([tmp_path / "empty.txt"])
    with pytest.raises(InputError, match="contain no text"):
        read_texts([])


def test_a_folder_is_read_with_its_folders_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "a.md", "sub/c.txt", "picture.png"):
        (tmp_path / name).write_text(name)
    write(tmp_path / "sub/d.csv.gz")
    assert [a.title for a in read_texts([tmp_path])] == ["a", "b", "c", "Paris", "Köln"]


def test_wikipedia_headings_split_a_text(tmp_path: Path) -> None:
    (tmp_path / "wiki.txt").write_text(
        " = Paris = \n\n Paris is a city . \n\n = = History = = \n\n Old . \n\n = Gold =\n Yellow .\n"
    )
    read = read_texts([tmp_path / "wiki.txt"])
    assert [a.title for a in read] == ["Paris", "Gold"]
    assert "= = History = =" in read[0].text
    assert read[1].text == "Yellow ."


def test_text_before_the_first_heading_is_kept(tmp_path: Path) -> None:
    (tmp_path / "wiki.txt").write_text("Before.\n = Paris = \nIn France.\n")
    assert [(a.title, a.text) for a in read_texts([tmp_path / "wiki.txt"])] == [
        ("wiki", "Before."),
        ("Paris", "In France."),
    ]


@given(st.lists(st.sampled_from(["A", "B", "A (2)", "A (3)", "A (2) (2)"]), min_size=1, max_size=9))
def test_titles_are_made_unique(tmp_path_factory: pytest.TempPathFactory, titles: list[str]) -> None:
    rows = [{"title": t, "text": f"text {i}"} for i, t in enumerate(titles)]
    read = read_texts([write(tmp_path_factory.mktemp("titles") / "t.jsonl", rows)])
    assert len({a.title for a in read}) == len({a.id for a in read}) == len(titles)
    assert [a.text for a in read] == [r["text"] for r in rows]
    assert all(a.title.startswith(t) for a, t in zip(read, titles, strict=True))


def test_equal_titles_are_numbered(tmp_path: Path) -> None:
    rows = [{"title": "A", "text": str(i)} for i in range(3)]
    assert [a.title for a in read_texts([write(tmp_path / "t.csv", rows)])] == ["A", "A (2)", "A (3)"]


def test_a_long_text_in_a_table_is_read_whole(tmp_path: Path) -> None:
    """Python's csv module stops at 131,072 characters by itself."""
    text = "Gold is yellow. " * 20_000
    (article,) = read_texts([write(tmp_path / "t.csv", [{"title": "a", "text": text}])])
    assert article.text == text


@pytest.mark.parametrize("ending", [".txt", ".csv", ".jsonl"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused_with_the_one_that_is_read(ending: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    path.write_bytes("title,text\nKöln,Grüße".encode(encoding))
    with pytest.raises(InputError, match=rf"t\{ending} is not UTF-8"):
        read_texts([path])


def test_a_table_without_text_says_which_columns_it_has(tmp_path: Path) -> None:
    for ending in (".csv", ".jsonl", ".parquet"):
        with pytest.raises(InputError, match=r"text, content, body, article, sentence; it has title, words"):
            read_texts([write(tmp_path / f"t{ending}", [{"title": "a", "words": "b"}])])


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("t.jsonl", b'{"text": "a"}\n{"text": '),
        ("t.jsonl", b'["text"]\n'),
        ("t.jsonl", b'"text"\n'),
        ("t.parquet", b"PAR1 no table PAR1"),
        ("t.parquet", b""),
        ("t.txt.gz", b"no gzip"),
        ("t.txt.gz", gzip.compress(b"text" * 1000, mtime=0)[:-12]),
        ("t.txt.gz", gzip.compress(b"text", mtime=0)[:10] + b"\xff" * 20),
    ],
)
def test_a_damaged_file_is_named(name: str, raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(InputError, match=rf"{name} cannot be read"):
        read_texts([path])


def test_missing_unknown_and_empty_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*gone\.txt"):
        read_texts([tmp_path / "gone.txt"])
    with pytest.raises(InputError, match=r"contains no \.txt, \.md, \.csv, \.jsonl, \.parquet files"):
        read_texts([tmp_path])
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.docx has an unknown format\. Allowed: \.txt"):
        read_texts([tmp_path / "a.docx"])
    assert set(READERS) == {".txt", ".md", ".csv", ".jsonl", ".parquet"}


# Sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Who met Mr. Bean. They left.", ["Dr. Who met Mr. Bean.", "They left."]),
        ("J. S. Bach wrote it. It is old.", ["J. S. Bach wrote it.", "It is old."]),
        ("It cost 3.50 euro. 4 remain.", ["It cost 3.50 euro.", "4 remain."]),
        ('He said "Yes." Then he left.', ['He said "Yes."', "Then he left."]),
        ("First\n\nsecond paragraph.", ["First", "second paragraph."]),
        ("wait... what? no. yes", ["wait... what? no. yes"]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


@given(st.text(st.sampled_from("Ab. !?\n\"'3é")))
def test_sentences_cover_a_text_in_order_without_white_space_at_their_ends(text: str) -> None:
    spans = sentence_spans(text)
    assert all(a < b for a, b in spans)
    assert all(one[1] <= two[0] for one, two in zip(spans, spans[1:], strict=False))  # noqa: RUF007
    assert "".join(text[a:b] for a, b in spans).replace(" ", "").replace("\n", "") == "".join(text.split())
    assert all(text[a:b] == text[a:b].strip() for a, b in spans)


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "LARGEST", 10_000)
    fits, bomb = tmp_path / "fits.txt.gz", tmp_path / "bomb.txt.gz"
    fits.write_bytes(gzip.compress(b"word " * 2_000))
    bomb.write_bytes(gzip.compress(b"word " * 2_000 + b"s"))
    assert len(read_texts([fits])[0].text) == 10_000
    with pytest.raises(InputError, match=r"bomb\.txt\.gz has more than 1e-05 GB when it is unpacked.*Split it"):
        read_texts([bomb])
    plain = tmp_path / "plain.txt"
    plain.write_bytes(b"word " * 2_001)
    with pytest.raises(InputError, match=r"plain\.txt has more than 1e-05 GB, the limit"):
        read_texts([plain])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../evil.txt", "evil.txt"),
        ("..\\..\\evil.txt", "evil.txt"),
        ("..", "text.txt"),
        ("/", "text.txt"),
        ("a\0.txt", "a.txt"),
        ("é" * 150 + ".csv", "é" * 98 + ".csv"),
    ],
)
def test_an_uploaded_file_stays_in_its_folder_under_a_name_that_can_be_written(
    name: str, kept: str, tmp_path: Path
) -> None:
    (path,) = keep_texts(tmp_path, [(name, b"hello")])
    assert path.name == kept
    assert path.parent.parent == tmp_path / "uploads"
    assert path.read_bytes() == b"hello"
