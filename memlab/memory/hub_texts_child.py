"""Run in the child process: fetches one split of a data set of the hub, of which only text and title columns are kept.

Only data sets of plain files are read: parquet, csv, json, text and arrow. The package datasets no longer runs code
that comes with a data set; one that has some is refused before anything of it is fetched.
"""

from __future__ import annotations

import os

os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memlab.corpus.hub_name import HubName
from memlab.corpus.one_file import TextOptions
from memlab.corpus.tables import used_columns
from memlab.errors import HomeError, InputError, MemlabError, NotFound
from memlab.lm.adding.beside import Unreachable

WAIT = 10.0  # seconds for an answer
SPARE = 50_000_000  # bytes that stay free on the disk of the hub's cache
PLAIN = ("parquet", "csv", "json", "text", "arrow")  # kinds of files that hold nothing but data


def fetch(
    say: Callable[[float, str], None], dataset: str, config: str | None, split: str, column: str | None, out: str
) -> dict[str, Any]:
    """Fetches a split and writes its columns of text and title to the parquet file `out`.

    Returns:
        revision, license and rows.

    Raises:
        NotFound, InputError: no such data set, configuration or split; gated; code or other files than plain ones; no
        column of text. Unreachable: the hub does not answer. HomeError: the disk is too small.
    """
    name = HubName(dataset, config, split)
    info = _info(name)
    say(0.0, f"fetching {name}")
    try:
        found = _split(name, str(info.sha))
    except MemlabError:
        raise
    except Exception as error:  # any error of the package or of the hub
        raise _as_memlab_error(error, name) from error
    used = used_columns(found.features.arrow_schema, str(name), TextOptions(text_column=column))
    found.select_columns(used).to_parquet(out)
    card = info.card_data.to_dict() if info.card_data is not None else {}
    stated = card.get("license") or "not stated"
    license = ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated)
    return {"revision": str(info.sha or ""), "license": license, "rows": len(found)}


def _info(name: HubName) -> Any:
    """The hub's record of the data set; refuses one with code."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(name.dataset, timeout=WAIT)
    except Exception as error:
        raise _as_memlab_error(error, name) from error
    files = [s.rfilename for s in info.siblings or []]
    if f"{name.short}.py" in files:
        raise InputError(
            f"The data set {name.dataset!r} is read by code of its own ({name.short}.py), and memlab runs no code of others. "
            "Look for a version of it in parquet, csv or jsonl, or download its texts and give the files."
        )
    return info


def _split(name: HubName, revision: str) -> Any:
    """The data set of one split, in the hub's cache."""
    import datasets

    builder = datasets.load_dataset_builder(name.dataset, name.config, revision=revision or None)
    kinds = [c.__module__.removeprefix("datasets.packaged_modules.").split(".")[0] for c in type(builder).__mro__]
    if not any(kind in PLAIN for kind in kinds):
        raise InputError(
            f"The data set {name.dataset!r} has files other than tables and texts. Allowed: {', '.join(PLAIN)}."
        )
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    need = (builder.info.download_size or 0) + (builder.info.dataset_size or 0)
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if need + SPARE > free:
        raise HomeError(
            f"The disk of the hub's cache ({cache}) is too small for {name.dataset!r}: {(need + SPARE) / 1e6:,.0f} MB are "
            f"needed, and {free / 1e6:,.0f} MB are free. Free some space, or set HF_HOME to a folder of another disk."
        )
    builder.download_and_prepare()
    return builder.as_dataset(split=name.split)


def _as_memlab_error(error: Exception, name: HubName) -> MemlabError:
    """An error of the hub or of the package datasets as an error of memlab, with what to do."""
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    from huggingface_hub.utils import HFValidationError

    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else 0
    if isinstance(error, GatedRepoError) or "gated" in said or status in (401, 403):
        return InputError(
            f"The data set {name.dataset!r} is gated: its owner gives it only to those who have accepted conditions. Accept "
            "them on the hub and log in (hf auth login), or choose another one."
        )
    if isinstance(error, RepositoryNotFoundError | HFValidationError | DatasetNotFoundError):
        return NotFound(
            f"There is no data set {name.dataset!r} on the hub (or it is private). Check its name: hf:OWNER/DATASET."
        )
    if "Config name is missing" in str(error) or ("BuilderConfig" in said and "not found" in said):
        what = f"no configuration {name.config!r}" if name.config else "several configurations"
        return NotFound(
            f"The data set {name.dataset!r} has {what}; there are: {_listed(str(error))}. Write "
            f"hf:{name.dataset}:CONFIG/{name.split}."
        )
    if "Unknown split" in said:
        return NotFound(
            f"The data set {name.dataset!r} has no split {name.split!r}; there are: {_listed(str(error))}. Write "
            f"hf:{name.dataset}{':' + name.config if name.config else ''}/SPLIT."
        )
    if "scripts are no longer supported" in said:
        return InputError(
            f"The data set {name.dataset!r} is read by code of its own, and memlab runs no code of others."
        )
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in _NO_ANSWER or status >= 500:
        return Unreachable(
            f"The data set {name.dataset!r} cannot be fetched: the hub cannot be reached ({said}). Try again with a connection, "
            "or give files or a folder."
        )
    if isinstance(error, OSError) and error.errno == 28:
        return InputError(
            "The disk of the hub's cache is full. Free some space, or set HF_HOME to a folder of another disk."
        )
    return InputError(f"The data set {name.dataset!r} cannot be read: {said}.")


_NO_ANSWER = {"ConnectError", "ConnectTimeout", "ReadTimeout", "OfflineModeIsEnabled", "LocalEntryNotFoundError"}


def _listed(said: str) -> str:
    """The names in the brackets of a message."""
    inside = said[said.rfind("[") + 1 : said.rfind("]")] if "[" in said and "]" in said else said
    return inside.replace("'", "").replace('"', "")[:300]
