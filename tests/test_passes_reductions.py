"""Reductions leave the operators that they should, and no code differs from TFLM's for random and extreme inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from graphs import Reducible, all_graphs
from support.case import Array, input_sets
from support.firmware import (
    build_firmware,
    merge,
    planned,
    planned_apart,
    run_on_board,
    run_on_host,
    strict_target,
    twin_target,
    with_twins,
)
from support.flatbuffer import write_model
from support.oracle import run_tflm

from toolchain.front import checked_graph
from toolchain.graph import Graph, Node
from toolchain.importers.tflite import parse_tflite
from toolchain.ops import registry
from toolchain.passes import REDUCTIONS, Reduction, reduce
from toolchain.plan import Step
from toolchain.reference import run
from toolchain.select import usable_variants
from toolchain.target import Target
from toolchain.verify import MAX_PORTS, check_graph, refusals

ALL = {graph.id: graph for graphs in all_graphs().values() for graph in graphs}


def _read(case: Reducible) -> tuple[bytes, Graph, list[Array]]:
    content = write_model(case.operators, case.id)
    graph = checked_graph(parse_tflite(content, case.id, case.id), case.id)
    return content, graph, input_sets(graph, case.id)


def _same(expected: list[Array], got: list[Array]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(expected, got, strict=True))


def test_names_are_unique() -> None:
    assert len(ALL) == sum(map(len, all_graphs().values()))


@pytest.mark.parametrize("name", ALL)
def test_what_is_left_equals_tflm(name: str) -> None:
    content, graph, inputs = _read(ALL[name])
    reduced = reduce(graph)
    check_graph(reduced)
    assert refusals(reduced) == []
    assert (reduced.inputs, reduced.outputs) == (graph.inputs, graph.outputs)
    assert [node.op for node in reduced.nodes] == list(ALL[name].left)
    assert reduce(reduced) is reduced
    expected = run_tflm(content, inputs, len(graph.outputs))
    assert len(np.unique(expected[0])) > 8, "the outputs say nothing"
    assert _same(run(graph, inputs), run(reduced, inputs))
    assert _same(expected, run(reduced, inputs)), "TFLM"


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: r.run.__name__)
def test_every_pass_is_exact_and_leaves_its_input_as_it_was(reduction: Reduction) -> None:
    changed = 0
    for case in ALL.values():
        _, graph, inputs = _read(case)
        nodes, tensors = graph.nodes, dict(graph.tensors)
        after = reduction.run(graph)
        check_graph(after)
        assert refusals(after) == [], case.id
        assert (graph.nodes, dict(graph.tensors)) == (nodes, tensors)
        assert _same(run(graph, inputs), run(after, inputs)), case.id
        changed += after is not graph
    assert changed or not reduction.effect, "no graph shows what it does"


def test_layers_keep_their_names() -> None:
    """What is merged is told with the layer that does its work, after that one's own name."""
    _, graph, _ = _read(ALL["stem"])
    assert [node.op for node in graph.nodes] == ["conv2d", "relu", "pad", "max_pool2d"]
    layers = (("first", "first_bn"), ("clamp",), ("border",), ("pool",))
    named = [dataclasses.replace(n, layers=own) for n, own in zip(graph.nodes, layers, strict=True)]
    assert [node.layers for node in reduce(graph.with_nodes(named, graph.tensors)).nodes] == [
        ("first", "first_bn", "clamp"),
        ("pool", "border"),
    ]
    nameless = [dataclasses.replace(n, layers=(n.name,)) for n in named]
    assert [node.layers for node in reduce(graph.with_nodes(nameless, graph.tensors)).nodes] == [
        ("conv2d_0",),
        ("max_pool2d_0",),
    ]


def _repeated(graph: Graph, count: int) -> Graph:
    """The graph so many times side by side, on the same inputs."""
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    outputs: list[str] = []
    for k in range(count):
        own = {n: f"{k}/{n}" for node in graph.nodes for n in node.outputs}
        tensors |= {new: dataclasses.replace(graph.tensor(old), name=new) for old, new in own.items()}
        for node in graph.nodes:
            names = tuple(tuple(own.get(n, n) for n in part) for part in (node.inputs, node.outputs))
            nodes.append(dataclasses.replace(node, name=f"{k}_{node.name}", inputs=names[0], outputs=names[1]))
        outputs += [own[n] for n in graph.outputs]
    return dataclasses.replace(graph, tensors=tensors, nodes=tuple(nodes), outputs=tuple(outputs))


def _everything(
    cases: Sequence[Reducible], target: Target, samples: slice, variants: bool
) -> tuple[Graph, tuple[Step, ...], list[Array], list[Array]]:
    """The reduced graphs as one, its steps, inputs and expected outputs; with ``variants`` padding once for each."""
    graphs: dict[str, Graph] = {}
    ranks: dict[str, int] = {}
    inputs: list[Array] = []
    outputs: list[Array] = []
    padding = {case.id for case in all_graphs()["padding"]} if variants else set()
    for case in cases:
        _, graph, own = _read(case)
        own = [x[samples] for x in own]
        reduced = reduce(graph)
        most = max(len(usable_variants(reduced, node, target)) for node in reduced.nodes) if case.id in padding else 1
        graphs[case.id] = _repeated(reduced, most)
        ranks |= {f"{case.id}_{k}_{node.name}": k for k in range(most) for node in reduced.nodes}
        inputs += own
        outputs += run(graph, own) * most
    merged = merge(graphs, "reduced")
    return merged, tuple(_step(merged, node, target, ranks[node.name]) for node in merged.nodes), inputs, outputs


def _step(graph: Graph, node: Node, target: Target, rank: int) -> Step:
    if registry()[node.op].view:
        return Step(node, None, (), 0)
    usable = usable_variants(graph, node, target)
    variant = usable[min(rank, len(usable) - 1)]
    return Step(node, variant, variant.lower(graph, node), 0)


def _wrong(graph: Graph, expected: list[Array], got: list[Array]) -> list[str]:
    return [n for n, a, b in zip(graph.outputs, expected, got, strict=True) if a.tobytes() != b.tobytes()]


@pytest.mark.parametrize("half", [0, 1])  # a firmware has no more inputs and outputs than a byte counts
def test_every_kernel_computes_what_is_left(half: int, tmp_path: Path) -> None:
    """Kernels get windows here that no converter makes: all of their variants, under sanitizers."""
    target, cases = twin_target(), list(ALL.values())[half::2]
    graph, steps, inputs, expected = _everything(cases, target, slice(None), variants=True)
    assert len(graph.inputs) + len(graph.outputs) <= MAX_PORTS
    assert len(steps) > 1.5 * len(cases)
    plan, gaps = planned_apart(graph, with_twins(steps))
    firmware = build_firmware(plan, target, tmp_path / "build", sanitize=True, gaps=gaps)
    assert _wrong(graph, expected, run_on_host(firmware, graph, target, inputs)) == []


@pytest.mark.parametrize("half", [0, 1])
def test_the_emulated_cortex_m4_computes_what_is_left(half: int, tmp_path: Path) -> None:
    """With tensors in one memory where kernels work in place; a random input and an extreme one."""
    target, cases = strict_target("stm32"), list(ALL.values())[half::2]
    graph, steps, inputs, expected = _everything(cases, target, slice(3, 5), variants=False)
    assert len(graph.inputs) + len(graph.outputs) <= MAX_PORTS
    firmware = build_firmware(planned(graph, steps), target, tmp_path / "build")
    assert _wrong(graph, expected, run_on_board(firmware, graph, target, inputs)) == []
