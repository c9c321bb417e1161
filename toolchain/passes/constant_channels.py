"""Removes channels that always hold the same code: pruned and dead ones. Exact for every input.

Where the next convolution or fully connected layer reads such a channel, its contribution is the same everywhere, so it
goes into the bias. A depthwise convolution or pooling in between hands it on. What pads its input leaves taps out at
the border: there a channel may only go when it contributes nothing at all, that is when it holds the zero point.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops.common import bias_of, constant
from toolchain.passes.intervals import Interval, code_intervals, pads

MULTIPLE = 4  # kernels work on four channels at a time: what is left is a multiple of it
_SAME_CHANNELS = ("depthwise_conv2d", "average_pool2d", "max_pool2d", "reshape", "reinterpret")


def remove_constant_channels(graph: Graph) -> Graph:
    """The graph without them; the same graph when there are none."""
    intervals = code_intervals(graph)
    dropped = _rounded(graph, _droppable(graph, intervals))
    if not any(mask.any() for mask in dropped.values()):
        return graph
    return _without(graph, dropped, intervals)


def _droppable(graph: Graph, intervals: Mapping[str, Interval]) -> dict[str, Array]:
    """A mask of channels for each int8 tensor that a convolution makes or hands on; a fixed point of the rules."""
    masks = {
        node.outputs[0]: np.ones(graph.tensor(node.outputs[0]).shape[-1], bool)
        for node in graph.nodes
        if node.outputs
        and node.outputs[0] in intervals
        and _makes_channels(graph, node)
        and node.outputs[0] not in graph.outputs
    }
    changed = True
    while changed:
        changed = False
        for name, mask in masks.items():
            new = mask.copy()
            for consumer in graph.consumers(name):
                new &= _unneeded(graph, consumer, name, intervals, masks)
            producer = graph.producer(name)
            assert producer is not None
            if producer.op in _SAME_CHANNELS:
                new &= masks.get(producer.inputs[0], np.zeros_like(new))
            if (new != mask).any():
                masks[name] = new
                changed = True
    return masks


def _makes_channels(graph: Graph, node: Node) -> bool:
    if node.op == "conv2d":
        return True
    same = graph.tensor(node.inputs[0]).shape[-1:] == graph.tensor(node.outputs[0]).shape[-1:]
    if node.op == "reshape":
        # only (1, 1, 1, C) to (1, C) and the like: one pixel
        return same and graph.tensor(node.inputs[0]).size == graph.tensor(node.outputs[0]).shape[-1]
    return node.op in _SAME_CHANNELS and same


def _unneeded(
    graph: Graph, node: Node, name: str, intervals: Mapping[str, Interval], masks: Mapping[str, Array]
) -> Array:
    """Which channels of the tensor this consumer can do without."""
    tensor, interval = graph.tensor(name), intervals[name]
    none = np.zeros(tensor.shape[-1], bool)
    if node.inputs[0] != name or name in node.inputs[1:]:
        return none
    if node.op in _SAME_CHANNELS:
        return masks.get(node.outputs[0], none)
    if node.op == "conv2d":
        silent = interval.low == tensor.zero_point
        return interval.constant & silent if pads(node) else interval.constant
    if node.op == "fully_connected" and graph.tensor(node.inputs[1]).shape[1] == tensor.shape[-1]:
        return interval.constant
    return none


def _rounded(graph: Graph, masks: Mapping[str, Array]) -> dict[str, Array]:
    """Keeps a few channels again, so that a multiple of MULTIPLE is left and at least that many.

    Tensors that hand their channels on have equal masks, and equal masks are rounded equally.
    """
    result = {}
    for name, mask in masks.items():
        kept = int((~mask).sum())
        wanted = min(max(-(-kept // MULTIPLE), 1) * MULTIPLE, len(mask))
        new = mask.copy()
        new[np.flatnonzero(mask)[: wanted - kept]] = False
        result[name] = new
    return result


def _without(graph: Graph, dropped: Mapping[str, Array], intervals: Mapping[str, Interval]) -> Graph:
    tensors: dict[str, Tensor] = dict(graph.tensors)
    nodes = []
    for name, mask in dropped.items():
        old = graph.tensor(name)
        tensors[name] = dataclasses.replace(old, shape=(*old.shape[:-1], int((~mask).sum())))
    for node in graph.nodes:
        if node.op in ("conv2d", "depthwise_conv2d", "fully_connected"):
            node = _with_fewer_weights(graph, node, dropped, intervals, tensors)
        nodes.append(node)
    return graph.with_nodes(nodes, tensors)


def _with_fewer_weights(
    graph: Graph,
    node: Node,
    dropped: Mapping[str, Array],
    intervals: Mapping[str, Interval],
    tensors: dict[str, Tensor],
) -> Node:
    """The node with weights and bias of its own: outputs left out, constant inputs moved into the bias."""
    gone_in, gone_out = dropped.get(node.inputs[0]), dropped.get(node.outputs[0])
    if not any(mask is not None and mask.any() for mask in (gone_in, gone_out)):
        return node
    weights = constant(graph, node.inputs[1])
    axis = 3 if node.op == "depthwise_conv2d" else 0
    bias = bias_of(graph, node, weights.shape[axis])
    if gone_in is not None and node.op != "depthwise_conv2d":
        value = intervals[node.inputs[0]].low - graph.tensor(node.inputs[0]).zero_point
        moved = weights.astype(np.int64)[..., gone_in] * value[gone_in]
        bias = bias + moved.reshape(len(weights), -1).sum(axis=1)
        weights = weights[..., ~gone_in]
    keep = slice(None) if gone_out is None else ~gone_out
    weights = np.compress(np.ones(weights.shape[axis], bool) if gone_out is None else ~gone_out, weights, axis)
    names = (f"{node.name}/weights", f"{node.name}/bias")
    old = graph.tensor(node.inputs[1])
    assert old.quant is not None
    tensors[names[0]] = Tensor(names[0], weights.shape, "int8", _kept(old.quant, keep), weights)
    tensors[names[1]] = Tensor(names[1], (len(bias[keep]),), "int32", None, bias[keep].astype(np.int32))
    return dataclasses.replace(node, inputs=(node.inputs[0], *names))


def _kept(quant: QuantParams, keep: slice | Array) -> QuantParams:
    if not quant.per_channel:
        return quant
    scale, zero_point = np.array(quant.scale)[keep], np.array(quant.zero_point)[keep]
    return QuantParams(tuple(map(float, scale)), tuple(map(int, zero_point)), quant.axis)
