"""AVERAGE_POOL_2D and MAX_POOL_2D on int8.

The references follow TFLM's ``reference_integer_ops::AveragePool`` (int32 sum of the taps inside the image, division
rounding half away from zero) and ``MaxPool``; input and output have the same quantization.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Constraint,
    Cost,
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
    flatten_samples,
    patches,
    taps_inside,
    window_from_tflite,
    window_to_tflite,
)
from toolchain.ops.conv2d import SPATIAL_ITEMS
from toolchain.ops.mve import FEATURES, clamp_cost
from toolchain.ops.pixels import pad_fields, stride_fields
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap, window_rows

SUM_MVE_CHANNELS, HIGHEST_MVE_CHANNELS = 8, 16  # NN_SUM_MVE_CHANNELS, NN_HIGHEST_MVE_CHANNELS: of a vector


@dataclass(frozen=True)
class PoolAttrs:
    window: Window
    activation: str


def read(op: TfliteOperator) -> PoolAttrs:
    x = op.inputs[0]
    assert x is not None
    size = (int(op.options.filterHeight), int(op.options.filterWidth))
    window = window_from_tflite(op.options, x, size, dilated=False)
    return PoolAttrs(window, activation_name(int(op.options.fusedActivationFunction)))


def write(builtin: str, graph: Graph, node: Node) -> TfliteRecord:
    window: Window = node.attrs.window
    fields = (
        *window_to_tflite(window, graph.tensor(node.inputs[0]), dilated=False),
        ("filterHeight", window.size[0]),
        ("filterWidth", window.size[1]),
        ("fusedActivationFunction", activation_code(node.attrs.activation)),
    )
    return TfliteRecord(builtin, node.inputs, 2, "Pool2DOptions", fields)


def taps_of(graph: Graph, node: Node, x: Array, fill: int) -> Array:
    """Windows as (N, out_h, out_w, taps, C)."""
    out = graph.tensor(node.outputs[0])
    taps = patches(flatten_samples(x), node.attrs.window, (out.shape[1], out.shape[2]), fill)
    return taps.reshape(*taps.shape[:3], -1, taps.shape[5])


def _average(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    total = taps_of(graph, node, inputs[0], 0).sum(axis=3, dtype=np.int64)
    count = taps_of(graph, node, np.ones_like(inputs[0][:1, :1]), 0).sum(axis=3, dtype=np.int64)
    rounded = np.where(total > 0, total + count // 2, total - count // 2)
    mean = np.sign(rounded) * (np.abs(rounded) // count)  # C's division truncates towards zero
    return [clamp_int8(mean, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _maximum(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    highest = taps_of(graph, node, inputs[0], -128).max(axis=3)
    return [clamp_int8(highest, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def window_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """Shapes and window, as parameters of a kernel have them."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    return (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("channels", x.shape[3]),
        *stride_fields(window),
        *pad_fields(window),
    )


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    low, high = activation_range(node.attrs.activation, graph.tensor(node.outputs[0]))
    params = (*window_fields(graph, node), ("act_min", low), ("act_max", high))
    return (KernelCall(symbol, "nn_pool2d.h", "nn_pool2d_params", params, node.inputs, node.outputs),)


def _runs(graph: Graph, node: Node) -> tuple[int, int, int, int]:
    """Windows, runs of neighbouring pixels in all of them, pairs of pixels in the runs and single ones."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = taps_inside(node.attrs.window, x, out)
    whole = columns == x.shape[2]  # whole rows follow each other without a gap
    lengths = np.where(whole, rows[:, None] * columns, columns)
    counts = np.where(whole, 1, rows[:, None])
    sums = (np.sum(counts), np.sum(counts * (lengths // 2)), np.sum(counts * (lengths % 2)))
    return lengths.size, int(sums[0]), int(sums[1]), int(sums[2])


def _average_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Windows; windows, runs, pairs of pixels and single ones of four channels; then of one, pairs as two."""
    windows, runs, pairs, odd = _runs(graph, node)
    fours, rest = divmod(graph.tensor(node.inputs[0]).shape[3], 4)
    terms = [windows, *(fours * n for n in (windows, runs, pairs, odd))]
    return 1.0, *map(float, [*terms, *(rest * n for n in (windows, runs, 2 * pairs + odd))])


def _maximum_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Windows; windows, runs and pixels of four channels and of one; outputs to clamp."""
    windows, runs, pairs, odd = _runs(graph, node)
    out = graph.tensor(node.outputs[0])
    clamped = out.size if activation_range(node.attrs.activation, out) != (-128, 127) else 0
    counts = (windows, runs, 2 * pairs + odd)
    groups = [channels * n for channels in divmod(out.shape[3], 4) for n in counts]
    return 1.0, *map(float, [windows, *groups, clamped])


def _cost_mve(groups_of: int, window: float, run: float, element: float) -> Callable[[Graph, Node], Cost]:
    """Instructions, as ``mve.py`` says: of a window of a group of channels, of a run in it, and of an output."""

    def cost(graph: Graph, node: Node) -> Cost:
        windows, runs, pairs, odd = _runs(graph, node)
        taps = 2 * pairs + odd
        out = graph.tensor(node.outputs[0])
        groups = -(-out.shape[3] // groups_of)
        clamp = clamp_cost(graph, node) if groups_of == HIGHEST_MVE_CHANNELS else 0.0
        return Cost(
            40.0 + 55.0 * windows + groups * (window * windows + run * runs + 5.0 * taps) + element * out.size + clamp
        )

    return cost


def _same_quantization(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return abs(x.scale - out.scale) <= 1e-6 and x.zero_point == out.zero_point


SHAPES = (
    *SPATIAL_ITEMS,
    Constraint(
        "its input and output must have the same number of channels",
        lambda g, n: g.tensor(n.inputs[0]).shape[3] == g.tensor(n.outputs[0]).shape[3],
    ),
)
PADDING = Constraint(
    "its padding must be smaller than its window",
    lambda g, n: all(max(p) < s for p, s in zip(n.attrs.window.pads, n.attrs.window.size, strict=True)),
)
SAME_SCALE = Constraint("its input and output must have the same scale and zero point", _same_quantization)
CONSTRAINTS = (
    INT8,
    *SHAPES,
    SAME_SCALE,
    ACTIVATION,
    PADDING,
)


OPS = (
    Op(
        name="average_pool2d",
        tflite=("AVERAGE_POOL_2D",),
        read=read,
        write=lambda g, n: write("AVERAGE_POOL_2D", g, n),
        ptq=PtqRule(shared=True),
        by_items=True,
        reference=_average,
        constraints=CONSTRAINTS,
        rows=window_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_average_pool2d_s8.c",),
                lower=lambda g, n: _lower("nn_average_pool2d_s8", g, n),
                cost=FittedCost((74.48, 113.5, 162.5, 59.92, 20.46, 7.16, 51.56, 7.63, 4.95), _average_terms),
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            KernelVariant(
                name="mve",
                sources=("nn_average_pool2d_s8_mve.c",),
                lower=lambda g, n: _lower("nn_average_pool2d_s8_mve", g, n),
                cost=_cost_mve(SUM_MVE_CHANNELS, 25.0, 30.0, 30.0),
                features=FEATURES,
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    ),
    Op(
        name="max_pool2d",
        tflite=("MAX_POOL_2D",),
        read=read,
        write=lambda g, n: write("MAX_POOL_2D", g, n),
        ptq=PtqRule(shared=True),
        by_items=True,
        reference=_maximum,
        constraints=CONSTRAINTS,
        rows=window_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_max_pool2d_s8.c",),
                lower=lambda g, n: _lower("nn_max_pool2d_s8", g, n),
                cost=FittedCost((54.56, 95.2, 16.4, 10.9, 10.0, 12.13, 9.08, 10.66, 13.8), _maximum_terms),
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            KernelVariant(
                name="mve",
                sources=("nn_max_pool2d_s8_mve.c",),
                lower=lambda g, n: _lower("nn_max_pool2d_s8_mve", g, n),
                cost=_cost_mve(HIGHEST_MVE_CHANNELS, 25.0, 15.0, 0.0),
                features=FEATURES,
                overlap=window_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    ),
)
