"""What operators on sums of products share that have int16 activations and int8 weights.

The references follow TFLM's kernels with int64 biases: int64 sums, rescaled by 16 bits of the factor and rounded once.
The kernel for the DSP extension adds in 32 bits where no input can overflow them, which is checked channel by channel.
A fully connected layer runs as a convolution of 1x1 over a row of pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d
from toolchain.ops.base import Const, Constraint, KernelCall, Value
from toolchain.ops.common import ACTIVATION, constant
from toolchain.ops.int16 import (
    activation_range,
    bias_is_wide,
    bias_of,
    clamp,
    largest_sums,
    range_fields,
    requantize_wide,
    wide_consts,
    wide_factors,
)
from toolchain.ops.pixels import LANES, in_lanes

Shapes = Callable[[Graph, Node], tuple[tuple[str, Value], ...]]
Lower = Callable[[Graph, Node], tuple[KernelCall, ...]]

WEIGHTS = (
    *conv2d.CODES,
    Constraint("its bias must be a constant int64 vector with one entry for each output channel", bias_is_wide),
    ACTIVATION,
)


def codes(graph: Graph, node: Node, total: Array) -> Array:
    """The output's codes for sums without bias, channels last."""
    out = graph.tensor(node.outputs[0])
    channels = total.shape[-1]
    scaled = requantize_wide(total + bias_of(graph, node, channels), *wide_factors(graph, node, channels))
    return clamp(scaled, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)


def product(x: Array, weights: Array) -> Array:
    """(rows, K) times (channels, K), exact: float64 holds sums below 2**53."""
    total: Array = (x.astype(np.float64) @ weights.astype(np.float64).T).astype(np.int64)
    return total


def call(symbol: str, graph: Graph, node: Node, shapes: tuple[tuple[str, Value], ...], weights: Array) -> KernelCall:
    channels = graph.tensor(node.outputs[0]).shape[-1]
    params = (
        *shapes,
        *range_fields(graph, node),
        ("weights", Const("weights", "int8_t", weights)),
        *wide_consts(graph, node, channels),
    )
    return KernelCall(symbol, "nn_conv2d_s16.h", "nn_conv2d_s16_params", params, node.inputs[:1], node.outputs)


def lowering(shapes: Shapes, symbol: str = "nn_conv2d_s16") -> Lower:
    return lambda g, n: (call(symbol, g, n, shapes(g, n), constant(g, n.inputs[1])),)


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


def dsp_lowering(shapes: Shapes) -> Lower:
    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        weights = constant(graph, node.inputs[1])
        rows = weights.shape[1] if weights.ndim == 4 else 1
        return (
            call(
                "nn_conv2d_s16_dsp", graph, node, shapes(graph, node), packed(weights.reshape(len(weights), rows, -1))
            ),
        )

    return lower


def fits_32_bits(graph: Graph, node: Node) -> bool:
    return bool((largest_sums(graph, node, 0) < 1 << 31).all())


def row_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    weights = graph.tensor(node.inputs[1]).shape
    out, rows = graph.tensor(node.outputs[0]).size, graph.tensor(node.inputs[0]).size // weights[-1]
    return tuple(map(float, (1, 1, rows, out, out, out, out * weights[-1])))


def row_dsp_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    x, in_c = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1]).shape[-1]
    pixels = x.size // in_c
    return dsp_terms(graph.tensor(node.outputs[0]).shape[-1], pixels, pixels, pixels * (in_c // 4), pixels * (in_c % 4))


def dsp_terms(channels: int, pixels: int, runs: int, fours: int, rest: int) -> tuple[float, ...]:
    """The call, pixels, outputs; groups of channels, their rows of taps, fours of taps and single ones."""
    groups = -(-channels // LANES)
    return tuple(map(float, (1, pixels, pixels * channels, *(groups * n for n in (pixels, runs, fours, rest)))))
