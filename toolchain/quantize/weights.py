"""Weights in the formats below int8: scales, allowed codes and codes of one layer, by the nearest allowed value.

real = scale[channel] * code, and the codes of a layer come from a few ``levels`` that all its channels share: -7 to 7,
the centroids of a codebook, -1, 0 and 1, or -1 and 1. Sources: Nagel et al., "A White Paper on Neural Network
Quantization", 2021 (clipping by MSE); Han et al., "Deep Compression", 2016 (k-means, pruning); Li and Liu, "Ternary
Weight Networks", 2016; Rastegari et al., "XNOR-Net", 2016 (binary: the scale is the mean magnitude).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array
from toolchain.quantize.formats import codebook_bits, sparse_fraction
from toolchain.quantize.lloyd import kmeans, nearest

CODE_HIGH = 127
BLOCK = 4  # neighbouring weights that sparse kernels leave out together
_SHARES = np.linspace(1.0, 0.2, 81)  # of the widest useful scale, tried one by one
_ROUNDS = 10  # of scales after codes and codes after scales
_FAINT = 2.0**-20  # of the layer's largest weight: for channels of nothing but 0.0


@dataclass(frozen=True, eq=False)
class Coded:
    """``codes`` (channels, weights of a channel) out of the ascending ``levels``, and a ``scale`` for each channel.

    ``kept`` is False for weights that are pruned: their code is 0 whatever the levels are. Channels with a codebook of
    their own are coded by themselves and ``joined``; ``levels`` are then all that occur.
    """

    codes: Array
    scale: Array
    levels: Array
    kept: Array | None = None

    @property
    def values(self) -> Array:
        """What the codes stand for, in float64."""
        real: Array = self.codes * self.scale[:, None]
        return real


def joined(parts: Sequence[Coded]) -> Coded:
    """Groups of channels as one layer; a single part is the layer, as it is."""
    if len(parts) == 1:
        return parts[0]
    assert all(part.kept is None for part in parts), "only codebooks are for groups of channels"
    levels = np.unique(np.concatenate([part.levels for part in parts]))
    return Coded(np.concatenate([p.codes for p in parts]), np.concatenate([p.scale for p in parts]), levels)


def as_rows(weights: Array, axis: int) -> Array:
    """Weights as (output channels, weights of a channel) in float64, in the order of ``ops.common.patches``."""
    rows: Array = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.float64)
    return rows


def from_rows(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The inverse of ``as_rows``."""
    others = [size for i, size in enumerate(shape) if i != axis]
    result: Array = np.moveaxis(rows.reshape(shape[axis], *others), 0, axis)
    return result


def coded(rows: Array, weight_format: str, importance: Array, memory_axis: int = 1) -> Coded:
    """``rows`` of weights in ``weight_format``, all with the same levels, each weight to the nearest one.

    ``importance`` is shaped like ``rows`` or broadcasts to it: what a squared error of the weight costs, the second
    moment of its input. ``memory_axis`` is the axis of ``rows`` along which a sparse kernel finds neighbours.
    """
    importance = _positive(np.broadcast_to(importance, rows.shape))
    if fraction := sparse_fraction(weight_format):
        return _pruned(rows, importance, fraction, memory_axis)
    if bits := codebook_bits(weight_format):
        return _clustered(rows, importance, 1 << bits)
    return with_best_scales(rows, _LEVELS[weight_format], importance)


_LEVELS = {
    "int8": np.arange(-CODE_HIGH, CODE_HIGH + 1),
    "int4": np.arange(-7, 8),
    "ternary": np.array([-1, 0, 1]),
    "binary": np.array([-1, 1]),
}


def with_best_scales(rows: Array, levels: Array, importance: Array) -> Coded:
    """The scale of each channel with the least weighted squared error.

    Scales that clip are tried from the widest down, then scale and codes follow from one another. With two levels this
    is XNOR-Net's mean magnitude, with three the threshold of ternary weight networks.
    """
    widest = _largest(rows) / np.abs(levels).max()
    best, least = widest, np.full(len(rows), np.inf)
    for share in _SHARES:
        scale = fitted_scales(rows, levels[nearest(rows / (widest * share)[:, None], levels)], importance, widest)
        error = _errors(rows, levels, scale, importance)
        for candidate, found in ((scale, error), (widest * share, _errors(rows, levels, widest * share, importance))):
            better = found < least
            best, least = np.where(better, candidate, best), np.where(better, found, least)
    for _ in range(_ROUNDS):
        codes = levels[nearest(rows / best[:, None], levels)]
        best = fitted_scales(rows, codes, importance, best)
    return Coded(levels[nearest(rows / best[:, None], levels)], best, levels)


def fitted_scales(rows: Array, codes: Array, importance: Array, otherwise: Array) -> Array:
    """The scale of each channel with which ``codes`` come nearest to ``rows``; ``otherwise`` where there is none."""
    above = (importance * rows * codes).sum(axis=1)
    below = (importance * codes * codes).sum(axis=1)
    fits = (below > 0) & (above > 0)
    scale: Array = np.where(fits, above / np.where(fits, below, 1.0), otherwise)
    return scale


def _errors(rows: Array, levels: Array, scale: Array, importance: Array) -> Array:
    codes = levels[nearest(rows / scale[:, None], levels)]
    error: Array = (importance * (rows - codes * scale[:, None]) ** 2).sum(axis=1)
    return error


def _clustered(rows: Array, importance: Array, count: int) -> Coded:
    """Scales and int8 centroids by turns; a codebook of its best round, by weighted squared error."""
    scale = _largest(rows) / CODE_HIGH
    start = None
    best: tuple[float, Coded] | None = None
    for _ in range(_ROUNDS):
        ratios, masses = rows / scale[:, None], importance * scale[:, None] ** 2
        start = kmeans(ratios, count, masses, start)
        levels = whole_levels(start)
        codes = levels[nearest(ratios, levels)]
        made = Coded(codes, fitted_scales(rows, codes, importance, scale), levels)
        error = float((importance * (rows - made.values) ** 2).sum())
        if best is None or error < best[0]:
            best = error, made
        scale = made.scale
    assert best is not None
    return best[1]


def whole_levels(centroids: Array) -> Array:
    """The distinct int8 codes nearest to real centroids."""
    levels: Array = np.unique(np.clip(np.rint(centroids), -CODE_HIGH, CODE_HIGH)).astype(np.int64)
    return levels


def _pruned(rows: Array, importance: Array, fraction: float, memory_axis: int) -> Coded:
    return masked(rows, kept_blocks(rows, importance, fraction, memory_axis))


def kept_blocks(rows: Array, importance: Array, fraction: float, memory_axis: int) -> Array:
    """False for the blocks of least weighted magnitude; a block at the end of a line may be shorter.

    Magnitudes count in relation to their channel: folded batch normalization makes whole channels small that matter.
    """
    power = importance * rows**2
    power = power / np.maximum(power.sum(axis=1, keepdims=True), 1e-30)
    costs = power if memory_axis == 1 else power.T
    padded = np.pad(costs, ((0, 0), (0, -costs.shape[1] % BLOCK)))
    blocks = padded.reshape(len(padded), -1, BLOCK).sum(axis=2)
    order = np.argsort(blocks, axis=None, kind="stable")
    kept = np.ones(blocks.size, bool)
    kept[order[: round(fraction * blocks.size)]] = False
    mask: Array = np.repeat(kept.reshape(blocks.shape), BLOCK, axis=1)[:, : costs.shape[1]]
    return mask if memory_axis == 1 else mask.T


def masked(rows: Array, mask: Array) -> Coded:
    """int8 with zeros where ``mask`` is False."""
    scale = _largest(rows * mask) / CODE_HIGH
    codes = _LEVELS["int8"][nearest(rows / scale[:, None], _LEVELS["int8"])] * mask
    return Coded(codes, scale, _LEVELS["int8"], mask)


def _largest(rows: Array) -> Array:
    """The largest magnitude of each channel, never 0.0."""
    largest = np.abs(rows).max(axis=1)
    faint = largest.max(initial=0.0) * _FAINT
    result: Array = np.maximum(largest, faint if faint > 0 else 1.0)
    return result


def _positive(importance: Array) -> Array:
    """A little for inputs that are never anything but 0.0: their weights are still to be near."""
    mean = float(importance.mean())
    result: Array = importance + (mean * 1e-6 if mean > 0 else 1.0)
    return result


def as_float32(made: Coded, least_scale: Array) -> Coded:
    """``made`` with scales that are float32 values and no less than ``least_scale``."""
    return dataclasses.replace(made, scale=np.maximum(made.scale, least_scale).astype(np.float32).astype(np.float64))
