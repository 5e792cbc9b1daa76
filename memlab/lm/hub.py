"""Models of the Hugging Face hub: the complete copy in the hub's cache, or one that is fetched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from memlab.errors import InputError, NotFound
from memlab.lm.json_file import read_json

_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
_TOKENIZER = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")


def missing_files(folder: Path) -> list[str]:
    """What a model's folder lacks of config.json, weights (every shard of an index) and tokenizer, as text for the
    user."""
    lacking = [] if (folder / "config.json").is_file() else ["config.json"]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(map(str, dict(read_json(index).get("weight_map") or {}).values()))
        lacking += [shard for shard in sorted(shards) if not (folder / shard).is_file()]
    elif not any(folder.glob("*.safetensors")):
        lacking.append("weights (model.safetensors)")
    if not any((folder / name).is_file() for name in _TOKENIZER):
        lacking.append("a tokenizer (tokenizer.json)")
    return lacking


def from_hub(name: str, here: Iterable[str]) -> Path:
    """The folder of a model by its name on the hub; files missing in the cache are fetched.

    Args:
        here: names of local models, for the message.

    Raises:
        NotFound: no such model here or on the hub, or the hub cannot be reached and it was never fetched.
        InputError: the copy in the cache is incomplete, and the rest cannot be fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    from huggingface_hub.utils import HFValidationError

    unknown = NotFound.named(
        "model",
        name,
        here,
        "Give one of these, a folder in the Hugging Face form, or a hub name (the first use needs the internet).",
    )
    found: Path | None = None
    with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
        found = Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
    if found is not None and not missing_files(found):
        return found
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), etag_timeout=5))
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        if found is None:
            raise unknown from error
        raise InputError(
            f"The copy of {name!r} in the hub's cache is incomplete: it lacks {', '.join(missing_files(found))}. Fetching the rest "
            "needs the internet; try again with a connection."
        ) from error
