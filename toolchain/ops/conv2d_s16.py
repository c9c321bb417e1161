"""CONV_2D, FULLY_CONNECTED and DEPTHWISE_CONV_2D with int16 activations and int8 weights.

The references follow TFLM's ``reference_integer_ops::ConvPerChannel``, ``FullyConnected`` and
``DepthwiseConvPerChannel`` with int64 biases: int64 sums, rescaled by 16 bits of the factor and rounded once. The
kernel for the DSP extension adds in 32 bits where no input can overflow them, which is checked channel by channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, depthwise_conv2d, fully_connected
from toolchain.ops.base import Const, Constraint, FittedCost, KernelCall, KernelVariant, Op, Value, no_attrs
from toolchain.ops.common import Window, constant, flatten_samples, patches, taps_inside
from toolchain.ops.conv2d_f32 import by_pixels, row_fields, row_of_pixels, shape_fields
from toolchain.ops.depthwise_conv2d_f32 import lane_terms
from toolchain.ops.float32 import LANES, in_lanes, pixel_overlap, window_fields
from toolchain.ops.int16 import (
    ACTIVATION,
    INT16,
    SYMMETRIC,
    activation_range,
    bias_is_wide,
    bias_of,
    clamp,
    largest_sums,
    range_fields,
    requantize_wide,
    sums_are_defined,
    wide_consts,
    wide_factors,
)
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows

Lower = Callable[[Graph, Node], tuple[KernelCall, ...]]

(_CONV,), (_DENSE,), (_DEPTHWISE,) = conv2d.OPS, fully_connected.OPS, depthwise_conv2d.OPS
WEIGHTS = (
    Constraint(
        "its weights must be constant int8",
        lambda g, n: g.is_constant(n.inputs[1]) and g.tensor(n.inputs[1]).dtype == "int8",
    ),
    Constraint("its weights must be quantized symmetrically (zero point 0)", conv2d.symmetric),
    Constraint("its bias must be a constant int64 vector with one entry for each output channel", bias_is_wide),
    ACTIVATION,
)


def _codes(graph: Graph, node: Node, total: Array) -> Array:
    """The output's codes for sums without bias, channels last."""
    out = graph.tensor(node.outputs[0])
    channels = total.shape[-1]
    scaled = requantize_wide(total + bias_of(graph, node, channels), *wide_factors(graph, node, channels))
    return clamp(scaled, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)


def _product(x: Array, weights: Array) -> Array:
    """(rows, K) times (channels, K), exact: float64 holds sums below 2**53."""
    total: Array = (x.astype(np.float64) @ weights.astype(np.float64).T).astype(np.int64)
    return total


def _conv2d(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    _, out_h, out_w, out_c = graph.tensor(node.outputs[0]).shape
    columns = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), 0)
    columns = columns.reshape(-1, int(np.prod(columns.shape[3:])))
    return [_codes(graph, node, _product(columns, constant(graph, node.inputs[1]).reshape(out_c, -1)))]


def _fully_connected(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    weights = constant(graph, node.inputs[1])
    return [_codes(graph, node, _product(inputs[0].reshape(-1, weights.shape[1]), weights))]


def _depthwise(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    taps = patches(flatten_samples(inputs[0]), node.attrs.window, (out.shape[1], out.shape[2]), 0)
    taps = np.repeat(taps.astype(np.int64), out.shape[3] // x.shape[3], axis=5)
    return [
        _codes(graph, node, np.einsum("nyxhwc,hwc->nyxc", taps, constant(graph, node.inputs[1])[0].astype(np.int64)))
    ]


def _call(symbol: str, graph: Graph, node: Node, shapes: tuple[tuple[str, Value], ...], weights: Array) -> KernelCall:
    channels = graph.tensor(node.outputs[0]).shape[-1]
    params = (
        *shapes,
        *range_fields(graph, node),
        ("weights", Const("weights", "int8_t", weights)),
        *wide_consts(graph, node, channels),
    )
    return KernelCall(symbol, "nn_conv2d_s16.h", "nn_conv2d_s16_params", params, node.inputs[:1], node.outputs)


def _lower(shapes: Callable[[Graph, Node], tuple[tuple[str, Value], ...]], symbol: str = "nn_conv2d_s16") -> Lower:
    return lambda g, n: (_call(symbol, g, n, shapes(g, n), constant(g, n.inputs[1])),)


def packed(weights: Array) -> Array:
    """(channels, rows, taps of a row) for the DSP extension: (groups, rows, fours of taps, LANES, 4).

    Of four taps the middle ones change places.
    """
    channels, rows, taps = weights.shape
    padded = np.zeros((channels, rows, -(-taps // 4) * 4), np.int8)
    padded[:, :, :taps] = weights
    fours = padded.reshape(channels, rows, -1, 4)[..., [0, 2, 1, 3]]
    lanes = in_lanes(fours.reshape(channels, -1))  # (groups, rows * fours * 4, LANES)
    return np.ascontiguousarray(lanes.reshape(len(lanes), rows, -1, 4, LANES).swapaxes(3, 4))


def _lower_dsp(shapes: Callable[[Graph, Node], tuple[tuple[str, Value], ...]]) -> Lower:
    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        weights = constant(graph, node.inputs[1])
        rows = weights.shape[1] if weights.ndim == 4 else 1
        return (
            _call(
                "nn_conv2d_s16_dsp", graph, node, shapes(graph, node), packed(weights.reshape(len(weights), rows, -1))
            ),
        )

    return lower


def _fits_32_bits(graph: Graph, node: Node) -> bool:
    return bool((largest_sums(graph, node, 0) < 1 << 31).all())


def _conv2d_dsp(graph: Graph, node: Node) -> bool:
    return _fits_32_bits(graph, node) and node.attrs.window.dilation[1] == 1


def _narrow_depthwise(graph: Graph, node: Node) -> bool:
    same = graph.tensor(node.inputs[0]).shape[3] == graph.tensor(node.outputs[0]).shape[3]
    return same and bool((largest_sums(graph, node, 3) < 1 << 31).all())


def _conv2d_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, rows of pixels, pixels; outputs, their rows of taps, taps. With dilation each tap is a row."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if by_pixels(graph, node):
        return _dense_terms(graph, node)
    window: Window = node.attrs.window
    rows, columns = (int(n.sum()) for n in taps_inside(window, x, out))
    pixels, channels = out.shape[1] * out.shape[2], out.shape[3]
    runs = rows * columns if window.dilation[1] > 1 else rows * out.shape[2]
    terms = (1, out.shape[1], pixels, out.size, rows * out.shape[2] * channels, runs * channels)
    return *map(float, terms), float(rows * columns * x.shape[3] * channels)


def _dense_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    weights = graph.tensor(node.inputs[1]).shape
    out, rows = graph.tensor(node.outputs[0]).size, graph.tensor(node.inputs[0]).size // weights[-1]
    return tuple(map(float, (1, 1, rows, out, out, out, out * weights[-1])))


def _dsp_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, outputs; groups of channels, their rows of taps, fours of taps and single ones."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    groups = -(-out.shape[-1] // LANES)
    if len(x.shape) != 4 or node.op == "fully_connected_s16" or by_pixels(graph, node):
        in_c = graph.tensor(node.inputs[1]).shape[-1]
        pixels = runs = x.size // in_c
        fours, rest = runs * (in_c // 4), runs * (in_c % 4)
    else:
        window: Window = node.attrs.window
        rows, columns = taps_inside(window, x, out)
        pixels, runs = out.shape[1] * out.shape[2], int(rows.sum()) * out.shape[2]
        left = np.maximum(window.pad_left - np.arange(out.shape[2]) * window.stride[1], 0) * x.shape[3]
        lead = np.minimum(-left % 4, columns * x.shape[3])
        taps = columns * x.shape[3] - lead
        fours, rest = (int(rows.sum() * n.sum()) for n in (taps // 4, lead + taps % 4))
    return tuple(map(float, (1, pixels, out.size, *(groups * n for n in (pixels, runs, fours, rest)))))


def _depthwise_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, those times the input channels; outputs, their rows of taps, taps."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    pixels, channels = out.shape[1] * out.shape[2], out.shape[3]
    terms = (1, pixels, pixels * x.shape[3], out.size, rows * out.shape[2] * channels, rows * columns * channels)
    return tuple(map(float, terms))


_CYCLES = (140.0, 112.0, 111.0, 82.4, 28.0, 24.05, 8.005)
_DSP_CYCLES = (341.0, 110.8, 70.27, 25.86, 51.19, 29.03, 80.17)
_DENSE_CYCLES = (70.4, 70.4, 112.2, 45.0, 45.0, 45.0, 8.0)
_DENSE_DSP_CYCLES = (170.2, 55.92, 59.22, 61.44, 61.44, 28.98, 82.58)
OPS = (
    Op(
        name="conv2d_s16",
        tflite=(),
        typed=("conv2d", "int16"),
        read=no_attrs,
        write=_CONV.write,
        ptq=_CONV.ptq,
        reference=_conv2d,
        macs=_CONV.macs,
        rows=window_rows,
        constraints=(
            INT16,
            SYMMETRIC,
            *conv2d.SPATIAL,
            *WEIGHTS,
            conv2d.weights_per_channel(0),
            *conv2d.SPANNING,
            sums_are_defined(0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_s16.c",),
                lower=_lower(shape_fields),
                cost=FittedCost(_CYCLES, _conv2d_terms),
                overlap=pixel_overlap,
                rows=row_fields,
            ),
            KernelVariant(
                name="dsp",
                sources=("nn_conv2d_s16_dsp.c",),
                lower=_lower_dsp(shape_fields),
                cost=FittedCost(_DSP_CYCLES, _dsp_terms),
                supports=_conv2d_dsp,
                features=frozenset({"dsp"}),
                overlap=pixel_overlap,
                rows=row_fields,
            ),
        ),
    ),
    Op(
        name="fully_connected_s16",
        tflite=(),
        typed=("fully_connected", "int16"),
        read=no_attrs,
        write=_DENSE.write,
        ptq=_DENSE.ptq,
        reference=_fully_connected,
        macs=_DENSE.macs,
        constraints=(
            INT16,
            SYMMETRIC,
            fully_connected.SHAPES,
            *WEIGHTS,
            conv2d.weights_per_channel(0),
            sums_are_defined(0),
            fully_connected.STORED,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_s16.c",),
                lower=_lower(row_of_pixels),
                cost=FittedCost(_DENSE_CYCLES, _dense_terms),
            ),
            KernelVariant(
                name="dsp",
                sources=("nn_conv2d_s16_dsp.c",),
                lower=_lower_dsp(row_of_pixels),
                cost=FittedCost(_DENSE_DSP_CYCLES, _dsp_terms),
                supports=_fits_32_bits,
                features=frozenset({"dsp"}),
            ),
        ),
    ),
    Op(
        name="depthwise_conv2d_s16",
        tflite=(),
        typed=("depthwise_conv2d", "int16"),
        read=no_attrs,
        write=_DEPTHWISE.write,
        ptq=_DEPTHWISE.ptq,
        reference=_depthwise,
        macs=_DEPTHWISE.macs,
        rows=window_rows,
        constraints=(
            INT16,
            SYMMETRIC,
            *conv2d.SPATIAL,
            *WEIGHTS,
            conv2d.weights_per_channel(3),
            depthwise_conv2d.CHANNELS,
            sums_are_defined(3),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_depthwise_conv2d_s16.c",),
                lower=_lower(window_fields, "nn_depthwise_conv2d_s16"),
                cost=FittedCost((150.0, 105.0, 40.79, 68.14, 23.22, 13.94), _depthwise_terms),
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            KernelVariant(
                name="narrow",
                sources=("nn_depthwise_conv2d_s16_narrow.c",),
                lower=_lower(window_fields, "nn_depthwise_conv2d_s16_narrow"),
                cost=FittedCost((470.0, 87.13, 304.4, 15.32, 20.68, 27.01, 46.6, 6.269), lane_terms),
                supports=_narrow_depthwise,
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    ),
)
