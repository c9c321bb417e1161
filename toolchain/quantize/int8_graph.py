"""A float graph and the ranges of its tensors become the int8 or int16x8 graph that TFLite's kernels compute.

Weights and biases follow from the float ones and from the scale of the layer's input; a bias that several layers share
becomes one for each, since their input scales differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops import registry
from toolchain.ops.common import constant
from toolchain.quantize import grid
from toolchain.quantize.ties import Tied, rule_of, value_inputs


@dataclass(frozen=True, eq=False)
class Weights:
    """int8 codes of a layer's weights, shaped like them, and what they stand for."""

    codes: Array
    grid: QuantParams


@dataclass(frozen=True, eq=False)
class Layer:
    """The integers of a layer with weights, on their grids. ``bias`` is None where the layer has none."""

    weights: Array
    weights_grid: QuantParams
    bias: Array | None
    bias_grid: QuantParams


def quantized_layer(
    graph: Graph, node: Node, input_scale: float, chosen: Weights | None = None, activations: str = "int8"
) -> Layer:
    """Weights in [-127, 127] and bias of ``node``, whose constants in ``graph`` are float32.

    The weights are ``chosen``, or else the nearest ones on the widest grid of each channel. The bias is int32, for
    ``activations`` of int16 it is int64.
    """
    bias_type = grid.bias_type(activations)
    weights = constant(graph, node.inputs[1])
    bias = constant(graph, node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    used = grid.symmetric(weights, rule_of(node).weights_axis) if chosen is None else chosen.grid
    if bias is not None and chosen is None:
        used = grid.with_room_for_bias(used, bias, input_scale, bias_type)
    summed = grid.bias_grid(used, input_scale)
    return Layer(
        grid.codes(weights, used, low=-grid.WEIGHTS_HIGH, high=grid.WEIGHTS_HIGH) if chosen is None else chosen.codes,
        used,
        None if bias is None else grid.bias_codes(bias, summed, bias_type),
        summed,
    )


def int8_graph(tied: Tied, grids: Mapping[str, QuantParams], chosen: Mapping[str, Weights] | None = None) -> Graph:
    """The int8 graph; ``grids`` has the parameters of every group of ``tied``.

    ``chosen`` are the weights of the nodes, by name, that have others than plain int8.
    """
    work = _Work(tied, grids, chosen or {})
    nodes = [work.node(node) for node in tied.graph.nodes]
    for name in tied.group:
        work.value(name)
    return tied.graph.with_nodes(nodes, work.tensors)


class _Work:
    def __init__(self, tied: Tied, grids: Mapping[str, QuantParams], chosen: Mapping[str, Weights]) -> None:
        self.tied = tied
        self.grids = grids
        self.chosen = chosen
        self.tensors: dict[str, Tensor] = {n: t for n, t in tied.graph.tensors.items() if t.dtype != "float32"}

    def node(self, node: Node) -> Node:
        graph = self.tied.graph
        rule = registry()[node.op].ptq  # None for a QUANTIZE between groups
        if rule is None or rule.weights_axis is None:
            return node
        (source,) = value_inputs(graph, node)
        scale = self.grids[self.tied.group[source]].scale[0]
        layer = quantized_layer(graph, node, scale, self.chosen.get(node.name), self.tied.types[source])
        weights = self._constant(graph.tensor(node.inputs[1]), layer.weights, layer.weights_grid)
        if layer.bias is None:
            return dataclasses.replace(node, inputs=(source, weights))
        bias = self._constant(graph.tensor(node.inputs[2]), layer.bias, layer.bias_grid)
        return dataclasses.replace(node, inputs=(source, weights, bias))

    def value(self, name: str) -> None:
        """The tensor ``name`` on its group's grid."""
        tensor, used, dtype = self.tied.graph.tensor(name), self.grids[self.tied.group[name]], self.tied.types[name]
        low, high = (-grid.HIGH16, grid.HIGH16) if dtype == "int16" else (grid.LOW, grid.HIGH)
        data = None if tensor.data is None else grid.codes(tensor.data, used, dtype, low, high)
        self.tensors[name] = dataclasses.replace(tensor, dtype=dtype, quant=used, data=data)

    def _constant(self, tensor: Tensor, data: Array, used: QuantParams) -> str:
        """The name of a constant that holds ``data``; what layers share on the same grid stays one."""
        made = dataclasses.replace(tensor, dtype=str(data.dtype), quant=used, data=data)
        number, name = 1, tensor.name
        while name in self.tensors or name in self.tied.group:
            there = self.tensors.get(name)
            same = there is not None and there.quant == used and there.dtype == made.dtype
            if same and there is not None and there.data is not None and np.array_equal(there.data, data):
                return name
            number += 1
            name = f"{tensor.name};{number}"
        self.tensors[name] = dataclasses.replace(made, name=name)
        return name
