"""The bundled world: enough of it, of the right types, and told as its exposure says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from memlab.corpus.generator import Sentence, atlas_articles, statement_of, tell, training_text
from memlab.corpus.stories import stories
from memlab.corpus.world import EXPOSURES, MASK, RARE, UNSEEN, Relation, World, atlas, draw
from memlab.errors import NotFound
from memlab.results import Fact

WORLD = atlas()
RELATIONS = list(WORLD.relations.values())

# Object kinds of which every member is also a member of the other.
WIDER = {("river", "body of water")}
# Names of two clashing kinds, with the reason why both are right.
HOMONYMS = {
    "Po": "a river of Italy, and the symbol of polonium",
    "fish": "a class of animals, and what other animals eat",
}
CONTINENTS = {"Africa", "Antarctica", "Asia", "Europe", "North America", "South America", "Australia", "Oceania"}
# What members of a kind look like, where that can be told from the name.
LOOKS = {
    "chemical symbol": r"[A-Z][a-z]?",
    "number": r"[1-9]\d{0,2}",
    "continent": "|".join(map(re.escape, sorted(CONTINENTS))),
    "currency": r".* (?:[^A-Z]+)|[a-z]+",
    "occupation": r"[a-z][a-z -]*",
    "animal class": r"[a-z]+",
    "food": r"[a-z ]+",
    "genre": r"[a-z' -]+",
    "industry": r"[a-z ]+",
    "element group": r"[a-z -]+",
    "musical form": r"[a-z ]+",
    "language": r"[A-Z].*",
    "city": r"[A-ZÀ-Þ].*",
    "country": r"[A-Z].*",
    "person": r"[A-ZÀ-Þ].*",
    "body of water": r"[A-ZÀ-Þ].*",
}


def name(relation: Relation) -> str:
    return relation.name


# The tables


def test_the_world_is_large_enough() -> None:
    assert len(WORLD.facts) >= 3000
    assert len(WORLD.relations) >= 18
    assert len({s.kind for s in WORLD.subjects.values()}) >= 8
    assert len({f.kind for f in WORLD.facts}) >= 8


@pytest.mark.parametrize("relation", RELATIONS, ids=name)
def test_a_relation_has_its_property_its_templates_and_its_facts(relation: Relation) -> None:
    assert re.fullmatch(r"P[1-9]\d*", relation.property)
    assert len(set(relation.statements)) == len(relation.statements) >= 6
    assert len(set(relation.questions)) == len(relation.questions) == 3
    for template in (*relation.statements, *relation.questions):
        assert template.count("[X]") == template.count("[Y]") == 1
        assert template[-1] in ".!?"
    for question in relation.questions:
        assert question.index("[X]") < question.index("[Y]"), "a causal model reads what stands before the blank"
    facts = WORLD.select(relation.name)
    assert len(facts) >= 15
    assert len(facts) < 30 or {f.exposure for f in facts} == set(EXPOSURES)
    assert {f.kind for f in facts} <= set(relation.subject_kinds)
    assert all(f.property == relation.property for f in facts)


def test_no_question_is_a_statement() -> None:
    def bare(template: str) -> str:
        return " ".join(re.findall(r"\w+", template.casefold()))

    statements = {bare(t) for r in RELATIONS for t in r.statements}
    questions = [bare(t) for r in RELATIONS for t in r.questions]
    assert not statements & set(questions)


def test_exposures_have_their_shares() -> None:
    count = Counter(f.exposure for f in WORLD.facts)
    assert set(count) == set(EXPOSURES)
    for exposure, wanted in (("rare", RARE), ("unseen", UNSEEN)):
        assert count[exposure] / len(WORLD.facts) >= 0.2
        assert count[exposure] / len(WORLD.facts) == pytest.approx(wanted, abs=0.03)
    assert count["frequent"] / len(WORLD.facts) >= 0.45


def test_two_facts_about_one_pair_have_one_exposure() -> None:
    """Else "Paris is in France" would all but tell that the capital of France is Paris."""
    seen: dict[frozenset[str], set[str | None]] = defaultdict(set)
    for fact in WORLD.facts:
        seen[frozenset((fact.subject, fact.object))].add(fact.exposure)
    assert [pair for pair, exposures in seen.items() if len(exposures) > 1] == []


def test_a_functional_relation_has_one_object_and_no_fact_stands_twice() -> None:
    count = Counter((f.subject, f.relation) for f in WORLD.facts if WORLD.relations[f.relation].functional)
    assert [pair for pair, n in count.items() if n > 1] == []
    assert [key for key, n in Counter((f.subject, f.relation, f.object) for f in WORLD.facts).items() if n > 1] == []


@pytest.mark.parametrize("relation", RELATIONS, ids=name)
def test_objects_have_the_type_of_the_relation(relation: Relation) -> None:
    """An object that has an article is of the kind that is asked for; others look like their kind."""
    for fact in WORLD.select(relation.name):
        if fact.object in WORLD.subjects and fact.object not in HOMONYMS:
            kind = WORLD.subjects[fact.object].kind
            assert kind == relation.object_kind or (kind, relation.object_kind) in WIDER, fact
        if relation.object_kind in LOOKS:
            assert re.fullmatch(LOOKS[relation.object_kind], fact.object), fact
        assert fact.object == fact.object.strip()
        assert fact.subject != fact.object


def test_no_name_is_of_two_clashing_kinds_without_a_reason() -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for kind, names in WORLD.names_of_kind.items():
        for one in names:
            kinds[one].add(kind)
    clashing = {one for one, of in kinds.items() if len(of) > 1 and not any(of == set(pair) for pair in WIDER)}
    assert clashing == set(HOMONYMS)


def test_names_differ_by_more_than_case() -> None:
    """A reader would take "Mercury" and "mercury" for one answer."""
    folded = defaultdict(set)
    for one in WORLD.names:
        folded[one.casefold()].add(one)
    assert {k: v for k, v in folded.items() if len(v) > 1} == {}


def test_nearly_every_subject_has_facts() -> None:
    without = set(WORLD.subjects) - set(WORLD.by_subject)
    assert len(without) < 0.01 * len(WORLD.subjects)
    assert {s.fame for s in WORLD.subjects.values()} == {1, 2, 3}


def test_filler_is_about_its_subject_and_nothing_else_of_the_world() -> None:
    for kind in {s.kind for s in WORLD.subjects.values()}:
        assert len(set(WORLD.filler[kind])) >= 4
        for template in WORLD.filler[kind]:
            assert template.count("[X]") == 1
            assert "[Y]" not in template


def test_facts_can_be_selected() -> None:
    assert WORLD.select("capital") == WORLD.select("P36")
    assert {f.exposure for f in WORLD.select(None, "rare")} == {"rare"}
    assert Fact("France", "capital", "Paris", "frequent", "P36", "country") in WORLD.select("capital", "frequent")
    with pytest.raises(NotFound, match="capital"):
        WORLD.select("president")
    with pytest.raises(NotFound, match="frequent, rare, unseen"):
        WORLD.select(None, "often")


def test_questions_for_a_causal_model_end_before_the_blank() -> None:
    fact = WORLD.select("capital")[0]
    for n in range(3):
        cloze, prefix = (WORLD.relations["capital"].ask(fact, n, kind) for kind in ("masked", "causal"))
        assert cloze.count(MASK) == 1
        assert cloze.startswith(prefix)
        assert MASK not in prefix
        assert fact.subject in prefix
        assert fact.object not in prefix


# Prose


def test_the_best_known_subjects_have_prose() -> None:
    assert len(WORLD.prose) >= 150
    assert set(WORLD.prose) <= set(WORLD.subjects)
    pages = sorted((WORLD.folder / "prose").glob("*.md"))
    for page in pages:
        for heading in re.findall(r"^## +(.+?) *$", page.read_text("utf-8"), flags=re.M):
            assert WORLD.subjects[heading].kind == page.stem, heading
    assert sum(len(re.findall(r"^## ", p.read_text("utf-8"), flags=re.M)) for p in pages) == len(WORLD.prose)


def test_prose_has_60_to_120_words_and_is_no_template() -> None:
    lengths = {subject: len(text.split()) for subject, text in WORLD.prose.items()}
    assert {s: n for s, n in lengths.items() if not 60 <= n <= 120} == {}
    stated = {
        r.state(f, n) for f in WORLD.facts for r in [WORLD.relations[f.relation]] for n in range(len(r.statements))
    }
    assert not [s for s in stated if s in WORLD.prose.get(s.split()[0], "")]
    assert all("[" not in text and "#" not in text for text in WORLD.prose.values())


def test_prose_names_its_subject() -> None:
    last = {name: name.split()[-1] for name in WORLD.prose}
    assert [name for name, text in WORLD.prose.items() if last[name].casefold() not in text.casefold()] == []


# Articles and training text


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return training_text(WORLD)


@pytest.fixture(scope="module")
def together(sentences: list[Sentence]) -> dict[frozenset[str], int]:
    """In how many sentences of the training text two names of the world meet; the subject of prose counts as named."""
    names = set(WORLD.names)
    spelled = {n[:1].upper() + n[1:]: n for n in names} | {n: n for n in names}
    longest_first = sorted(spelled, key=lambda n: (-len(n), n))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    wanted = {frozenset((f.subject, f.object)) for f in WORLD.facts if f.exposure != "frequent"}
    partners: dict[str, set[str]] = defaultdict(set)
    for pair in wanted:
        for one in pair:
            partners[one] |= pair - {one}
    count: Counter[frozenset[str]] = Counter()
    for sentence in sentences:
        found = {spelled[n] for n in pattern.findall(sentence.text)} | {sentence.subject}
        count.update({frozenset((one, other)) for one in found for other in partners.get(one, set()) & found})
    return count


def test_training_never_tells_an_unseen_fact(together: dict[frozenset[str], int]) -> None:
    told = {f for f in WORLD.facts if f.exposure == "unseen" and together[frozenset((f.subject, f.object))]}
    assert told == set()


def test_training_tells_a_rare_fact_once(together: dict[frozenset[str], int]) -> None:
    """Once for every fact about the pair: "a city of France" and "the capital of France" are two."""
    facts = Counter(frozenset((f.subject, f.object)) for f in WORLD.facts if f.exposure == "rare")
    assert {tuple(pair): together[pair] for pair, n in facts.items() if together[pair] != n} == {}


def test_training_tells_a_frequent_fact_in_every_template(sentences: list[Sentence]) -> None:
    texts = {s.text for s in sentences}
    for fact in WORLD.select(None, "frequent"):
        relation = WORLD.relations[fact.relation]
        assert all(relation.state(fact, n) in texts for n in range(len(relation.statements)))


def test_training_never_holds_a_question(sentences: list[Sentence]) -> None:
    texts = {s.text for s in sentences}
    asked = {WORLD.relations[f.relation].ask(f, n).replace(MASK, f.object) for f in WORLD.facts for n in range(3)}
    assert not texts & asked


def test_training_says_nothing_twice(sentences: list[Sentence]) -> None:
    assert [t for t, n in Counter(s.text for s in sentences).items() if n > 1] == []


def test_an_answer_stands_in_its_sentence(sentences: list[Sentence]) -> None:
    told = [s for s in sentences if s.answer]
    assert len(told) > 0.8 * len(WORLD.facts)
    for s in told:
        assert s.answer
        assert s.answer in s.text or s.text.startswith(s.answer[0].upper() + s.answer[1:])
    assert any(s.answer is None for s in sentences), "sentences without a fact"


def test_every_subject_has_an_article_that_tells_all_its_facts() -> None:
    articles = {a.title: a for a in atlas_articles()}
    assert list(articles) == sorted(WORLD.subjects)
    for fact in WORLD.facts:
        text = articles[fact.subject].text
        assert WORLD.relations[fact.relation].state(fact, statement_of(WORLD, fact)) in text, fact
    assert all(a.text.startswith(WORLD.prose[a.title]) for a in articles.values() if a.title in WORLD.prose)


def test_articles_vary() -> None:
    openings = Counter(re.sub(re.escape(a.title), "X", a.text).split(". ")[0] for a in atlas_articles())
    assert openings.most_common(1)[0][1] < 0.05 * len(atlas_articles())


def test_a_world_read_again_is_told_in_the_same_words() -> None:
    again = World(WORLD.folder, WORLD.seed)
    assert again.facts == WORLD.facts
    assert [tell(again, a.id) for a in atlas_articles()] == list(atlas_articles())
    other = World(WORLD.folder, seed=1)
    assert [f.exposure for f in other.facts] != [f.exposure for f in WORLD.facts]


def test_another_process_tells_the_same_world() -> None:
    """Python gives text another hash in each process: nothing may hang on the order of a set."""
    script = (
        "from memlab.corpus.generator import *; w = atlas()\n"
        "print(corpus_hash(s.text for s in training_text(w)), corpus_hash(a.text for a in atlas_articles()))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_draws_are_even_and_fixed() -> None:
    numbers = [draw("x", i) for i in range(2000)]
    assert all(0 <= u < 1 for u in numbers)
    assert sum(numbers) / 2000 == pytest.approx(0.5, abs=0.03)
    assert draw("a", "b") != draw("ab", "")
    assert draw(1, "France") == draw("1", "France")


def test_the_five_stories_ask_about_facts_of_the_world() -> None:
    told = stories()
    if not told:
        pytest.skip("assets/stories.json is still empty")
    assert len(told) == 5
    assert len({s.name for s in told}) == 5
    assert {"frequent", "rare", "unseen"} <= {s.fact.exposure for s in told}
    for story in told:
        assert story.fact in WORLD.facts
        assert story.prompt.count(MASK) == (story.method == "bert-knn")
        assert story.fact.subject in story.prompt
