"""The values that a loop need not carry: those that nobody wants, and those that it never changes.

- Dead: neither what follows the loop, nor its condition, nor a state, nor another value that is wanted depends on it.
- Fixed: the body hands it on as it is. What it was before the loop it is after it; the bodies read it where it lies. In
  the node such inputs follow those that the loop changes, and have no output.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from toolchain.bodies import bodies_of
from toolchain.graph import Graph, Node
from toolchain.passes.rewriting import alive


def with_fewer_values(graph: Graph, node: Node) -> Graph | None:
    """The graph with a smaller loop; None when all its values are needed."""
    changed = len(node.outputs)
    wanted = _wanted(graph, node)
    body = bodies_of(node)[1]
    fixed = [k for k in wanted if k < changed and body.inputs[k] == body.outputs[k] and _alike(graph, node, k)]
    carried = [k for k in wanted if k < changed and k not in fixed]
    order = [*carried, *fixed, *(k for k in wanted if k >= changed)]
    if len(carried) == changed and len(order) == len(body.inputs):
        return None
    instead = {node.outputs[k]: node.inputs[k] for k in fixed}
    smaller = _with(node, carried, order)
    nodes = [_reading(smaller if n is node else n, instead) for n in graph.nodes]
    return graph.with_nodes(nodes, graph.tensors)


def _alike(graph: Graph, node: Node, k: int) -> bool:
    """Whether who reads what the loop gives can read what it got."""
    before, after = graph.tensor(node.inputs[k]), graph.tensor(node.outputs[k])
    same = (before.shape, before.quant) == (after.shape, after.quant)
    return after.name not in graph.outputs and (same or not graph.consumers(after.name))


def _wanted(graph: Graph, node: Node) -> list[int]:
    condition, body = bodies_of(node)
    read = {name for n in graph.nodes for name in n.inputs} | set(graph.outputs)
    wanted = {k for k, out in enumerate(node.outputs) if out in read}
    wanted |= _needed(condition, condition.results)
    while True:
        states = body.states if body.external else ()
        more = wanted | _needed(body, (*states, *(body.outputs[k] for k in wanted if k < len(body.outputs))))
        if more == wanted:
            return sorted(wanted)
        wanted = more


def _needed(body: Graph, names: Iterable[str]) -> set[int]:
    """The inputs of the body that these of its tensors depend on."""
    names = set(names)
    read = names.union(*(n.inputs for n in alive(names, body.nodes)))
    return {k for k, name in enumerate(body.inputs) if name in read}


def _with(node: Node, carried: list[int], order: list[int]) -> Node:
    condition, body = bodies_of(node)
    outputs = tuple(body.outputs[k] for k in carried)
    body = dataclasses.replace(body, inputs=tuple(body.inputs[k] for k in order), outputs=outputs)
    body = body.with_nodes(alive(body.results, body.nodes), body.tensors)
    condition = dataclasses.replace(condition, inputs=tuple(condition.inputs[k] for k in order))
    states = node.inputs[len(node.inputs) - len(node.attrs.states) :]
    return dataclasses.replace(
        node,
        inputs=(*(node.inputs[k] for k in order), *states),
        outputs=tuple(node.outputs[k] for k in carried),
        attrs=dataclasses.replace(node.attrs, bodies=(condition, body)),
    )


def _reading(node: Node, instead: dict[str, str]) -> Node:
    if not instead.keys() & set(node.inputs):
        return node
    return dataclasses.replace(node, inputs=tuple(instead.get(n, n) for n in node.inputs))
