"""Operators in another order: every order of random graphs tried, by a simulation that shares nothing with the pass."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.ops.concatenate import ConcatenateAttrs
from toolchain.passes.order import least_memory_order
from toolchain.reference import run
from toolchain.verify import check_graph

QUANT = QuantParams((0.1,), (0,))
VIEWED_INPUTS = (1109, 1193, 1195)  # seeds where it matters that an input is alive before its view is


def _random_graph(seed: int) -> Graph:
    """Up to seven operators over vectors of different lengths: joins, views, several readers and outputs."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, Tensor] = {}

    def vector(shape: tuple[int, ...]) -> str:
        name = f"t{len(tensors)}"
        tensors[name] = Tensor(name, shape, "int8", QUANT)
        return name

    inputs = [vector((1, int(rng.integers(1, 40)))) for _ in range(rng.integers(1, 3))]
    names, nodes = list(inputs), list[Node]()
    for i in range(rng.integers(3, 8)):
        source = names[int(rng.integers(len(names)))]
        shape = tensors[source].shape
        kind = str(rng.choice(["concatenate", "concatenate", "relu6", "reshape"]))
        operands, attrs = (source,), None
        if kind == "concatenate":
            alike = [n for n in names if len(tensors[n].shape) == len(shape)]
            operands = (source, alike[int(rng.integers(len(alike)))])
            shape = (*shape[:-1], sum(tensors[n].shape[-1] for n in operands))
            attrs = ConcatenateAttrs(len(shape) - 1, "none")
        elif kind == "reshape":
            shape = (1, 1, shape[-1]) if len(shape) == 2 else (1, shape[-1])
        nodes.append(Node(f"n{i}", kind, operands, (vector(shape),), attrs))
        names.append(nodes[-1].outputs[0])
    read = {n for node in nodes for n in node.inputs}
    outputs = tuple(n.outputs[0] for n in nodes if n.outputs[0] not in read or rng.random() < 0.1)
    graph = Graph("random", tensors, tuple(nodes), tuple(inputs), outputs)
    check_graph(graph)
    return graph


def _orders(graph: Graph) -> Iterator[tuple[Node, ...]]:
    """All in which what is read was made before."""
    for order in itertools.permutations(graph.nodes):
        there = set(graph.inputs)
        for node in order:
            if not there.issuperset(node.inputs):
                break
            there.update(node.outputs)
        else:
            yield order


def _most(graph: Graph, order: tuple[Node, ...]) -> int:
    """The most bytes of memory in use while an operator runs; a view shows the bytes of what it views."""
    memory = {n: n for n in graph.inputs}
    for node in order:
        memory |= {out: memory[node.inputs[0]] if node.op == "reshape" else out for out in node.outputs}
    most, there = 0, set(graph.inputs)
    for i, node in enumerate(order):
        later = {n for other in order[i:] for n in other.inputs} | set(graph.outputs)
        used = {memory[n] for n in there if any(memory[n] == memory[other] for other in later)}
        used |= {memory[n] for n in node.outputs}
        most = max(most, sum(graph.tensor(n).nbytes for n in used))
        there.update(node.outputs)
    return most


@pytest.mark.parametrize("seed", [*range(40), *VIEWED_INPUTS])
def test_no_order_needs_less(seed: int) -> None:
    graph = _random_graph(seed)
    ordered = least_memory_order(graph)
    check_graph(ordered)
    assert sorted(n.name for n in ordered.nodes) == sorted(n.name for n in graph.nodes)
    assert _most(graph, ordered.nodes) == min(_most(graph, order) for order in _orders(graph))
    rng = np.random.default_rng(seed)
    x = [rng.integers(-128, 128, (2, *graph.tensor(n).shape)).astype(np.int8) for n in graph.inputs]
    for before, after in zip(run(graph, x), run(ordered, x), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_random_graphs_gain() -> None:
    graphs = [_random_graph(seed) for seed in range(40)]
    gains = [_most(g, g.nodes) - _most(g, least_memory_order(g).nodes) for g in graphs]
    assert sum(gain > 0 for gain in gains) > 5
    assert sum(any(n.op == "reshape" for n in g.nodes) for g in graphs) > 20
