"""CONV_2D and FULLY_CONNECTED on float32, with weights stored as float32, float16 or bfloat16.

The references follow TFLM's ``reference_ops::Conv`` and ``FullyConnected``: products of the taps inside the image added
in the order height, width, input channel, then the bias. A fully connected layer runs as a convolution of 1x1 over a
row of pixels. Weights that are all float16 (or bfloat16) values may be stored as such; results are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, fully_connected
from toolchain.ops.base import (
    Const,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    RowField,
    Symbol,
    Value,
    no_attrs,
)
from toolchain.ops.common import Window, constant, flatten_samples, patches, taps_inside
from toolchain.ops.float32 import (
    ACTIVATION,
    FLOAT32,
    LANES,
    WEIGHTS,
    activated,
    bias_of,
    in_lanes,
    pixel_overlap,
    range_fields,
    sums_of_products,
    window_fields,
)
from toolchain.ops.half import HALVES, Half
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows

(_CONV,), (_DENSE,) = conv2d.OPS, fully_connected.OPS
PIXELS = 4  # that the kernel makes at a time


def _conv2d(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    _, out_h, out_w, out_c = out.shape
    columns = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), 0)
    columns = columns.reshape(-1, int(np.prod(columns.shape[3:])))
    weights = constant(graph, node.inputs[1]).reshape(out_c, -1)
    # taps outside the image add a zero, which changes no sum
    return [activated(node, sums_of_products(columns, weights) + bias_of(graph, node, out_c)).reshape(-1, *out.shape)]


def _fully_connected(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    w, out = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    sums = sums_of_products(inputs[0].reshape(-1, w.shape[1]), constant(graph, node.inputs[1]))
    return [activated(node, sums + bias_of(graph, node, w.shape[0])).reshape(-1, *out.shape)]


def row_of_pixels(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """A fully connected layer, or a convolution whose windows are pixels, over one row of all pixels."""
    weights = graph.tensor(node.inputs[1]).shape
    out_c, in_c = weights[0], weights[-1]
    rows = graph.tensor(node.inputs[0]).size // in_c
    ones = ("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w")
    shapes = (("in_h", 1), ("in_w", rows), ("in_c", in_c), ("out_h", 1), ("out_w", rows), ("out_c", out_c))
    return (*shapes, *((name, 1) for name in ones), ("pad_top", 0), ("pad_left", 0))


def by_pixels(graph: Graph, node: Node) -> bool:
    """Whether every output pixel is made of the one input pixel in its place."""
    window: Window = node.attrs.window
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return window.size == window.stride == (1, 1) and x.shape[1:3] == out.shape[1:3]


def shape_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    return row_of_pixels(graph, node) if by_pixels(graph, node) else window_fields(graph, node)


def row_fields(graph: Graph, node: Node) -> tuple[RowField, ...]:
    if not by_pixels(graph, node):
        return WINDOW_FIELDS
    width = graph.tensor(node.inputs[0]).shape[2]
    return RowField("in_w", in_h=width), RowField("out_w", out_h=width)


def _call(graph: Graph, node: Node, shapes: tuple[tuple[str, Value], ...], half: Half | None) -> KernelCall:
    weights = constant(graph, node.inputs[1])
    channels = weights.shape[0]
    lanes = in_lanes(weights.reshape(channels, -1))
    item = 2 if half else 4
    params = (
        *shapes,
        ("group_bytes", LANES * item * lanes.shape[1]),
        ("tap_bytes", LANES * item),
        *range_fields(node),
        ("mac", Symbol(f"nn_mac_f32{half.suffix if half else ''}")),
        ("weights", half.const(lanes) if half else Const("weights", "float", lanes)),
        ("bias", Const("bias", "float", bias_of(graph, node, channels))),
    )
    return KernelCall("nn_conv2d_f32", "nn_conv2d_f32.h", "nn_conv2d_f32_params", params, node.inputs[:1], node.outputs)


def _groups(channels: int) -> int:
    return -(-channels // LANES)


def _conv2d_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, windows; of the inner loop for 4 pixels and for 1: calls, rows of taps, taps; outputs.

    There is a call for each group of channels; with dilation one for each tap of a row.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if by_pixels(graph, node):
        call, four, four_taps, one, one_taps, outputs = _fully_connected_terms(graph, node)
        windows = float(sum(divmod(out.shape[1] * out.shape[2], PIXELS)))
        return call, windows, four, four, four_taps, one, one, one_taps, outputs
    window: Window = node.attrs.window
    rows, columns = taps_inside(window, x, out)
    blocks, singles = _blocks(window, columns)
    height, all_rows, groups = out.shape[1], int(rows.sum()), _groups(out.shape[3])
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


def _fully_connected_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call; groups of channels and their taps, for blocks of 4 rows and for single ones; outputs."""
    weights = graph.tensor(node.inputs[1]).shape
    out_c, in_c = weights[0], weights[-1]
    blocks, singles = divmod(graph.tensor(node.inputs[0]).size // in_c, PIXELS)
    groups = _groups(out_c)
    terms = (1, groups * blocks, groups * blocks * in_c, groups * singles, groups * singles * in_c)
    return tuple(map(float, (*terms, graph.tensor(node.outputs[0]).size)))


def _conv2d_variant(half: Half | None, cycles: tuple[float, ...]) -> KernelVariant:
    return KernelVariant(
        name=half.name if half else "portable",
        sources=("nn_conv2d_f32.c", f"nn_mac_f32{half.suffix if half else ''}.c"),
        lower=lambda g, n: (_call(g, n, shape_fields(g, n), half),),
        cost=FittedCost(cycles, _conv2d_terms),
        supports=half.supports if half else KernelVariant.supports,
        overlap=lambda g, n: pixel_overlap(g, n, PIXELS),
        rows=row_fields,
    )


def _fully_connected_variant(half: Half | None, cycles: tuple[float, ...]) -> KernelVariant:
    return KernelVariant(
        name=half.name if half else "portable",
        sources=("nn_conv2d_f32.c", f"nn_mac_f32{half.suffix if half else ''}.c"),
        lower=lambda g, n: (_call(g, n, row_of_pixels(g, n), half),),
        cost=FittedCost(cycles, _fully_connected_terms),
        supports=half.supports if half else KernelVariant.supports,
    )


# By format of the weights: as they are, float16, bfloat16.
_CONV_CYCLES = (
    (689.0, 282.1, 154.1, 13.2, 52.88, 150.2, 16.58, 23.21, 34.57),
    (680.0, 282.1, 154.1, 13.22, 53.88, 150.2, 16.58, 24.21, 34.57),
    (649.6, 282.5, 147.2, 19.31, 56.88, 141.0, 19.6, 27.21, 34.55),
)
_DENSE_CYCLES = (
    (327.4, 10.9, 52.24, 153.1, 22.99, 55.18),
    (328.1, 11.12, 53.24, 152.8, 23.99, 55.18),
    (327.9, 12.76, 56.24, 147.6, 26.99, 54.97),
)

OPS = (
    Op(
        name="conv2d_f32",
        tflite=(),
        typed=("conv2d", "float32"),
        read=no_attrs,
        write=_CONV.write,
        ptq=_CONV.ptq,
        reference=_conv2d,
        macs=_CONV.macs,
        rows=window_rows,
        constraints=(FLOAT32, *conv2d.SPATIAL, WEIGHTS, ACTIVATION, *conv2d.SPANNING),
        variants=tuple(
            _conv2d_variant(half, cycles) for half, cycles in zip((None, *HALVES), _CONV_CYCLES, strict=True)
        ),
    ),
    Op(
        name="fully_connected_f32",
        tflite=(),
        typed=("fully_connected", "float32"),
        read=no_attrs,
        write=_DENSE.write,
        ptq=_DENSE.ptq,
        reference=_fully_connected,
        macs=_DENSE.macs,
        constraints=(FLOAT32, fully_connected.SHAPES, WEIGHTS, ACTIVATION, fully_connected.STORED),
        variants=tuple(
            _fully_connected_variant(half, cycles) for half, cycles in zip((None, *HALVES), _DENSE_CYCLES, strict=True)
        ),
    ),
)
