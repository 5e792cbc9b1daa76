"""Writing a trained Facts-as-Experts model: its folder, the scores of the stored weights, and its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from memlab.corpus.generator import corpus_hash
from memlab.corpus.world import atlas
from memlab.declare import Recipe
from memlab.lm.catalogue import load
from memlab.lm.folder import write_model
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.systems.facts_as_experts.declaration import FORMAT
from memlab.systems.facts_as_experts.measuring import QUESTIONS, exposure_table
from memlab.systems.facts_as_experts.model import FaeModel, write_parts
from memlab.systems.facts_as_experts.training import FaeRecipe, Trainer


def make(
    house: Any,
    recipe: Recipe,
    out: Path,
    steps: int | None = None,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Path:
    """Trains the bundled model again, scores its stored weights and writes its card. Raises StoppedError, InputError."""
    chosen = FaeRecipe(name=recipe.name, steps=steps or recipe.steps, seed=recipe.seed)
    trainer = Trainer(chosen, atlas())
    losses = trainer.run(lambda f, m: progress(0.9 * f, m), stop)
    write(trainer, losses, out)
    write_card(out, lambda f, m: progress(0.9 + 0.1 * f, m))
    return out


def write(trainer: Trainer, losses: Mapping[str, float], out: Path) -> Path:
    """The folder of a trained model; every fact of the world is in its memory, the unseen ones too."""
    module, parts, world = trainer.module.eval(), trainer.parts, trainer.world
    module._modules.pop("facts_as_experts")
    read = trainer.tokenizer([s.text for s in trainer.sentences])["input_ids"]
    met = {i for ids in read for i in ids} | {trainer.tokenizer.mask_token_id}
    record = {
        "name": trainer.recipe.name,
        "kind": "masked",
        "recipe": asdict(trainer.recipe),
        "corpus": {
            "sentences": len(trainer.sentences),
            "sha256": corpus_hash(s.text for s in trainer.sentences),
            "world_seed": world.seed,
            "facts": len(world.facts),
            "facts_told": len(trainer.told),
        },
        "losses": {name: round(value, 4) for name, value in losses.items()},
        "format": FORMAT.name,
        FORMAT.name: trainer.record.to_dict(),
        "unmet": sorted(set(range(len(trainer.tokenizer))) - met),
    }
    facts = [replace(f, property=None, kind=None) for f in world.facts]
    return write_model(out, module, trainer.tokenizer, record, more=lambda folder: write_parts(folder, parts, facts))


def write_card(folder: Path, progress: Progress = no_progress) -> list[dict[str, Any]]:
    """Measures the stored weights; writes README.md and adds the scores to memlab.json."""
    lm = load(str(folder))
    assert isinstance(lm, FaeModel)
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    record["scores"] = exposure_table(lm, QUESTIONS, progress)
    (folder / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    (folder / "README.md").write_text(card_text(record), "utf-8")
    return list(record["scores"])


def card_text(record: Mapping[str, Any]) -> str:
    """The card in Markdown."""
    r, corpus = record["recipe"], record["corpus"]
    lines = [
        f"# {record['name']}",
        "",
        f"{record['name']} fills one [MASK] with a name, from the context and from a memory of facts that can be edited without "
        "training (Facts as Experts). It knows the bundled world, Atlas, and nothing else.",
        "",
        "## Recipe",
        "",
        f"`memlab train {record['name']}` trains it again. The transformer starts from {r['start']} (4 layers of width 192); an entity "
        f"memory of {len(record[FORMAT.name]['entities']):,} names is read after block {r['block'] + 1}, a fact memory above it. {r['steps']} steps "
        f"of {r['batch']} sentences with AdamW, learning rate {r['learning_rate']} for the memories and {r['start_rate']} for the "
        f"transformer, seed {r['seed']}. Losses: the answer, the entity from context alone, the supporting fact (distant "
        "supervision), the entity of each mention, masked words.",
        "",
        f"Training text: {corpus['sentences']:,} sentences, sha256 `{corpus['sha256']}`, which state {corpus['facts_told']:,} of "
        f"{corpus['facts']:,} facts; only those were in memory during training. For {r['hide']:.0%} of the supported answers their rows were "
        f"hidden, for {r['replace']:.0%} the row and the answer had another object. Question templates are never trained on.",
        "",
        "## Scores",
        "",
        "Precision at 1 on the three held-out question templates of all facts: with the whole memory, with the memory alone (λ = 0), "
        "with the context alone (λ = 1), with all rows of the group removed; the mean gate λ with and without them. *row*: how often the first "
        "retrieved row is that of the fact.",
        "",
        "| facts | questions | with memory | memory alone | context alone | without rows | λ | λ without rows | row |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s['exposure']} | {s['questions']} | {s['with_rows']:.3f} | {s['memory_alone']:.3f} | {s['context_alone']:.3f} "
        f"| {s['without_rows']:.3f} | {s['gate']:.3f} | {s['gate_without']:.3f} | {s['row']:.3f} |"
        for s in record["scores"]
    ]
    lines += [
        "",
        "## Limits",
        "",
        "It answers with names of the bundled world only; a row about another name is refused, since it has no embedding. Facts "
        "that the text never states are unknown to the transformer on purpose.",
        "",
    ]
    return "\n".join(lines)
