"""The output of `memlab evaluate perplexity`: one row per method, with intervals; losses of every token.

With several models (trained with several seeds) the interval is over models; with one, over blocks of
adjacent tokens.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memlab.declare import ReportedTable
from memlab.declare.columns import ABOUT
from memlab.errors import InputError
from memlab.evaluate.mixtures import BLOCK, interval, over_models
from memlab.evaluate.perplexity import Measured
from memlab.lm.passage import Passage
from memlab.outside import check_file, new_file
from memlab.reading.frequencies import frequency_bands


def summarize(runs: Sequence[Measured], methods: Sequence[str]) -> list[dict[str, Any]]:
    """One row per method: perplexity, interval, and the share of tokens with a higher loss than base."""
    out = []
    for name in methods:
        each = [float(np.exp(run.losses[name].mean())) for run in runs]
        base = [run.losses[run.base] for run in runs]
        worse = [float((run.losses[name] > b).mean()) for run, b in zip(runs, base, strict=True)]
        row: dict[str, Any] = {
            "method": name,
            "perplexity": float(np.mean(each)),
            "loss": float(np.mean([run.losses[name].mean() for run in runs])),
            "interval": over_models(each) if len(runs) > 1 else interval(runs[0].losses[name]),
            "tokens": len(runs[0].losses[name]),
        }
        if len(runs) > 1:
            row["perplexities"] = each
        if name != runs[0].base:
            row["worse_than_base"] = float(np.mean(worse))
        row["tokens_per_s"] = float(np.mean([_speed(run, name) for run in runs])) or None
        out.append(row)
    return out


def gains_by_frequency(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """The gain of each method over base in nats per token, by the number of the datastore's entries with that token.

    With several runs the gain of a token is the mean over them. The 95% interval is over blocks of the band's tokens; None
    for fewer than two blocks. Later work finds that a memory helps with frequent words more than with rare ones (Nishida et
    al., "Long-Tail Crisis in Nearest Neighbor Language Models", Findings of NAACL 2025).
    """
    often = runs[0].frequency
    if often is None:
        return []
    out = []
    for name in [n for n in runs[0].losses if n != runs[0].base]:
        gain = np.mean([run.losses[run.base] - run.losses[name] for run in runs], axis=0)
        for band, where in frequency_bands(often):
            row: dict[str, Any] = {"method": name, "frequency": band, "tokens": int(where.sum())}
            if row["tokens"]:
                ends = [float(end) for end in np.log(interval(gain[where]))] if row["tokens"] > BLOCK else None
                row |= {"gain": float(gain[where].mean()), "interval": ends}
                row |= {"worse_than_base": float((gain[where] < 0).mean())}
            out.append(row)
    return out


def _speed(run: Measured, method: str) -> float:
    """Tokens per second of the methods that need one pass and at most one search; 0 for others."""
    roles = {"base": ("forward",), "memory": ("forward", "search", "mix"), "cache": ("forward", "cache")}
    parts = roles.get(run.columns.get(method, ""))
    return len(run.losses[method]) / sum(run.tokens.seconds[p] for p in parts) if parts else 0.0


def rows_of(runs: Sequence[Measured], passages: Sequence[Passage], names: Sequence[str]) -> list[dict[str, Any]]:
    """Tokens and perplexity of every text, model and method."""
    out = []
    for run in runs:
        text = run.tokens.text[run.tokens.predicted]
        for method, losses in run.losses.items():
            total = np.bincount(text, losses, minlength=len(passages))
            count = np.bincount(text, minlength=len(passages))
            out += [
                {
                    "model": run.model,
                    "method": method,
                    "text": names[int(i)],
                    "tokens": int(count[i]),
                    "perplexity": float(np.exp(total[i] / count[i])),
                }
                for i in np.flatnonzero(count)
            ]
    return out


def report(
    runs: Sequence[Measured],
    passages: Sequence[Passage],
    names: Sequence[str],
    data: str,
    settings: dict[str, Any],
    reported: Sequence[ReportedTable] = (),
) -> dict[str, Any]:
    """The document of `memlab evaluate perplexity --json`."""
    first = runs[0]
    chosen: dict[str, Any] = {}
    if first.tokens.p_knn is not None:
        chosen |= {"temperature": first.temperatures[first.chosen.temperature], "lam": first.chosen.lam}
    if first.tokens.p_cache is not None:
        chosen |= {"theta": first.tokens.thetas[first.chosen.theta], "lam_cache": first.chosen.lam_cache}
    if first.tokens.own is not None:
        at = first.chosen.own_temperature
        chosen |= {
            f"{first.own}_temperature": first.temperatures[at] if first.temperatures else None,
            f"{first.own}_lam": first.chosen.own_lam,
        }
    recalls = [run.tokens.recall for run in runs if run.tokens.recall is not None]
    gates = {kind: about for run in runs for kind, about in run.gates.items()}
    return {
        "task": "perplexity",
        "data": data,
        "settings": {**settings, **chosen, "models": [run.model for run in runs]},
        "results": summarize(runs, list(first.losses)),
        "by_frequency": gains_by_frequency(runs),
        "rows": rows_of(runs, passages, names),
        "recall": float(np.mean(recalls)) if recalls else None,
        "left_out": first.tokens.themselves,
        "gates": gates,
        "grid": first.grid,
        "seconds": first.tokens.seconds,
        "reported": [table.to_dict() for table in reported],
    }


def check_ending(path: Path) -> None:
    """Raises InputError for a file of losses that is neither .npz nor .parquet."""
    if path.suffix not in (".npz", ".parquet"):
        raise InputError(f"{path} should end in .npz or .parquet.")


def write_losses(runs: Sequence[Measured], path: Path) -> None:
    """Per-token losses of every model and method, in nats: .npz or .parquet.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    check_ending(path)
    where = runs[0].tokens.predicted
    t = runs[0].tokens
    columns: dict[str, Any] = dict(zip(ABOUT, (t.text[where], t.position[where], t.target[where]), strict=True))
    for number, run in enumerate(runs):
        many = f"{number}/" if len(runs) > 1 else ""
        columns |= {f"{many}{method}": losses.astype(np.float32) for method, losses in run.losses.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name a file where you may write.") from None
    with new_file(path, _holds_losses) as work, work.open("wb") as file:
        if path.suffix == ".npz":
            np.savez_compressed(file, **columns)
        else:
            pq.write_table(pa.table(columns), file)


def check_losses(path: Path) -> None:
    """Raises InputError if losses cannot be written to this file; call it before measuring."""
    check_ending(path)
    check_file(path, _holds_losses)


def _holds_losses(path: Path) -> bool:
    """Whether `write_losses` wrote this file."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as held:
                return set(ABOUT) <= set(held.files)
        with path.open("rb") as file:  # pyarrow cannot open a name that does not decode
            return set(ABOUT) <= set(pq.read_schema(file).names)
    except (ValueError, zipfile.BadZipFile, pa.ArrowException, EOFError):
        return False
