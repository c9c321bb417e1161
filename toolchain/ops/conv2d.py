"""CONV_2D: int8 activations, int8 per-channel weights (OHWI), int32 bias.

The reference follows TFLM's ``reference_integer_ops::ConvPerChannel``: int32 accumulation over the taps inside
the image, double-rounded requantization per output channel, clamp to the fused activation's range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    TfliteOperator,
    TfliteRecord,
    Value,
    clamp_int8,
)
from toolchain.ops.common import (
    ACTIVATION,
    Window,
    activation_code,
    activation_name,
    activation_range,
    bias_of,
    channel_multipliers,
    constant,
    flatten_samples,
    patches,
    requantize_consts,
    sums_within_32_bits,
    taps_inside,
    window_fits,
    window_from_tflite,
    window_to_tflite,
)
from toolchain.ops.conv2d_compressed import COMPRESSED
from toolchain.ops.conv2d_gemm import GEMM, GEMM_1X1, GEMM_PADDED
from toolchain.ops.conv2d_mve import MVE, MVE_1X1, MVE_1X1_IN_PLACE
from toolchain.ops.conv2d_threes import THREES
from toolchain.ops.conv2d_winograd import WINOGRAD
from toolchain.ops.conv2d_winograd_compressed import WINOGRAD_COMPRESSED
from toolchain.ops.conv2d_xnor import XNOR
from toolchain.ops.items import ITEMS
from toolchain.ops.pixels import window_fields
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap, window_rows


@dataclass(frozen=True)
class ConvAttrs:
    """``activation`` is none, relu, relu6 or relu_n1_to_1."""

    window: Window
    activation: str


def read(op: TfliteOperator) -> ConvAttrs:
    x, w = op.inputs[0], op.inputs[1]
    assert x is not None
    assert w is not None
    window = window_from_tflite(op.options, x, (w.shape[1], w.shape[2]), dilated=True)
    return ConvAttrs(window, activation_name(int(op.options.fusedActivationFunction)))


def write_fields(graph: Graph, node: Node) -> tuple[tuple[str, int], ...]:
    """The option fields that convolutions of both kinds share."""
    window = window_to_tflite(node.attrs.window, graph.tensor(node.inputs[0]), dilated=True)
    return (*window, ("fusedActivationFunction", activation_code(node.attrs.activation)))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    return TfliteRecord("CONV_2D", node.inputs, 3, "Conv2DOptions", write_fields(graph, node))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    _, out_h, out_w, out_c = out.shape
    columns = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), x.zero_point)
    columns = columns.reshape(-1, int(np.prod(columns.shape[3:]))).astype(np.float64) - x.zero_point
    weights = constant(graph, node.inputs[1]).reshape(out_c, -1).astype(np.float64)
    # float64 sums of int8 products are exact below 2**53
    acc = (columns @ weights.T).astype(np.int64) + bias_of(graph, node, out_c)
    scaled = fixedpoint.requantize(acc, *channel_multipliers(graph, node, out_c)) + out.zero_point
    return [clamp_int8(scaled, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def macs(graph: Graph, node: Node) -> int:
    """Nominal multiply-accumulates, padding counted as TFLite and MLPerf Tiny count them."""
    w = graph.tensor(node.inputs[1])
    return graph.tensor(node.outputs[0]).size * (w.size // w.shape[0])


def conv_params(graph: Graph, node: Node, weights: Const) -> tuple[tuple[str, Value], ...]:
    """The fields of ``nn_conv2d_params`` (nn_conv2d.h)."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    channels = out.shape[3]
    low, high = activation_range(node.attrs.activation, out)
    multiplier, shift = channel_multipliers(graph, node, channels)
    return (
        *window_fields(graph, node),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
        ("weights", weights),
        *requantize_consts(bias_of(graph, node, channels), multiplier, shift),
    )


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = Const("weights", "int8_t", constant(graph, node.inputs[1]))
    params = conv_params(graph, node, weights)
    call = KernelCall("nn_conv2d_s8", "nn_conv2d.h", "nn_conv2d_params", params, node.inputs[:1], node.outputs)
    return (call,)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Pixels; for four channels that share each input and for single ones: how many, rows of taps, taps.

    With dilation each tap of a row starts a loop of its own.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    rows, columns = (int(n.sum()) for n in taps_inside(window, x, out))
    fours, rest = divmod(out.shape[3], 4)
    pixels, taps = out.shape[1] * out.shape[2], rows * columns
    apart = taps if window.dilation[1] > 1 else 0
    terms = [pixels]
    for groups in (fours, rest):
        terms += [pixels * groups, rows * out.shape[2] * groups, apart * groups, taps * groups * x.shape[3]]
    return tuple(map(float, terms))


def symmetric(graph: Graph, node: Node) -> bool:
    quant = graph.tensor(node.inputs[1]).quant
    return quant is not None and not any(quant.zero_point)


def weights_per_channel(axis: int) -> Constraint:
    """Weight scales: one, or one for each output channel along ``axis``."""

    def holds(graph: Graph, node: Node) -> bool:
        w = graph.tensor(node.inputs[1])
        assert w.quant is not None
        return len(w.quant.scale) == 1 or (len(w.quant.scale) == w.shape[axis] and w.quant.axis == axis)

    return Constraint("its weights must have one scale, or one scale for each output channel", holds)


def _bias_ok(graph: Graph, node: Node) -> bool:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return True
    bias = graph.tensor(node.inputs[2])
    return bias.data is not None and bias.dtype == "int32" and bias.size == graph.tensor(node.outputs[0]).shape[-1]


CODES = (
    Constraint(
        "its weights must be constant int8",
        lambda g, n: g.is_constant(n.inputs[1]) and g.tensor(n.inputs[1]).dtype == "int8",
    ),
    Constraint("its weights must be quantized symmetrically (zero point 0)", symmetric),
)
WEIGHTS = (
    *CODES,
    Constraint("its bias must be a constant int32 vector with one entry for each output channel", _bias_ok),
    ACTIVATION,
)
IMAGE = Constraint(
    "its input and output must have the shape (batch, height, width, channels)",
    lambda g, n: len(g.tensor(n.inputs[0]).shape) == len(g.tensor(n.outputs[0]).shape) == 4,
)
_WINDOW = Constraint(
    "its strides, padding and shapes must agree",
    lambda g, n: window_fits(n.attrs.window, g.tensor(n.inputs[0]), g.tensor(n.outputs[0])),
)
SPATIAL_ITEMS = (IMAGE, ITEMS, _WINDOW)
SPANNING = (
    Constraint(
        "its weights must have the shape (output channels, height, width, input channels)",
        lambda g, n: (
            len(g.tensor(n.inputs[1]).shape) == 4 and g.tensor(n.inputs[1]).shape[0] == g.tensor(n.outputs[0]).shape[3]
        ),
    ),
    Constraint(
        "its weights must span all input channels",
        lambda g, n: g.tensor(n.inputs[1]).shape[3] == g.tensor(n.inputs[0]).shape[3],
    ),
)

OPS = (
    Op(
        name="conv2d",
        tflite=("CONV_2D",),
        read=read,
        write=_write,
        ptq=PtqRule(weights_axis=0),
        by_items=True,
        reference=_reference,
        macs=macs,
        rows=window_rows,
        constraints=(
            INT8,
            *SPATIAL_ITEMS,
            *WEIGHTS,
            weights_per_channel(0),
            *SPANNING,
            sums_within_32_bits(0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_s8.c",),
                lower=_lower,
                cost=FittedCost((102.1, 333.2, 93.98, 26.91, 18.0, 59.11, 113.8, 22.2, 9.03), _terms),
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            GEMM,
            GEMM_PADDED,
            *WINOGRAD,
            GEMM_1X1,
            *COMPRESSED,
            *WINOGRAD_COMPRESSED,
            XNOR,
            THREES,
            MVE,
            MVE_1X1,
            MVE_1X1_IN_PLACE,
        ),
    ),
)
