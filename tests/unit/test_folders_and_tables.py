"""Folders and tables as people have them: what is read, what is left out, and what is said about that."""

from __future__ import annotations

import datetime
import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from memlab.corpus.given import passage_of, texts_of
from memlab.corpus.one_file import TextOptions
from memlab.corpus.readers import read_collection, read_texts
from memlab.errors import InputError
from memlab.results import Article
from memlab.results.texts import TextReport
from tests.tables import put_table

HIDDEN = TextOptions(hidden=True)


def put(folder: Path, **files: str | bytes) -> Path:
    """Writes files below a folder; "/" in a name makes folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(*paths: Path, options: TextOptions | None = None) -> tuple[list[str], TextReport]:
    collection = read_collection(paths, options or TextOptions())
    return [a.text for a in collection.articles], collection.report


def counts(report: TextReport) -> dict[str, int]:
    return {part.kind: part.count for part in report.left_out}


# Folders


def notes(folder: Path) -> Path:
    return put(
        folder / "notes",
        **{
            "Notes.md": "The capital of France is Paris.",
            ".trash/Wrong.md": "The capital of France is Lyon.",
            ".obsidian/app.md": "settings",
            ".ipynb_checkpoints/Notes-checkpoint.md": "The capital of France is Nice.",
        },
    )


def test_hidden_and_deleted_files_are_left_out_and_counted(tmp_path: Path) -> None:
    texts, report = read(notes(tmp_path))
    assert texts == ["The capital of France is Paris."]
    assert counts(report) == {"hidden": 3}
    (line,) = report.lines()
    assert line.startswith("3 hidden files left out (--hidden includes them): ")
    assert ".trash/Wrong.md" in line


def test_hidden_files_are_read_when_asked_for(tmp_path: Path) -> None:
    texts, report = read(notes(tmp_path), options=HIDDEN)
    assert len(texts) == 4
    assert report.left_out == ()
    folder = put(tmp_path / ".cache", **{"a.txt": "Named itself, so not hidden."})
    assert read(folder)[0] == ["Named itself, so not hidden."]
    assert read(folder / ".." / ".cache" / "a.txt")[1].left_out == ()


@pytest.mark.parametrize("options", [TextOptions(), HIDDEN])
def test_side_files_of_other_systems_are_left_out_and_counted(options: TextOptions, tmp_path: Path) -> None:
    binary = b"\x00\x05\x16\x07\x00\xff"
    folder = put(
        tmp_path / "x",
        **{
            "France.txt": "Paris.",
            "._France.txt": binary,
            "__MACOSX/France.txt": binary,
            "Thumbs.db": binary,
            "sub/desktop.ini": binary,
            "sub/.DS_Store": binary,
        },
    )
    texts, report = read(folder, options=options)
    assert texts == ["Paris."]
    assert counts(report) == {"side": 5}


def test_one_unreadable_file_of_many_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    put(tmp_path, **{"a.txt": "Good.", "b.txt": b"Fran\xe7a", "c.jsonl": '{"text": ', "d.txt.gz": b"no gzip"})
    texts, report = read(tmp_path)
    assert texts == ["Good."]
    assert counts(report) == {"unreadable": 3}
    assert any("b.txt is not UTF-8 text (byte 5)" in line for line in report.left_out[0].examples)
    assert report.files == 1
    assert read(tmp_path / "a.txt", tmp_path / "b.txt")[0] == ["Good."]
    with pytest.raises(InputError, match=r"b\.txt is not UTF-8"):
        read(tmp_path / "b.txt")
    with pytest.raises(InputError, match=r"b\.txt is not UTF-8"):
        read(tmp_path / "b.txt", tmp_path / "c.jsonl")


def test_endings_are_read_in_any_case_and_others_are_counted(tmp_path: Path) -> None:
    put(
        tmp_path,
        **{"NOTES.TXT.GZ": gzip.compress(b"Packed."), "b.Md": "Plain.", "picture.PNG": "x", "empty.txt": " \n"},
    )
    texts, report = read(tmp_path)
    assert texts == ["Packed.", "Plain."]
    assert counts(report) == {"format": 1, "empty": 1}
    assert read(tmp_path / "NOTES.TXT.GZ")[0] == ["Packed."]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", **{"secret.txt": "Secret."})
    folder = put(tmp_path / "mine", **{"a.txt": "Mine.", "sub/b.txt": "Also mine."})
    (folder / "out.txt").symlink_to(tmp_path / "elsewhere/secret.txt")
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "gone.txt").symlink_to(tmp_path / "nothing.txt")
    (folder / "round").symlink_to(folder)
    (folder / "in.txt").symlink_to(folder / "a.txt")
    texts, report = read(folder)
    assert texts == ["Mine.", "Mine.", "Also mine."]
    assert counts(report) == {"link": 3}


def test_a_folder_that_cannot_be_entered_is_named(tmp_path: Path) -> None:
    put(tmp_path, **{"a.txt": "Good.", "locked/b.txt": "x"})
    (tmp_path / "locked").chmod(0)
    try:
        if os.access(tmp_path / "locked", os.R_OK):
            assert read(tmp_path)[0] == ["Good.", "x"]  # who may read everything reads it
        else:
            assert counts(read(tmp_path)[1]) == {"unreadable": 1}
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_folder_of_nothing_to_read_says_what_it_has(tmp_path: Path) -> None:
    put(tmp_path, **{".hidden.txt": "x", "a.docx": "x"})
    with pytest.raises(
        InputError, match=r"contains no \.txt.*1 file of another format left out: a\.docx.*1 hidden file"
    ):
        read(tmp_path)


# Broken characters, lines, encodings


def test_a_row_with_half_a_character_is_refused_with_its_number(tmp_path: Path) -> None:
    rows = ['{"title": "A", "text": "Good."}', r'{"title": "A", "text": "The capital of France is Paris \ud83d"}']
    put(tmp_path, **{"t.jsonl": "\n".join(rows)})
    with pytest.raises(InputError, match=r"t\.jsonl, row 2, contains half a character \(U\+D83D"):
        read(tmp_path / "t.jsonl")
    put(tmp_path, **{"t.jsonl": r'{"title": "\udc00", "text": "a"}'})
    with pytest.raises(InputError, match=r"title in .*row 1, contains half"):
        read(tmp_path / "t.jsonl")


def test_a_row_is_a_line_whatever_characters_it_holds(tmp_path: Path) -> None:
    odd = "one\u2028two\u2029three\x85four\x0cfive"
    for end in ("\n", "\r\n"):
        put(tmp_path, **{"t.jsonl": "".join(json.dumps({"text": t}, ensure_ascii=False) + end for t in (odd, "b"))})
        assert read(tmp_path / "t.jsonl")[0] == [odd, "b"]


@pytest.mark.parametrize("name", ["t.txt", "t.csv", "t.jsonl", "t.md"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_with_the_reason(name: str, encoding: str, tmp_path: Path) -> None:
    put(tmp_path, **{name: 'text\n"Paris is in France."\n'.encode(encoding)})
    with pytest.raises(InputError, match=rf"{name} contains NULs.*UTF-16 without a byte order mark.*Save it as UTF-8"):
        read(tmp_path / name)


# Tables


def test_only_columns_that_are_used_are_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "title": ["A", "B"],
            "text": ["First.", "Second."],
            "until": pa.array([2**53, 2**60], pa.int64()).cast(pa.timestamp("us")),  # beyond the year 9999
            "zone": pa.array([0, 1], pa.timestamp("us", "Mars/Olympus")),
            "lasts": pa.array([datetime.timedelta(1), None], pa.duration("ns")),
            "nested": [{"a": [1, 2]}, None],
            "raw": [b"\xff", b""],
        }
    )
    put_table(table, tmp_path / "t.parquet")
    assert [(a.title, a.text) for a in read_texts([tmp_path / "t.parquet"])] == [("A", "First."), ("B", "Second.")]


def test_a_title_column_that_is_no_word_is_not_used(tmp_path: Path) -> None:
    put_table(pa.table({"id": [{"a": 1}], "name": [7], "text": ["First."]}), tmp_path / "t.parquet")
    assert [a.title for a in read_texts([tmp_path / "t.parquet"])] == ["7"]


def test_rows_without_text_are_skipped_and_counted_by_number(tmp_path: Path) -> None:
    rows = [{"text": "Good."}, {"text": None}, {"title": "no text"}, {"text": "  "}, {"text": "Also good."}]
    put(tmp_path, **{"t.jsonl": "\n".join(map(json.dumps, rows))})
    put(tmp_path, **{"t.csv": 'title,text\na,Good.\nb\nc,\nd,""\ne,Also good.\n'})
    put_table(pa.table({"text": ["Good.", None, "", "\t", "Also good."]}), tmp_path / "t.parquet")
    for name in ("t.jsonl", "t.csv", "t.parquet"):
        texts, report = read(tmp_path / name)
        assert texts == ["Good.", "Also good."], name
        assert report.left_out[0].examples == tuple(f"{name} row {n}" for n in (2, 3, 4))
        assert report.lines() == [f"3 rows without text skipped: {name} row 2, {name} row 3, {name} row 4"]


def test_a_column_of_structs_says_what_it_is(tmp_path: Path) -> None:
    put_table(pa.table({"text": [{"en": "Paris"}]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"the column text contains values of the type struct<en: string>, not text"):
        read(tmp_path / "t.parquet")
    put(tmp_path, **{"t.jsonl": '{"text": null}\n{"text": {"en": "Paris"}}'})
    with pytest.raises(InputError, match=r"the column text contains an object \(row 2\), not text.*--text-column"):
        read(tmp_path / "t.jsonl")
    put(tmp_path, **{"t.jsonl": '{"text": "Good."}\n{"text": {"en": "Paris"}}'})
    texts, report = read(tmp_path / "t.jsonl")
    assert texts == ["Good."]
    assert report.lines()[1] == "t.jsonl, row 2: text contains an object, not text."


@pytest.mark.parametrize(
    "raw",
    [
        "Title;Text\nParis;Paris, in France.\n",
        'Title,Text\nParis,"Paris, in France."\n',
        "TITLE\tTEXT\nParis\tParis, in France.\n",
        "\ufeffTitle;Text\r\nParis;Paris, in France.\r\n",
        "sep=;\r\ntitle;text\r\nParis;Paris, in France.\r\n",
        "text,more;Title;Text\nx;Paris;Paris, in France.\n",
        "Title;Text;\nParis;Paris, in France.;\n",
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(raw: str, tmp_path: Path) -> None:
    put(tmp_path, **{"t.csv": raw})
    assert [(a.title, a.text) for a in read_texts([tmp_path / "t.csv"])] == [("Paris", "Paris, in France.")]


def test_the_column_can_be_chosen(tmp_path: Path) -> None:
    put(
        tmp_path,
        **{"t.csv": "Title;Abstract;Text\nA;Short.;Long.\n", "t.jsonl": '{"Abstract": "Short.", "text": "Long."}'},
    )
    put_table(pa.table({"Abstract": ["Short."], "text": ["Long."]}), tmp_path / "t.parquet")
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        assert read(tmp_path / name, options=TextOptions(text_column="abstract"))[0] == ["Short."]
        with pytest.raises(InputError, match=r"no text in a column named none; it has .*--text-column"):
            read(tmp_path / name, options=TextOptions(text_column="none"))


def test_a_text_that_holds_the_separator_unquoted_is_refused(tmp_path: Path) -> None:
    put(tmp_path, **{"t.csv": "text\nParis\nParis, in France.\n"})
    with pytest.raises(InputError, match=r"row 2 has 2 columns, the table 1: put texts that contain ',' in quotation"):
        read(tmp_path / "t.csv")


# Books

BOOK = (
    "The Project Gutenberg eBook of Letters\n\nThis ebook is for the use of anyone.\n\n"
    "*** START OF THE PROJECT GUTENBERG EBOOK LETTERS ***\n\n\nDear Ada,\nall is well.\n\n\n"
    "*** END OF THE PROJECT GUTENBERG EBOOK LETTERS ***\n\nTHE FULL PROJECT GUTENBERG LICENSE\nSection 1.\n"
)


def test_a_license_is_said_and_can_be_left_out(tmp_path: Path) -> None:
    put(tmp_path, **{"book.txt": BOOK, "plain.txt": "Dear Ada."})
    texts, report = read(tmp_path / "book.txt")
    assert texts == [BOOK]
    (line,) = report.lines()
    assert line.startswith("book.txt is a book of Project Gutenberg: ")
    assert "--without-license leaves them out" in line
    texts, report = read(tmp_path / "book.txt", options=TextOptions(without_license=True))
    assert texts == ["Dear Ada,\nall is well.\n"]
    assert "They were left out." in report.lines()[0]
    assert read(tmp_path / "plain.txt")[1].lines() == []


def test_marks_over_two_lines_and_in_the_older_form_are_found(tmp_path: Path) -> None:
    old = "x\n***START OF THIS PROJECT GUTENBERG EBOOK THE LETTERS OF\nADA***\nBook.\n***END OF THIS PROJECT GUTENBERG EBOOK A***\ny"
    put(tmp_path, **{"book.txt": old})
    assert read(tmp_path / "book.txt", options=TextOptions(without_license=True))[0] == ["Book.\n"]


# Paths, texts, articles


def test_strings_are_paths_or_texts_by_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, **{"letters.txt": "Dear Ada.", "folder/a.md": "Paris.", "LICENSE": "x"})
    monkeypatch.chdir(tmp_path)
    assert [(a.title, a.text) for a in texts_of("letters.txt").articles] == [("letters", "Dear Ada.")]
    assert [a.text for a in texts_of("folder").articles] == ["Paris."]
    assert [a.text for a in texts_of(Path("folder")).articles] == ["Paris."]
    assert [a.text for a in texts_of("Paris is in France.").articles] == ["Paris is in France."]
    assert [a.text for a in texts_of("letters.txt\n").articles] == ["letters.txt\n"]
    mixed = texts_of(["letters.txt", Path("folder"), "Gold is yellow.", "Gold is heavy.", Article("x", "X", "Y.")])
    assert [(a.id, a.text) for a in mixed.articles] == [
        ("letters", "Dear Ada."),
        ("a", "Paris."),
        ("text", "Gold is yellow."),
        ("text (2)", "Gold is heavy."),
        ("x", "Y."),
    ]
    assert texts_of(mixed) is mixed
    with pytest.raises(InputError, match=r"There is no file missing\.txt"):
        texts_of("missing.txt")
    with pytest.raises(InputError, match="There is no file nowhere"):
        texts_of(Path("nowhere"))
    with pytest.raises(InputError, match="a path, a text or an article, not int"):
        texts_of([7])  # type: ignore[list-item]
    with pytest.raises(InputError, match="not int"):
        texts_of(7)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="contain no text"):
        texts_of([])
    assert passage_of("letters.txt") == "Dear Ada."
    assert passage_of("a" * 5000) == "a" * 5000
    assert passage_of(Article("letters.txt", "letters.txt", "letters.txt")) == "letters.txt"


def test_a_report_survives_json(tmp_path: Path) -> None:
    report = read(notes(tmp_path))[1]
    assert TextReport.of(json.loads(json.dumps(report.to_dict()))) == report
