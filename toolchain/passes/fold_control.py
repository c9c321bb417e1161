"""Control flow that is known at build time: an IF becomes its body, a loop that never runs and CALL_ONCE go.

- An IF whose condition is constant always runs the same body, which takes its place in the graph.
- Constants that go into a body, and do not change in a loop, are constants of the body.
- A loop carries only values that are wanted and change (``loop_values``).
- A loop whose condition does not hold for its first values, all that it looks at being constant, hands on its inputs.
- What CALL_ONCE leaves in variables, in the first inference and before anybody else looked at them, is computed here by
  the reference: it becomes what they hold at first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from toolchain.bodies import bodies_of
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.base import unmet
from toolchain.ops.control import arguments, run_body, states_at
from toolchain.passes.by_type import for_types
from toolchain.passes.fold_constants import fold_constants
from toolchain.passes.loop_values import with_fewer_values
from toolchain.verify import refusals


def fold_control(graph: Graph) -> Graph:
    """The same graph when there is nothing to do."""
    for k, node in enumerate(graph.nodes):
        if bodies_of(node) and not unmet(registry()[node.op], graph, node):
            new = _RULES[node.op](graph, node, k)
            if new is not None:
                return fold_control(new)
    return graph


def _if(graph: Graph, node: Node, k: int) -> Graph | None:
    condition = graph.tensor(node.inputs[0]).data
    if condition is not None:
        return _inlined(graph, node, bodies_of(node)[0 if condition.reshape(-1)[0] else 1])
    known = [(i, graph.tensor(n).data) for i, n in enumerate(arguments(node))]
    constants = {i: data for i, data in known if data is not None}
    if not constants:
        return None
    bodies = tuple(_specialized(body, constants) for body in bodies_of(node))
    inputs = tuple(n for i, n in enumerate(node.inputs, start=-1) if i not in constants)
    return _replaced(graph, node, _with(node, bodies, inputs))


def _while(graph: Graph, node: Node, k: int) -> Graph | None:
    condition, body = bodies_of(node)
    first = {i: data for i, n in enumerate(arguments(node)) if (data := graph.tensor(n).data) is not None}
    result = fold_constants(_specialized(condition, first))
    outcome = result.tensor(result.outputs[0]).data
    if outcome is not None and not outcome.reshape(-1)[0]:
        same = [_same(a, b) for a, b in zip(arguments(node), node.outputs, strict=False)]
        return _spliced(graph, node, same, {})
    smaller = with_fewer_values(graph, node)
    if smaller is not None:
        return smaller
    constants = {i: data for i, data in first.items() if i >= len(node.outputs)}
    if not constants:
        return None
    bodies = _specialized(condition, constants), _specialized(body, constants)
    inputs = tuple(n for i, n in enumerate(node.inputs) if i not in constants)
    return _replaced(graph, node, _with(node, bodies, inputs))


def _call_once(graph: Graph, node: Node, k: int) -> Graph | None:
    touched = {node.inputs[i] for i in states_at(node)}
    body = for_types(bodies_of(node)[0])
    if refusals(body) or any(touched & set(earlier.inputs) for earlier in graph.nodes[:k]):
        return None
    names = dict(zip(node.attrs.states, (node.inputs[i] for i in states_at(node)), strict=True))
    first = {inner: _initial(graph.tensor(name))[None] for inner, name in names.items()}
    _, after = run_body(body, [], first, 1)
    tensors = {
        name: dataclasses.replace(graph.tensor(name), initial=np.array(after[inner][0]))
        for inner, name in names.items()
    }
    return _spliced(graph, node, [], tensors)


def _initial(state: Tensor) -> Array:
    assert state.initial is not None
    return state.initial


def _constant(tensor: Tensor, data: Array) -> Tensor:
    return dataclasses.replace(tensor, data=data.reshape(tensor.shape))


def _specialized(body: Graph, constants: Mapping[int, Array]) -> Graph:
    """The body with constants in the place of some of its inputs."""
    tensors = dict(body.tensors)
    for i, data in constants.items():
        tensors[body.inputs[i]] = _constant(tensors[body.inputs[i]], data)
    return dataclasses.replace(
        body, tensors=tensors, inputs=tuple(n for i, n in enumerate(body.inputs) if i not in constants)
    )


def _with(node: Node, bodies: tuple[Graph, ...], inputs: tuple[str, ...]) -> Node:
    return dataclasses.replace(node, inputs=inputs, attrs=dataclasses.replace(node.attrs, bodies=bodies))


def _replaced(graph: Graph, node: Node, new: Node) -> Graph:
    return graph.with_nodes([new if n is node else n for n in graph.nodes], graph.tensors)


def _spliced(graph: Graph, node: Node, new: list[Node], tensors: Mapping[str, Tensor]) -> Graph:
    nodes = [m for n in graph.nodes for m in (new if n is node else [n])]
    return graph.with_nodes(nodes, {**graph.tensors, **tensors})


def _same(source: str, out: str) -> Node:
    """A node that gives the bytes of ``source`` the name ``out``."""
    return Node(f"{out}/same", "copy", (source,), (out,))


def _inlined(graph: Graph, node: Node, body: Graph) -> Graph:
    """The graph with the nodes of the body in the place of the node."""
    new = {name: f"{node.name}/{name}" for name in body.tensors} | {"": ""}
    new |= dict(zip(body.inputs, arguments(node), strict=True))
    new |= dict(zip(node.attrs.states, (node.inputs[i] for i in states_at(node)), strict=True))
    tensors = {
        new[n]: dataclasses.replace(t, name=new[n]) for n, t in body.tensors.items() if new[n] not in graph.tensors
    }
    nodes = [
        dataclasses.replace(
            n,
            name=f"{node.name}_{n.name}",
            inputs=tuple(new[i] for i in n.inputs),
            outputs=tuple(new[o] for o in n.outputs),
        )
        for n in body.nodes
    ]
    nodes += [_same(new[a], b) for a, b in zip(body.outputs, node.outputs, strict=True)]
    return _spliced(graph, node, nodes, tensors)


_RULES = {"if": _if, "while": _while, "call_once": _call_once}
