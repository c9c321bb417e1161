"""Bodies: graphs inside a graph, which an operator runs when and as often as it likes (IF, WHILE, CALL_ONCE).

A body is a Graph in its node's attributes. Its inputs lie where the node's operator says, outside the body's own arena,
and nothing writes there while it runs. What lasts between inferences belongs to the outermost graph: states that a body
touches are the last inputs of its node, in the order of ``states`` in its attributes, their names in all its bodies.
Bodies are planned by themselves; the largest of their arenas is the scratch of the call.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolchain.graph import Graph, Node

if TYPE_CHECKING:
    from toolchain.plan import Plan


@dataclass(frozen=True, eq=False)
class Bodies:
    """The attributes of a node with bodies. ``plans``, of the bodies, are there when kernels are chosen."""

    bodies: tuple[Graph, ...]
    states: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()


def bodies_of(node: Node) -> tuple[Graph, ...]:
    return node.attrs.bodies if isinstance(node.attrs, Bodies) else ()


def with_bodies(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with ``change`` applied to the bodies of its nodes; the same graph when that changes nothing."""
    nodes = tuple(_changed(node, change) for node in graph.nodes)
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    return dataclasses.replace(graph, nodes=nodes)


def _changed(node: Node, change: Callable[[Graph], Graph]) -> Node:
    old = bodies_of(node)
    new = tuple(change(body) for body in old)
    if all(a is b for a, b in zip(new, old, strict=True)):
        return node
    return dataclasses.replace(node, attrs=dataclasses.replace(node.attrs, bodies=new))


def ready(body: Graph, loop: bool) -> Graph:
    """The body as its operator can run it: what it makes is its own.

    A view would show memory of another graph; it becomes a copy. A loop reads its values where it then writes the new
    ones: one that comes from another place among them is copied first.
    """
    nodes = [_copied(body, node) for node in body.nodes]
    tensors, outputs = dict(body.tensors), list(body.outputs)
    for k, name in enumerate(outputs if loop else ()):
        if name in body.inputs and body.inputs[k] != name:
            outputs[k] = f"{name}/copy{k}"
            tensors[outputs[k]] = dataclasses.replace(tensors[name], name=outputs[k])
            nodes.append(Node(outputs[k], "copy", (name,), (outputs[k],)))
    return dataclasses.replace(body, nodes=tuple(nodes), tensors=tensors, outputs=tuple(outputs))


def _copied(body: Graph, node: Node) -> Node:
    from toolchain.ops import registry

    if not registry()[node.op].view or node.inputs[0] not in body.outside:
        return node
    return dataclasses.replace(node, op="copy", inputs=node.inputs[:1], attrs=None)


def has_loops(graph: Graph) -> bool:
    """Whether it is for the data to say how long an inference takes."""
    return any(n.op == "while" or any(has_loops(body) for body in bodies_of(n)) for n in graph.nodes)
