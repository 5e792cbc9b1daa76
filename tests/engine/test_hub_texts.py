"""Data sets of the hub as texts: a small local server that speaks the hub's protocol, and every refusal as one line."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from memlab import Lab
from memlab.corpus.hub_name import HubName, hub_name
from memlab.corpus.one_file import TextOptions
from memlab.corpus.tables import used_columns
from memlab.errors import InputError, MemlabError, NotFound
from memlab.lab.building import BuildRequest
from memlab.memory import hub_texts
from memlab.memory.datastore import Meta
from memlab.memory.hub_texts_child import _as_memlab_error, _info
from tests.commands import document, refused, run_on

Tiny = Callable[[str], Path]
REVISION = "0123456789abcdef0123456789abcdef01234567"
SENTENCE = "The capital of France is Paris. Many people live in Paris."
ROWS = [{"body_text": f"{SENTENCE} {n}", "title": f"letter {n}", "n": n} for n in range(20)]
FILES = {
    "README.md": b"---\nlicense: cc-by-4.0\n---\n# Letters\n",
    "data/train.jsonl": "\n".join(map(json.dumps, ROWS)).encode(),
}


class DataSets(BaseHTTPRequestHandler):
    """The hub, as far as one data set (owner/letters), one with code and one that is gated need it."""

    def log_message(self, *args: object) -> None:
        """No lines on the screen."""

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._refuse(404, "RepoNotFound")

    def _answer(self, body: bytes | None) -> None:
        path = self.path.split("?")[0]
        about = path.removeprefix("/api/datasets/owner/letters")
        if path == "/api/datasets/owner/code":
            self._json({"id": "owner/code", "sha": REVISION, "siblings": [{"rfilename": "code.py"}]}, body)
        elif path == "/api/datasets/owner/gated":
            self._refuse(403, "GatedRepo")
        elif about in ("", "/revision/main", f"/revision/{REVISION}"):
            siblings = [{"rfilename": name} for name in FILES]
            card = {"license": "cc-by-4.0"}
            self._json({"id": "owner/letters", "sha": REVISION, "siblings": siblings, "cardData": card}, body)
        elif about.startswith("/tree/"):
            self._json(self._tree(about.split("/", 3)[3] if about.count("/") > 2 else ""), body)
        elif path.startswith("/datasets/owner/letters/resolve/"):
            self._file(path.split("/", 6)[6], body)
        else:
            self._refuse(404, "RepoNotFound")

    @staticmethod
    def _tree(folder: str) -> list[dict[str, object]]:
        if not folder:
            return [_listed("README.md"), {"type": "directory", "path": "data", "oid": "0" * 40, "size": 0}]
        return [_listed(name) for name in FILES if name.startswith(f"{folder}/")]

    def _json(self, told: object, body: bytes | None) -> None:
        self._send(json.dumps(told).encode(), body)

    def _file(self, name: str, body: bytes | None) -> None:
        if name in FILES:
            self._send(FILES[name], body, ETag=f'"{hashlib.sha256(FILES[name]).hexdigest()}"')
        else:
            self._refuse(404, "EntryNotFound")

    def _send(self, raw: bytes, body: bytes | None, **headers: str) -> None:
        self.send_response(200)
        for key, value in {"Content-Length": str(len(raw)), "X-Repo-Commit": REVISION, **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(raw if body is None else body)

    def _refuse(self, status: int, why: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", why)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _listed(name: str) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(FILES[name]), "oid": hashlib.sha1(FILES[name]).hexdigest()}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), DataSets)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def hub(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the package datasets is not installed: pip install 'memlab[datasets]'")
    monkeypatch.setenv("HF_ENDPOINT", server)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


@pytest.mark.usefixtures("hub")
def test_a_data_set_is_built_with_its_revision_and_license_kept(tiny: Tiny, tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = ("hf:owner/letters/train[:12]", "--text-column", "body_text", "--model", tiny("llama"), "--json")
    (built,) = document(run_on(home)("build", *given))
    assert (built["name"], built["documents"]) == ("letters", 12)
    (source,) = built["report"]["sources"]
    assert source == {
        "name": "hf:owner/letters/train[:12]",
        "revision": REVISION,
        "license": "cc-by-4.0",
        "rows": 12,
    }
    meta = Meta.read(home / "datastores" / "letters")
    assert [vars(kept) for kept in meta.sources] == [source]
    assert not list(home.glob(".hub-*")), "the copy of its texts is gone"
    store = Lab.open(home).building.context.shelf.open("letters")
    assert store.documents.article(3).title == "letter 3"
    assert store.documents.article(3).text == ROWS[3]["body_text"]


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ("owner/code", InputError, r"read by code of its own \(code\.py\), and memlab runs no code"),
        ("owner/none", NotFound, "no data set 'owner/none' on the hub"),
        ("owner/gated", InputError, "'owner/gated' is gated"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    asked: str, kind: type[MemlabError], said: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="the package datasets is not installed: pip install 'memlab[datasets]'")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(kind, match=said):
        _info(HubName(asked))


def test_a_column_is_chosen_as_for_tables() -> None:
    schema = pa.schema([("body_text", pa.string()), ("title", pa.string()), ("n", pa.int64())])
    with pytest.raises(InputError, match=r"no text in a column named text, content.*it has body_text, title, n"):
        used_columns(schema, "hf:owner/letters/train", TextOptions())
    assert used_columns(schema, "letters", TextOptions(text_column="body_text")) == ["body_text", "title"]
    with pytest.raises(InputError, match="the column n contains values of the type int64, not text"):
        used_columns(schema, "letters", TextOptions(text_column="n"))


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (ValueError("BuilderConfig 'xx' not found. Available: ['en', 'de']"), NotFound, "there are: en, de"),
        (ValueError("Config name is missing.\nPick one: ['en', 'de']"), NotFound, "several configurations"),
        (ValueError("Unknown split \"dev\". Should be one of ['train', 'test']."), NotFound, "there are: train, test"),
        (RuntimeError("Dataset scripts are no longer supported, but found x.py"), InputError, "runs no code of others"),
        (ConnectionError("refused"), InputError, "the hub cannot be reached"),
        (OSError(28, "No space left on device"), InputError, "cache is full"),
        (KeyError("strange"), InputError, "cannot be read: 'strange'"),
    ],
)
def test_every_refusal_of_the_package_is_said_in_our_words(raised: Exception, kind: type, said: str) -> None:
    pytest.importorskip("datasets", reason="the package datasets is not installed: pip install 'memlab[datasets]'")
    error = _as_memlab_error(raised, HubName("owner/letters", None, "dev"))
    assert isinstance(error, kind)
    assert said in str(error)
    assert "\n" not in str(error)


def test_the_spelling() -> None:
    assert hub_name("hf:a/b") == HubName("a/b", None, "train")
    assert hub_name("hf:a/b:en/test") == HubName("a/b", "en", "test")
    assert hub_name("hf:a/b/train[:10%]") == HubName("a/b", None, "train[:10%]")
    assert str(hub_name("hf:a/b:en")) == "hf:a/b:en/train"
    assert hub_name("letters.txt") is None
    for wrong in ("hf:", "hf:b", "hf:a/b:", "hf:a/../b", "hf:a/b/c/d", "hf:a b/c"):
        with pytest.raises(InputError, match="is not the name of a data set of the hub"):
            hub_name(wrong)


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(hub_texts.importlib.util, "find_spec", lambda name: None if name == "datasets" else find(name))
    said = refused(run_on(tmp_path / "home")("build", "hf:owner/letters"))
    assert "pip install 'memlab[datasets]'" in said
    with pytest.raises(InputError, match=r"pip install 'memlab\[datasets\]'"):
        Lab.open(tmp_path / "home").building.estimate("hf:owner/letters", BuildRequest("letters"))
