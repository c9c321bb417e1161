"""AVERAGE_POOL_2D and MAX_POOL_2D on int16, as TFLM's ``reference_integer_ops::AveragePool`` and ``MaxPool``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import pool2d
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    Reference,
    no_attrs,
)
from toolchain.ops.common import ACTIVATION, Window, taps_inside
from toolchain.ops.int16 import INT16, LOW, SYMMETRIC, activation_range, clamp, range_fields
from toolchain.ops.pixels import pixel_overlap
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows

MOST_TAPS = (1 << 31) // -LOW - 1


def _average(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    total = pool2d.taps_of(graph, node, inputs[0], 0).sum(axis=3, dtype=np.int64)
    count = pool2d.taps_of(graph, node, np.ones_like(inputs[0][:1, :1]), 0).sum(axis=3, dtype=np.int64)
    rounded = np.where(total > 0, total + count // 2, total - count // 2)
    mean = np.sign(rounded) * (np.abs(rounded) // count)  # C's division truncates towards zero
    return [clamp(mean, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _maximum(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    highest = pool2d.taps_of(graph, node, inputs[0], LOW).max(axis=3)
    return [clamp(highest, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*pool2d.window_fields(graph, node), *range_fields(graph, node))
    return (KernelCall(symbol, "nn_pool2d_s16.h", "nn_pool2d_params", params, node.inputs, node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, windows; outputs, their rows of taps, taps. Whole rows are one."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = taps_inside(node.attrs.window, x, out)
    runs = int(np.where(columns == x.shape[2], 1, rows[:, None]).sum())
    taps = int(rows.sum() * columns.sum())
    return tuple(map(float, (1, out.shape[1] * out.shape[2], out.size, runs * out.shape[3], taps * out.shape[3])))


def _few_taps(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    return window.size[0] * window.size[1] <= MOST_TAPS


def _op(name: str, reference: Reference, cycles: tuple[float, ...]) -> Op:
    of = next(op for op in pool2d.OPS if op.name == name)
    return Op(
        name=f"{name}_s16",
        tflite=(),
        typed=(name, "int16"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        by_items=True,
        reference=reference,
        constraints=(
            INT16,
            SYMMETRIC,
            *pool2d.SHAPES,
            pool2d.SAME_SCALE,
            ACTIVATION,
            pool2d.PADDING,
            Constraint(f"its window must have at most {MOST_TAPS} taps", _few_taps),
        ),
        rows=window_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=(f"nn_{name}_s16.c",),
                lower=lambda g, n: _lower(f"nn_{name}_s16", g, n),
                cost=FittedCost(cycles, _terms),
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    )


OPS = (
    _op("average_pool2d", _average, (3.8, 90.2, 30.35, 7.566, 8.027)),
    _op("max_pool2d", _maximum, (3.4, 80.66, 20.31, 7.613, 10.02)),
)
