"""Shapes, weights and costs of kernels that make pixels of all output channels, whatever their type."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Overlap, RowField, Value
from toolchain.ops.common import Window, taps_inside
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap

Fields = tuple[tuple[str, Value], ...]
LANES = 4  # output channels whose weights lie side by side


def in_lanes(weights: Array) -> Array:
    """(channels, taps) to (groups, taps, LANES), as kernels read them; channels that are missing are zeros."""
    channels, taps = weights.shape
    groups = -(-channels // LANES)
    padded = np.zeros((groups * LANES, taps), weights.dtype)
    padded[:channels] = weights
    return np.ascontiguousarray(padded.reshape(groups, LANES, taps).transpose(0, 2, 1))


def image_fields(graph: Graph, node: Node) -> Fields:
    """The shapes of input and output."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("in_c", x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("out_c", out.shape[3]),
    )


def stride_fields(window: Window) -> Fields:
    return (
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
    )


def pad_fields(window: Window) -> Fields:
    return ("pad_top", window.pad_top), ("pad_left", window.pad_left)


def window_fields(graph: Graph, node: Node) -> Fields:
    """Shapes and window, as parameters of convolutions have them."""
    window: Window = node.attrs.window
    dilation = (("dilation_h", window.dilation[0]), ("dilation_w", window.dilation[1]))
    return (*image_fields(graph, node), *stride_fields(window), *dilation, *pad_fields(window))


def by_pixels(graph: Graph, node: Node) -> bool:
    """Whether every output pixel is made of the one input pixel in its place."""
    window: Window = node.attrs.window
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return window.size == window.stride == (1, 1) and x.shape[1:3] == out.shape[1:3]


def row_of_pixels(graph: Graph, node: Node) -> Fields:
    """A fully connected layer, or a convolution whose windows are pixels, over one row of all pixels."""
    weights = graph.tensor(node.inputs[1]).shape
    out_c, in_c = weights[0], weights[-1]
    rows = graph.tensor(node.inputs[0]).size // in_c
    ones = ("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w")
    shapes = (("in_h", 1), ("in_w", rows), ("in_c", in_c), ("out_h", 1), ("out_w", rows), ("out_c", out_c))
    return (*shapes, *((name, 1) for name in ones), ("pad_top", 0), ("pad_left", 0))


def shape_fields(graph: Graph, node: Node) -> Fields:
    return row_of_pixels(graph, node) if by_pixels(graph, node) else window_fields(graph, node)


def row_fields(graph: Graph, node: Node) -> tuple[RowField, ...]:
    if not by_pixels(graph, node):
        return WINDOW_FIELDS
    width = graph.tensor(node.inputs[0]).shape[2]
    return RowField("in_w", in_h=width), RowField("out_w", out_h=width)


def pixel_overlap(graph: Graph, node: Node, pixels: int = 1) -> Overlap:
    """How the output of a kernel with a window may lie over its input when it makes ``pixels`` pixels at a time."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    lead = window_overlap(graph, node).lead + (pixels - 1) * out.shape[3]
    return Overlap(lead * np.dtype(x.dtype).itemsize)


def lane_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels; for four channels together and for single ones: how many, rows of taps, taps."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    fours, rest = divmod(out.shape[3], LANES) if x.shape[3] == out.shape[3] else (0, out.shape[3])
    pixels = out.shape[1] * out.shape[2]
    terms = [1, pixels]
    for count in (fours, rest):
        terms += [count * pixels, count * rows * out.shape[2], count * rows * columns]
    return tuple(map(float, terms))
