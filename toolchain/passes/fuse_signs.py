"""SIGN of MINIMUM with 0.0, as layers with binary inputs write it in a float model, becomes one operator.

Exact by definition: min(x, 0) is negative for negative x and 0 for all others, and its sign is -1 or 0. The converter
may put a RESHAPE between the two, which changes no value.
"""

from __future__ import annotations

import dataclasses

from toolchain.graph import Graph, Node


def fuse_signs(graph: Graph) -> Graph:
    """The same graph when there is none."""
    signs: set[str] = set()
    instead: dict[str, str] = {}
    for node in graph.nodes:
        if node.op == "minimum" and _with_zero(graph, node):
            found = _signs_of(graph, node)
            if found:
                signs |= found
                instead[node.outputs[0]] = _variable(graph, node)
    if not signs:
        return graph
    nodes = []
    for node in graph.nodes:
        if instead.keys() & set(node.outputs):
            continue
        node = dataclasses.replace(node, inputs=tuple(instead.get(n, n) for n in node.inputs))
        nodes.append(dataclasses.replace(node, op="sign", attrs=None) if node.name in signs else node)
    return graph.with_nodes(nodes, graph.tensors)


def _signs_of(graph: Graph, node: Node) -> set[str]:
    """The names of the SIGN nodes that read ``node``, perhaps reshaped; none when anything else does."""
    left, found = [node.outputs[0]], set()
    while left:
        name = left.pop()
        if name in graph.outputs:
            return set()
        for reader in graph.consumers(name):
            if reader.op == "SIGN":
                found.add(reader.name)
            elif reader.op == "reshape":
                left.append(reader.outputs[0])
            else:
                return set()
    return found


def _with_zero(graph: Graph, node: Node) -> bool:
    known = [data for n in node.inputs if (data := graph.tensor(n).data) is not None]
    out = graph.tensor(node.outputs[0])
    return (
        len(known) == 1
        and not known[0].any()
        and out.dtype == "float32"
        and graph.tensor(_variable(graph, node)).shape == out.shape
    )


def _variable(graph: Graph, node: Node) -> str:
    return next((n for n in node.inputs if not graph.is_constant(n)), node.inputs[0])
