"""AVERAGE_POOL_2D and MAX_POOL_2D on int8.

The references follow TFLM's ``reference_integer_ops::AveragePool`` (int32 sum of the taps inside the image, division
rounding half away from zero) and ``MaxPool``; input and output have the same quantization.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import INT8, Constraint, Cost, KernelCall, KernelVariant, Op, TfliteOperator, clamp_int8
from toolchain.ops.common import (
    ACTIVATIONS,
    Window,
    activation_name,
    activation_range,
    flatten_samples,
    patches,
    window_from_tflite,
)
from toolchain.ops.conv2d import SPATIAL


@dataclass(frozen=True)
class PoolAttrs:
    window: Window
    activation: str


def _read(op: TfliteOperator) -> PoolAttrs:
    x = op.inputs[0]
    assert x is not None
    size = (int(op.options.filterHeight), int(op.options.filterWidth))
    window = window_from_tflite(op.options, x, size, dilated=False)
    return PoolAttrs(window, activation_name(int(op.options.fusedActivationFunction)))


def _taps(graph: Graph, node: Node, x: Array, fill: int) -> Array:
    """Windows as (N, out_h, out_w, taps, C)."""
    out = graph.tensor(node.outputs[0])
    taps = patches(flatten_samples(x), node.attrs.window, (out.shape[1], out.shape[2]), fill)
    return taps.reshape(*taps.shape[:3], -1, taps.shape[5])


def _average(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    total = _taps(graph, node, inputs[0], 0).sum(axis=3, dtype=np.int64)
    count = _taps(graph, node, np.ones_like(inputs[0][:1]), 0).sum(axis=3, dtype=np.int64)
    rounded = np.where(total > 0, total + count // 2, total - count // 2)
    mean = np.sign(rounded) * (np.abs(rounded) // count)  # C's division truncates towards zero
    return [clamp_int8(mean, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _maximum(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    highest = _taps(graph, node, inputs[0], -128).max(axis=3)
    return [clamp_int8(highest, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    low, high = activation_range(node.attrs.activation, out)
    params = (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("channels", x.shape[3]),
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        ("act_min", low),
        ("act_max", high),
    )
    return (KernelCall(symbol, "nn_pool2d.h", "nn_pool2d_params", params, node.inputs, node.outputs),)


def _inside(out: int, stride: int, pad: int, size: int, extent: int) -> list[int]:
    """How many taps of each window lie inside the image, along one axis."""
    starts = [i * stride - pad for i in range(out)]
    return [min(start + size, extent) - max(start, 0) for start in starts]


def _work(graph: Graph, node: Node) -> tuple[int, int, int]:
    """Windows, runs of neighbouring pixels in all of them, and taps of one channel."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    rows = _inside(out.shape[1], window.stride[0], window.pad_top, window.size[0], x.shape[1])
    columns = _inside(out.shape[2], window.stride[1], window.pad_left, window.size[1], x.shape[2])
    runs = sum(1 if c == x.shape[2] else r for r in rows for c in columns)
    return len(rows) * len(columns), runs, sum(rows) * sum(columns)


def _cost_average(graph: Graph, node: Node) -> Cost:
    """Fitted to the emulated Cortex-M4: four channels are one word."""
    windows, runs, taps = _work(graph, node)
    fours, rest = divmod(graph.tensor(node.inputs[0]).shape[3], 4)
    cycles = windows * 90.0 + fours * (163.0 * windows + 70.0 * runs + 10.4 * taps)
    return Cost(45.0 + cycles + rest * (45.0 * windows + 9.0 * runs + 8.1 * taps))


def _cost_maximum(graph: Graph, node: Node) -> Cost:
    """Fitted to the emulated Cortex-M4: four channels are one word."""
    windows, runs, taps = _work(graph, node)
    out = graph.tensor(node.outputs[0])
    fours, rest = divmod(out.shape[3], 4)
    cycles = windows * 95.0 + fours * (27.0 * windows + 14.8 * taps)
    cycles += rest * (14.0 * windows + 10.0 * runs + 9.5 * taps)
    if activation_range(node.attrs.activation, out) != (-128, 127):
        cycles += 14.0 * out.size
    return Cost(12.0 + cycles)


def _same_quantization(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return abs(x.scale - out.scale) <= 1e-6 and x.zero_point == out.zero_point


CONSTRAINTS = (
    INT8,
    *SPATIAL,
    Constraint(
        "its input and output must have the same number of channels",
        lambda g, n: g.tensor(n.inputs[0]).shape[3] == g.tensor(n.outputs[0]).shape[3],
    ),
    Constraint("its input and output must have the same scale and zero point", _same_quantization),
    Constraint(
        "its fused activation must be none, ReLU, ReLU6 or ReLU_N1_TO_1",
        lambda g, n: n.attrs.activation in ACTIVATIONS.values(),
    ),
    Constraint(
        "its padding must be smaller than its window",
        lambda g, n: all(max(p) < s for p, s in zip(n.attrs.window.pads, n.attrs.window.size, strict=True)),
    ),
)

OPS = (
    Op(
        name="average_pool2d",
        tflite=("AVERAGE_POOL_2D",),
        read=_read,
        reference=_average,
        constraints=CONSTRAINTS,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_average_pool2d_s8.c",),
                lower=lambda g, n: _lower("nn_average_pool2d_s8", g, n),
                cost=_cost_average,
            ),
        ),
    ),
    Op(
        name="max_pool2d",
        tflite=("MAX_POOL_2D",),
        read=_read,
        reference=_maximum,
        constraints=CONSTRAINTS,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_max_pool2d_s8.c",),
                lower=lambda g, n: _lower("nn_max_pool2d_s8", g, n),
                cost=_cost_maximum,
            ),
        ),
    ),
)
