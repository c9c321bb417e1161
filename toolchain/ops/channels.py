"""The output channels of a convolution or fully connected node, in the form that fast kernels want.

The zero point of the input is folded into the bias. A channel whose code is the same for every input, as pruned ones
are, keeps only that code: its weights become zero and its scale harmless, whatever they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.common import activation_range, bias_of, channel_multipliers


@dataclass(frozen=True, eq=False)
class Channels:
    """All int64, a row or entry for each channel; ``shift`` is to the left as in TFLite.

    code = clamp(requantize(weights @ x + bias, multiplier, shift) + zero_point).
    """

    weights: Array
    bias: Array
    multiplier: Array
    shift: Array
    zero_point: Array

    def largest(self) -> Array:
        """A bound of each channel's absolute sum, partial sums in any order included."""
        bound: Array = 128 * np.abs(self.weights).sum(axis=1) + np.abs(self.bias)
        return bound


def channels_of(graph: Graph, node: Node, weights: Array) -> Channels:
    """``weights`` as (channels, taps). Taps outside the image must be given the input's zero point."""
    wide = weights.astype(np.int64)
    bias = bias_of(graph, node, len(wide)) - graph.tensor(node.inputs[0]).zero_point * wide.sum(axis=1)
    multiplier, shift = channel_multipliers(graph, node, len(wide))
    out = graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    least = bias + np.minimum(-128 * wide, 127 * wide).sum(axis=1)
    most = bias + np.maximum(-128 * wide, 127 * wide).sum(axis=1)
    # requantization is monotonic, so equal codes at both ends are equal everywhere between
    first, last = (
        np.clip(fixedpoint.requantize(end, multiplier, shift) + out.zero_point, low, high) for end in (least, most)
    )
    constant = first == last
    return Channels(
        weights=np.where(constant[:, None], 0, wide),
        bias=np.where(constant, 0, bias),
        multiplier=np.where(constant, 0, multiplier),
        shift=np.where(constant, -1, shift),
        zero_point=np.where(constant, first, out.zero_point),
    )
