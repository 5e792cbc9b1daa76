"""The card of a model trained on running text: recipe, text, and perplexity on unseen text.

Measured on the stored (16-bit) weights. Every token is predicted once, except the first of the text
if the model has no start token. A base model reads overlapping windows; a model with short-term
memory reads segments as long as a window's stride, with the states of the last M tokens; a frozen encoder reads windows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memlab.corpus.passages import held_out_articles
from memlab.corpus.split import one_text, parts
from memlab.evaluate.text_models import ATLAS, TextTraining
from memlab.lm.catalogue import SHIPPED, load
from memlab.progress import Progress
from memlab.reading.reader import House


def write_text_card(house: House, folder: Path, text: Path | str, training: TextTraining, progress: Progress) -> None:
    """Measures the model in `folder`, writes README.md, and adds the scores to memlab.json."""
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    record["scores"] = measured(house, folder, text, training, progress)
    (folder / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    (folder / "README.md").write_text(card_text(record, training), "utf-8")


def measured(
    house: House, folder: Path, text: Path | str, training: TextTraining, progress: Progress
) -> list[dict[str, Any]]:
    """Perplexity on unseen text: the test part of Atlas' held-out articles, or the validation part of a file."""
    lm = load(str(folder))
    if str(text) == ATLAS:
        texts = [a.text for a in held_out_articles("test")]
    else:
        texts = [parts(one_text(Path(text))).validation]
    memory = json.loads((folder / "memlab.json").read_text("utf-8"))["recipe"]["memory"]
    return training.scores(house, lm, training.held_out(lm, texts, memory, str(text) == ATLAS), progress)


def card_text(record: dict[str, Any], training: TextTraining) -> str:
    """The card as Markdown."""
    return "\n".join([*_recipe_lines(record, training), *_score_lines(record, training), *_limit_lines(record), ""])


def _recipe_lines(record: dict[str, Any], training: TextTraining) -> Iterator[str]:
    r, text, name = record["recipe"], record["text"], record["name"]
    atlas = text["file"] == ATLAS
    what, encoder = training.what[r["kind"]], record.get("encoder")
    yield f"# {name}\n\n{name} is {what}, trained from scratch on one text; it knows nothing else.\n\n## Recipe\n"
    command = f"memlab train {name} --text {text['file']} --kind {r['kind']} --seed {r['seed']} --steps {r['steps']}"
    command += f" --encoder {encoder}" if encoder else ""
    command = f"memlab train {name}" if name in SHIPPED else command
    yield (
        f"`{command}` trains it again. {r['layers']} layers of width {r['width']}, {r['heads']} heads, feed-forward "
        f"{r['feed_forward']}, rotary positions, embeddings shared by input, output and retrieved tokens; {r['steps']} steps of "
        f"{r['batch']} segments of {r['segment']} tokens, learning rate {r['learning_rate']}, seed {r['seed']}."
    )
    source = (
        "passages of the bundled world, which state no unseen fact" if atlas else f"the first 90% of {text['file']}"
    )
    yield f"\nTraining text: {source}, {text['tokens']} tokens, sha256 `{text['sha256']}`."
    if r["memory"]:
        yield (
            f"\nShort-term memory: keys and values of the last {r['memory']} tokens before a segment, of the same text, "
            "carried over detached (the key-value cache of a rotary model, in place of Transformer-XL's cached states)."
        )
    yield from training.recipe_lines(record)


def _score_lines(record: dict[str, Any], training: TextTraining) -> Iterator[str]:
    where = (
        "held-out articles: facts, unseen ones too, about a tenth of the subjects in question templates, which no model is trained on"
        if record["text"]["file"] == ATLAS
        else "the validation part (the next 5% of the text)"
    )
    yield f"\n## Scores\n\nPerplexity per token on {where}.\n\n| | tokens | perplexity | mean gate |\n|---|---|---|---|"
    for row in record["scores"]:
        gate = f"{row['mean_gate']:.3f}" if "mean_gate" in row else ""
        yield f"| {row['what'] or record['name']} | {row['tokens']} | {row['perplexity']:.2f} | {gate} |"
    yield from training.score_lines(record)


def _limit_lines(record: dict[str, Any]) -> Iterator[str]:
    yield "\n## Limits\n\nPerplexities are comparable only between models with the same tokenizer, on the same text."
    if record["text"]["file"] == ATLAS:
        yield "English of the world's own templates and short prose only; names outside its training text are read letter by letter."
