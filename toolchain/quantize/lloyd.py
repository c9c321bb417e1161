"""K-means in one dimension: a few values that stand for many, with the least weighted squared error.

Source: Lloyd, "Least Squares Quantization in PCM", 1982; for weights of networks Han et al., "Deep Compression", 2016,
section 3.
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array

ROUNDS = 100


def kmeans(values: Array, count: int, weights: Array | None = None, start: Array | None = None) -> Array:
    """At most ``count`` centroids of ``values``, ascending, in float64; ``weights`` are none, or not negative.

    Deterministic. Without ``start`` it begins linearly between the extremes, which keeps the rare large values that
    matter most (Han et al., section 3.2), and at the quantiles, and takes what ends with the smaller error.
    """
    values, weights = _flat(values, weights)
    if not len(values):
        return np.zeros(1)
    starts = [start] if start is not None else [_linear(values, count), _quantiles(values, weights, count)]
    found = [_lloyd(values, weights, np.unique(np.asarray(s, np.float64))) for s in starts]
    return min(found, key=lambda centroids: squared_error(values, centroids, weights))


def nearest(values: Array, centroids: Array) -> Array:
    """The index of the nearest of the ascending ``centroids`` for each value; the lower one of two."""
    index: Array = np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values, side="left")
    return index


def squared_error(values: Array, centroids: Array, weights: Array | None = None) -> float:
    error = (values - centroids[nearest(values, centroids)]) ** 2
    return float((error if weights is None else error * weights).sum())


def grouped_means(values: Array, index: Array, centroids: Array, weights: Array) -> Array:
    """The weighted mean of the values of each index; a centroid without values stays where it is."""
    total = np.bincount(index, weights, len(centroids))
    sums = np.bincount(index, weights * values, len(centroids))
    means: Array = np.where(total > 0, sums / np.where(total > 0, total, 1.0), centroids)
    return means


def _flat(values: Array, weights: Array | None) -> tuple[Array, Array]:
    flat = values.reshape(-1).astype(np.float64)
    masses = np.ones_like(flat) if weights is None else weights.reshape(-1).astype(np.float64)
    kept = masses > 0
    return (flat[kept], masses[kept]) if kept.any() else (flat, np.ones_like(flat))


def _linear(values: Array, count: int) -> Array:
    return np.linspace(values.min(), values.max(), count)


def _quantiles(values: Array, weights: Array, count: int) -> Array:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    index = np.searchsorted(reached, (np.arange(count) + 0.5) / count * reached[-1])
    chosen: Array = values[order][np.minimum(index, len(values) - 1)]
    return chosen


def _lloyd(values: Array, weights: Array, centroids: Array) -> Array:
    for _ in range(ROUNDS):
        moved = np.unique(grouped_means(values, nearest(values, centroids), centroids, weights))
        if len(moved) == len(centroids) and np.allclose(moved, centroids, rtol=1e-9, atol=0):
            break
        centroids = moved
    return centroids
