"""What all tests share: a home folder with the bundled datastores, and tiny models with random weights."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
if "PYTEST_XDIST_WORKER" in os.environ:  # one core for each worker and what it starts; read when torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import settings

from memlab.bundle import assets
from memlab.results import Article
from tests.forks import Forks, forks

if TYPE_CHECKING:  # torch and transformers take seconds: the process that hands out the tests does without them
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from memlab.lab import Lab
    from memlab.lm.model import LanguageModel

# No deadline: machines that run tests are busy. The same examples each time: `--hypothesis-profile=explore` looks further.
settings.register_profile("memlab", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("memlab")

NAMES = ("France", "Paris", "Germany", "Berlin", "New York", "York", "Port-au-Prince", "Haiti", "gold")
TEXTS = (
    "The capital of France is Paris. Many people live in Paris, and the river is long.",
    "Berlin is the capital of Germany. The city of Berlin lies on a plain.",
    "New York is a large city; York is an old one. Gold is a yellow metal.",
    "Port-au-Prince is the capital of Haiti. The sea is near, and the hills are green.",
)


WORKERS = 4  # at most; each may hold a server, a browser and models
# The files of the browser are two groups; each goes to one worker, which has one server and one Chromium for them. They
# mostly wait, and together they would be longer than all the rest. The first group begins: its worker builds the
# datastores, while the others take files that need none. The second group comes next, then the files that need them.
BROWSER_GROUPS = ("browser/test_[a-f]*", "browser/test_[g-z]*")
# Files that take half a minute come before those that take seconds, so that no worker is left with one at the end.
LONG = (
    "engine/test_training.py",
    "engine/test_real_model.py",
    "systems/test_facts_as_experts_lab.py",
    "systems/test_constrained_ft_lab.py",
    "engine/test_text_models.py",
    "engine/test_cli.py",
    "engine/test_texts_cli.py",
    "engine/test_first_start.py",
    "pages/test_edit.py",
    "pages/test_generate.py",
    "pages/test_every_method.py",
    "pages/test_read.py",
    "pages/test_ask.py",
    "engine/test_adding.py",
    "engine/test_reading.py",
    "engine/test_moved.py",
    "pages/test_models_page.py",
    "systems/test_installed.py",
    "systems/test_battery.py",
)
ORDER = ("unit/", "record/", "systems/", "wheel/", "engine/", "pages/")

FIRST_IMPORT = 120.0  # seconds at most that the other workers wait for the first one


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each core that this process may use (`-n logical`), and with `-n auto` one more, since tests of the
    browser also wait; at most WORKERS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + (config.option.numprocesses == "auto"), WORKERS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`: a file goes to one worker, and so does a group of files of the browser."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class GroupsOfFiles(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            group = _browser_group(file.removeprefix("tests/"))
            return file if group is None else BROWSER_GROUPS[group]

    return GroupsOfFiles(config, log)


def _browser_group(path: str) -> int | None:
    """The number of the group of browser files to which a file belongs, by its path below tests/."""
    return next((n for n, files in enumerate(BROWSER_GROUPS) if fnmatch(path, files)), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is slow unless its marker is asked for, and puts files into the order in which workers take
    them; within a file the order stays."""
    folder = Path(__file__).parent
    if "slow" not in (config.option.markexpr or "") and not config.option.keyword:
        left_out = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]

    waiting = {item.path for item in items if "built_datastores" in getattr(item, "fixturenames", ())}
    if unit := sorted(str(path) for path in waiting if path.parent == folder / "unit"):
        raise pytest.UsageError(f"{', '.join(unit)}: unit tests do not build datastores for minutes; use tests/engine")

    def rank(item: pytest.Item) -> tuple[int, int, int]:
        path = item.path.relative_to(folder).as_posix() if item.path.is_relative_to(folder) else ""
        group = _browser_group(path)
        kind = 1 + 2 * (item.path in waiting) if group is None else 2 * group
        long = LONG.index(path) if path in LONG else len(LONG)
        room = next((n for n, start in enumerate(ORDER) if path.startswith(start)), len(ORDER))
        return kind, long, room

    items.sort(key=rank)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """No garbage is looked for among what tests import, nor later: it stays, and Streamlit looks after each run of a page."""
    gc.disable()
    try:
        return (yield from _collected(session))
    finally:
        gc.freeze()
        gc.enable()


def _collected(session: pytest.Session) -> Generator[None, object, object]:
    """Where nothing is compiled yet, the first worker imports all tests; the others then read the bytecode that it wrote."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or sys.dont_write_bytecode or (Path(__file__).parent / "unit/__pycache__").is_dir():
        return (yield)
    imported = Path(session.config.option.basetemp).parent / "imported"  # in the folder of all workers of a run
    if worker != "gw0":
        end = time.monotonic() + FIRST_IMPORT
        while not imported.exists() and time.monotonic() < end:
            time.sleep(0.1)
        return (yield)
    try:
        return (yield)
    finally:
        imported.touch()


@pytest.fixture(scope="session", autouse=True)
def _home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the home folder of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Starts other processes that run commands or programs; see tests/forks.py."""
    base = tmp_path_factory.getbasetemp()
    with forks(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as server:
        yield server


@pytest.fixture(scope="session")
def built_datastores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled datastores, built once for all workers of a run. Nothing is written here: home folders link to them.

    $MEMLAB_TEST_HOME keeps them between runs: what is there and current is not built again.
    """
    from memlab.lab import Lab
    from memlab.lm.catalogue import BUNDLED
    from tests.first_reading import first_reading, keep

    missing = [name for name in BUNDLED if not (assets() / "models" / name / "config.json").is_file()]
    if missing:
        pytest.skip(f"no bundled model {', '.join(missing)} in assets/models: `memlab train NAME` makes it")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = Path(os.environ.get("MEMLAB_TEST_HOME") or shared / "built-home")
    home.mkdir(parents=True, exist_ok=True)
    ready = shared / "datastores-are-ready"  # of this run: one worker builds and checks them for all
    with FileLock(home / ".tests.lock"):
        if not ready.exists():
            if not (home / "datastores").exists():
                keep(first_reading(home), home / "first-reading.json")
            Lab.open(home).building.bundled()
            ready.touch()
    return home / "datastores"


@pytest.fixture(scope="session")
def built_home(built_datastores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the bundled datastores, one for each worker."""
    home = tmp_path_factory.mktemp("built")
    link_datastores(built_datastores, home)
    return home


def link_datastores(datastores: Path, home: Path) -> None:
    """Gives a home folder the same datastores, as hard links where the disk allows it."""

    def link(source: str, to: str) -> None:
        try:
            os.link(source, to)
        except OSError:  # another disk
            shutil.copy2(source, to)

    shutil.copytree(datastores, home / "datastores", copy_function=link, ignore=shutil.ignore_patterns(".*"))


@pytest.fixture(scope="session")
def lab(built_home: Path) -> Lab:
    from memlab.lab import Lab

    return Lab.open(built_home)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a model with 2 layers of width 32 and random weights: modernbert, bert, llama or gpt2."""
    import torch

    @cache
    def make(architecture: str) -> Path:
        tokenizer = _tokenizer(architecture)
        torch.manual_seed(7)
        module = _module(architecture, len(tokenizer))
        folder = tmp_path_factory.mktemp("models") / f"tiny-{architecture}"
        module.eval().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_lm(tiny: Callable[[str], Path]) -> Callable[[str], LanguageModel]:
    """The loaded model of `tiny`, the same object at every call."""
    from memlab.lm.catalogue import load

    return cache(lambda architecture: load(str(tiny(architecture))))


@pytest.fixture
def documents() -> list[Article]:
    """Forty short texts that the tiny models can read."""
    return [Article(f"a{i}", f"Text {i}", " ".join(TEXTS[(i + j) % 4] for j in range(1 + i % 3))) for i in range(40)]


def _tokenizer(architecture: str) -> PreTrainedTokenizerFast:
    """As the bundled models have it; GPT-2 puts nothing before a text."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    from memlab.lm.tokenizer import SPECIAL, make_tokenizer, start_only

    tokenizer = make_tokenizer(NAMES, TEXTS)
    if architecture in ("modernbert", "bert"):
        return tokenizer
    if architecture == "llama":
        return start_only(tokenizer)
    core = tokenizer.backend_tokenizer
    core.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=128, **SPECIAL)


def _module(architecture: str, V: int) -> PreTrainedModel:
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        ModernBertConfig,
        ModernBertForMaskedLM,
    )

    shape = {
        "vocab_size": V,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
        "pad_token_id": 0,
    }
    marks = {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    if architecture == "modernbert":
        wide = {"initializer_cutoff_factor": 2.0, "global_attn_every_n_layers": 1}
        return ModernBertForMaskedLM(ModernBertConfig(**shape, **marks, **wide))
    if architecture == "bert":
        return BertForMaskedLM(BertConfig(**shape))
    if architecture == "llama":
        return LlamaForCausalLM(LlamaConfig(**shape, bos_token_id=2, eos_token_id=3, tie_word_embeddings=True))
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=V,
            n_embd=32,
            n_layer=2,
            n_head=2,
            n_inner=64,
            n_positions=64,
            initializer_range=0.2,
            bos_token_id=2,
            eos_token_id=3,
        )
    )
