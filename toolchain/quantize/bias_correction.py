"""Bias correction: what quantization shifts in the mean of a layer's sums is taken out of its bias.

Rounded weights and clipped inputs do not only add noise, they move each channel's mean, and shifts add up from layer to
layer. A layer is linear before its activation, so the mean of its sums is its weights times the mean of what lies under
them. Empirically, both means are taken over the same samples, that of the integers with all layers before corrected
already; analytically, only the error of the weights counts.
Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2 and
appendix D.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.common import constant, flatten_samples, patches
from toolchain.ops.transpose_conv import gathered
from toolchain.quantize import grid
from toolchain.quantize.float_run import Fetch
from toolchain.quantize.layer_by_layer import Values, changed
from toolchain.quantize.ties import rule_of, value_inputs

SAMPLES = 64  # whose inner tensors are held at a time, as int8


class InputMeans:
    """The mean of what lies under each layer's weights in the float ``graph``, over the first ``samples`` samples.

    ``power`` 2 for the mean of its square.
    """

    def __init__(self, graph: Graph, samples: int = SAMPLES, power: int = 1) -> None:
        self.graph = graph
        self.samples, self.power = samples, power
        self.layers = [n for n in graph.nodes if rule_of(n).weights_axis is not None]
        self.sums: dict[str, Array] = {}
        self.seen = 0

    def observe(self, fetch: Fetch) -> None:
        if self.seen == self.samples:
            return
        self.seen += 1
        for node in self.layers:
            (source,) = value_inputs(self.graph, node)
            mean = under_weights(self.graph, node, fetch(source)[None].astype(np.float64) ** self.power)
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
    if node.op == "transpose_conv":
        reaching: Array = gathered(flatten_samples(x), node.attrs.window, (height, width)).mean(axis=(0, 1, 2))
        return reaching
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

    def change(graph: Graph, node: Node, values: Values) -> tuple[Graph, Node]:
        return corrected(graph, floats, node, means[node.name], values) if node.name in means else (graph, node)

    return changed(graph, [column[:SAMPLES] for column in columns], change)


def corrected(graph: Graph, floats: Graph, node: Node, mean: Array, values: Values) -> tuple[Graph, Node]:
    """The layer ``node`` with a bias that takes out what moved the mean of its sums: weights, and codes of its input.

    ``mean`` is what lies under its weights in the float model, ``values`` has the codes of its input.
    """
    x = graph.tensor(node.inputs[0])
    assert x.quant is not None
    return _with_bias(graph, floats, node, mean, under_weights(graph, node, grid.values(values[x.name], x.quant)))


def correct_biases_analytically(graph: Graph, floats: Graph, means: Mapping[str, Array]) -> Graph:
    """Biases corrected by the error of the weights alone: minus that error times the mean of the float inputs.

    Nothing is run. Nagel et al. 2019, section 4.2.1, take the mean from the batch normalization before the layer; that
    is folded into the weights here, and the representative samples show the mean itself.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name in means:
            graph, node = _with_bias(graph, floats, node, means[node.name], means[node.name])
        nodes.append(node)
    return graph.with_nodes(nodes, graph.tensors)


def _with_bias(graph: Graph, floats: Graph, node: Node, mean: Array, quantized_mean: Array) -> tuple[Graph, Node]:
    bias = _corrected(graph, floats, node, mean, quantized_mean)
    node = dataclasses.replace(node, inputs=(*node.inputs[:2], bias.name))
    return dataclasses.replace(graph, tensors={**graph.tensors, bias.name: bias}), node


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
    dtype = grid.bias_type(graph.tensor(node.inputs[0]).dtype)
    data = grid.bias_codes(wanted - found, used, dtype)
    return Tensor(f"{node.outputs[0]};bias", (channels,), dtype, used, data)
