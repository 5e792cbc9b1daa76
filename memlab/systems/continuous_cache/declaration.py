"""Improving neural language models with a continuous cache (Grave, Joulin & Usunier, ICLR 2017).

A short-term memory of the text being read: the last M pairs of a state and the word that followed it.

    p_cache(w | h_1..t) ~ sum over i of the last M with x_{i+1} = w of exp(theta h_t . h_i)     (eq. 3)
    p = (1 - lambda) p_LM + lambda p_cache                                                      (eq. 4)

The algorithm is in `memlab.reading.cache`, because methods with a long-term memory can have a cache as well (kNN-LM,
section 4, adds one to its datastore): `lab.read(text, method=..., cache=M)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import Method, ReportedTable, System, setting


@dataclass(frozen=True)
class Settings:
    """The default size is the paper's for WikiText; theta is scaled to the states of the model."""

    size: int = setting(
        2000, "words M", "How many of the last words of the text are remembered.", low=1, high=100_000, log=True
    )
    spread: float = setting(
        8.0,
        "theta |h|²",
        "How sharply similar states are preferred: theta times the mean squared length of the states.",
        low=0.1,
        high=100.0,
        log=True,
    )
    weight: float = setting(
        0.1,
        "lambda of the cache",
        "Weight of the cache in the mixture; 0 is the model alone.",
        low=0.0,
        high=1.0,
        step=0.01,
    )


METHOD = Method(
    name="cache",
    title="Continuous cache",
    paper="Grave, Joulin & Usunier, ICLR 2017",
    kinds=("causal",),
    help="Reading: words of the text so far become likelier where the model is in a similar state.",
    settings=Settings,
    reader="memlab.systems.continuous_cache.reader:CacheReader",
    abilities=("read",),
    unable={
        "ask": "The continuous cache remembers what was read before; a single prompt has nothing before it.",
        "generate": "The continuous cache is a memory for reading; memlab does not generate text with it.",
        "sweep": "The continuous cache does not answer single prompts, so there is nothing to sweep.",
        "explain": "The continuous cache does not answer single prompts, so there is nothing to explain.",
    },
    columns={"cache": "cache"},
    remembers=False,
    takes_cache=False,
)

SYSTEM = System(
    name="continuous_cache",
    title="Continuous cache",
    paper="Grave, Joulin & Usunier: Improving Neural Language Models with a Continuous Cache. ICLR 2017",
    group="Semiparametric language models",
    summary=(
        "A short-term memory of the text being read: states and the words that followed them. "
        "Words that came up in similar states become likelier, without training and without a datastore."
    ),
    methods=(METHOD,),
    reported=(
        ReportedTable(
            title="WikiText-103, perplexity on test",
            source="Khandelwal et al., ICLR 2020 (the cache added to kNN-LM)",
            columns=("model", "perplexity"),
            rows=(
                {"model": "kNN-LM", "perplexity": "16.12"},
                {"model": "kNN-LM + continuous cache", "perplexity": "15.79"},
            ),
        ),
    ),
    words={"continuous cache": "The last states of a text that is being read, each with the word that followed it."},
)
