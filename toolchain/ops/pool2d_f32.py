"""AVERAGE_POOL_2D and MAX_POOL_2D on float32.

The references follow TFLM's ``reference_ops::AveragePool`` (the taps inside the image added in order, divided by their
number) and ``MaxPool``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import pool2d
from toolchain.ops.base import FittedCost, KernelCall, KernelVariant, Op, Reference, no_attrs
from toolchain.ops.common import ACTIVATION, taps_inside
from toolchain.ops.float32 import FLOAT32, LARGEST, activated, range_fields
from toolchain.ops.pixels import pixel_overlap
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows


def _average(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    taps = pool2d.taps_of(graph, node, inputs[0], 0)
    total = np.zeros((*taps.shape[:3], taps.shape[4]), np.float32)
    for k in range(taps.shape[3]):
        total += taps[:, :, :, k]
    count = pool2d.taps_of(graph, node, np.ones_like(inputs[0][:1, :1]), 0).sum(axis=3, dtype=np.float32)
    return [activated(node, total / count).reshape(-1, *out.shape)]


def _maximum(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    taps = pool2d.taps_of(graph, node, inputs[0], -np.float32(LARGEST))
    most = np.full((*taps.shape[:3], taps.shape[4]), -np.float32(LARGEST), np.float32)
    for k in range(taps.shape[3]):
        most = np.where(most < taps[:, :, :, k], taps[:, :, :, k], most)
    return [activated(node, most).reshape(-1, *out.shape)]


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*pool2d.window_fields(graph, node), *range_fields(node))
    return (KernelCall(symbol, "nn_pool2d_f32.h", "nn_pool2d_f32_params", params, node.inputs, node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, windows; for four channels together and for single ones: how many, rows of taps, taps."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    windows = out.shape[1] * out.shape[2]
    terms = [1, windows]
    for count in divmod(out.shape[3], 4):
        terms += [count * windows, count * rows * out.shape[2], count * rows * columns]
    return tuple(map(float, terms))


def _op(name: str, reference: Reference, cycles: tuple[float, ...]) -> Op:
    of = next(op for op in pool2d.OPS if op.name == name)
    return Op(
        name=f"{name}_f32",
        tflite=(),
        typed=(name, "float32"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        by_items=True,
        reference=reference,
        constraints=(FLOAT32, *pool2d.SHAPES, ACTIVATION, pool2d.PADDING),
        rows=window_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=(f"nn_{name}_f32.c",),
                lower=lambda g, n: _lower(f"nn_{name}_f32", g, n),
                cost=FittedCost(cycles, _terms),
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    )


OPS = (
    _op("average_pool2d", _average, (0.07, 21.04, 136.8, 8.954, 16.93, 1.749, 5.248, 15.74)),
    _op("max_pool2d", _maximum, (0.07, 12.83, 81.59, 9.035, 28.91, 1.895, 5.685, 17.05)),
)
