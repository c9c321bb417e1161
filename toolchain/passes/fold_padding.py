"""PAD goes into the window of the convolution or pooling that reads it; PAD after PAD becomes one.

Exact, by what reads the padded tensor (rows and columns that no window reaches do not matter to any of them):
- CONV_2D, DEPTHWISE_CONV_2D: a padded element that holds the input's zero point adds weight * 0 to the sum, and an
  element that a window of its own padding leaves out adds nothing. The same, when the fill is the zero point and the
  quantization on both sides of PAD is one.
- MAX_POOL_2D: own padding is left out of the maximum. Each window has an element of the image (padding is smaller than
  the window), and none is below the fill (``intervals``), so the fill never decides.
- AVERAGE_POOL_2D: own padding is left out of sum and count, PAD's is not. Only where no window reaches any padding are
  both the same.
- PAD with the same fill: the widths add up.
PAD goes only when all its readers can do without. Windows stay as a converter could have made them: on no side wider
than SAME makes them, which is what kernels are laid out for.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops.common import Window
from toolchain.ops.pad import fill_code, widths
from toolchain.passes.intervals import Bounds
from toolchain.passes.rewriting import Links, applied, can_run, layers_with, rewritten, same_quantization

_WINDOWED = ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d")


def fold_padding(graph: Graph) -> Graph:
    """The same graph when no padding can be folded."""
    if not any(node.op == "pad" for node in graph.nodes):
        return graph
    bounds = Bounds(graph)
    return applied(graph, lambda links, node: _folded(links, node, bounds) if node.op == "pad" else None)


def _folded(links: Links, pad: Node, bounds: Bounds) -> Graph | None:
    graph, name = links.graph, pad.outputs[0]
    x, padded = graph.tensor(pad.inputs[0]), graph.tensor(name)
    readers = links.readers(name)
    if name in graph.outputs or not readers or not same_quantization(x, padded):
        return None
    if len(readers) == 1 and readers[0].op == "pad":
        return _merged(graph, pad, readers[0])
    changes: dict[str, Node] = {}
    for reader in readers:
        new = _reading(graph, pad, reader, bounds)
        if new is None:
            return None
        # the work of PAD is told once
        changes[reader.name] = new if changes else dataclasses.replace(new, layers=layers_with(new, pad))
    return rewritten(graph, changes)


def _reading(graph: Graph, pad: Node, reader: Node, bounds: Bounds) -> Node | None:
    """The reader with PAD's source as its input; None where that is not exact."""
    if reader.op not in _WINDOWED or reader.inputs.count(pad.outputs[0]) != 1 or reader.inputs[0] != pad.outputs[0]:
        return None
    sides = widths(graph, pad)
    if len(sides) != 4 or any(sides[0]) or any(sides[3]):
        return None
    x, old = graph.tensor(pad.inputs[0]), reader.attrs.window
    window = _wider(old, x, graph.tensor(reader.outputs[0]), sides[1:3])
    if not _as_with_same(window) or not _harmless(graph, pad, reader, window, bounds):
        return None
    new = dataclasses.replace(
        reader,
        inputs=(x.name, *reader.inputs[1:]),
        attrs=dataclasses.replace(reader.attrs, window=window),
    )
    return new if can_run(graph, new) else None


def _wider(window: Window, x: Tensor, out: Tensor, sides: tuple[tuple[int, int], ...]) -> Window:
    """The window with PAD's rows and columns as its own; behind the image only those that it reaches."""
    pads = []
    for axis, (before, after) in enumerate(sides):
        first = window.pads[axis][0] + before
        extent = (window.size[axis] - 1) * window.dilation[axis] + 1
        reached = (out.shape[1 + axis] - 1) * window.stride[axis] + extent - first - x.shape[1 + axis]
        pads.append((first, max(0, min(reached, window.pads[axis][1] + after))))
    (top, bottom), (left, right) = pads
    return dataclasses.replace(window, pad_top=top, pad_left=left, pad_bottom=bottom, pad_right=right)


def _as_with_same(window: Window) -> bool:
    """Whether no side is padded wider than SAME pads it for some size of the image."""
    for size, dilation, (before, after) in zip(window.size, window.dilation, window.pads, strict=True):
        border = (size - 1) * dilation
        if before > border // 2 or after > border - border // 2:
            return False
    return True


def _harmless(graph: Graph, pad: Node, reader: Node, window: Window, bounds: Bounds) -> bool:
    """Whether the reader takes its own padding for what PAD's fill was to it."""
    fill = fill_code(graph, pad)
    if reader.op in ("conv2d", "depthwise_conv2d"):
        return fill == graph.tensor(pad.inputs[0]).zero_point
    if reader.op == "max_pool2d":
        return fill <= bounds.of(pad.inputs[0])[0]
    return not any(width for side in window.pads for width in side)


def _merged(graph: Graph, first: Node, second: Node) -> Graph | None:
    """Two PADs with one fill, of which the second alone reads the first."""
    x, out = graph.tensor(first.inputs[0]), graph.tensor(second.outputs[0])
    if second.inputs[0] != first.outputs[0] or fill_code(graph, first) != fill_code(graph, second):
        return None
    if not same_quantization(x, out):
        return None
    data = np.array(widths(graph, first), np.int32) + np.array(widths(graph, second), np.int32)
    sums = Tensor(f"{second.name}/paddings", data.shape, "int32", None, data)
    inputs = (x.name, sums.name, *second.inputs[2:])
    merged = dataclasses.replace(second, inputs=inputs, layers=layers_with(second, first))
    if not can_run(graph, merged, {sums.name: sums}):
        return None
    return rewritten(graph, {second.name: merged}, {sums.name: sums})
