"""Texts from the command line and from Python: what is refused, what is left out, and what stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from memlab.cli import main
from memlab.errors import InputError
from memlab.lab import Lab
from memlab.results import Article
from tests.commands import Run, document, refused, run_on
from tests.forks import Done, Forks, forks

GOOD = "The capital of France is Paris. Many people live in Paris."
HALF = r'{"title": "A", "text": "The capital of France is Paris \ud83d"}'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return run_on(tmp_path / "home")


@pytest.fixture
def masked(tiny: Callable[[str], Path]) -> Path:
    return tiny("modernbert")


@pytest.fixture
def causal(tiny: Callable[[str], Path]) -> Path:
    return tiny("llama")


def put(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_training_never_deletes_what_somebody_has(run: Run, tmp_path: Path) -> None:
    put(tmp_path, **{"precious/thesis.tex": "x", "precious.tmp/draft.tex": "y", "small.txt": GOOD * 500})
    said = refused(run("train", "mine", "--text", tmp_path / "small.txt", "--steps", 1, "--out", tmp_path / "precious"))
    assert "precious is not empty and is not a model that memlab wrote (it holds thesis.tex)" in said
    for name in ("atlas-mlm", "atlas-spalm"):
        assert "is not empty" in refused(run("train", name, "--steps", 1, "--out", tmp_path / "precious"))
    assert (tmp_path / "precious/thesis.tex").read_text() == "x"
    assert (tmp_path / "precious.tmp/draft.tex").read_text() == "y"


def test_exports_never_overwrite_what_somebody_has(run: Run, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("x")
    name = document(run("lessons", "list", "--json"))[0]["name"]
    assert "exists already" in refused(run("lessons", "export", name, thesis))
    assert "exists already" in refused(run("workspace", "export", "default", thesis))
    assert thesis.read_text() == "x"
    for _ in range(2):  # what memlab wrote gives way
        assert run("lessons", "export", name, tmp_path / "l.json").exit_code == 0
        assert run("workspace", "export", "default", tmp_path / "w.zip").exit_code == 0


def test_a_build_says_what_it_left_out(run: Run, masked: Path, tmp_path: Path) -> None:
    notes = put(
        tmp_path / "notes",
        **{
            "Notes.md": GOOD,
            ".trash/Wrong.md": "The capital of France is Lyon.",
            "._Notes.md": b"\0\xff",
            "bad.txt": b"\xe7",
        },
    )
    (built,) = document(run("build", notes, "--name", "notes", "--model", masked, "--json"))
    assert built["documents"] == 1
    assert {part["kind"]: part["count"] for part in built["report"]["left_out"]} == {
        "hidden": 1,
        "side": 1,
        "unreadable": 1,
    }
    result = run("build", notes, "--name", "all", "--model", masked, "--hidden")
    assert "all: " in result.stdout
    assert "of 2 texts" in result.stdout
    assert "note: 1 file that cannot be read left out: " in result.stdout
    assert "bad.txt is not UTF-8 text" in result.stdout


def test_broken_characters_are_one_line_everywhere(run: Run, masked: Path, causal: Path, tmp_path: Path) -> None:
    put(tmp_path, **{"t.jsonl": HALF, "latin.txt": b"Fran\xe7a is a country."})
    half, byte = "half a character (U+D83D", "0xE7"
    latin = "Fran\udce7a is [MASK]."  # as an argument of another encoding arrives
    for name in ("t.jsonl", "latin.txt"):
        file = tmp_path / name
        wanted = half if name == "t.jsonl" else "is not UTF-8 text"
        assert wanted in refused(run("build", file, "--name", "x", "--model", masked))
        assert wanted in refused(run("evaluate", "perplexity", file, "--model", causal, "--method", "base"))
        assert wanted in refused(run("read", file, "--model", causal, "--method", "base"))
    assert byte in refused(run("ask", latin))
    assert byte in refused(run("generate", "Fran\udce7a is"))
    assert byte in refused(run("teach", latin.replace("[MASK]", "big")))
    assert byte in refused(run("teach", GOOD, "--value", "Fran\udce7a"))
    assert byte in refused(run("forget", "--prompt", latin))
    assert byte in refused(run("correct", "Fran\udce7a", "capital", "Paris", "Lyon"))
    assert byte in refused(run("correct", "France", "capital", "Paris", "Ly\udce7n"))
    assert byte in refused(run("read", "--text", "Fran\udce7a is big", "--model", causal, "--method", "base"))


def test_standard_input_that_is_not_utf_8_is_one_line(tmp_path: Path) -> None:
    for arguments in (["ask"], ["generate"], ["teach"], ["read"], ["lessons", "import", "-"]):
        result = CliRunner().invoke(main, [*arguments, "--home", str(tmp_path)], input=b"Fran\xe7a is [MASK].")
        assert "Standard input is not UTF-8 text (byte 5)" in refused(result)


def test_a_lesson_with_half_a_character_is_refused(run: Run, tmp_path: Path) -> None:
    name = document(run("lessons", "list", "--json"))[0]["name"]
    run("lessons", "export", name, tmp_path / "l.json")
    lesson = json.loads((tmp_path / "l.json").read_text("utf-8"))
    (tmp_path / "bad.json").write_text(json.dumps({**lesson, "title": "A \ud83d"}))
    assert "The lesson contains half a character" in refused(run("lessons", "import", tmp_path / "bad.json"))


def test_an_upload_job_with_broken_text_fails_with_its_reason(tmp_path: Path, masked: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    kept = lab.building.keep_texts([("t.jsonl", HALF.encode())])
    job = lab.work.submit("build", "Building x", **lab.building.order(kept, "x", str(masked)))
    ended = lab.work.wait(job.id, timeout=300)
    assert ended.state == "failed"
    assert "row 1, contains half a character (U+D83D" in (ended.error or "")


def test_python_takes_paths_and_texts(
    tmp_path: Path, masked: Path, causal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(put(tmp_path, **{"letters.txt": GOOD, "more/a.md": "Gold is a yellow metal."}))
    lab = Lab.open(tmp_path / "home")
    for n, given in enumerate(["letters.txt", Path("letters.txt"), GOOD, ["letters.txt"], [Article("x", "x", GOOD)]]):
        (store,) = lab.build(given, name=f"letters{n}", model=str(masked))
        assert [a.text for a in lab.articles(store.name)] == [GOOD]
        assert store.report is not None
        assert store.report.texts == 1
    (store,) = lab.build(["letters.txt", Path("more"), "Berlin is large."], name="many", model=str(masked))
    assert [a.title for a in lab.articles("many")] == ["letters", "a", "text"]
    with pytest.raises(InputError, match=r"There is no file gone\.txt"):
        lab.build("gone.txt", name="gone", model=str(masked))
    read = [lab.read(given, "base", str(causal)) for given in (GOOD, "letters.txt", Path("letters.txt"))]
    assert [trace.text for trace in read] == [GOOD] * 3
    measured = [
        lab.evaluate_perplexity(given, methods=("base",), models=(str(causal),))["results"][0]["perplexity"]
        for given in ("letters.txt", [GOOD], [Article("x", "x", GOOD)])
    ]
    assert measured == [pytest.approx(measured[0])] * 3


def test_a_text_of_a_page_or_of_standard_input_is_never_a_path(
    tmp_path: Path, causal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(put(tmp_path, **{"secret.txt": "The secret is gold, a yellow metal."}))
    lab = Lab.open(tmp_path / "home")
    job = lab.work.submit("read", "Reading", text="secret.txt", method="base", model=str(causal))
    assert lab.work.wait(job.id, timeout=300).state == "done"
    assert lab.work.outcome(job.id).text == "secret.txt"
    command = ["read", "--home", str(tmp_path / "home"), "--method", "base", "--model", str(causal), "--json"]
    said = document(CliRunner().invoke(main, command, input="secret.txt"))
    assert said["text"] == "secret.txt"


def test_a_book_without_its_license(run: Run, masked: Path, tmp_path: Path) -> None:
    book = f"Note\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{GOOD}\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\nLicense\n"
    put(tmp_path, **{"book.txt": book})
    result = run("build", tmp_path / "book.txt", "--model", masked)
    assert "note: book.txt is a book of Project Gutenberg" in result.stdout
    assert run("build", tmp_path / "book.txt", "--name", "bare", "--model", masked, "--without-license").exit_code == 0
    assert [a.text for a in Lab.open(tmp_path / "home").articles("bare")] == [f"{GOOD}\n"]


def test_datastores_verify_tells_of_a_file_of_another_store(run: Run, masked: Path, tmp_path: Path) -> None:
    put(tmp_path, **{"a.txt": GOOD, "b.txt": GOOD.replace("Paris", "Berlin")})
    for name in ("a", "b"):
        assert run("build", tmp_path / f"{name}.txt", "--model", masked).exit_code == 0
    assert [c["state"] for c in document(run("datastores", "--verify", "--json"))] == ["verified", "verified"]
    stores = tmp_path / "home/datastores"
    (stores / "a/index.faiss").write_bytes((stores / "b/index.faiss").read_bytes())
    result = run("datastores", "--verify")
    assert result.exit_code == 1
    assert "index.faiss is not the file that was built" in result.stdout
    listed = {s["name"]: s["state"] for s in document(run("datastores", "--json"))}
    assert (listed["a"], listed["b"]) == ("broken", "ready")


@pytest.fixture(scope="module")
def plain_locale() -> Iterator[Forks]:
    """Starts processes in the locale C, without the UTF-8 mode of Python."""
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    environment.pop("LANG", None)
    with forks(environment=environment) as server:
        yield server


AT_HOME = """
import os, sys
os.environb[b"MEMLAB_HOME"] = bytes.fromhex(sys.argv.pop(1))
from memlab.cli import main
main(prog_name="memlab")
"""


@pytest.mark.parametrize("name", ["k\u00fcche und mehr", b"k\xfcche latin"])
def test_a_home_whose_name_does_not_decode_works(
    name: str | bytes, masked: Path, tmp_path: Path, plain_locale: Forks
) -> None:
    home = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    put(tmp_path, **{"t.txt": GOOD})
    shutil.copytree(os.fsencode(masked), os.path.join(home, b"models", b"mine"))

    def memlab(*arguments: str) -> Done:
        return plain_locale.start(AT_HOME, home.hex(), *arguments).wait()

    prompt, used = "The capital of France is [MASK].", ["--model", "mine", "--json"]
    assert memlab("build", str(tmp_path / "t.txt"), *used).document()[0]["entries"] > 0
    assert memlab("ask", prompt, "--datastore", "t", *used).document()["prompt"] == prompt
    assert memlab("teach", "Malm\u00f6 is a city.", "--json").document()["remembers"] == ["Malm\u00f6 is a city."]
    assert memlab("datastores").returncode == 0
    assert os.path.isfile(os.path.join(home, b"memlab.sqlite"))


@pytest.mark.parametrize("by_file", [True, False])
def test_of_a_batch_only_the_broken_line_fails(by_file: bool, run: Run, masked: Path, tmp_path: Path) -> None:
    put(tmp_path, **{"t.txt": GOOD})
    run("build", tmp_path / "t.txt", "--model", masked)
    lines = [b"The capital of France is [MASK].", b"Fran\xe7a is [MASK].", "Paris\u2028is the \x0c [MASK].".encode()]
    raw = b"\r\n".join(lines) + b"\r\n"
    (tmp_path / "prompts").write_bytes(raw)
    asked = ["batch", str(tmp_path / "prompts") if by_file else "-", "--datastore", "t", "--k", "4", "--json"]
    result = CliRunner().invoke(main, asked, input=raw, env={"MEMLAB_HOME": str(tmp_path / "home")})
    rows = document(result)
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert [row["error"] is None for row in rows] == [True, False, True], rows
    assert "0xE7" in rows[1]["error"]
    assert rows[1]["prompt"] == "Fran\ufffda is [MASK]."
    assert rows[2]["prompt"] == "Paris\u2028is the \x0c [MASK]."


LONG, NOBODY, HALF_A_LETTER = "x" * 5000, "~no-such-user/x", "Fran\udce7a"


@pytest.mark.parametrize(
    "command",
    [
        ("models", "check", LONG), ("models", "check", NOBODY), ("models", "add", NOBODY), ("models", "add", "a\0b"),
        ("ask", "x is", "--model", LONG), ("ask", "x is", "--model", NOBODY), ("ask", "x is", "--datastore", "a\0b"),
        ("ask", "x is", "--datastore", LONG), ("read", LONG), ("read", NOBODY), ("evaluate", "perplexity", LONG),
        ("believe", "is a swallow a bird?", "--model", LONG), ("undo", HALF_A_LETTER), ("run", "knn_lm", HALF_A_LETTER),
    ],
)  # fmt: skip
def test_a_name_that_nothing_can_have_is_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    said = refused(run_on(tmp_path / "home")(*command))
    assert said.startswith("memlab: ")
    assert not list(tmp_path.glob("~*"))


def test_a_home_of_nobody_is_refused_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "a user who is not known here" in refused(run_on(tmp_path)("history", "--home", "~no-such-user"))
    assert not list(tmp_path.glob("~*"))
