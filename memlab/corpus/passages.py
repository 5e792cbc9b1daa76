"""The bundled world as running text: passages to train on, and articles in words that no model was trained on."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from memlab.corpus.generator import Sentence, atlas_articles, training_text
from memlab.corpus.world import atlas, draw, fill
from memlab.errors import NotFound
from memlab.results import Article

HELD_OUT = {"validation": (0.0, 0.1), "test": (0.1, 0.2)}  # of the subjects, by a seeded hash of the name
LONGEST = 6  # sentences of a passage


def cut(members: list[int], sentences: list[Sentence], longest: int, rng: random.Random) -> Iterator[list[int]]:
    """Cuts the sentences about one subject, in random order, into passages.

    No passage states a fact twice: otherwise the model could copy the second statement from the first
    instead of learning the fact.
    """
    rng.shuffle(members)
    passage: list[int] = []
    stated: set[str] = set()
    size = rng.randint(1, longest)
    for i in members:
        answer = sentences[i].answer
        if passage and (len(passage) == size or answer in stated):
            yield passage
            passage, stated, size = [], set(), rng.randint(1, longest)
        passage.append(i)
        if answer is not None:
            stated.add(answer)
    if passage:
        yield passage


@cache
def training_passages() -> tuple[Article, ...]:
    """The training text of causal models as passages in a fixed order, so that each has its neighbors.

    The same sentences that atlas-clm was trained on, each once: no unseen fact is stated.
    """
    world = atlas()
    sentences = training_text(world, "causal")
    rng = random.Random(f"{world.seed}:passages")
    about: dict[str, list[int]] = defaultdict(list)
    for i, s in enumerate(sentences):
        about[s.subject].append(i)
    out = []
    for subject, members in about.items():
        for n, passage in enumerate(cut(members, sentences, LONGEST, rng), 1):
            out.append(Article(f"{subject} {n}", subject, " ".join(sentences[i].text for i in passage)))
    rng.shuffle(out)
    return tuple(out)


@cache
def held_out_articles(part: str = "test") -> tuple[Article, ...]:
    """Articles about a tenth of the subjects, for measuring perplexity.

    Every fact of the subject, unseen ones too, is stated once, in one of its relation's question templates,
    which no model is trained on and no datastore contains, together with two sentences without a fact
    from neither the training text nor the subject's own article. So no sentence was trained on or is
    remembered; the facts themselves are in the training text according to their exposure, and the bundled
    memory states all of them in other words. The subjects of "validation" and "test" differ.

    Raises:
        NotFound: `part` is neither "validation" nor "test".
    """
    if part not in HELD_OUT:
        raise NotFound.named("part", part, HELD_OUT)
    low, high = HELD_OUT[part]
    world = atlas()
    met = {s.text for s in training_text(world, "causal")}
    article_of = {a.id: a.text for a in atlas_articles()}
    out = []
    for name in sorted(world.subjects):
        if not low <= draw(world.seed, "held-out", name) < high:
            continue
        rng = random.Random(f"{world.seed}:held-out:{name}")
        facts = world.by_subject.get(name, [])
        stated = [fill(rng.choice(world.relations[f.relation].questions), f.subject, f.object) for f in facts]
        filler = [fill(t, name, "") for t in world.filler[world.subjects[name].kind]]
        stated += rng.sample([t for t in filler if t not in met and t not in article_of[name]], 2)
        rng.shuffle(stated)
        out.append(Article(name, name, " ".join(stated), world.subjects[name].kind))
    return tuple(out)
