"""What the address of a view says of how Ask, Read or Generate answer: the one place that knows the names in it.

Read and Generate write their names with the page before them (`read.method`, `generate.k`), Ask without; all three take both,
and the longer name counts. The names are those of the arguments of `Lab.ask`, `Lab.read` and `Lab.generate`, besides
`generate.tokens`, the tokens that a page adds at once. Everything else in an address (a prompt, a color, a selected token) is
the page's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memlab.declare import Field, Method, checked_value, fields
from memlab.errors import InputError
from memlab.memory.leave_out import LEAVE_OUT
from memlab.reading.decoding import Decoding
from memlab.reading.reader import PRESETS
from memlab.systems.registry import registry

AUTOMATIC = "automatic"  # in an address: the lab chooses
NOW = "now"  # in an address: as of the last edit
PREFIXED = ("read", "generate")  # pages that write their own name before the names in their address
PAGES = ("ask", *PREFIXED)
OTHER_NAMES = {"generate": {"temperature": "knn_temperature"}}  # beside the temperature of decoding
TOKENS, MOST_TOKENS, USUAL_TOKENS = "tokens", 100, 20  # of Generate, at once
_DIGITS = 18  # of the number of an edit: more would not fit into 64 bits


def arguments_of(page: str, address: Mapping[str, str], as_of: int | None = None) -> dict[str, Any]:
    """The arguments of `Lab.ask`, `read` or `generate` that an address of their page gives, checked; no prompt and no text.

    Args:
        page: "ask", "read" or "generate".
        as_of: the edit up to which memory counts, in place of the address's own; None: what the address says.

    Raises:
        NotFound, InputError: an unknown method, one that cannot do this, a setting that it does not have, or a wrong value.
    """
    given = _named(page, address)
    method = method_in(page, address)
    there = known(page, method)
    _check_names(page, address, method, there)
    found: dict[str, Any] = {name: given[name] for name in ("method", "model", "datastore", "preset") if name in given}
    if method is None:  # checked by the lab, which chooses the method
        found |= {name: given[name] for name in there if name in given and name not in found}
    else:
        found |= {
            name: checked_value(there[name], given[name]) for name in there if name in given and name not in found
        }
    for name in set(_OF_THE_PAGE) & set(found):
        found[name] = checked_value(_OF_THE_PAGE[name], given[name])
    found.pop(TOKENS, None)
    edit = as_of if as_of is not None else _edit(given.get("as_of", NOW))
    return {**found, "as_of": edit}


def tokens_of(address: Mapping[str, str]) -> int:
    """The tokens that a view of Generate adds at once. Raises InputError."""
    given = _named("generate", address)
    return int(checked_value(_OF_THE_PAGE[TOKENS], given.get(TOKENS, USUAL_TOKENS)))


def method_in(page: str, address: Mapping[str, str]) -> Method | None:
    """The method that an address names; None where it names none. Raises NotFound, or InputError where it cannot do this."""
    name = _named(page, address).get("method")
    if name is None:
        return None
    method = registry().method(name)
    if (reason := method.why_not(page)) is not None:
        raise InputError(reason)
    return method


def known(page: str, method: Method | None) -> dict[str, Field]:
    """What an address of the page can set besides method and model, by its name there; of all methods where none is named."""
    methods = list(registry().able(page).values()) if method is None else [method]
    found = {"datastore": Field("datastore", str, "", "datastore", ""), "preset": _OF_THE_PAGE["preset"]}
    for m in reversed(methods):
        others = OTHER_NAMES.get(page, {})
        found |= {others.get(f.name, f.name): f for f in m.fields(page)}
        if page in PREFIXED and m.gates and "gate" not in found:
            found["gate"] = Field("gate", str, m.gates[0], "gate", "", choices=m.gates)
    of_page = {
        "read": ("short_term", *(["cache"] if any(m.takes_cache for m in methods) else []),
                 *(["leave_out"] if any(leaves_out(m) for m in methods) else [])),
        "generate": (TOKENS,),
    }  # fmt: skip
    found |= {name: _OF_THE_PAGE[name] for name in of_page.get(page, ())}
    return found | ({f.name: f for f in fields(Decoding)} if page == "generate" else {})


def leaves_out(method: Method) -> bool:
    """Whether a passage read with this method can find itself in the memory, so that it matters what is left out."""
    return method.remembers and method.memory is None


def as_the_page_writes(page: str, address: Mapping[str, str]) -> dict[str, str]:
    """The same address with the names that the page itself writes: `read.k` where a lesson says `k`."""
    if page not in PREFIXED:
        return dict(address)
    bare = bare_names(page, address)
    kept = {name: value for name, value in address.items() if name not in bare}
    return {**{f"{page}.{name}": value for name, value in bare.items()}, **kept}


def bare_names(page: str, address: Mapping[str, str]) -> dict[str, str]:
    """What an address of Read or Generate sets by names without the page before them."""
    names = {"method", *known(page, None)}
    return {name: value for name, value in address.items() if name in names}


def _named(page: str, address: Mapping[str, str]) -> dict[str, str]:
    """Name without the page -> text. What says "automatic" is left to the lab."""
    given = {**address, **_prefixed(page, address)}
    return {name: value for name, value in given.items() if value != AUTOMATIC}


def _prefixed(page: str, address: Mapping[str, str]) -> dict[str, str]:
    """The names that an address of Read or Generate writes with the page before them, without it."""
    own = f"{page}."
    names = [name for name in address if page in PREFIXED and name.startswith(own)]
    return {name.removeprefix(own): address[name] for name in names}


def _check_names(page: str, address: Mapping[str, str], method: Method | None, there: Mapping[str, Field]) -> None:
    """Raises InputError for a setting that the method, or every method, does not have on Read or Generate.

    Ask leaves the settings of other methods in its address; names with a second dot are switches of the page's own.
    """
    if page not in PREFIXED:
        return
    for name in {**_prefixed(page, address), **bare_names(page, address)}:
        if "." in name or name == "method" or name in there:
            continue
        has = "No method has a" if method is None else f"{method.title} has no"
        raise InputError(f"{has} setting {name!r} on the page {page}. Allowed: {', '.join(there)}.")


def _edit(moment: str) -> int | None:
    if moment == NOW:
        return None
    if not moment.isdecimal() or len(moment) > _DIGITS:
        raise InputError(f"as_of is {moment!r}; allowed are {NOW} and the number of an edit.")
    return int(moment)


_OF_THE_PAGE = {
    "preset": Field("preset", str, PRESETS[0], "Settings", "", choices=PRESETS),
    "short_term": Field("short_term", int, 0, "Short-term memory M", "", low=0, high=512),
    "cache": Field("cache", int, 0, "Continuous cache", "", low=0, high=4000),
    "leave_out": Field("leave_out", str, LEAVE_OUT[0], "Left out", "", choices=LEAVE_OUT),
    TOKENS: Field(TOKENS, int, USUAL_TOKENS, "Tokens at once", "", low=1, high=MOST_TOKENS),
}
