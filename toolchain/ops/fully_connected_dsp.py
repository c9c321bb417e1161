"""FULLY_CONNECTED by paired-byte weights, for cores with the DSP extension and an FPU.

The input is widened to int16 once in scratch, or again for each eight channels without scratch, 2 to 3 % slower.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Fields, FittedCost, KernelCall, KernelVariant, Symbol
from toolchain.ops.channels import Channels
from toolchain.ops.common import activation_range, bias_of, channel_multipliers, constant
from toolchain.ops.paired import WORD_ORDER, is_exact, padded

GROUP, TAIL = 8, 4  # channels at a time


def _channels(graph: Graph, node: Node) -> Channels:
    """The input's zero point folded into the bias, channels of zeros behind the last up to whole groups of four.

    Constants are kept as they are even where a channel never changes, because one multiplier for all is worth more.
    """
    weights = constant(graph, node.inputs[1]).astype(np.int64)
    count = len(weights)
    bias = bias_of(graph, node, count) - graph.tensor(node.inputs[0]).zero_point * weights.sum(axis=1)
    multiplier, shift = channel_multipliers(graph, node, count)
    missing = -count % TAIL
    return Channels(
        weights=np.pad(weights, ((0, missing), (0, 0))),
        bias=np.pad(bias, (0, missing)),
        multiplier=np.pad(multiplier, (0, missing), mode="edge"),
        shift=np.pad(np.where(multiplier == 0, -1, shift), (0, missing), mode="edge"),
        zero_point=np.full(count + missing, graph.tensor(node.outputs[0]).zero_point),
    )


def _per_channel(channels: Channels) -> bool:
    return len(set(zip(channels.multiplier.tolist(), channels.shift.tolist(), strict=True))) > 1


def pack(channels: Channels, eights: int) -> Array:
    """The uint32 stream of ``nn_fully_connected_dsp.h``: so many groups of eight, then groups of four."""
    count, k = channels.weights.shape
    wide = np.pad(channels.weights, ((0, 0), (0, padded(k) - k)))
    rows = wide.reshape(count, -1, 4)[:, :, WORD_ORDER].reshape(count, -1)
    paired = (256 * rows[1::2] + rows[0::2]) & 0xFFFF
    words = paired[:, 0::2] | paired[:, 1::2] << 16  # (channels / 2, pairs of K)
    per_channel = _per_channel(channels)
    stream: list[int] = []
    first = 0
    while first < count:
        size = GROUP if first < GROUP * eights else TAIL
        for low in range(first, first + size, 2):
            stream += [channels.bias[low], channels.bias[low] + 256 * channels.bias[low + 1]]
        stream += words[first // 2 : (first + size) // 2].T.reshape(-1).tolist()
        for low in range(first, first + size, 2) if per_channel else ():
            for channel in (low + 1, low):
                stream += [channels.multiplier[channel], -channels.shift[channel] - 1]
        first += size
    return (np.array(stream, np.int64) & 0xFFFFFFFF).astype(np.uint32)


def _groups(graph: Graph, node: Node) -> tuple[int, int]:
    """Groups of eight channels, and of four behind them."""
    channels = graph.tensor(node.inputs[1]).shape[0]
    return channels // GROUP, -(-(channels % GROUP) // TAIL)


def _rows(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).size // graph.tensor(node.inputs[1]).shape[0]


def _lower(direct: bool, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out = graph.tensor(node.outputs[0])
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    low, high = activation_range(node.attrs.activation, out)
    channels = _channels(graph, node)
    per_channel = _per_channel(channels)
    pairs, eights = padded(in_c) // 2, _groups(graph, node)[0]
    shape = (
        ("pairs", pairs),
        ("groups", eights),
        ("offset", 2 * out.zero_point + 1),
        ("multiplier", 0 if per_channel else int(channels.multiplier[0])),
        ("half_shift", 0 if per_channel else -int(channels.shift[0]) - 1),
    )
    symbol = "nn_fully_connected_1x8_" + ("direct_" if direct else "") + ("channel" if per_channel else "tensor")
    params = (
        ("rows", _rows(graph, node)),
        ("in_c", in_c),
        ("out_c", out_c),
        ("act_min", low),
        ("act_max", high),
        ("per_channel", int(per_channel)),
        ("shape", Fields(shape)),
        ("kernel", Symbol(symbol + "_relu" if out.zero_point == -128 else symbol)),
        ("weights", Const("weights", "uint32_t", pack(channels, eights))),
    )
    call = KernelCall(
        "nn_fully_connected_s8_direct" if direct else "nn_fully_connected_s8_dsp",
        "nn_fully_connected_dsp.h",
        "nn_fully_connected_dsp_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=0 if direct else 4 * pairs,
    )
    return (call,)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, words to widen; groups of eight channels and of four, their products, channels left over.

    Then what depends on the layer: a rest to widen, channels to clamp, and such with multipliers of their own.
    """
    out = graph.tensor(node.outputs[0])
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    pairs, (eights, fours) = padded(in_c) // 2, _groups(graph, node)
    clamped = out_c if activation_range(node.attrs.activation, out) != (-128, 127) else 0
    apart = out_c if _per_channel(_channels(graph, node)) else 0
    groups = (eights, eights * pairs, fours, fours * pairs, out_c % GROUP)
    return 1.0, *(float(_rows(graph, node) * n) for n in (1, pairs, *groups, in_c % 4 > 0, clamped, apart))


def _direct_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, groups of eight channels, their products; channels to clamp, and such with multipliers of their own."""
    out = graph.tensor(node.outputs[0])
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    eights = out_c // GROUP
    clamped = out_c if activation_range(node.attrs.activation, out) != (-128, 127) else 0
    apart = out_c if _per_channel(_channels(graph, node)) else 0
    return 1.0, *(float(_rows(graph, node) * n) for n in (1, eights, eights * in_c, clamped, apart))


def _supports_direct(graph: Graph, node: Node) -> bool:
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    return out_c % GROUP == 0 and in_c % 4 == 0 and is_exact(_channels(graph, node))


DSP = KernelVariant(
    name="dsp",
    sources=("nn_fully_connected_s8_dsp.c", "nn_fully_connected_1x8_dsp.S"),
    lower=partial(_lower, False),
    cost=FittedCost((25.25, 117.9, 4.19, 79.74, 19.14, 12.49, 14.22, 41.41, -27.75, 13.23, 4.65), _terms),
    supports=lambda g, n: is_exact(_channels(g, n)),
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_fully_connected_s8_dsp.c", "nn_fully_connected_1x8_twin.c"),
)
DIRECT = KernelVariant(
    name="dsp_direct",
    sources=("nn_fully_connected_s8_direct.c", "nn_fully_connected_1x8_dsp.S"),
    lower=partial(_lower, True),
    cost=FittedCost((4.32, 91.9, 81.08, 9.93, 12.7, 4.64), _direct_terms),
    supports=_supports_direct,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_fully_connected_s8_direct.c", "nn_fully_connected_1x8_twin.c"),
)
