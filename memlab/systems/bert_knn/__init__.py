"""BERT-kNN (Kassner & Schütze, Findings of EMNLP 2020)."""

from memlab.systems.bert_knn.declaration import METHOD, SYSTEM, Settings

__all__ = ["METHOD", "SYSTEM", "Settings"]
