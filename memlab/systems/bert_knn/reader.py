"""BERT-kNN's reader: p_kNN from Euclidean distances over the entries of a few articles, mixed in by a constant lambda."""

from __future__ import annotations

from memlab.reading.knn_reader import KnnReader


class BertKnnReader(KnnReader):
    """What BERT-kNN declares (root of the distances, divisor, keys) is all that differs from other kNN methods."""
