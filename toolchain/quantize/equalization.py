"""Cross-layer equalization: channels between two layers are rescaled so that both layers' weights fill their grids.

f(s x) = s f(x) for ReLU and s > 0, so a channel that the first layer makes s times smaller and the second weighs s
times more computes the same. With s = sqrt(r1 / r2) both ranges become sqrt(r1 r2). The output of the first layer is
quantized with one scale for all channels, which is where weights with one scale for each channel gain too.
Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.common import constant
from toolchain.quantize.recipe import layers_with_weights
from toolchain.quantize.ties import rule_of

ROUNDS = 40  # over all pairs: a layer is often in two
_CONVERGED = 1e-4
_SCALED = ("none", "relu")  # activations that keep a positive factor


@dataclass(frozen=True)
class Pair:
    first: Node
    second: Node


def pairs(graph: Graph) -> list[Pair]:
    """Layers of which the second alone reads the first, whose weights nobody shares."""
    layers = layers_with_weights(graph)
    found = []
    for first in layers:
        out = first.outputs[0]
        readers = graph.consumers(out)
        if len(readers) != 1 or out in graph.outputs or first.attrs.activation not in _SCALED:
            continue
        (second,) = readers
        own = all(len(graph.consumers(n)) == 1 for node in (first, second) for n in node.inputs[1:] if n)
        if second in layers and second.inputs[0] == out and own and _channels(graph, second) == _outputs(graph, first):
            found.append(Pair(first, second))
    return found


def equalized(graph: Graph) -> Graph:
    """The float ``graph`` with equal ranges on both sides of every channel between the layers of a pair."""
    values: dict[str, Array] = {}
    found = pairs(graph)
    for node in (node for pair in found for node in (pair.first, pair.second)):
        values |= {n: constant(graph, n).astype(np.float64) for n in node.inputs[1:] if n}
    for _ in range(ROUNDS):
        changes = [_equalize(graph, pair, values) for pair in found]
        if max(changes, default=0.0) < _CONVERGED:
            break
    tensors: dict[str, Tensor] = dict(graph.tensors)
    for name, data in values.items():
        tensors[name] = dataclasses.replace(graph.tensor(name), data=data.astype(np.float32))
    return dataclasses.replace(graph, tensors=tensors)


def _equalize(graph: Graph, pair: Pair, values: dict[str, Array]) -> float:
    """Rescales one pair in ``values`` and says by how much at most, as a logarithm."""
    first, second = pair.first.inputs[1], pair.second.inputs[1]
    axis = rule_of(pair.first).weights_axis
    assert axis is not None
    made = np.abs(np.moveaxis(values[first], axis, 0)).reshape(_outputs(graph, pair.first), -1).max(axis=1)
    read = np.abs(_by_input(graph, pair.second, values[second])).max(axis=1)
    alive = (made > 0) & (read > 0)
    factor = np.sqrt(np.where(alive, made, 1.0) / np.where(alive, read, 1.0))
    shape = [1] * values[first].ndim
    shape[axis] = -1
    values[first] = values[first] / factor.reshape(shape)
    if len(pair.first.inputs) > 2 and pair.first.inputs[2]:
        values[pair.first.inputs[2]] = values[pair.first.inputs[2]] / factor
    repeats = values[second].shape[-1] // len(factor) if pair.second.op == "depthwise_conv2d" else 1
    values[second] = values[second] * np.repeat(factor, repeats)
    return float(np.abs(np.log(factor)).max(initial=0.0))


def _by_input(graph: Graph, node: Node, weights: Array) -> Array:
    """The weights as (input channels, all that multiply one); the input channels are the last axis in TFLite."""
    channels = _channels(graph, node)
    result: Array = np.moveaxis(weights.reshape(-1, channels, weights.shape[-1] // channels), 1, 0)
    return result.reshape(channels, -1)


def _channels(graph: Graph, node: Node) -> int:
    """The input channels, the last axis of the input; 0 where a fully connected layer flattens more than one axis."""
    shape = graph.tensor(node.inputs[0]).shape
    if node.op == "fully_connected" and graph.tensor(node.inputs[1]).shape[1] != shape[-1]:
        return 0
    return shape[-1]


def _outputs(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).shape[-1]
