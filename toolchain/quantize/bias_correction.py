"""Empirical bias correction: what quantization shifts in the mean of a layer's sums is taken out of its bias.

Rounded weights and clipped inputs do not only add noise, they move each channel's mean, and shifts add up from layer to
layer. A layer is linear before its activation, so the mean of its sums is its weights times the mean of what lies under
them; both means are taken over the same samples, that of the integers with all layers before corrected already.
Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2 and
appendix D.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.affine import quantize_array
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.common import constant, flatten_samples, patches
from toolchain.quantize import grid
from toolchain.quantize.float_run import Fetch
from toolchain.quantize.ties import rule_of, value_inputs

SAMPLES = 64  # whose inner tensors are held at a time, as int8
_CHUNK = 16  # samples that an operator computes at once
_INT32 = np.iinfo(np.int32)


class InputMeans:
    """The mean of what lies under each layer's weights in the float ``graph``, over the first ``SAMPLES`` samples."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers = [n for n in graph.nodes if rule_of(n).weights_axis is not None]
        self.sums: dict[str, Array] = {}
        self.seen = 0

    def observe(self, fetch: Fetch) -> None:
        if self.seen == SAMPLES:
            return
        self.seen += 1
        for node in self.layers:
            (source,) = value_inputs(self.graph, node)
            mean = under_weights(self.graph, node, fetch(source)[None].astype(np.float64))
            self.sums[node.name] = self.sums.get(node.name, 0.0) + mean

    def means(self) -> dict[str, Array]:
        return {name: total / self.seen for name, total in self.sums.items()}


def under_weights(graph: Graph, node: Node, x: Array) -> Array:
    """The mean over samples and positions of the real values ``x`` (samples, 1, ...) that each weight is multiplied by.

    (height, width, input channels) for a convolution, (inputs,) for a fully connected layer; padding counts as 0.0.
    """
    if node.op == "fully_connected":
        rows: Array = x.reshape(-1, graph.tensor(node.inputs[1]).shape[1]).mean(axis=0)
        return rows
    _, height, width, _ = graph.tensor(node.outputs[0]).shape
    mean: Array = patches(flatten_samples(x), node.attrs.window, (height, width), 0).mean(axis=(0, 1, 2))
    return mean


def mean_sums(node: Node, weights: Array, bias: Array, mean: Array) -> Array:
    """The means of the layer's sums, one for each output channel, before its activation; all are real values."""
    if node.op == "fully_connected":
        products = weights @ mean
    elif node.op == "depthwise_conv2d":
        repeated = np.repeat(mean, weights.shape[3] // mean.shape[2], axis=2)
        products = (weights[0] * repeated).sum(axis=(0, 1))
    else:
        products = np.einsum("ohwi,hwi->o", weights, mean)
    result: Array = products + bias
    return result


def correct_biases(graph: Graph, floats: Graph, means: Mapping[str, Array], columns: Sequence[Array]) -> Graph:
    """The int8 ``graph`` with corrected biases. ``floats`` is the graph it was made from, with nodes of equal names.

    ``means`` are of ``InputMeans``, ``columns`` the samples that it saw first. A layer without a bias gets one.
    """
    values: dict[str, Array] = {n: t.data[None] for n, t in graph.tensors.items() if t.data is not None}
    for name, column in zip(graph.inputs, columns, strict=True):
        tensor = graph.tensor(name)
        values[name] = quantize_array(column[:SAMPLES], tensor.scale, tensor.zero_point)[:, None]
    last = {n: i for i, node in enumerate(graph.nodes) for n in node.inputs}
    nodes: list[Node] = []
    for i, node in enumerate(graph.nodes):
        if node.name in means:
            x = graph.tensor(node.inputs[0])
            assert x.quant is not None
            seen = grid.values(values[x.name], x.quant)
            bias = _corrected(graph, floats, node, means[node.name], under_weights(graph, node, seen))
            node = dataclasses.replace(node, inputs=(*node.inputs[:2], bias.name))
            graph = dataclasses.replace(graph, tensors={**graph.tensors, bias.name: bias})
        nodes.append(node)
        values.update(zip(node.outputs, _run(graph, node, values), strict=True))
        for name in node.inputs:
            if last.get(name) == i and not graph.is_constant(name):
                del values[name]
    return graph.with_nodes(nodes, graph.tensors)


def _corrected(graph: Graph, floats: Graph, node: Node, mean: Array, quantized_mean: Array) -> Tensor:
    """The bias of the int8 ``node`` with which the mean of its sums is that of the float layer."""
    original = next(n for n in floats.nodes if n.name == node.name)
    weights = graph.tensor(node.inputs[1])
    assert weights.data is not None
    assert weights.quant is not None
    used = grid.bias_grid(weights.quant, graph.tensor(node.inputs[0]).scale)
    channels = graph.tensor(node.outputs[0]).shape[-1]
    has_bias = len(original.inputs) > 2 and original.inputs[2]
    bias = constant(floats, original.inputs[2]).astype(np.float64) if has_bias else np.zeros(channels)
    wanted = mean_sums(node, constant(floats, original.inputs[1]).astype(np.float64), bias, mean)
    found = mean_sums(node, grid.values(weights.data, weights.quant), np.zeros(channels), quantized_mean)
    data = grid.codes(wanted - found, used, "int32", _INT32.min, _INT32.max)
    return Tensor(f"{node.outputs[0]};bias", (channels,), "int32", used, data)


def _run(graph: Graph, node: Node, values: Mapping[str, Array]) -> list[Array]:
    inputs = [values[n] if n in values else constant(graph, n)[None] for n in node.inputs if n]
    count = max(x.shape[0] for x in inputs)
    parts = []
    for start in range(0, count, _CHUNK):
        rows = [x if x.shape[0] == 1 else x[start : start + _CHUNK] for x in inputs]
        parts.append(registry()[node.op].reference(graph, node, rows))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
