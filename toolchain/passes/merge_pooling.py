"""Two MAX_POOL_2D in a row become one.

Exact: the maximum over windows of windows is the maximum over all that they reach, which is one window without gaps
when the first pooling's stride is not larger than its size. Nothing may be padded. Clamping is monotonic, so it may
wait until the end; all 256 codes tell which activation is both. Done where it takes no more comparisons.

MEAN over height and width does not become AVERAGE_POOL_2D, nor the reverse: MEAN rounds twice, and of all sizes from 2
to 100 pixels only 3 give the same code for every sum.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.common import Window, activation_range
from toolchain.ops.pool2d import PoolAttrs
from toolchain.passes.codewise import CODES, activation_for
from toolchain.passes.intervals import pads
from toolchain.passes.rewriting import Links, applied, can_run, layers_with, rewritten, same_quantization


def merge_pooling(graph: Graph) -> Graph:
    """The same graph when there is nothing to gain."""
    return applied(graph, _merged)


def _merged(links: Links, second: Node) -> Graph | None:
    graph = links.graph
    first = links.producers.get(second.inputs[0])
    if first is None or (first.op, second.op) != ("max_pool2d", "max_pool2d"):
        return None
    if pads(first) or pads(second) or links.only_reader(first.outputs[0]) is not second:
        return None
    window = _joined(first.attrs.window, second.attrs.window)
    x, between, out = (graph.tensor(n) for n in (first.inputs[0], first.outputs[0], second.outputs[0]))
    if window is None or not same_quantization(between, out):
        return None
    taps = [math.prod(w.size) for w in (first.attrs.window, second.attrs.window, window)]
    if out.size * taps[2] > between.size * taps[0] + out.size * taps[1]:
        return None
    activation = activation_for(graph, first, np.clip(CODES, *activation_range(second.attrs.activation, out)))
    if activation is None:
        return None
    layers = layers_with(first, second)
    one = dataclasses.replace(second, inputs=(x.name,), attrs=PoolAttrs(window, activation), layers=layers)
    return rewritten(graph, {second.name: one}) if can_run(graph, one) else None


def _joined(first: Window, second: Window) -> Window | None:
    """The window of both; None when it would have gaps."""
    size, stride = [], []
    for axis in (0, 1):
        if first.stride[axis] > first.size[axis]:
            return None
        size.append(first.size[axis] + (second.size[axis] - 1) * first.stride[axis])
        stride.append(first.stride[axis] * second.stride[axis])
    return Window((size[0], size[1]), (stride[0], stride[1]), (1, 1), 0, 0, 0, 0)
