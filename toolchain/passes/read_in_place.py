"""A variable is read where it lies: READ_VARIABLE goes where nothing changes the variable before its last reader ends.

Exact: the readers then find in the state what they would have found in the copy. It is the last of all reductions, for
it makes an operator's place in the order matter, which others do not look at; what orders the nodes keeps those that
read a state before those that update it.
"""

from __future__ import annotations

import dataclasses

from toolchain.bodies import bodies_of
from toolchain.graph import Graph, Node
from toolchain.passes.rewriting import is_view, updated


def read_in_place(graph: Graph) -> Graph:
    """The same graph when every copy is needed."""
    instead: dict[str, str] = {}
    for k, node in enumerate(graph.nodes):
        if node.op == "read_variable" and _is_needless(graph, node, k):
            instead[node.outputs[0]] = node.inputs[0]
    if not instead:
        return graph
    nodes = [
        dataclasses.replace(node, inputs=tuple(instead.get(n, n) for n in node.inputs))
        for node in graph.nodes
        if not instead.keys() & set(node.outputs)
    ]
    return graph.with_nodes(nodes, graph.tensors)


def _is_needless(graph: Graph, node: Node, k: int) -> bool:
    """Whether all that read the value come before the next update, and take it as an input like any other.

    Views would show the state's bytes for longer; what has bodies, or updates states itself, tells them apart.
    """
    state, value = node.inputs[0], node.outputs[0]
    readers = [i for i, other in enumerate(graph.nodes) if value in other.inputs]
    if value in graph.outputs or any(_is_particular(graph.nodes[i]) for i in readers):
        return False
    updates = [i for i, other in enumerate(graph.nodes) if i > k and state in updated(other)]
    return max(readers, default=k) < min(updates, default=len(graph.nodes))


def _is_particular(node: Node) -> bool:
    return is_view(node) or bool(updated(node)) or bool(bodies_of(node))
