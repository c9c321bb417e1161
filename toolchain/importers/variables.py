"""Variables of a TFLite file become states of the graph: handles go, who used them names the state.

As in TFLM a variable begins as the zero point of the first value that is assigned to it, in each of its bytes.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.variables import Handle

MOST_BYTES = 1 << 26


def with_states(graph: Graph) -> Graph:
    """The graph without handles. A variable that is never assigned has no state; its readers are refused later."""
    handles: dict[str, Handle] = {n.outputs[0]: n.attrs for n in graph.nodes if n.op == "var_handle"}
    if not handles:
        return graph
    states: dict[Handle, Tensor] = {}
    for node in graph.nodes:
        if node.op == "assign_variable" and len(node.inputs) == 2 and node.inputs[0] in handles:
            handle, value = handles[node.inputs[0]], graph.tensors.get(node.inputs[1])
            if value is not None and value.nbytes <= MOST_BYTES:
                states.setdefault(handle, _state(_name(handle, graph), value))
    names = {tensor: states[handle].name for tensor, handle in handles.items() if handle in states}
    nodes = [_renamed(node, names) for node in graph.nodes if node.op != "var_handle"]
    return dataclasses.replace(
        graph, nodes=tuple(nodes), tensors={**graph.tensors, **{t.name: t for t in states.values()}}
    )


def _name(handle: Handle, graph: Graph) -> str:
    name = handle.name or "variable"
    while name in graph.tensors:
        name += "'"
    return f"{handle.container}/{name}" if handle.container else name


def _state(name: str, value: Tensor) -> Tensor:
    return dataclasses.replace(value, name=name, data=None, initial=_first(value))


def _first(value: Tensor) -> Array:
    zero = value.quant.zero_point[0] if value.quant else 0
    return np.full(value.nbytes, zero & 0xFF, np.uint8).view(value.dtype).reshape(value.shape)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    if node.op not in ("read_variable", "assign_variable"):
        return node
    return dataclasses.replace(node, inputs=tuple(names.get(n, n) for n in node.inputs))
