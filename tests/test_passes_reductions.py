"""Reductions leave the operators that they should, and no code differs from TFLM's for random and extreme inputs."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import Reducible, all_graphs
from support.case import Array, input_sets
from support.flatbuffer import write_model
from support.oracle import run_tflm

from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import REDUCTIONS, reduce
from toolchain.progress import Progress
from toolchain.reference import run
from toolchain.verify import check_graph, refusals

ALL = {graph.id: graph for graphs in all_graphs().values() for graph in graphs}


class Recorder(Progress):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.facts: list[str] = []

    def info(self, text: str) -> None:
        self.facts.append(text)


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
