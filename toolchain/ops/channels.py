"""The output channels of a convolution or fully connected node, in the form that fast kernels want.

The zero point of the input is folded into the bias. A channel whose code is the same for every input, as pruned ones
are, keeps only that code: its weights become zero and its scale harmless, whatever they were.
"""

from __future__ import annotations

import functools
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
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    bias = bias_of(graph, node, len(weights))
    numbers = np.stack([bias, *channel_multipliers(graph, node, len(weights))]).astype(np.int64)
    codes = out.zero_point, *activation_range(node.attrs.activation, out)
    return _channels(weights.astype(np.int8).tobytes(), numbers.tobytes(), x.zero_point, codes)


@functools.lru_cache(maxsize=32)  # kernels are compared, for ever other rows, and packed one after the other
def _channels(weights: bytes, numbers: bytes, in_zero_point: int, codes: tuple[int, int, int]) -> Channels:
    """``numbers``: bias, multiplier and shift; ``codes``: the output's zero point, the least and the largest code."""
    bias, multiplier, shift = np.frombuffer(numbers, np.int64).reshape(3, -1)
    wide = np.frombuffer(weights, np.int8).reshape(len(bias), -1).astype(np.int64)
    zero_point, low, high = codes
    bias = bias - in_zero_point * wide.sum(axis=1)
    least = bias + np.minimum(-128 * wide, 127 * wide).sum(axis=1)
    most = bias + np.maximum(-128 * wide, 127 * wide).sum(axis=1)
    # requantization is monotonic, so equal codes at both ends are equal everywhere between
    first, last = (
        np.clip(fixedpoint.requantize(end, multiplier, shift) + zero_point, low, high) for end in (least, most)
    )
    constant = first == last
    return Channels(
        weights=np.where(constant[:, None], 0, wide),
        bias=np.where(constant, 0, bias),
        multiplier=np.where(constant, 0, multiplier),
        shift=np.where(constant, -1, shift),
        zero_point=np.where(constant, first, zero_point),
    )
