"""The memory planner on random graphs, and the checker of plans on plans that were broken on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.budget import OPTIMAL
from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.memory import plan_memory
from toolchain.ops import registry
from toolchain.ops.base import KernelCall
from toolchain.ops.elementwise import BinaryAttrs
from toolchain.plan import ALIGNMENT, Plan, Step
from toolchain.replay import check_plan
from toolchain.verify import VerificationError, check_graph

QUANT = QuantParams((0.1,), (0,))
SCRATCH_SIZES = (0, 0, 0, 5, 100, 700)


def _random_graph(seed: int) -> Graph:
    """Up to 25 operators of different sizes: chains, branches, in-place chances, views, constants, several outputs."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []

    def tensor(shape: tuple[int, ...], constant: bool = False) -> str:
        name = f"t{len(tensors)}"
        data = np.zeros(shape, np.int8) if constant else None
        tensors[name] = Tensor(name, shape, "int8", QUANT, data)
        return name

    inputs = [tensor((1, int(rng.integers(1, 400)))) for _ in range(rng.integers(1, 4))]
    variables = list(inputs)
    for i in range(rng.integers(1, 26)):
        kind = rng.choice(["add", "relu", "reshape", "concatenate", "add_constant", "add_self"])
        # recent tensors more often, so that chains arise
        source = variables[-1 - min(int(rng.exponential(1.5)), len(variables) - 1)]
        shape = tensors[source].shape
        operands = [source]
        if kind == "add":
            alike = [v for v in variables if tensors[v].shape == shape]
            operands.append(alike[int(rng.integers(len(alike)))])
        elif kind == "add_constant":
            operands.append(tensor(shape, constant=True))
        elif kind == "add_self":
            operands.append(source)
        elif kind == "concatenate":
            operands.append(variables[int(rng.integers(len(variables)))])
            shape = (1, sum(tensors[n].size for n in operands))
        elif kind == "reshape":
            shape = (1, 1, tensors[source].size) if len(shape) == 2 else (1, tensors[source].size)
        op = "add" if kind.startswith("add") else str(kind)
        nodes.append(Node(f"n{i}", op, tuple(operands), (tensor(shape),), BinaryAttrs("none")))
        variables.append(nodes[-1].outputs[0])
    made = [n.outputs[0] for n in nodes]
    outputs = {made[-1], *rng.choice(made, rng.integers(0, 3)).tolist()}
    graph = Graph("random", tensors, tuple(nodes), tuple(inputs), tuple(sorted(outputs)))
    check_graph(graph)
    return graph


def _step(node: Node, scratch: int = 0) -> Step:
    """With the operator's first variant; a reshape is a view and has no call."""
    if node.op == "reshape":
        return Step(node, None, (), 0)
    call = KernelCall("kernel", "kernel.h", "params", (), node.inputs, node.outputs, scratch)
    return Step(node, registry()[node.op].variants[0], (call,), 0)


def _steps(graph: Graph, seed: int) -> tuple[Step, ...]:
    """Calls as codegen would get them, some with scratch."""
    rng = np.random.default_rng(seed)
    return tuple(_step(node, int(rng.choice(SCRATCH_SIZES))) for node in graph.nodes)


def _plan(seed: int) -> Plan:
    graph = _random_graph(seed)
    steps = _steps(graph, seed)
    return Plan(graph, steps, plan_memory(graph, steps))


def _moved(plan: Plan, offsets: Mapping[str, int] | None = None, scratch: Mapping[str, int] | None = None) -> Plan:
    memory = dataclasses.replace(
        plan.memory,
        offsets={**plan.memory.offsets, **(offsets or {})},
        scratch={**plan.memory.scratch, **(scratch or {})},
    )
    return dataclasses.replace(plan, memory=memory)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_plans_hold(seed: int) -> None:
    plan = _plan(seed)
    check_plan(plan)
    memory = plan.memory
    assert memory.lower_bound <= memory.arena_bytes
    assert all(offset % ALIGNMENT == 0 for offset in (*memory.offsets.values(), *memory.scratch.values()))
    assert set(memory.scratch) == {s.node.name for s in plan.steps if s.scratch_bytes}
    assert set(memory.offsets) >= {n for n, t in plan.graph.tensors.items() if t.data is None}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_optimal_plans_hold(seed: int) -> None:
    plan = _plan(seed)
    memory = plan_memory(plan.graph, plan.steps, arena=OPTIMAL)
    check_plan(dataclasses.replace(plan, memory=memory))
    assert memory.arena_bytes <= plan.memory.arena_bytes
    assert plan.memory.lower_bound <= memory.lower_bound == memory.arena_bytes


def test_plans_are_near_the_lower_bound() -> None:
    ratios = [p.memory.arena_bytes / p.memory.lower_bound for p in map(_plan, range(150))]
    assert np.mean(ratios) < 1.001
    assert max(ratios) < 1.01


def test_plans_are_the_same_every_time() -> None:
    assert all(_plan(seed).memory == _plan(seed).memory for seed in range(20))


def test_random_graphs_have_what_they_are_to_prove() -> None:
    plans = [_plan(seed) for seed in range(100)]
    shared = sum(
        any(p.memory.offsets.get(n.inputs[0]) == p.memory.offsets[n.outputs[0]] for n in p.graph.nodes if n.op == "add")
        for p in plans
    )
    assert shared > 50
    assert sum(any(s.scratch_bytes for s in p.steps) for p in plans) > 50
    assert sum(any(n.op == "reshape" for n in p.graph.nodes) for p in plans) > 50
    assert sum(len(p.graph.outputs) > 1 for p in plans) > 30


def _live_pairs(plan: Plan) -> list[tuple[str, str]]:
    """An operator's output and one of its variable inputs that lies elsewhere."""
    offsets = plan.memory.offsets
    return [
        (node.outputs[0], name)
        for node in plan.graph.nodes
        for name in node.inputs
        if name in offsets and offsets[name] != offsets[node.outputs[0]]
    ]


@pytest.mark.parametrize("seed", range(60))
def test_an_output_over_part_of_an_input_is_found(seed: int) -> None:
    plan = _plan(seed)
    for out, source in _live_pairs(plan)[:4]:
        place = plan.memory.offsets[source]
        size = min(plan.graph.tensor(out).nbytes, plan.graph.tensor(source).nbytes)
        for moved in {place + size // 2, max(0, place - size // 2)} - {place}:
            with pytest.raises(VerificationError):
                check_plan(_moved(plan, {out: moved}))


def _concatenate(scratch: int = 0) -> Plan:
    """in (64) -> relu -> a (64) -> reshape -> b; in + b -> concatenate -> c (128)."""
    shapes = {"in": (1, 64), "a": (1, 64), "b": (1, 1, 64), "c": (1, 128)}
    tensors = {name: Tensor(name, shape, "int8", QUANT) for name, shape in shapes.items()}
    nodes = (
        Node("relu", "relu", ("in",), ("a",)),
        Node("view", "reshape", ("a",), ("b",)),
        Node("join", "concatenate", ("in", "b"), ("c",)),
    )
    graph = Graph("small", tensors, nodes, ("in",), ("c",))
    steps = tuple(_step(n, scratch) for n in nodes)
    return Plan(graph, steps, plan_memory(graph, steps))


@pytest.mark.parametrize(
    ("offsets", "scratch", "message"),
    [
        ({"c": 10**6}, {}, "outside the arena"),
        ({"c": -4}, {}, "outside the arena"),
        ({"b": 0, "a": 64}, {}, "is a view, but its output lies elsewhere"),
        ({"a": 0, "b": 0, "in": 0}, {}, "reads in, which was overwritten"),
        ({"in": 0, "a": 64, "b": 64, "c": 100}, {}, "over its input b"),
        ({"in": 0, "a": 64, "b": 64, "c": 0}, {}, "over its input in"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"join": 32}, "reads in, which was overwritten"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"join": 100}, "reads b, which was overwritten"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"relu": 48}, "reads in, which was overwritten"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"join": 10**6}, "outside the arena"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"join": -8}, "outside the arena"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"relu": 80, "join": 200}, "scratch"),
        ({"in": 0, "a": 64, "b": 64, "c": 128}, {"relu": 256, "join": 200}, "scratch"),
    ],
)
def test_broken_plans_are_found(offsets: dict[str, int], scratch: dict[str, int], message: str) -> None:
    plan = _concatenate(scratch=16)
    check_plan(plan)
    roomy = dataclasses.replace(plan, memory=dataclasses.replace(plan.memory, arena_bytes=512))
    apart = {"relu": 400, "join": 400}
    check_plan(_moved(roomy, {"in": 0, "a": 64, "b": 64, "c": 128}, apart))
    with pytest.raises(VerificationError, match=message):
        check_plan(_moved(roomy, offsets, {**apart, **scratch}))


def test_types_larger_than_a_byte_must_be_aligned() -> None:
    tensors = {
        "x": Tensor("x", (1, 3), "int8", QUANT),
        "y": Tensor("y", (1, 3), "float32"),
    }
    node = Node("dequantize", "dequantize", ("x",), ("y",))
    graph = Graph("floats", tensors, (node,), ("x",), ("y",))
    steps = (_step(node),)
    plan = Plan(graph, steps, plan_memory(graph, steps))
    check_plan(plan)
    roomy = dataclasses.replace(plan, memory=dataclasses.replace(plan.memory, arena_bytes=64))
    check_plan(_moved(roomy, {"x": 0, "y": 8}))
    with pytest.raises(VerificationError, match="not aligned"):
        check_plan(_moved(roomy, {"x": 0, "y": 6}))


def test_an_output_that_is_needed_later_is_not_overwritten() -> None:
    """in -> relu -> a (an output of the graph) -> relu -> b: b must not take over a's memory."""
    tensors = {n: Tensor(n, (1, 10), "int8", QUANT) for n in ("in", "a", "b")}
    nodes = (Node("first", "relu", ("in",), ("a",)), Node("second", "relu", ("a",), ("b",)))
    graph = Graph("two", tensors, nodes, ("in",), ("a", "b"))
    steps = tuple(_step(n) for n in nodes)
    plan = Plan(graph, steps, plan_memory(graph, steps))
    check_plan(plan)
    assert plan.memory.offsets["in"] == plan.memory.offsets["a"] != plan.memory.offsets["b"]
    with pytest.raises(VerificationError, match="the caller reads a"):
        check_plan(_moved(plan, {"b": plan.memory.offsets["a"]}))
