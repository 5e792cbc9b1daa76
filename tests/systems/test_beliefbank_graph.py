"""Constraint graphs: clauses, the bundled world, files, and what is refused."""

import json

import pytest

from memlab.errors import InputError, NotFound
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, NEEDS, Constraint
from memlab.systems.beliefbank.graph_files import (
    constraints_from_csv,
    constraints_from_links,
    entities_from_csv,
    entities_from_facts,
    graph_from_own,
    graph_from_text,
    read_graph,
    to_own,
)
from memlab.systems.beliefbank.phrasing import parse, question, rule, statement, with_article


def test_clauses():
    labels = {"IsA,bird": True, "IsA,fish": True, "IsA,animal": False}
    assert Constraint(IMPLIES, "IsA,bird", ("IsA,animal",)).violated(labels)
    assert Constraint(EXCLUDES, "IsA,bird", ("IsA,fish",)).violated(labels)
    assert Constraint(NEEDS, "IsA,bird", ("IsA,animal",)).violated(labels)
    assert not Constraint(NEEDS, "IsA,bird", ("IsA,animal", "IsA,fish")).violated(labels)
    assert not Constraint(NEEDS, "IsA,bird", ("IsA,animal", "IsA,unknown")).violated(labels)
    assert not Constraint(IMPLIES, "IsA,animal", ("IsA,bird",)).violated(labels)
    assert Constraint(EXCLUDES, "IsA,a", ("IsA,b",)).id == Constraint(EXCLUDES, "IsA,b", ("IsA,a",)).id


def test_the_bundled_world_is_large_enough_and_true_to_its_constraints():
    graph = bundled_graph()
    assert len(graph.entities) >= 60
    assert len(graph.properties) >= 150
    for kind in (IMPLIES, EXCLUDES, NEEDS):
        assert len(graph.of_kind(kind)) >= 50
    for entity in graph.entities.values():
        assert set(entity.facts) == set(graph.properties)
        assert [c.id for c in graph.constraints if c.violated(entity.facts)] == [], entity.name
    assert len(graph.split(True)) >= 7
    assert all(any(e.facts[p] for e in graph.entities.values()) for p in graph.properties)


def test_own_form_is_read_as_it_was_written():
    graph = bundled_graph()
    again = graph_from_own(json.loads(json.dumps(to_own(graph))), "world")
    assert again.constraints == graph.constraints
    assert again.properties == graph.properties
    assert {n: dict(e.facts) for n, e in again.entities.items()} == {
        n: dict(e.facts) for n, e in graph.entities.items()
    }


def _link(source, target, weight="yes_yes", direction="forward", score=10):
    return {"source": source, "target": target, "weight": weight, "direction": direction, "score": score}


def test_beliefbank_links_are_grouped_and_not_reversed():
    links = [
        _link("IsA,dog", "HasPart,tail"),
        _link("HasPart,tail", "IsA,dog", direction="back", score=0.7),
        _link("HasPart,tail", "IsA,cat", direction="back", score=0.7),
        _link("IsA,dog", "IsA,cat", "yes_no"),
        _link("IsA,cat", "IsA,dog", "yes_no"),
    ]
    found = constraints_from_links({"links": links}, "x.json")
    assert [(c.kind, c.source, c.targets, c.weight) for c in found] == [
        (IMPLIES, "IsA,dog", ("HasPart,tail",), 1.0),
        (EXCLUDES, "IsA,dog", ("IsA,cat",), 1.0),
        (NEEDS, "HasPart,tail", ("IsA,dog", "IsA,cat"), 1.0),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"weight": "no_no"},
            "unknown relation 'no_no forward'. Allowed: yes_yes forward, yes_no forward, yes_yes back",
        ),
        ({"score": 0}, "score is 0; allowed is a number above 0"),
        ({"score": -1}, "score is -1"),
        ({"source": "bird"}, "'bird' is not a property"),
        ({"target": "IsA,dog"}, "itself"),
        ({"target": 3}, "expected an object with the strings"),
    ],
)
def test_wrong_links_are_named(change, said):
    with pytest.raises(InputError, match="link 1") as error:
        constraints_from_links({"links": [{**_link("IsA,dog", "IsA,animal"), **change}]}, "x.json")
    assert said in str(error.value)


def test_wrong_files(tmp_path):
    for text, said in [
        ("{", "is not JSON"),
        ("[]", "not a constraint graph"),
        ('{"links": 3}', "links"),
        ("[" * 100_000, "nested too deeply"),
    ]:
        with pytest.raises(InputError, match=said):
            graph_from_text("mine", text, ".json")
    with pytest.raises(InputError, match="version 7"):
        graph_from_text("mine", '{"format": "memlab-beliefs", "version": 7}', ".json")
    with pytest.raises(InputError, match=r"neither \.json nor \.csv"):
        graph_from_text("mine", "x", ".txt")
    with pytest.raises(InputError, match="There is no file"):
        read_graph(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"has no constraints"):
        read_graph(tmp_path)
    broken = tmp_path / "latin.json"
    broken.write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="not UTF-8"):
        read_graph(broken)


def test_csv():
    text = (
        'source,relation,target,weight\n"IsA,dog",implies,"IsA,animal",\n"HasPart,tail",needs,"IsA,dog|IsA,cat",0.5\n'
    )
    found = constraints_from_csv(text, "x.csv")
    assert [(c.kind, c.targets, c.weight) for c in found] == [
        (IMPLIES, ("IsA,animal",), 1.0),
        (NEEDS, ("IsA,dog", "IsA,cat"), 0.5),
    ]
    head = "source,relation,target,weight\n"
    for row, said in [
        ('"IsA,a",causes,"IsA,b",1', "line 2: There is no constraint relation 'causes'"),
        ('"IsA,a",implies,"IsA,b",0', "weight"),
        ('"IsA,a",implies,"IsA,b",much', "weight is 'much'"),
        ('"IsA,a",implies,,1', "not a property"),
    ]:
        with pytest.raises(InputError, match="line 2") as error:
            constraints_from_csv(head + row, "x.csv")
        assert said in str(error.value)
    with pytest.raises(InputError, match="columns relation, target are missing"):
        constraints_from_csv("source\n", "x.csv")


def test_facts_from_files():
    assert entities_from_facts({"dog": {"IsA,animal": "yes"}}, "f")["dog"] == {"IsA,animal": True}
    assert entities_from_csv('entity,property,label\ndog,"IsA,animal",Yes\n', "f") == {"dog": {"IsA,animal": True}}
    with pytest.raises(InputError, match="label is 'maybe'"):
        entities_from_facts({"dog": {"IsA,animal": "maybe"}}, "f")
    with pytest.raises(InputError, match="missing columns"):
        entities_from_csv("entity\n", "f")


def test_names_that_come_near_are_suggested():
    graph = bundled_graph()
    with pytest.raises(NotFound, match="swallow"):
        graph.entity("swalow")
    with pytest.raises(NotFound, match="HasPart,feathers"):
        graph.property("HasPart,fethers")
    assert graph.property("bird") == "IsA,bird"


def test_sentences():
    graph = bundled_graph()
    swallow, wheat = graph.entity("swallow"), graph.entity("wheat")
    assert question(swallow, "IsA,bird") == "Is a swallow a bird?"
    assert question(wheat, "HasPart,stem") == "Does wheat have a stem?"
    assert statement(graph.entity("owl"), "CapableOf,fly", False) == "An owl cannot fly."
    assert statement(swallow, "HasPart,two legs", True) == "A swallow has two legs."
    assert with_article("legs of wood") == "legs of wood"
    for entity in (swallow, wheat, graph.entity("apple tree")):
        for property in graph.properties[::9]:
            assert parse(question(entity, property), graph)[0] is entity


def test_reading_a_question():
    graph = bundled_graph()
    entity, property = parse("is a swallow a bird?", graph)
    assert (entity.name, property) == ("swallow", "IsA,bird")
    assert parse("Can the house cat fly", graph)[1] == "CapableOf,fly"
    with pytest.raises(NotFound, match="There is no entity 'unicorn'"):
        parse("is a unicorn a bird?", graph)
    with pytest.raises(NotFound, match=r"There is no entity 'swalow' .*Did you mean swallow,"):
        parse("is a swalow a bird?", graph)
    with pytest.raises(NotFound, match=r"There is no entity 'aple tree' .*Did you mean apple tree"):
        parse("does an aple tree have leaves?", graph)
    with pytest.raises(NotFound, match="There is no property 'brid'"):
        parse("is a swallow a brid?", graph)
    with pytest.raises(InputError, match="empty"):
        parse("  ?", graph)
    with pytest.raises(InputError, match="What about a swallow"):
        parse("swallow", graph)


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (Constraint("implies", "IsA,bird", ("HasPart,wings",)), "is bird → has wings"),
        (Constraint("excludes", "IsA,bird", ("IsA,fish",)), "is bird → not is fish"),
        (Constraint("needs", "CapableOf,fly", ("HasPart,wings", "IsA,aircraft")), "can fly → has wings or is aircraft"),
    ],
)
def test_a_rule_is_said_in_words(constraint: Constraint, said: str) -> None:
    assert rule(constraint) == said
