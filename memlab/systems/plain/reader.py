"""The model without a memory, as a method."""

from __future__ import annotations

from memlab.errors import InputError
from memlab.reading.reader import House, ModelAlone, Reader, Request, Sources


class PlainReader(Reader):
    """No memory, no settings."""

    def sources(self, request: Request, house: House) -> Sources:
        if request.settings:
            raise InputError(f"Without memory there is no setting {next(iter(request.settings))!r}.")
        lm = house.load(request.model or house.default_model(self.method.kind))
        version = house.weights(lm, request.as_of)
        return Sources(version, version, "last", ModelAlone(), house.head(request.as_of), gate=request.gate)
