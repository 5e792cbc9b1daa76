"""The model card of a bundled model: recipe, corpus, and scores on the held-out questions.

Everything on the card is measured on the stored (16-bit) weights by `memlab train`, and can be
measured again with `memlab evaluate facts`.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from memlab.corpus.model_kinds import of_kind
from memlab.corpus.world import EXPOSURES, atlas
from memlab.declare import Method
from memlab.evaluate.prepare import prepare_bundled
from memlab.evaluate.probes import probe_facts, table
from memlab.lm.catalogue import load
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.progress import Progress
from memlab.reading.gates import Constant
from memlab.reading.reader import KnnMixer, Sources
from memlab.reading.states import Search

PLAIN = {"masked": "atlas-mlm fills one [MASK] in a sentence", "causal": "atlas-clm continues a text word by word"}


def write_card(folder: Path, method: Method, progress: Progress) -> None:
    """Measures the model in `folder`, writes README.md, and adds scores and calibrated settings to memlab.json."""
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    record["runs"], record["calibrated"] = measure(folder, method, progress)
    (folder / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    (folder / "README.md").write_text(card_text(record, method), "utf-8")


def measure(folder: Path, method: Method, progress: Progress) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Scores with calibrated and with the paper's settings, in articles and in the whole store."""
    lm = load(str(folder))
    with tempfile.TemporaryDirectory() as home:
        stores = {
            s.fingerprint.key: s
            for s in prepare_bundled(Path(home), str(folder), method, lambda f, m: progress(f / 2, m))
        }
        calibrated = next(iter(stores.values())).meta.calibrated[method.name]
        best = stores[calibrated["preferred_key"]].meta.calibrated[method.name]
        tuned = method.settings(**best["settings"])
        paper = method.settings()
        other = "all" if tuned.search == "articles" else "articles"
        plans = {
            "calibrated": tuned,
            "paper's settings": paper,
            f"calibrated, search in {other}": method.settings(**{**best["settings"], "search": other}),
        }
        runs = []
        for n, (name, s) in enumerate(plans.items()):
            tick = partial(_scoring, progress, n, len(plans))
            rows = probe_facts(atlas(), _sources(method, lm, stores[s.key], s), (0, 1, 2), tick)
            runs.append({"name": name, "settings": asdict(s), "results": table(atlas(), rows, method.name)})
        return runs, {method.name: {"settings": best["settings"], "p@1": best["p@1"], "questions": best["questions"]}}


def _scoring(progress: Progress, n: int, of: int, share: float) -> None:
    progress(0.5 + 0.5 * (n + share) / of, "scoring")


def _sources(method: Method, lm: LanguageModel, store: Datastore, s: Any) -> Sources:
    assert method.knn is not None
    mixer = KnnMixer(Constant(s.lam), getattr(s, method.knn.divisor), method.knn.root)
    return Sources(lm, lm, s.key, mixer, 0, Search(store, min(s.k, len(store))), store.name, s.search, s.articles)


def card_text(record: dict[str, Any], method: Method) -> str:
    """The card as Markdown."""
    recipe, corpus = record["recipe"], record["corpus"]
    lines = [
        f"# {record['name']}",
        "",
        f"{of_kind(PLAIN, record['kind'], 'model card')}. It was trained from scratch on memlab's own text about the bundled world, Atlas, and knows "
        "nothing else: it is a small model for experiments with memory, not a source of knowledge.",
        "",
        "## Recipe",
        "",
        f"`memlab train {record['name']}` trains it again. {recipe['layers']} layers of width {recipe['width']}, "
        f"{recipe['heads']} heads, feed-forward {recipe['feed_forward']}; {recipe['steps']} steps of {recipe['batch']} "
        f"{'sentences' if record['kind'] == 'masked' else 'passages'}, learning rate {recipe['learning_rate']}, seed {recipe['seed']}.",
        "",
        f"Training text: {corpus['sentences']} sentences, sha256 `{corpus['sha256']}`. Frequent facts are stated in every statement "
        "template, rare ones in one sentence, unseen ones never. Question templates are never trained on.",
        "",
        "## Scores",
        "",
        f"Precision at 1 on the three held-out question templates of all facts that calibration did not use "
        f"(`memlab evaluate facts --method {method.name}`). *kind*: the model's answer is of the right kind, right or not. "
        "*baseline*: always answering the relation's most common object.",
    ]
    for run in record["runs"]:
        s = run["settings"]
        shown = ", ".join(f"{name} {value}" for name, value in s.items() if name != "articles")
        lines += [
            "",
            f"### {run['name'][0].upper() + run['name'][1:]}",
            "",
            f"{shown}",
            "",
            f"| facts | questions | model alone | memory alone | {method.title} | kind | baseline |",
            "|---|---|---|---|---|---|---|",
        ]
        for exposure in (*EXPOSURES, "all"):
            of = {r["method"]: r for r in run["results"] if r["exposure"] == exposure}
            if of:
                lm, knn, both = of["lm"], of["knn"], of[method.name]
                lines.append(
                    f"| {exposure} | {lm['questions']} | {lm['p@1']:.3f} | {knn['p@1']:.3f} | {both['p@1']:.3f} "
                    f"| {lm['kind']:.3f} | {lm['baseline']:.3f} |"
                )
    if record["kind"] == "causal":
        known = next(r for r in record["runs"][0]["results"] if (r["method"], r["exposure"]) == ("lm", "frequent"))
        lines += [
            "",
            f"Of the questions about frequent facts, {1 - known['p@1']:.1%} are answered wrongly by the model alone, but only "
            f"{known['kind'] - known['p@1']:.1%} with another name of the right kind. It reads from left to right, only its next "
            'word counts here, and the beginning of a question may well continue with another word ("died in the city of").',
        ]
    lines += [
        "",
        "## Limits",
        "",
        "English of the world's own templates and short prose only; names outside its training text are read letter by letter. Some "
        "facts are unknown to it on purpose.",
        "",
    ]
    return "\n".join(lines)
