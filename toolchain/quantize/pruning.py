"""Which blocks of weights a layer needs least, told by its inputs; the weights that stay take over their part.

Removing a weight costs w^2 / [H^-1]_jj when all others may adapt. Blocks are removed in a few stages, and after each
the weights that are left solve the layer's least squares problem anew. Sources: Hassibi and Stork, "Second Order
Derivatives for Network Pruning: Optimal Brain Surgeon", 1993; Frantar and Alistarh, "Optimal Brain Compression", 2022
(layer by layer, from the inputs alone).
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array
from toolchain.quantize.least_squares import Moments
from toolchain.quantize.weights import kept_blocks

STAGES = 4


def pruned_rows(rows: Array, moments: Moments, fraction: float, memory_axis: int) -> tuple[Array, Array]:
    """Real weights of which ``fraction`` of the blocks are 0.0, adapted to that, and which ones are kept."""
    moments = moments.damped()
    targets = moments.targets(rows)
    inverse = np.linalg.inv(moments.own)
    importance = np.broadcast_to(1 / np.diagonal(inverse, axis1=-2, axis2=-1), rows.shape)
    left, kept = rows, np.ones(rows.shape, bool)
    for stage in range(1, STAGES + 1):
        kept = kept_blocks(left * kept, importance, fraction * stage / STAGES, memory_axis)
        left = np.stack([_solved(moments, c, targets[c], kept[c]) for c in range(len(rows))])
    return left, kept


def _solved(moments: Moments, channel: int, target: Array, kept: Array) -> Array:
    """The weights of one channel that are kept, by least squares; the others are 0.0."""
    own = moments.own if moments.own.ndim == 2 else moments.own[channel]
    index = np.flatnonzero(kept)
    result = np.zeros(len(kept))
    if len(index):
        result[index] = np.linalg.solve(own[np.ix_(index, index)], target[index])
    return result
