"""Of nodes that compute the same from the same, one is left.

Exact: an operator's reference is a function of its attributes, of the shape, type and quantization of its tensors, and
of its inputs' values. Where all of these are equal, so are the results. Constants are compared by what they hold.
A state may hold something else for each of its readers, so these are left alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable

from toolchain.graph import Graph, Node
from toolchain.passes.rewriting import is_view, layers_with


def share_results(graph: Graph) -> Graph:
    """The same graph when no node repeats another one."""
    constants: dict[str, Hashable] = {}
    first: dict[Hashable, Node] = {}
    instead: dict[str, str] = {}
    kept: dict[str, Node] = {}
    states = set(graph.states)
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(instead.get(n, n) for n in node.inputs))
        key = node.name if states & set(node.inputs) else _key(graph, node, constants)
        twin = first.setdefault(key, node)
        if twin is node or set(node.outputs) & set(graph.outputs):
            kept[node.name] = node
            continue
        instead |= dict(zip(node.outputs, twin.outputs, strict=True))
        if not is_view(node):
            kept[twin.name] = dataclasses.replace(kept[twin.name], layers=layers_with(kept[twin.name], node))
    return graph.with_nodes(kept.values(), graph.tensors) if instead else graph


def _key(graph: Graph, node: Node, constants: dict[str, Hashable]) -> Hashable:
    inputs = tuple(_identity(graph, n, constants) for n in node.inputs)
    outputs = tuple((t.shape, t.dtype, t.quant) for t in map(graph.tensor, node.outputs))
    return (node.op, node.attrs, inputs, outputs)


def _identity(graph: Graph, name: str, constants: dict[str, Hashable]) -> Hashable:
    """A name, or what a constant holds."""
    if not name or (data := graph.tensor(name).data) is None:
        return name
    if name not in constants:
        tensor = graph.tensor(name)
        constants[name] = (tensor.shape, tensor.dtype, tensor.quant, hashlib.sha256(data.tobytes()).digest())
    return constants[name]
