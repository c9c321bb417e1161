"""Output channels for the kernels of cores without the DSP extension: one zero point, a right shift for each.

``nn_requantize_right`` of ``nn_fixedpoint.h`` makes codes of their sums.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Value
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import activation_range

ONE_HALF = 1 << 30  # as a multiplier


def plain_channels(graph: Graph, node: Node, weights: Array) -> Channels:
    """``weights`` as (channels, taps). A channel of one code has that in its bias, not as a zero point of its own."""
    channels = channels_of(graph, node, weights)
    zero_point = graph.tensor(node.outputs[0]).zero_point
    same = channels.multiplier == 0
    return dataclasses.replace(
        channels,
        # the multiplier and a shift of one take the factor away again
        bias=np.where(same, 4 * (channels.zero_point - zero_point), channels.bias),
        multiplier=np.where(same, ONE_HALF, channels.multiplier),
        zero_point=np.full_like(channels.zero_point, zero_point),
    )


def short_shifts(channels: Channels) -> bool:
    """Whether ``nn_requantize_right`` is exact for every input."""
    right = -channels.shift
    return bool(np.all(channels.largest() < 1 << 30) and np.all((right >= 1) & (right <= 31)))


def requantize_right_fields(graph: Graph, node: Node, channels: Channels) -> tuple[tuple[str, Value], ...]:
    """The bias, with zeros behind it up to whole groups of four, and the fields of ``nn_codes``."""
    out = graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    bias = np.pad(channels.bias, (0, -len(channels.bias) % 4)).astype(np.int32)
    return (
        ("bias", Const("bias", "int32_t", bias)),
        ("codes.multiplier", Const("multiplier", "int32_t", channels.multiplier.astype(np.int32))),
        ("codes.half_shift", Const("half_shift", "int8_t", (-channels.shift - 1).astype(np.int8))),
        ("codes.offset", 2 * out.zero_point + 1),
        ("codes.low", low),
        ("codes.high", high),
    )
