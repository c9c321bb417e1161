"""Operators on float32, int16 or int32 become those that compute in these types, and rare forms of one their own.

A TFLite file has one operator for all types, and so has a graph that was just read: its name is that of the int8 one.
Quantizers read float models so. What is to be run has operators of its own for each type, for they share little more
than their attributes. Nothing that the file says is changed.
"""

from __future__ import annotations

import dataclasses

from toolchain.bodies import with_bodies
from toolchain.graph import Graph, Node
from toolchain.ops import by_type, registry
from toolchain.ops.base import holds_for


def for_types(graph: Graph) -> Graph:
    """The graph with every operator as it is for the types of its tensors; one that there is not keeps its name."""
    graph = with_bodies(graph, for_types)
    return graph.with_nodes([for_type(graph, node) for node in graph.nodes], graph.tensors)


def for_type(graph: Graph, node: Node) -> Node:
    """The node with the operator for the types of its tensors in ``graph``."""
    for special in registry().values():
        if special.instead is None or special.instead[0] != node.op:
            continue
        if holds_for(special.instead[1], graph, node):
            return dataclasses.replace(node, op=special.name)
    types = {graph.tensor(name).dtype for name in (*node.inputs[:1], *node.outputs[:1]) if name}
    dtype = "int16" if "int16" in types else types.pop() if len(types) == 1 else ""
    op = by_type().get((node.op, dtype))
    return node if op is None else dataclasses.replace(node, op=op.name)
