"""Texts of a data set on the Hugging Face hub, read by the package datasets in a child process that can be stopped."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from memlab.corpus.given import OneText, Texts, texts_of
from memlab.corpus.hub_name import HubName, hub_name
from memlab.corpus.one_file import AS_THEY_ARE, FileTexts, TextOptions
from memlab.corpus.readers import Collection, NamedTexts
from memlab.corpus.tables import read_parquet
from memlab.errors import InputError
from memlab.lm.adding.beside import Watch, in_child
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.results.texts import TextSource


def check_installed() -> None:
    """Raises InputError where the package that reads data sets of the hub is missing."""
    if importlib.util.find_spec("datasets") is None:
        raise InputError(
            "Reading a data set of the hub needs the package datasets, not installed here: pip install 'memlab[datasets]'"
        )


def texts_or_hub(
    home: Path,
    given: Texts,
    options: TextOptions = AS_THEY_ARE,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Collection:
    """`texts_of`, where a string or path may also name a data set of the hub ("hf:OWNER/DATASET:CONFIG/SPLIT").

    Raises:
        NotFound, InputError: no such data set, a gated one, one that needs code, no column of text, no network, or what
        `texts_of` refuses. StoppedError: `stop` returned True.
    """
    if isinstance(given, Collection):
        return given
    parts: Iterable[OneText | NamedTexts] = (
        [given] if not isinstance(given, Iterable) or isinstance(given, str) else given
    )
    sources: list[TextSource] = []
    read: list[OneText | NamedTexts] = []
    for part in parts:
        name = hub_name(part) if isinstance(part, str | Path) else None
        if name is None:
            read.append(part)
            continue
        texts, source = fetch_texts(home, name, options, progress, stop)
        sources.append(source)
        read.append(NamedTexts(str(name), texts))
    found = texts_of(read, options)
    return replace(found, report=replace(found.report, sources=tuple(sources)))


def fetch_texts(
    home: Path, name: HubName, options: TextOptions, progress: Progress, stop: Stop
) -> tuple[FileTexts, TextSource]:
    """The texts of one split, and where they came from. The files stay in the hub's cache. Raises as `texts_or_hub`."""
    check_installed()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".hub-", dir=home) as folder:
        file = Path(folder) / "texts.parquet"
        arguments = {
            "dataset": name.dataset,
            "config": name.config,
            "split": name.split,
            "column": options.text_column,
            "out": str(file),
        }
        watch = Watch(partial(_first_part, progress), stop, message=f"fetching {name.dataset}")
        about = in_child("hub-texts", arguments, Path(folder), watch)
        texts = read_parquet(file.read_bytes(), Path(name.short), options)
    return texts, TextSource(str(name), about["revision"], about["license"], int(about["rows"]))


def _first_part(progress: Callable[[float, str], None], fraction: float, message: str) -> None:
    progress(0.0, message)
