"""Checkers that run between the stages. They share no code with what they check.

``check_supported`` speaks to the user (ModelError); the others find bugs of mcuforge (VerificationError).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from toolchain.bodies import bodies_of
from toolchain.errors import ModelError
from toolchain.graph import Graph, Node
from toolchain.importers.layer_names import layers_of
from toolchain.ops import registry
from toolchain.ops.base import Op, unmet
from toolchain.ways_out import way_out

# of variables, as C and the protocol have them
DTYPES = ("int8", "int16", "int32", "uint8", "bool", "float32", "uint32", "uint64")
MAX_RANK = 6  # of inputs and outputs, as the protocol has them
MAX_PORTS = 255
MAX_VARIABLE_BYTES = 1 << 26  # far more than the RAM of any microcontroller


class VerificationError(AssertionError):
    """A stage produced something wrong: a bug in mcuforge, never the user's fault."""


def refusals(graph: Graph, broken: Collection[str] = ()) -> list[str]:
    """Why nodes cannot run, one line each with layer name, operator and all reasons.

    A graph with ``broken`` tensors, of which something else was said, has not been cleaned: nodes that may go then and
    those with such tensors are left out.
    """
    lines = []
    for node in graph.nodes:
        op = registry().get(node.op)
        hidden = bool(broken) and op is not None and (op.offline or bool({*node.inputs, *node.outputs} & set(broken)))
        reasons = [] if hidden else _reasons(graph, node)
        if reasons:
            lines.append(f"layer {_layer(node)} ({node.op}): {'; '.join(reasons)}")
        for body in bodies_of(node):
            lines += refusals(body, broken)
    return lines


def refusal_lines(reasons: Sequence[tuple[Node, str]]) -> list[str]:
    """A line for each node and its reason, equal ones once."""
    return counted([f"layer {_layer(node)} ({node.op}): {reason}" for node, reason in reasons])


def _layer(node: Node) -> str:
    """The layer for a message; a node that shares its layer with others carries only its own name."""
    named = node.layers if node.layers != (node.name,) else layers_of((*node.outputs, node.name)[0])
    return named[0] if named else node.name


def _reasons(graph: Graph, node: Node) -> list[str]:
    op = registry().get(node.op)
    if op is None:
        return [f"this operator is not supported: {way_out(node.op)}"]
    if op.offline:
        return ["this operator is supported only where it can be computed at build time"]
    return unmet(op, graph, node)


def check_supported(graph: Graph, where: str) -> None:
    """Raises ModelError that lists every node that cannot run, and what is wrong with inputs, outputs and tensors."""
    reasons, problems = refusals(graph), problems_of_tensors(graph)
    if reasons:
        raise ModelError(
            f"{where}: {len(reasons)} of {len(graph.nodes)} operators cannot run\n  "
            + "\n  ".join([*counted(reasons), *problems]),
            "Replace these layers, or quantize the model to full int8; docs/operators.md lists what is supported.",
        )
    if problems:
        raise ModelError(f"{where}: cannot run\n  " + "\n  ".join(problems), "Export the inference function alone.")


def counted(reasons: Sequence[str]) -> list[str]:
    """Each line once: a layer may have become many operators."""
    return [line if n == 1 else f"{line} ({n} times)" for line, n in Counter(reasons).items()]


def problems_of_tensors(graph: Graph) -> list[str]:
    """What is wrong with inputs, outputs and tensors, where the operators do not say it already."""
    return [*_interface_problems(graph), *_variable_problems(graph)]


def _interface_problems(graph: Graph) -> list[str]:
    """What is wrong with the graph's inputs and outputs."""
    problems = []
    for what, names in (("input", graph.inputs), ("output", graph.outputs)):
        if not names:
            problems.append(f"it has no {what}")
        for name in names:
            tensor = graph.tensor(name)
            if tensor.data is not None or _views_constant(graph, name):
                problems.append(f"{what} {name} is a constant")
            if tensor.initial is not None:
                problems.append(f"{what} {name} is a state, which lasts between inferences")
            if len(tensor.shape) > MAX_RANK:
                problems.append(f"{what} {name} has {len(tensor.shape)} dimensions; at most {MAX_RANK} are supported")
    if len(graph.inputs) + len(graph.outputs) > MAX_PORTS:
        problems.append(f"it has more than {MAX_PORTS} inputs and outputs")
    return problems


def _views_constant(graph: Graph, name: str) -> bool:
    node = graph.producer(name)
    op = registry().get(node.op) if node is not None else None
    return node is not None and op is not None and op.view and graph.is_constant(node.inputs[0])


def _variable_problems(graph: Graph) -> list[str]:
    """What is wrong with the tensors that will lie in the arena, and with constants, but for those of refused nodes."""
    problems = []
    told = {n for node in graph.nodes if _reasons(graph, node) for n in (*node.inputs, *node.outputs)}
    made = (out for node in graph.nodes for out in node.outputs)
    for name in dict.fromkeys((*graph.inputs, *graph.states, *made)):
        tensor = graph.tensor(name)
        if name in told:
            continue
        if tensor.dtype not in DTYPES:
            problems.append(f"tensor {name} is of type {tensor.dtype}")
        elif tensor.size == 0:
            problems.append(f"tensor {name} of shape {list(tensor.shape)} has no elements")
        elif tensor.nbytes > MAX_VARIABLE_BYTES:
            problems.append(f"tensor {name} of shape {list(tensor.shape)} takes {tensor.nbytes} bytes")
    for name, tensor in graph.tensors.items():
        if tensor.data is not None and tensor.data.dtype != tensor.dtype and name not in told:
            problems.append(f"constant {name} is of type {tensor.dtype}")
    return problems + [problem for node in graph.nodes for b in bodies_of(node) for problem in _variable_problems(b)]


def _check_states(graph: Graph, node: Node, op: Op) -> None:
    """A view would show a state's bytes when they are others already."""
    if any(graph.tensor(node.inputs[k]).initial is None for k in op.updates(node)):
        raise VerificationError(f"{node.name} updates what is no state")
    if op.view and graph.tensor(node.inputs[0]).initial is not None:
        raise VerificationError(f"{node.name} is a view of state {node.inputs[0]}")


def check_graph(graph: Graph) -> None:
    """Every tensor is defined before it is read, by one producer; constants have their declared shape and type.

    So have states, and only they are updated.
    """
    defined = {n for n, t in graph.tensors.items() if t.data is not None} | set(graph.inputs) | set(graph.states)
    for name, tensor in graph.tensors.items():
        for data in (tensor.data, tensor.initial):
            if data is not None and (data.shape != tensor.shape or data.dtype != tensor.dtype):
                raise VerificationError(f"constant {name} is {data.dtype} {data.shape}")
        if tensor.initial is not None and (tensor.data is not None or name in (*graph.inputs, *graph.outputs)):
            raise VerificationError(f"state {name} is a constant, an input or an output")
    for node in graph.nodes:
        op = registry().get(node.op)
        if op is not None:
            _check_states(graph, node, op)
        for body in bodies_of(node):
            check_graph(body)
        for name in node.inputs:
            if name and name not in defined:
                raise VerificationError(f"{node.name} reads {name} before it is written")
        for name in node.outputs:
            if name in defined:
                raise VerificationError(f"{node.name} writes {name}, which exists already")
            defined.add(name)
    for name in graph.outputs:
        if name not in defined:
            raise VerificationError(f"output {name} is never written")
