"""BERT-kNN: adding a kNN search component to pretrained language models for better QA
(Kassner & Schuetze, Findings of EMNLP 2020).

A cloze question is answered by a masked model and by the masked contexts that are nearest to it. Only
the entries of a few articles are searched: an article whose title appears in the question, else the
three nearest by TF-IDF.

    w_i ~ exp(-d_i / scale)        d_i: Euclidean distance of neighbor i; the authors' scale is 6
    p_kNN(y) = sum of the w_i with value y
    p = 0.3 p_kNN + 0.7 p_BERT

The authors' key is the hidden state of the masked position in the second-to-last layer (11 of 12).
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import KnnDistribution, Method, Recipe, ReportedTable, System, setting
from memlab.declare.knn_settings import articles_searched, divisor, memory_weight, neighbors


@dataclass(frozen=True)
class Settings:
    """Defaults are the paper's."""

    k: int = neighbors(128)
    scale: float = divisor(6.0, "scale", high=100.0)
    lam: float = memory_weight(0.3)
    key: str = setting(
        "penultimate",
        "key",
        "Which representation is compared: the second-to-last layer (the paper's), the last layer, or the head's transform of it.",
        choices=("penultimate", "last", "transform"),
    )
    search: str = setting(
        "articles",
        "search in",
        "Only the entries of the articles that the prompt is about (the paper's), or all entries.",
        choices=("articles", "all"),
    )
    articles: int = articles_searched(3)


METHOD = Method(
    name="bert-knn",
    title="BERT-kNN",
    paper="Kassner & Schütze, Findings of EMNLP 2020",
    kinds=("masked",),
    help="Fill [MASK]: the model's distribution mixed with that of the nearest remembered masked contexts.",
    settings=Settings,
    reader="memlab.systems.bert_knn.reader:BertKnnReader",
    abilities=("ask", "sweep", "explain"),
    unable={
        "read": "BERT-kNN fills blanks with a masked model, which cannot read a text token by token.",
        "generate": "BERT-kNN fills blanks with a masked model, which cannot continue a text.",
    },
    knn=KnnDistribution(divisor="scale", root=True, k=128),
    gates=("constant",),
)

SYSTEM = System(
    name="bert_knn",
    title="BERT-kNN",
    paper="Kassner & Schütze: BERT-kNN: Adding a kNN Search Component to Pretrained Language Models for Better QA. Findings of EMNLP 2020",
    group="Semiparametric language models",
    summary=(
        "A cloze question is answered by a masked model and by the masked contexts that are nearest to it, found in a few "
        "articles that an article search chooses. The model often knows the right kind of answer; the memory knows the answer."
    ),
    methods=(METHOD,),
    recipes=(
        Recipe(
            name="masked",
            kind="masked",
            title="Masked model trained on a text",
            data="a text, best with one sentence or paragraph per line",
            steps=1500,
            seed=0,
            minutes=35.0,
            train="memlab.systems.bert_knn.training:MaskedTraining",
        ),
    ),
    reported=(
        ReportedTable(
            title="LAMA, precision at 1 (T-REx and Google-RE)",
            source="Kassner & Schütze, Findings of EMNLP 2020",
            columns=("model", "LAMA", "LAMA-UHN"),
            rows=(
                {"model": "BERT-base", "LAMA": "27.7", "LAMA-UHN": "20.6"},
                {"model": "BERT-large", "LAMA": "30.6", "LAMA-UHN": "23.0"},
                {"model": "ERNIE", "LAMA": "30.4", "LAMA-UHN": "24.7"},
                {"model": "KnowBERT", "LAMA": "31.7", "LAMA-UHN": "24.6"},
                {"model": "E-BERT", "LAMA": "36.2", "LAMA-UHN": "31.1"},
                {"model": "BERT-kNN", "LAMA": "39.4", "LAMA-UHN": "34.8"},
            ),
        ),
    ),
    words={
        "scale": "Divides the Euclidean distances before the softmax over neighbors; the authors' scale for BERT is 6.",
        "article search": "Chooses the articles that are searched: one whose title appears in the question, else the nearest by TF-IDF.",
    },
)
