"""Variables of a TFLite file become states of the graph: handles go, who used them names the state.

As in TFLM a variable begins as the zero point of the first value that is assigned to it, in each of its bytes. What a
body of IF, WHILE or CALL_ONCE keeps, its own variable tensors too, belongs to the outermost graph: such states become
the last inputs of the operator. Handles that go into a body, or come out of a loop as they went in, go with all others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.bodies import Bodies, bodies_of
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.variables import Handle

MOST_BYTES = 1 << 26
Handles = Mapping[str, Handle]


def with_states(graph: Graph) -> Graph:
    """The graph without handles. A variable that is never assigned has no state; its readers are refused later."""
    if not any(node.op == "var_handle" or bodies_of(node) for node in graph.nodes):
        return graph
    found: dict[Handle, Tensor] = {}
    _assigned(graph, {}, found)
    taken = _names(graph)
    states = {}
    for handle, value in found.items():
        name = _unused("/".join(filter(None, (handle.container, handle.name or "variable"))), taken)
        states[handle] = dataclasses.replace(value, name=name, data=None, initial=_first(value))
    return _resolved(graph, {}, states, taken)


def _names(graph: Graph) -> set[str]:
    """Of the tensors of the graph and its bodies."""
    return {*graph.tensors}.union(*(_names(body) for node in graph.nodes for body in bodies_of(node)))


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def _first(value: Tensor) -> Array:
    zero = value.quant.zero_point[0] if value.quant else 0
    return np.full(value.nbytes, zero & 0xFF, np.uint8).view(value.dtype).reshape(value.shape)


def _arguments(node: Node) -> tuple[str, ...]:
    return node.inputs[1:] if node.op == "if" else node.inputs


def _inner(node: Node, body: Graph, handles: Handles) -> dict[str, Handle]:
    """The handles that the node gives to its body."""
    pairs = zip(body.inputs, _arguments(node), strict=False)
    return {inner: handles[outer] for inner, outer in pairs if outer in handles}


def _known(graph: Graph, given: Handles) -> dict[str, Handle]:
    """All tensors of the graph that are handles; those that a loop carries come out of it."""
    handles = {**given, **{n.outputs[0]: n.attrs for n in graph.nodes if n.op == "var_handle"}}
    for node in graph.nodes:
        if node.op == "while":
            pairs = zip(node.outputs, node.inputs, strict=False)
            handles.update({out: handles[name] for out, name in pairs if name in handles})
    return handles


def _assigned(graph: Graph, given: Handles, found: dict[Handle, Tensor]) -> None:
    """The first value that each variable gets."""
    handles = _known(graph, given)
    for node in graph.nodes:
        for body in bodies_of(node):
            _assigned(body, _inner(node, body, handles), found)
        if node.op == "assign_variable" and len(node.inputs) == 2 and node.inputs[0] in handles:
            value = graph.tensors.get(node.inputs[1])
            if value is not None and value.nbytes <= MOST_BYTES and value.dtype != "resource":
                found.setdefault(handles[node.inputs[0]], value)


def _resolved(graph: Graph, given: Handles, states: Mapping[Handle, Tensor], taken: set[str]) -> Graph:
    handles = _known(graph, given)
    tensors = dict(graph.tensors)
    nodes = []
    for node in graph.nodes:
        if node.op in ("read_variable", "assign_variable") and handles.get(node.inputs[0]) in states:
            state = states[handles[node.inputs[0]]]
            tensors[state.name] = state
            nodes.append(dataclasses.replace(node, inputs=(state.name, *node.inputs[1:])))
        elif bodies_of(node):
            node, used = _with_resolved_bodies(node, handles, states, taken)
            tensors |= used
            nodes.append(node)
        elif node.op != "var_handle":
            nodes.append(node)
    return dataclasses.replace(
        graph, nodes=tuple(nodes), tensors=tensors, inputs=tuple(n for n in graph.inputs if n not in given)
    )


def _with_resolved_bodies(
    node: Node, handles: Handles, states: Mapping[Handle, Tensor], taken: set[str]
) -> tuple[Node, dict[str, Tensor]]:
    """The node without handles among its tensors, and the states that it touches."""
    bodies = []
    used: dict[str, Tensor] = {}
    for body in bodies_of(node):
        inner = _inner(node, body, handles)
        carried = [k for k, name in enumerate(body.inputs) if name in inner]
        body = _resolved(_own_names(body, taken), inner, states, taken)
        if node.op == "while" and len(body.outputs) == len(node.outputs):  # not the condition of a loop
            body = dataclasses.replace(body, outputs=_without(body.outputs, carried))
        bodies.append(body)
        used |= {name: body.tensor(name) for name in body.states}
    attrs = Bodies(tuple(bodies), tuple(used))
    first = len(node.inputs) - len(_arguments(node))
    gone = [k for k, name in enumerate(_arguments(node)) if name in handles]
    inputs = (*node.inputs[:first], *_without(_arguments(node), gone), *used)
    outputs = _without(node.outputs, gone) if node.op == "while" else node.outputs
    return dataclasses.replace(node, inputs=inputs, outputs=outputs, attrs=attrs), used


def _own_names(body: Graph, taken: set[str]) -> Graph:
    """The body with names of their own for its variable tensors, which will be the outermost graph's."""
    new = {name: _unused(f"{body.name}/{name}", taken) for name in body.states}
    if not new:
        return body
    nodes = [dataclasses.replace(n, inputs=tuple(new.get(i, i) for i in n.inputs)) for n in body.nodes]
    tensors = {new.get(n, n): dataclasses.replace(t, name=new.get(n, n)) for n, t in body.tensors.items()}
    return dataclasses.replace(body, nodes=tuple(nodes), tensors=tensors)


def _without(names: Sequence[str], positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(name for k, name in enumerate(names) if k not in positions)
