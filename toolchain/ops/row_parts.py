"""How kernels with windows work by rows, and how their output may lie over their input."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import Overlap, RowField, Rows
from toolchain.ops.common import Window

WINDOW_FIELDS = (RowField("in_h", in_h=1), RowField("out_h", out_h=1), RowField("pad_top", pad_top=1))


def window_rows(graph: Graph, node: Node) -> Rows | None:
    """Rows of an operator whose ``window`` slides over its first input (NHWC, batch 1)."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if len(x.shape) != 4 or x.shape[0] != 1:
        return None
    window: Window = node.attrs.window
    extent = (window.size[0] - 1) * window.dilation[0] + 1
    return Rows(x.shape[1], out.shape[1], window.stride[0], extent, window.pad_top)


def same_rows(graph: Graph, node: Node) -> Rows | None:
    """Rows of an element-wise operator: every variable input has the output's shape, and there is no other."""
    out = graph.tensor(node.outputs[0])
    tensors = [graph.tensor(n) for n in node.inputs if n]
    if len(out.shape) != 4 or out.shape[0] != 1 or any(t.shape != out.shape or t.data is not None for t in tensors):
        return None
    return Rows(out.shape[1], out.shape[1])


def count_field(name: str, graph: Graph, node: Node) -> tuple[RowField, ...]:
    """For a kernel over ``name`` elements."""
    out = graph.tensor(node.outputs[0])
    return (RowField(name, out_h=out.size // out.shape[1]),)


def window_overlap(graph: Graph, node: Node, copied: bool = False) -> Overlap:
    """For a kernel that makes the output pixel by pixel, row by row.

    ``copied``: it has copied a pixel's window before it writes the pixel's outputs; else it writes channels of a pixel
    while it still reads the window.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    in_c, out_c = x.shape[3], out.shape[3]
    rows = np.maximum(np.arange(out.shape[1]) * window.stride[0] - window.pad_top, 0)
    columns = np.maximum(np.arange(out.shape[2]) * window.stride[1] - window.pad_left, 0)
    first_read = (rows[:, None] * x.shape[2] + columns[None, :]).reshape(-1) * in_c
    still_read = np.minimum.accumulate(first_read[::-1])[::-1]  # from a pixel on
    read = still_read[1:] if copied else still_read
    written = np.arange(1, len(read) + 1) * out_c
    return Overlap(int(np.max(written - read, initial=0)))
