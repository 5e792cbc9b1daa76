"""A map of a question and its neighbors: the two directions in which their keys differ most.

Principal components of the keys of everything shown, and two measures of what the plane preserves: the
share of variance, and the order of distances to the question.
"""

from __future__ import annotations

import numpy as np


def principal_plane(keys: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinates (n, 2) of keys (n, d) on their first two principal components, and the share of variance kept.

    The sign of a component is not determined; here its largest loading is positive, so that the same keys
    give the same map. Keys that are all equal are all at the origin, with share 1.
    """
    plane = np.zeros((len(keys), 2))
    if np.ptp(keys, axis=0).max() == 0:
        return plane, 1.0
    from sklearn.decomposition import PCA  # at first use: it takes a second to import

    pca = PCA(min(2, *keys.shape), svd_solver="full")
    found = pca.fit_transform(keys.astype(np.float64))
    plane[:, : found.shape[1]] = found
    return plane, float(pca.explained_variance_ratio_.sum())


def agreement(plane: np.ndarray, keys: np.ndarray) -> float | None:
    """Spearman's rank correlation between distances to the first row in the plane (n, 2) and among the keys (n, d).

    None if it is undefined: fewer than three others, or all at the same distance.
    """
    from scipy.stats import spearmanr  # at first use: it takes a second to import

    seen = np.linalg.norm(plane[1:] - plane[0], axis=1)
    true = np.linalg.norm((keys[1:] - keys[0]).astype(np.float64), axis=1)
    if len(true) < 3 or np.ptp(seen) == 0 or np.ptp(true) == 0:
        return None
    return float(spearmanr(seen, true).statistic)
