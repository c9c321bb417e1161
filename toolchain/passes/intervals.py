"""Bounds of every code that a tensor's channels can take, whatever the inputs are.

Intervals go forward from the graph's inputs. Requantization and clamping are monotonic, so the ends of an interval go
through the operator's own arithmetic. What is not understood gets the whole range, which is always right.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.common import activation_range, bias_of, channel_multipliers, constant
from toolchain.ops.pad import fill_code, widths
from toolchain.passes.codewise import code_table, is_codewise, source_of


@dataclass(frozen=True, eq=False)
class Interval:
    """The least and the greatest code of each channel (the last dimension), int64."""

    low: Array
    high: Array

    @property
    def constant(self) -> Array:
        """Which channels always hold the same code."""
        same: Array = self.low == self.high
        return same


@dataclass(frozen=True, eq=False)
class Bounds:
    """The intervals of a graph, worked out when one is asked for first.

    They hold for the graph's tensors in all later graphs too, because passes change no value.
    """

    graph: Graph

    @functools.cached_property
    def intervals(self) -> dict[str, Interval]:
        return code_intervals(self.graph)

    def of(self, name: str) -> tuple[int, int]:
        """The least and the greatest code in all channels of an int8 tensor."""
        interval = self.intervals.get(name)
        return (-128, 127) if interval is None else (int(interval.low.min()), int(interval.high.max()))


def code_intervals(graph: Graph) -> dict[str, Interval]:
    """An interval for each int8 variable with at least one dimension."""
    known: dict[str, Interval] = {}
    for name in graph.inputs:
        _set_whole(graph, known, name)
    for node in graph.nodes:
        rule = _rule(graph, node)
        source = known.get(node.inputs[0])
        if rule is not None and source is not None:
            known[node.outputs[0]] = rule(graph, node, source)
        else:
            for name in node.outputs:
                _set_whole(graph, known, name)
    return known


def pads(node: Node) -> bool:
    """Whether some window reaches over the border, where taps are left out."""
    return any(width for side in node.attrs.window.pads for width in side)


def _set_whole(graph: Graph, known: dict[str, Interval], name: str) -> None:
    tensor = graph.tensor(name)
    if tensor.dtype == "int8" and tensor.shape:
        channels = tensor.shape[-1]
        known[name] = Interval(np.full(channels, -128, np.int64), np.full(channels, 127, np.int64))


def _requantized(graph: Graph, node: Node, least: Array, most: Array) -> Interval:
    """Accumulators without bias to codes; ``least`` and ``most`` have one entry for each output channel."""
    out = graph.tensor(node.outputs[0])
    bias = bias_of(graph, node, len(least))
    scale = channel_multipliers(graph, node, len(least))
    limits = activation_range(node.attrs.activation, out)
    low, high = (
        np.clip(fixedpoint.requantize(sums + bias, *scale) + out.zero_point, *limits) for sums in (least, most)
    )
    return Interval(low, high)


def _extremes(graph: Graph, node: Node, weights: Array, source: Interval, optional: bool) -> tuple[Array, Array]:
    """The least and greatest product of each weight; ``weights`` broadcasts with the channels at the end.

    An ``optional`` tap may be left out, which adds nothing.
    """
    zero_point = graph.tensor(node.inputs[0]).zero_point
    ends = weights * (source.low - zero_point), weights * (source.high - zero_point)
    least, most = np.minimum(*ends), np.maximum(*ends)
    return (np.minimum(least, 0), np.maximum(most, 0)) if optional else (least, most)


def _conv2d(graph: Graph, node: Node, source: Interval) -> Interval:
    weights = constant(graph, node.inputs[1]).astype(np.int64)
    least, most = _extremes(graph, node, weights, source, pads(node))
    return _requantized(graph, node, least.sum(axis=(1, 2, 3)), most.sum(axis=(1, 2, 3)))


def _depthwise(graph: Graph, node: Node, source: Interval) -> Interval:
    weights = constant(graph, node.inputs[1])[0].astype(np.int64)
    repeat = weights.shape[2] // len(source.low)
    wide = Interval(np.repeat(source.low, repeat), np.repeat(source.high, repeat))
    least, most = _extremes(graph, node, weights, wide, pads(node))
    return _requantized(graph, node, least.sum(axis=(0, 1)), most.sum(axis=(0, 1)))


def _pool(graph: Graph, node: Node, source: Interval) -> Interval:
    limits = activation_range(node.attrs.activation, graph.tensor(node.outputs[0]))
    return Interval(np.clip(source.low, *limits), np.clip(source.high, *limits))


def _reshape(graph: Graph, node: Node, source: Interval) -> Interval:
    """Channels stay channels where the last dimension does; else every code is possible that one of them has."""
    channels = graph.tensor(node.outputs[0]).shape[-1]
    if channels == len(source.low):
        return source
    return Interval(np.full(channels, source.low.min()), np.full(channels, source.high.max()))


def _table(graph: Graph, node: Node, source: Interval) -> Interval:
    """Of an operator that turns each code into another; the least and the greatest that come of those between."""
    table = code_table(graph, [node]).astype(np.int64)
    ranges = {(low, high) for low, high in zip(source.low.tolist(), source.high.tolist(), strict=True)}
    ends = {r: (table[r[0] + 128 : r[1] + 129].min(), table[r[0] + 128 : r[1] + 129].max()) for r in ranges}
    found = np.array([ends[r] for r in zip(source.low.tolist(), source.high.tolist(), strict=True)], np.int64)
    return Interval(found[:, 0], found[:, 1])


def _clamped(graph: Graph, node: Node, source: Interval) -> Interval:
    """Of an operator of which only its activation is known."""
    out = graph.tensor(node.outputs[0])
    ends = activation_range(node.attrs.activation, out)
    low, high = (np.full(out.shape[-1], end, np.int64) for end in ends)
    return Interval(low, high)


def _pad(graph: Graph, node: Node, source: Interval) -> Interval:
    """The fill is everywhere possible; channels of nothing but it have it alone."""
    fill, (before, after) = fill_code(graph, node), widths(graph, node)[-1]
    low, high = (
        np.pad(f(end, fill), (before, after), constant_values=fill)
        for f, end in ((np.minimum, source.low), (np.maximum, source.high))
    )
    return Interval(low, high)


def _rule(graph: Graph, node: Node) -> _Rule | None:
    int8 = all(graph.tensor(n).dtype == "int8" for n in (*node.inputs[:1], *node.outputs))
    if int8 and is_codewise(graph, node) and source_of(graph, node) == node.inputs[0]:
        return _table
    return _RULES.get(node.op)


_Rule = Callable[[Graph, Node, Interval], Interval]
_RULES: dict[str, _Rule] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "average_pool2d": _pool,
    "max_pool2d": _pool,
    "reshape": _reshape,
    "reinterpret": _reshape,
    "add": _clamped,
    "mul": _clamped,
    "fully_connected": _clamped,
    "pad": _pad,
}
