"""The models of the home folder: adding and removing them."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.errors import HomeError, InputError, NotFound, StoreError
from memlab.lab.context import Context
from memlab.lab.jobs import long_work
from memlab.lm.adding import Adding, add_model, check_name, leftovers, model_name
from memlab.lm.catalogue import SHIPPED, ModelInfo, encoder_of, info
from memlab.lm.json_file import read_json
from memlab.lm.known import KNOWN, KnownModel
from memlab.memory.datastore import Meta
from memlab.outside import given_path
from memlab.record.jobs import Progress, Stop

if TYPE_CHECKING:
    from memlab.lab import Lab


class ModelLibrary:
    """Adds models to the home folder, from wherever they are, and removes them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.folder = context.home / "models"

    def known(self) -> list[KnownModel]:
        """The real models that are known by a short name."""
        return list(KNOWN.values())

    def names(self) -> list[str]:
        """Names of the models in the home folder, added or trained."""
        return sorted(f.parent.name for f in self.folder.glob("*/config.json") if not f.parent.name.startswith("."))

    def order(self, what: str | Path, name: str | None = None) -> dict[str, str]:
        """The parameters of a job that adds a model:

            lab.work.submit("add model", "Adding smollm2", **lab.library.order("smollm2"))

        Args:
            what: a known name, a hub name (owner/name), a folder, a .gguf file, or a wheel or zip that holds one.
            name: what it is called here; by default as its source.

        Raises:
            InputError: the name cannot be used, or is taken.
        """
        text = str(what)
        called = model_name(text, name)
        if called in self.names():
            raise InputError(
                f"There is a model {called!r} already. Give another name (--name), or remove it first: "
                f"memlab models remove {called}"
            )
        path = given_path(text)
        here = text not in KNOWN and path.exists()
        return {"what": str(path.absolute()) if here else text, "name": called}

    def add(
        self,
        what: str | Path,
        name: str | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Stop = lambda: False,
    ) -> ModelInfo:
        """Adds a model, written as a folder of safetensors under `models/` in the home folder; whole or not at all.

        Code in a folder or package never runs; only safetensors and GGUF are read. What was fetched before a Stop is kept,
        and adding the model again continues from there.

        Args:
            what, name: as in `order`.

        Raises:
            NotFound: nothing of that name exists. InputError: it cannot be used; the message says why.
            HomeError: the disk is too small. StoppedError: `stop` returned True.
        """
        order = self.order(what, name)
        folder = add_model(self.folder, Adding(order["what"], order["name"]), progress, stop)
        return info(str(folder))

    def needed_by(self, name: str) -> list[str]:
        """Datastores and models that could not be used without this model, as a person reads them; raises nothing."""
        folder = (self.folder / name).resolve()
        found = []
        for store in self.context.shelf.names():
            try:
                model = Meta.read(self.context.home / "datastores" / store).fingerprint.model
            except StoreError:
                continue
            if Path(model).is_absolute() and Path(model).resolve() == folder:
                found.append(f"the datastore {store}")
        for other in self.names():
            try:
                needed = encoder_of(read_json(self.folder / other / "memlab.json"))
            except InputError:
                continue
            if needed == name:
                found.append(f"the model {other}")
        return found

    def remove(self, name: str, confirm: str, anyway: bool = False) -> None:
        """Removes a model of the home folder, or the remains of a stopped addition; `confirm` is its name once more.

        Args:
            anyway: even where datastores or other models need it; they stay, and cannot be asked.

        Raises:
            NotFound: no such model. InputError: a bundled one, a different name in `confirm`, or something needs it.
            HomeError: it cannot be removed.
        """
        if name in SHIPPED:
            raise InputError(f"{name!r} is bundled with memlab and cannot be removed.")
        check_name(name)
        rest = leftovers(self.folder, name)
        if name not in self.names() and rest is None:
            raise NotFound.named("model", name, self.names(), "Only models of the home folder can be removed.")
        if confirm != name:
            raise InputError(f"To remove the model {name!r}, give its name once more; {confirm!r} is a different name.")
        needed = self.needed_by(name)
        if needed and not anyway:
            raise InputError(
                f"{name!r} is needed by {', '.join(needed)}. Delete that first, or remove it anyway (--anyway)."
            )
        self._remove_folders(name, rest)

    def _remove_folders(self, name: str, rest: Path | None) -> None:
        """Renames a model's folder before removing it, so that it is gone at once or not at all."""
        try:
            if name in self.names():
                aside = self.folder / f".removed-{uuid.uuid4().hex}"
                os.rename(self.folder / name, aside)
                if aside.is_symlink():
                    aside.unlink()
                else:
                    shutil.rmtree(aside)
            if rest is not None:
                shutil.rmtree(rest)
        except OSError as error:
            raise HomeError(f"{error.filename} cannot be removed ({error.strerror}).") from error


@long_work("add model", resumable=True)
def _add_model(lab: Lab, progress: Progress, stop: Stop, **order: Any) -> ModelInfo:
    return lab.library.add(order["what"], order["name"], progress, stop)
