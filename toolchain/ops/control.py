"""IF, WHILE and CALL_ONCE: operators that run other graphs, their bodies.

As in TFLM the tensors of a body are the operator's own by position: types and numbers of bytes must agree, shapes and
quantization are what each side says they are. How often a WHILE runs is for the model to say; costs count one trip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.bodies import Bodies
from toolchain.errors import ModelError
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Body,
    Constraint,
    Cost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
)

MOST_TRIPS = 1 << 20  # of a WHILE in the reference
MEMORY_CYCLES = 0.6  # of a byte that is copied
CALL_CYCLES = 40.0


def _read_if(op: TfliteOperator) -> Bodies:
    return Bodies((op.subgraph(op.options.thenSubgraphIndex), op.subgraph(op.options.elseSubgraphIndex)))


def _read_while(op: TfliteOperator) -> Bodies:
    return Bodies((op.subgraph(op.options.condSubgraphIndex), op.subgraph(op.options.bodySubgraphIndex)))


def _read_call_once(op: TfliteOperator) -> Bodies:
    return Bodies((op.subgraph(op.options.initSubgraphIndex),))


def states_at(node: Node) -> tuple[int, ...]:
    """The positions of the states among the node's inputs."""
    return tuple(range(len(node.inputs) - len(node.attrs.states), len(node.inputs)))


def arguments(node: Node) -> tuple[str, ...]:
    """The tensors that the bodies get: neither the condition of an IF nor states."""
    first = 1 if node.op == "if" else 0
    return node.inputs[first : len(node.inputs) - len(node.attrs.states)]


def run_body(
    body: Graph, inputs: Sequence[Array], states: Mapping[str, Array], samples: int
) -> tuple[list[Array], dict[str, Array]]:
    """The body's outputs, and what its states hold then."""
    from toolchain.reference import Run

    shapes = [body.tensor(name).shape for name in body.inputs]
    run = Run(body, body.outputs, states)
    outputs = run([x.reshape(len(x), *shape) for x, shape in zip(inputs, shapes, strict=True)], samples)
    return outputs, run.states


def _first(x: Array, samples: int) -> Array:
    """For each sample whether its first element is not 0."""
    return np.broadcast_to(x.reshape(len(x), -1)[:, 0] != 0, (samples,))


def _spread(x: Array, samples: int) -> Array:
    return np.broadcast_to(x, (samples, *x.shape[1:]))


def _if(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    samples, split = max(map(len, inputs)), len(inputs) - len(node.attrs.states)
    states = dict(zip(node.attrs.states, inputs[split:], strict=True))
    args = [_spread(x, samples) for x in inputs[1:split]]
    tensors = [graph.tensor(n) for n in node.outputs]
    outputs = [np.empty((samples, *t.shape), t.dtype) for t in tensors]
    true = _first(inputs[0], samples)
    for body, chosen in zip(node.attrs.bodies, (true, ~true), strict=True):
        rows = np.flatnonzero(chosen)
        if len(rows):
            results, after = run_body(body, [x[rows] for x in args], states, len(rows))
            states |= {name: after[name] for name in states if name in after}
            for out, result in zip(outputs, results, strict=True):
                out[rows] = result.reshape(len(rows), *out.shape[1:])
    return [*outputs, *states.values()]


def _while(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    samples, split = max(map(len, inputs)), len(inputs) - len(node.attrs.states)
    states = dict(zip(node.attrs.states, inputs[split:], strict=True))
    tensors = [graph.tensor(n) for n in node.outputs]
    values = [np.array(_spread(x, samples)).reshape(samples, *t.shape) for x, t in zip(inputs, tensors, strict=False)]
    fixed = [_spread(x, samples) for x in inputs[len(values) : split]]
    condition, body = node.attrs.bodies
    rows = np.arange(samples)
    for _ in range(MOST_TRIPS):
        (result,), after = run_body(condition, [v[rows] for v in (*values, *fixed)], states, len(rows))
        states |= {name: after[name] for name in states if name in after}
        rows = rows[_first(result, len(rows))]
        if not len(rows):
            return [*values, *states.values()]
        results, after = run_body(body, [v[rows] for v in (*values, *fixed)], states, len(rows))
        states |= {name: after[name] for name in states if name in after}
        for value, new in zip(values, results, strict=True):
            value[rows] = new.reshape(len(rows), *value.shape[1:])
    raise ModelError(
        f"layer {node.name}: its loop has not ended after {MOST_TRIPS:,} trips", "Check the condition of the loop."
    )


def _fit(outer: Graph, names: Sequence[str], inner: Graph, ports: Sequence[str]) -> bool:
    """Whether tensors of both graphs agree in types and bytes, one by one."""
    pairs = [(outer.tensor(a), inner.tensor(b)) for a, b in zip(names, ports, strict=True)]
    return all((a.dtype, a.nbytes) == (b.dtype, b.nbytes) for a, b in pairs)


def _if_fits(graph: Graph, node: Node) -> bool:
    return all(
        _fit(graph, arguments(node), body, body.inputs) and _fit(graph, node.outputs, body, body.outputs)
        for body in node.attrs.bodies
    )


def _while_fits(graph: Graph, node: Node) -> bool:
    condition, body = node.attrs.bodies
    args = arguments(node)
    return (
        _fit(graph, args, condition, condition.inputs)
        and _fit(graph, args, body, body.inputs)
        and _fit(graph, node.outputs, body, body.outputs)
        and _fit(graph, args[: len(node.outputs)], graph, node.outputs)
    )


def _one_bool(graph: Graph, name: str) -> bool:
    return graph.tensor(name).dtype == "bool" and graph.tensor(name).size == 1


def _macs(graph: Graph) -> int:
    from toolchain.ops import registry

    return sum(registry()[node.op].macs(graph, node) for node in graph.nodes)


def _places(body: Graph, outer: Sequence[str], node: Node) -> tuple[tuple[str, str], ...]:
    """Where the body's inputs and states lie in the node's graph."""
    states = [node.inputs[k] for k in states_at(node)]
    pairs = (*zip(body.inputs, outer, strict=True), *zip(node.attrs.states, states, strict=True))
    return tuple((inner, name) for inner, name in pairs if inner in body.tensors)


def _lower_if(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = []
    for field, plan in zip(("yes", "no"), node.attrs.plans, strict=True):
        body = plan.graph
        copies = tuple(zip(body.outputs, node.outputs, strict=True))
        params.append((field, Body(plan, _places(body, arguments(node), node), copies)))
    return (_call(node, "nn_if", params, node.inputs[:1]),)


def _lower_while(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    """The values of the loop lie in the node's outputs, where bodies read them; what it does not change stays."""
    args, values = arguments(node), len(node.outputs)
    (condition, body), plans = (plan.graph for plan in node.attrs.plans), node.attrs.plans
    pairs = zip(body.outputs, body.inputs, node.outputs, strict=False)
    changed = tuple((new, out) for new, old, out in pairs if new != old)
    places = (*node.outputs, *args[values:])
    params = [
        ("begin", Body(None, (), tuple(zip(args, node.outputs, strict=False)))),
        ("more", Body(plans[0], _places(condition, places, node), (), condition.outputs[0])),
        ("trip", Body(plans[1], _places(body, places, node), changed)),
    ]
    return (_call(node, "nn_while", params, ()),)


def _call(node: Node, symbol: str, params: Sequence[tuple[str, Body]], inputs: tuple[str, ...]) -> KernelCall:
    scratch = max(plan.memory.arena_bytes for plan in node.attrs.plans)
    return KernelCall(symbol, "nn_control.h", f"{symbol}_params", tuple(params), inputs, (), scratch)


def _bytes(graph: Graph, names: Sequence[str]) -> int:
    return sum(graph.tensor(n).nbytes for n in names)


def _cost_if(graph: Graph, node: Node) -> Cost:
    """Of the dearer body."""
    dearest = max(plan.cycles for plan in node.attrs.plans)
    return Cost(CALL_CYCLES + dearest + MEMORY_CYCLES * _bytes(graph, node.outputs))


def _cost_while(graph: Graph, node: Node) -> Cost:
    """Of one trip, with the condition before and after it."""
    condition, body = (plan.cycles for plan in node.attrs.plans)
    return Cost(2 * CALL_CYCLES + 2 * condition + body + 2 * MEMORY_CYCLES * _bytes(graph, node.outputs))


def _updates(node: Node) -> tuple[int, ...]:
    return states_at(node) if isinstance(node.attrs, Bodies) else ()


_SAME = "the tensors of its subgraphs must be as many as its own, of the same types and sizes"

OPS = (
    Op(
        name="if",
        tflite=("IF",),
        read=_read_if,
        reference=_if,
        constraints=(
            Constraint("its condition must be one bool", lambda g, n: _one_bool(g, n.inputs[0])),
            Constraint(_SAME, _if_fits),
        ),
        variants=(KernelVariant(name="dearer branch", sources=("nn_control.c",), lower=_lower_if, cost=_cost_if),),
        macs=lambda g, n: max(map(_macs, n.attrs.bodies)),
        updates=_updates,
    ),
    Op(
        name="while",
        tflite=("WHILE",),
        read=_read_while,
        reference=_while,
        constraints=(
            Constraint(
                "its condition must be one bool",
                lambda g, n: _one_bool(n.attrs.bodies[0], *n.attrs.bodies[0].outputs),
            ),
            Constraint(
                "its condition must depend on what it computes",
                lambda g, n: not n.attrs.bodies[0].is_constant(n.attrs.bodies[0].outputs[0]),
            ),
            Constraint(_SAME, _while_fits),
        ),
        variants=(
            KernelVariant(
                name="of one trip",
                sources=("nn_control.c",),
                lower=_lower_while,
                cost=_cost_while,
                in_place=lambda g, n: (0,) if n.outputs and arguments(n) else (),
            ),
        ),
        macs=lambda g, n: sum(map(_macs, n.attrs.bodies)),
        updates=_updates,
    ),
    Op(
        name="call_once",
        tflite=("CALL_ONCE",),
        read=_read_call_once,
        reference=lambda graph, node, inputs: [],
        offline=True,
        updates=_updates,
    ),
)
