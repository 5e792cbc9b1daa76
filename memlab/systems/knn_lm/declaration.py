"""kNN-LM: Generalization through Memorization (Khandelwal et al., ICLR 2020).

The datastore holds, for every token of a text, a key (the representation of the context before it)
and a value (the token). A question is answered by the model and by the k entries whose keys are
nearest to the representation of the question, and the two distributions are mixed.

    p_kNN(y|x) ~ sum over neighbors (k_i, v_i) with v_i = y of exp(-d(k_i, f(x)) / T)      (eq. 2)
    p(y|x)     = lambda p_kNN(y|x) + (1 - lambda) p_LM(y|x)                               (eq. 3)

d is the squared Euclidean distance; f(x) is the input of the last block's feed-forward layer, after
its layer norm (section 5, "key function").
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import KnnDistribution, Method, ReportedTable, Study, System, setting
from memlab.declare.knn_settings import articles_searched, divisor, memory_weight, neighbors


@dataclass(frozen=True)
class Settings:
    """Defaults are the paper's; lambda is that within a domain (across domains the paper uses 0.65)."""

    k: int = neighbors(1024)
    temperature: float = divisor(1.0, "temperature T", high=1000.0)
    lam: float = memory_weight(0.25)
    key: str = setting(
        "ffn",
        "key",
        "Which representation is compared: the input of the last feed-forward layer (ffn, the paper's) or the last layer.",
        choices=("ffn", "last"),
    )
    search: str = setting(
        "all",
        "search in",
        "All entries (the paper's), or only those of the articles that the prompt is about.",
        choices=("all", "articles"),
    )
    articles: int = articles_searched(3)


@dataclass(frozen=True)
class GateSettings:
    """Settings of the study that trains a gate."""

    kind: str = setting(
        "learned",
        "gate",
        "Learned: lambda from the model's and the memory's certainty. Skip: from the model's alone, which saves searches.",
        choices=("learned", "skip"),
    )
    seed: int = setting(
        0, "seed", "Seed of the initial weights; the same seed gives the same gate.", low=0, high=999_999
    )


METHOD = Method(
    name="knn-lm",
    title="kNN-LM",
    paper="Khandelwal et al., ICLR 2020",
    kinds=("causal",),
    help="Next words: the model's distribution mixed with that of the nearest remembered contexts.",
    settings=Settings,
    reader="memlab.systems.knn_lm.reader:KnnLmReader",
    abilities=("ask", "read", "generate", "sweep", "explain"),
    knn=KnnDistribution(divisor="temperature", root=False, k=256),
    gates=("constant", "learned", "skip"),
    only_ask=("search", "articles"),
    columns={"knn-lm": "memory", "knn-lm+cache": "memory+cache"},
)

SYSTEM = System(
    name="knn_lm",
    title="kNN-LM",
    paper="Khandelwal, Levy, Jurafsky, Zettlemoyer & Lewis: Generalization through Memorization: Nearest Neighbor Language Models. ICLR 2020",
    group="Semiparametric language models",
    summary=(
        "A trained causal model is mixed with a nearest-neighbor search over its own representations of a text collection. "
        "Nothing is trained: the memory can be replaced, and every remembered passage can be shown."
    ),
    methods=(METHOD,),
    studies=(
        Study(
            name="gate",
            title="Train a gate",
            help="Learns from held-out articles when to trust the memory; afterwards Read and Generate offer the gate.",
            settings=GateSettings,
            run="memlab.systems.knn_lm.gates:train",
            draw="memlab.systems.knn_lm.gates:draw",
        ),
    ),
    reported=(
        ReportedTable(
            title="WikiText-103, perplexity on test",
            source="Khandelwal et al., ICLR 2020",
            columns=("model", "perplexity"),
            rows=(
                {"model": "base", "perplexity": "18.65"},
                {"model": "kNN-LM", "perplexity": "16.12"},
                {"model": "kNN-LM + continuous cache", "perplexity": "15.79"},
            ),
        ),
    ),
    words={
        "temperature": "Divides the distances before the softmax over neighbors: larger values let far neighbors count.",
        "lambda": "The weight of the memory's distribution in the mixture: 0 is the model alone, 1 the memory alone.",
        "gate": "What decides lambda: one constant, or a small network with the model's and the memory's certainty as input.",
    },
)
