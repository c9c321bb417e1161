"""CONV_2D on float32, with weights stored as float32, float16 or bfloat16.

The reference follows TFLM's ``reference_ops::Conv``: products in the order height, width, input channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d
from toolchain.ops.base import Op, no_attrs
from toolchain.ops.common import ACTIVATION, Window, constant, flatten_samples, patches, taps_inside
from toolchain.ops.float32 import FLOAT32, WEIGHTS, activated, bias_of, sums_of_products
from toolchain.ops.pixels import by_pixels, pixel_overlap, row_fields, shape_fields
from toolchain.ops.products_f32 import PIXELS, by_format, groups_of, row_terms
from toolchain.ops.row_parts import window_rows

(_INT8,) = conv2d.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    _, out_h, out_w, out_c = out.shape
    columns = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), 0)
    columns = columns.reshape(-1, int(np.prod(columns.shape[3:])))
    weights = constant(graph, node.inputs[1]).reshape(out_c, -1)
    # taps outside the image add a zero, which changes no sum
    return [activated(node, sums_of_products(columns, weights) + bias_of(graph, node, out_c)).reshape(-1, *out.shape)]


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, windows; of the inner loop for 4 pixels and for 1: calls, rows of taps, taps; outputs.

    There is a call for each group of channels; with dilation one for each tap of a row.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if by_pixels(graph, node):
        call, four, four_taps, one, one_taps, outputs = row_terms(graph, node)
        windows = float(sum(divmod(out.shape[1] * out.shape[2], PIXELS)))
        return call, windows, four, four, four_taps, one, one, one_taps, outputs
    window: Window = node.attrs.window
    rows, columns = taps_inside(window, x, out)
    blocks, singles = _blocks(window, columns)
    height, all_rows, groups = out.shape[1], int(rows.sum()), groups_of(out.shape[3])
    width, seen = blocks * window.size[1], sum(singles)
    four, one = all_rows * width * x.shape[3], all_rows * seen * x.shape[3]
    if window.dilation[1] > 1:
        runs = (all_rows * width, all_rows * width, four, all_rows * seen, all_rows * seen, one)
    else:
        runs = (height * blocks, all_rows * blocks, four, height * len(singles), all_rows * len(singles), one)
    windows = height * (blocks + len(singles))
    return 1.0, float(windows), *(float(groups * n) for n in runs), float(out.size)


def _blocks(window: Window, columns: Array) -> tuple[int, list[int]]:
    """In an output row: blocks of PIXELS that see the whole window's width, and what the other pixels see of it."""
    left = np.arange(len(columns)) * window.stride[1] - window.pad_left
    whole = (columns == window.size[1]) & (left >= 0)
    blocks, singles, at = 0, [], 0
    while at < len(columns):
        if at + PIXELS <= len(columns) and whole[at : at + PIXELS].all():
            blocks, at = blocks + 1, at + PIXELS
        else:
            singles.append(int(columns[at]))
            at += 1
    return blocks, singles


# By format of the weights: as they are, float16, bfloat16.
_CYCLES = (
    (689.0, 282.1, 154.1, 13.2, 52.88, 150.2, 16.58, 23.21, 34.57),
    (680.0, 282.1, 154.1, 13.22, 53.88, 150.2, 16.58, 24.21, 34.57),
    (649.6, 282.5, 147.2, 19.31, 56.88, 141.0, 19.6, 27.21, 34.55),
)

OPS = (
    Op(
        name="conv2d_f32",
        tflite=(),
        typed=("conv2d", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        by_items=True,
        reference=_reference,
        macs=_INT8.macs,
        rows=window_rows,
        constraints=(FLOAT32, *conv2d.SPATIAL_ITEMS, WEIGHTS, ACTIVATION, *conv2d.SPANNING),
        variants=tuple(
            replace(variant, overlap=lambda g, n: pixel_overlap(g, n, PIXELS), rows=row_fields)
            for variant in by_format(shape_fields, _terms, _CYCLES)
        ),
    ),
)
