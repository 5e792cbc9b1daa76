"""The child process's requests to the hub: a repository's files, and their contents. `$HF_ENDPOINT` names another
hub."""

from __future__ import annotations

import os

os.environ["HF_HUB_DISABLE_XET"] = "1"  # plain HTTP can resume a download
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from collections.abc import Callable
from typing import Any

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import HFValidationError

from memlab.errors import InputError, MemlabError, NotFound
from memlab.lm.adding.beside import Unreachable

WAIT = 10.0  # seconds for an answer


def list_files(say: Callable[[float, str], None], repository: str) -> dict[str, Any]:
    """Revision, license and files (name, bytes, sha256 where the hub has one) of a repository.

    Raises:
        NotFound, InputError: no such name, or a gated one. Unreachable: the hub does not answer.
    """
    try:
        found = HfApi().model_info(repository, files_metadata=True, timeout=WAIT)
    except Exception as error:
        raise _said(error, repository) from error
    card = found.card_data.to_dict() if found.card_data is not None else {}
    files = [
        {"name": s.rfilename, "size": s.size or 0, "sha256": s.lfs.sha256 if s.lfs else ""}
        for s in found.siblings or []
    ]
    return {"revision": found.sha or "", "license": str(card.get("license") or "not stated"), "files": files}


def fetch(
    say: Callable[[float, str], None], repository: str, revision: str, names: list[str], folder: str
) -> list[str]:
    """Fetches files into a folder; resumes an earlier fetch. Raises what `list_files` raises."""
    for name in names:
        try:
            hf_hub_download(repository, name, revision=revision, local_dir=folder, etag_timeout=WAIT)
        except Exception as error:
            raise _said(error, repository) from error
    return names


def _said(error: Exception, repository: str) -> MemlabError:
    """An error of the hub as a MemlabError."""
    if isinstance(error, GatedRepoError):
        return InputError(
            f"{repository!r} is gated: its owner requires users to accept conditions. Accept them on the hub and log in "
            "(hf auth login), or choose another model."
        )
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return NotFound(f"There is no model {repository!r} on the hub (or it is private). Check its name: owner/name.")
    if isinstance(error, HfHubHTTPError) and error.response is not None and error.response.status_code < 500:
        return InputError(f"The hub refused {repository!r} with status {error.response.status_code}.")
    if isinstance(error, OSError) and error.errno == 28:
        return InputError("The disk is full. Nothing was added; what was fetched is kept, so that it can resume.")
    said = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return Unreachable(f"the hub cannot be reached ({said.rstrip('.')})")
