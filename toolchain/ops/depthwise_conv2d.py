"""DEPTHWISE_CONV_2D: int8 activations, int8 per-channel weights (1HWO), int32 bias, any channel multiplier.

The reference follows TFLM's ``reference_integer_ops::DepthwiseConvPerChannel``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    clamp_int8,
)
from toolchain.ops.common import (
    activation_range,
    bias_of,
    channel_multipliers,
    constant,
    flatten_samples,
    patches,
    sums_within_32_bits,
    taps_inside,
)
from toolchain.ops.conv2d import SPATIAL_ITEMS, WEIGHTS, conv_params, read, weights_per_channel, write_fields
from toolchain.ops.depthwise_compressed import CODEBOOKS
from toolchain.ops.depthwise_dsp import PACKED_3X3
from toolchain.ops.depthwise_fours import FOURS
from toolchain.ops.depthwise_line import LINE
from toolchain.ops.depthwise_mve import MVE, MVE_LINE
from toolchain.ops.depthwise_mve_taps import MVE_TAPS
from toolchain.ops.depthwise_taps import TAPS
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap, window_rows


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    _, out_h, out_w, out_c = out.shape
    taps = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), x.zero_point)
    taps = np.repeat(taps.astype(np.int32) - x.zero_point, out_c // x.shape[3], axis=5)
    weights = constant(graph, node.inputs[1])[0].astype(np.int32)
    acc = np.einsum("nyxhwc,hwc->nyxc", taps, weights).astype(np.int64) + bias_of(graph, node, out_c)
    scaled = fixedpoint.requantize(acc, *channel_multipliers(graph, node, out_c)) + out.zero_point
    return [clamp_int8(scaled, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def macs(graph: Graph, node: Node) -> int:
    size = node.attrs.window.size
    return graph.tensor(node.outputs[0]).size * int(size[0] * size[1])


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = Const("weights", "int8_t", constant(graph, node.inputs[1]))
    params = conv_params(graph, node, weights)
    call = KernelCall(
        "nn_depthwise_conv2d_s8", "nn_depthwise_conv2d.h", "nn_conv2d_params", params, node.inputs[:1], node.outputs
    )
    return (call,)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Pixels, those times the input channels, outputs, rows of taps and taps of all outputs."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    pixels, channels = out.shape[1] * out.shape[2], out.shape[3]
    terms = (pixels, pixels * x.shape[3], out.size, rows * out.shape[2] * channels, rows * columns * channels)
    return tuple(map(float, terms))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    multiplier = graph.tensor(node.outputs[0]).shape[3] // graph.tensor(node.inputs[0]).shape[3]
    fields = (*write_fields(graph, node), ("depthMultiplier", multiplier))
    return TfliteRecord("DEPTHWISE_CONV_2D", node.inputs, 3, "DepthwiseConv2DOptions", fields)


CHANNELS = Constraint(
    "its output channels must be a multiple of its input channels and match its weights",
    lambda g, n: (
        g.tensor(n.inputs[1]).shape == (1, *n.attrs.window.size, g.tensor(n.outputs[0]).shape[3])
        and g.tensor(n.outputs[0]).shape[3] % g.tensor(n.inputs[0]).shape[3] == 0
    ),
)

OPS = (
    Op(
        name="depthwise_conv2d",
        tflite=("DEPTHWISE_CONV_2D",),
        read=read,
        write=_write,
        ptq=PtqRule(weights_axis=3),
        by_items=True,
        reference=_reference,
        macs=macs,
        rows=window_rows,
        constraints=(
            INT8,
            *SPATIAL_ITEMS,
            *WEIGHTS,
            weights_per_channel(3),
            CHANNELS,
            sums_within_32_bits(3),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_depthwise_conv2d_s8.c",),
                lower=_lower,
                cost=FittedCost((106.1, 22.34, 82.95, 19.07, 13.99), _terms),
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            PACKED_3X3,
            LINE,
            TAPS,
            *CODEBOOKS,
            FOURS,
            MVE,
            MVE_LINE,
            MVE_TAPS,
        ),
    ),
)
