"""A way to answer: what a method needs, what it can do, and which code does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.declare.late import load
from memlab.declare.settings import Field, fields

KINDS = ("masked", "causal", "seq2seq")
PROMPTED = ("masked", "causal")  # kinds that memlab ships a model, a datastore and questions of
ABILITIES = {
    "ask": "answer one prompt",
    "read": "read a passage token by token",
    "generate": "continue a prompt",
    "translate": "translate a sentence",
    "sweep": "show the answer as a function of a setting",
    "explain": "say which neighbors decide the answer, and what is left without them",
}


@dataclass(frozen=True)
class KnnDistribution:
    """How a method makes p_kNN from neighbors: a softmax of -d / divisor, equal values added up.

    Args:
        divisor: the setting that divides the distances ("temperature", "scale").
        root: d is the Euclidean distance; otherwise its square, which is what a search returns.
        k: neighbors used for calibration on the bundled world.

    Datastores are calibrated for the first method of a kind of model that has one. Another method with an equal one starts with
    the k, key and divisor that were found for it.
    """

    divisor: str
    root: bool
    k: int


@dataclass(frozen=True)
class Method:
    """One way to answer, declared without importing the code that computes it.

    `remembers` is False for a baseline without a memory, with which the others are compared.

    Args:
        name: as the command line, addresses and ledgers write it.
        title: as a page writes it. paper: authors and venue. help: one sentence for a tooltip.
        kinds: kinds of model it works with, of `KINDS`.
        settings: a frozen dataclass made with `setting(...)`.
        reader: "module:Class" of a `memlab.reading.reader.Reader`.
        abilities: of `ABILITIES`.
        unable: ability -> why this method lacks it, shown where the ability is missing.
        knn: for methods that mix p_kNN with the model's distribution; None for all others.
        model: a bundled model to use where none is given (None: the bundled one of the kind).
        gates: names of gates that can be chosen when reading; the first is the default.
        takes_cache: whether a continuous cache over the text can be mixed in while reading.
        only_ask: settings that concern single questions and are left out when reading.
        columns: columns of a perplexity table that it adds, name -> role (`memlab.declare.columns.ROLES`). Names are unique.
            Roles other than "own" and "own+memory" are computed once, for the one method that declares them.
        memory: "module:Class" of a `memlab.reading.own_memory.OwnMemory`, for a method whose memory is not a datastore.
        scorer: "module:function" that makes a `memlab.evaluate.scorers.Scorer`, for columns of the roles "own" and
            "own+memory".
        hidden: settings that are not shown, because they matter only to a variant of the method.
    """

    name: str
    title: str
    paper: str
    kinds: tuple[str, ...]
    help: str
    settings: type
    reader: str
    abilities: tuple[str, ...]
    unable: Mapping[str, str] = field(default_factory=dict)
    knn: KnnDistribution | None = None
    model: str | None = None
    gates: tuple[str, ...] = ()
    only_ask: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    scorer: str | None = None
    memory: str | None = None
    remembers: bool = True
    takes_cache: bool = True

    def __post_init__(self) -> None:
        for what, given, allowed in (("kind", self.kinds, KINDS), ("ability", self.abilities, ABILITIES)):
            for name in given:
                if name not in allowed:
                    raise ValueError(
                        f"{self.name}: there is no {what} {name!r}; allowed is one of {', '.join(allowed)}"
                    )
        if not self.kinds:
            raise ValueError(f"{self.name} names no kind of model")

    @property
    def kind(self) -> str:
        """The kind of model it works with; the first, for a method that works with several."""
        return self.kinds[0]

    @property
    def prompted(self) -> str | None:
        """The first of its kinds that memlab ships a model and questions of; None without one."""
        return next((kind for kind in self.kinds if kind in PROMPTED), None)

    def fields(self, ability: str = "ask") -> list[Field]:
        """The settings that apply to an ability, in the order in which a page shows them."""
        left_out = {*self.hidden, *(() if ability == "ask" else self.only_ask)}
        return [f for f in fields(self.settings) if f.name not in left_out]

    def can(self, ability: str) -> bool:
        """Whether the method has an ability."""
        return ability in self.abilities

    def why_not(self, ability: str, kind: str | None = None) -> str | None:
        """One sentence on why this method cannot do something (with a kind of model); None where it can.

        Raises:
            ValueError: no such ability.
        """
        if ability not in ABILITIES:
            raise ValueError(f"there is no ability {ability!r}; allowed is one of {', '.join(ABILITIES)}")
        if kind is not None and kind not in self.kinds:
            return f"{self.title} needs a {' or '.join(self.kinds)} model."
        if ability not in self.abilities:
            return self.unable.get(ability, f"{self.title} cannot {ABILITIES[ability]}.")
        return None

    def load_reader(self) -> Any:
        """The class of its reader."""
        return load(self.reader)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "paper": self.paper,
            "kind": self.kind,
            "kinds": list(self.kinds),
            "abilities": list(self.abilities),
            "unable": dict(self.unable),
            "help": self.help,
            "settings": [
                {
                    "name": f.name,
                    "type": f.type.__name__,
                    "default": f.default,
                    "label": f.label,
                    "help": f.help,
                    "allowed": f.allowed,
                }
                for f in self.fields()
            ],
        }
