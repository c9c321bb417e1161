"""Larger codes for weights that have small ones, so that requantization multiplies by less than 1/2.

A code of 1 stands for much where there are only -1, 0 and 1, and a layer that adds up few inputs then turns its sums
into output codes by a multiplier of 1/2 or more. TFLite allows that; fast kernels, which round with a right shift, do
not. Codes k times as large with scales and bias steps k times as small are the same real numbers: k is the least power
of two that helps.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops.common import constant
from toolchain.quantize.recipe import layers_with_weights

_CODE_HIGH = 127
_BIAS_HIGH = (1 << 30) - 1
_BELOW = 0.5 * (1 - 1e-6)  # multipliers are rounded to 31 bits


def with_small_multipliers(graph: Graph) -> Graph:
    """The integer ``graph`` with other codes in those layers below int8 that need them."""
    nodes, tensors = [], dict(graph.tensors)
    weighted = {node.name for node in layers_with_weights(graph)}
    for node in graph.nodes:
        factor = _factor(graph, node) if node.name in weighted else 1
        if factor > 1:
            scaled = [
                _scaled(graph.tensor(name), factor, f"{node.outputs[0]};x{factor}") for name in node.inputs[1:] if name
            ]
            tensors |= {tensor.name: tensor for tensor in scaled}
            node = dataclasses.replace(node, inputs=(node.inputs[0], *(tensor.name for tensor in scaled)))
        nodes.append(node)
    return graph.with_nodes(nodes, tensors)


def _factor(graph: Graph, node: Node) -> int:
    """k, 1 where nothing is to be done or can be."""
    x, weights, out = (graph.tensor(name) for name in (*node.inputs[:2], node.outputs[0]))
    if x.dtype != "int8":
        return 1
    assert weights.quant is not None
    multiplier = max(weights.quant.scale) * x.scale / out.scale
    factor = 1
    while multiplier >= factor * _BELOW:
        factor *= 2
    fits = factor * _largest(graph, node.inputs[1]) <= _CODE_HIGH
    has_bias = len(node.inputs) > 2 and node.inputs[2]
    return factor if fits and (not has_bias or factor * _largest(graph, node.inputs[2]) <= _BIAS_HIGH) else 1


def _largest(graph: Graph, name: str) -> int:
    return int(np.abs(constant(graph, name).astype(np.int64)).max(initial=0))


def _scaled(tensor: Tensor, factor: int, suffix: str) -> Tensor:
    assert tensor.data is not None
    assert tensor.quant is not None
    scales = tuple(scale / factor for scale in tensor.quant.scale)
    data: Array = tensor.data * np.asarray(factor, tensor.data.dtype)
    quant = QuantParams(scales, tensor.quant.zero_point, tensor.quant.axis)
    return dataclasses.replace(tensor, name=f"{tensor.name};{suffix}", data=data, quant=quant)
