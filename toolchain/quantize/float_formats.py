"""A float model that stays float: its weights as they are, or rounded to values that 16 bits hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.common import constant
from toolchain.quantize.recipe import layer_name, layers_with_weights


def rounded(weights: Array, weight_format: str) -> Array:
    """float32 values that the format holds: the nearest ones, the even one of two, as IEEE 754 rounds.

    What float16 cannot reach becomes its largest value.
    """
    values = weights.astype(np.float32)
    if weight_format == "float16":
        largest = np.float32(np.finfo(np.float16).max)
        halves: Array = np.clip(values, -largest, largest).astype(np.float16).astype(np.float32)
        return halves
    if weight_format == "bfloat16":
        bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
        upper = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
        result: Array = upper.astype(np.uint32).view(np.float32)
        return result
    return values


def with_float_weights(graph: Graph, formats: Mapping[str, str]) -> Graph:
    """The float ``graph`` with the weights of each layer, by name, in its format. Biases stay float32."""
    tensors = dict(graph.tensors)
    made = {}
    for node in layers_with_weights(graph):
        name, chosen = node.inputs[1], formats[layer_name(node)]
        own = name if all(chosen == formats[layer_name(n)] for n in _readers(graph, name)) else f"{name};{chosen}"
        data = rounded(constant(graph, name), chosen)
        tensors[own] = dataclasses.replace(graph.tensor(name), name=own, data=data)
        made[node.name] = (node.inputs[0], own, *node.inputs[2:])
    nodes = [dataclasses.replace(n, inputs=made[n.name]) if n.name in made else n for n in graph.nodes]
    return graph.with_nodes(nodes, tensors)


def _readers(graph: Graph, weights: str) -> list[Node]:
    return [n for n in layers_with_weights(graph) if n.inputs[1] == weights]
