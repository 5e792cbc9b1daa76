"""`memlab read` with what it cannot use: one line that says what is allowed, and nothing on standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.errors import InputError, NotFound, StoppedError

TEXT = "The capital of Myanmar is Naypyidaw. The currency of Japan is the yen."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--text", ""], "The text is empty. Type or paste a passage of at least two words."),
        (["--text", " \n\t"], "The text is empty"),
        (["--text", "Paris"], "one token ('Paris'): nothing precedes it"),
        (["--text", TEXT, "--model", "atlas-mlm"], "atlas-mlm is a masked model"),
        (["--text", TEXT, "--method", "spalm", "--model", "atlas-clm"], "atlas-clm is not a SPALM. Use atlas-spalm"),
        (["--text", TEXT, "--method", "spalm", "--datastore", "atlas-mlm-last"], "Use 'atlas-clm'."),
        (["--text", TEXT, "--datastore", "atlas-mlm-last"], "needs a datastore of a causal model"),
        (
            ["--text", TEXT, "--method", "lucky"],
            "Available: base, bert-knn, cache, facts-as-experts, knn-lm, spalm, spalm+knn-lm.",
        ),
        (["--text", TEXT, "--k", "0"], "k is '0'; allowed is a whole number from 1 to 4096."),
        (["--text", TEXT, "--method", "spalm", "--k", "0"], "k is '0'; allowed is a whole number from 1 to 64."),
        (["--text", TEXT, "--short-term", "-4"], "short-term memory is -4 tokens; allowed is 0 (off) or more."),
        (["--text", TEXT, "--cache", "-1"], "needs a size of 0 (off) or more"),
        (["--text", TEXT, "--method", "spalm", "--cache", "8"], "Leave the cache out."),
        (["--text", TEXT, "--gate", "lucky"], "constant, learned, skip"),
        (["--text", TEXT, "--gate", "learned", "--k", "7"], "Train it: memlab evaluate perplexity"),
        (["--text", TEXT, "--as-of", "99"], "Allowed is 0 to 0."),
        (["--article", "Nowhere"], "There is no article 'Nowhere'"),
        (["no-such-file.txt"], "There is no file no-such-file.txt."),
    ],
)
def test_one_line_says_what_is_wrong_and_what_is_allowed(own_home: Path, given: list[str], message: str) -> None:
    out = CliRunner().invoke(main, ["read", *given, "--json", "--home", str(own_home)])
    assert out.exit_code == 1, out.output
    assert out.stdout == ""
    assert out.stderr.count("\n") == 1
    assert out.stderr.startswith("memlab: ")
    assert message in out.stderr


def test_a_text_beyond_the_limit_says_where_it_would_be_cut(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memlab.lab.reading.LIMIT", 8)
    command = ["read", "--text", TEXT, "--json", "--home", str(lab.home)]
    out = CliRunner().invoke(main, command)
    assert (out.exit_code, out.stdout) == (1, "")
    assert "at most 8 are read" in out.stderr
    assert "--cut), it would end after character 40" in out.stderr
    cut = json.loads(CliRunner().invoke(main, [*command, "--cut"]).stdout)
    assert cut["text"] == TEXT[:40]
    assert len(cut["tokens"]) == 8


def test_tokens_with_probability_0_leave_the_json_valid(lab: Lab) -> None:
    trace = lab.read(TEXT, lam=1.0)
    impossible = [token for token in trace if token.impossible]
    assert 0 < len(impossible) < len(trace)
    text = json.dumps(trace.to_dict(), allow_nan=False)
    tokens = json.loads(text)["tokens"]
    assert [token["position"] for token in tokens if token["impossible"]] == [t.position for t in impossible]
    assert all((token["loss"] is None) == token["impossible"] for token in tokens)
    assert trace.summary["perplexity"] is None
    assert trace.summary["mean_gain"] is None
    out = CliRunner().invoke(main, ["read", "--text", TEXT, "--lam", "1", "--home", str(lab.home)])
    assert out.exit_code == 0
    assert "perplexity infinite" in out.stdout


def test_states_that_are_carried_over_no_border_change_nothing(lab: Lab) -> None:
    trace = lab.read(TEXT, method="base", short_term=32)
    assert np.abs(trace.gain).max() < 1e-4  # rounding, and called no harm
    assert trace.summary["worsened"] == 0


def test_a_gate_is_trained_on_held_out_articles_or_not_at_all(own_home: Path) -> None:
    lab = Lab.open(own_home)
    given: dict[str, Any] = {"datastore": "atlas-clm", "k": 5}
    with pytest.raises(NotFound, match="lucky"):
        lab.gates.is_trained("lucky", **given)
    assert lab.gates.is_trained("constant", **given)
    assert not lab.gates.is_trained("learned", **given)

    def stop(fraction: float, message: str) -> None:
        raise StoppedError("enough")

    texts = [article.text for article in lab.perplexity.atlas_part("validation")[:3]]
    with pytest.raises(StoppedError):
        lab.gates.train("learned", texts, progress=stop, **given)
    assert not lab.gates.is_trained("learned", **given)
    lab.gates.train("learned", texts, **given)
    assert lab.gates.is_trained("learned", **given)
    assert not lab.gates.is_trained("learned", datastore="atlas-clm", k=6)
    assert not lab.gates.is_trained("skip", **given)
    with pytest.raises(InputError, match="k is 0"):
        lab.gates.is_trained("learned", datastore="atlas-clm", k=0)


@pytest.fixture
def own_home(built_home: Path, tmp_path: Path) -> Path:
    """Without edits and gates of other tests."""
    (tmp_path / "datastores").symlink_to(built_home / "datastores")
    return tmp_path


def test_words_that_only_memory_holds_are_named(own_home: Path) -> None:
    lab = Lab.open(own_home)
    text = "The Blue Lantern Festival of Lisbon is held in October."
    assert not lab.read(text).notices
    lab.teach(text)
    (notice,) = lab.read(text).notices
    assert "no token for" in notice
    assert "Festival" in notice
    assert not lab.read(text, as_of=0).notices
    assert not lab.read("The festivals of Lisbon are old.").notices
