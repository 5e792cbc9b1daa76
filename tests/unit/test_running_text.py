"""Texts to train on and to be measured on: splits by position, and what nobody was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.corpus.generator import atlas_articles, training_text
from memlab.corpus.passages import held_out_articles, training_passages
from memlab.corpus.sentences import sentence_spans
from memlab.corpus.split import one_text, parts
from memlab.corpus.world import atlas
from memlab.errors import InputError, NotFound
from memlab.lm.tokenizer import text_tokenizer


def test_a_text_is_split_by_position_at_ends_of_lines() -> None:
    text = "".join(f"line {i} of a text that goes on and on\n" for i in range(2000))
    p = parts(text)
    assert p.train + p.validation + p.test == text
    assert len(p.train) == pytest.approx(0.9 * len(text), abs=50)
    assert len(p.validation) == pytest.approx(0.05 * len(text), abs=50)
    assert p.train.endswith("\n")
    assert p.validation.endswith("\n")
    for wrong in ("short", "x" * 50_000):
        with pytest.raises(InputError, match="text"):
            parts(wrong)


def test_files_of_a_folder_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("First.", "utf-8")
    (tmp_path / "b.txt").write_text("Second.", "utf-8")
    assert one_text(tmp_path) == "First.\n\nSecond."


def test_no_sentence_of_a_held_out_article_was_trained_on_or_is_remembered() -> None:
    trained = {s.text for kind in ("masked", "causal") for s in training_text(atlas(), kind)}
    remembered = "\n".join(a.text for a in atlas_articles())
    told = set()
    for part in ("validation", "test"):
        articles = held_out_articles(part)
        assert len(articles) > 90
        assert not told & {a.id for a in articles}
        told |= {a.id for a in articles}
        for article in articles:
            for a, b in sentence_spans(article.text):
                assert article.text[a:b] not in trained
                assert article.text[a:b] not in remembered
    exposures = {f.exposure for a in held_out_articles("test") for f in atlas().by_subject[a.id] if f.object in a.text}
    assert exposures == {"frequent", "rare", "unseen"}
    with pytest.raises(NotFound, match="test, validation"):
        held_out_articles("train")


def test_training_passages_are_the_training_sentences_and_never_tell_a_fact_twice() -> None:
    sentences = training_text(atlas(), "causal")
    passages = training_passages()
    assert sum(len(p.text) + 1 for p in passages) == sum(len(s.text) + 1 for s in sentences)
    told = " ".join(p.text for p in passages[:2000])
    assert sum(s.text in told for s in sentences) > 1500
    paris = [p for p in passages if p.title == "France"]
    assert len(paris) > 5
    assert all(p.text.count("Paris") <= 2 for p in paris)


def test_a_tokenizer_of_running_text_gives_the_text_back_and_is_the_same_each_time() -> None:
    text = "Well, Prince, so Genoa and Lucca are now just family estates.\nNo, I warn you — café!\n" * 30
    tokenizer = text_tokenizer(text, 400)
    read = tokenizer(text, return_offsets_mapping=True)
    assert tokenizer.decode(read["input_ids"]) == text
    assert text_tokenizer(text, 400).backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    words = [text[a:b] for a, b in read["offset_mapping"]]
    assert "Prince" in words
