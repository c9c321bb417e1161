"""L2_POOL_2D on float32, as TFLM's ``reference_ops::L2Pool``: the root of the mean square of taps inside the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import pool2d
from toolchain.ops.base import FittedCost, KernelCall, KernelVariant, Op
from toolchain.ops.common import ACTIVATION, taps_inside
from toolchain.ops.float32 import FLOAT32, activated, range_fields
from toolchain.ops.pixels import pixel_overlap
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    taps = pool2d.taps_of(graph, node, inputs[0], 0)
    total = np.zeros((*taps.shape[:3], taps.shape[4]), np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for k in range(taps.shape[3]):
            total += taps[:, :, :, k] * taps[:, :, :, k]
        count = pool2d.taps_of(graph, node, np.ones_like(inputs[0][:1, :1]), 0).sum(axis=3, dtype=np.float32)
        return [activated(node, np.sqrt(total / count)).reshape(-1, *out.shape)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*pool2d.window_fields(graph, node), *range_fields(node))
    symbol = "nn_l2_pool2d_f32"
    return (KernelCall(symbol, "nn_pool2d_f32.h", "nn_pool2d_f32_params", params, node.inputs, node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, windows; outputs, their rows of taps, taps."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    windows = out.shape[1] * out.shape[2]
    return tuple(map(float, (1, windows, out.size, rows * out.shape[2] * out.shape[3], rows * columns * out.shape[3])))


OPS = (
    Op(
        name="l2_pool2d",
        tflite=("L2_POOL_2D",),
        read=pool2d.read,
        write=lambda g, n: pool2d.write("L2_POOL_2D", g, n),
        by_items=True,
        reference=_reference,
        constraints=(FLOAT32, *pool2d.SHAPES, ACTIVATION, pool2d.PADDING),
        rows=window_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_l2_pool2d_f32.c",),
                lower=_lower,
                cost=FittedCost((241.8, 63.04, 56.13, 8.019, 8.967), _terms),
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    ),
)
