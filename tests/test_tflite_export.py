"""What is exported is read back as it was, and TFLM runs it to the same codes."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from cases import all_cases
from support.case import Case
from support.suite import case_graph, case_inputs, near, reference_outputs, run_oracle

from toolchain.exporters.tflite import export_tflite
from toolchain.graph import Graph, Node
from toolchain.importers.tflite import parse_tflite
from toolchain.ops import registry
from toolchain.passes.by_type import for_types

CASES = [case for cases in all_cases().values() for case in cases]


def assert_same(graph: Graph, again: Graph) -> None:
    assert (graph.inputs, graph.outputs) == (again.inputs, again.outputs)
    assert [(n.op, n.outputs, n.attrs) for n in graph.nodes] == [(n.op, n.outputs, n.attrs) for n in again.nodes]
    for node, other in zip(graph.nodes, again.nodes, strict=True):
        # the operand of a reshape only repeats the output's shape: it is not written
        assert node.inputs[:1] == other.inputs if node.op in ("reshape", "reinterpret") else node.inputs == other.inputs
    for name, tensor in again.tensors.items():
        before = graph.tensor(name)
        assert (tensor.shape, tensor.dtype, tensor.quant) == (before.shape, before.dtype, before.quant)
        assert (tensor.data is None) == (before.data is None)
        if tensor.data is not None:
            np.testing.assert_array_equal(tensor.data, before.data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_operators_are_read_back_and_run_alike(case: Case) -> None:
    graph = case_graph(case)
    if case.subgraphs or any(registry()[node.op].write is None for node in graph.nodes):
        with pytest.raises(ValueError, match="TFLite has no operator"):
            export_tflite(graph)
        return
    content = export_tflite(graph)
    assert_same(graph, for_types(parse_tflite(content, graph.name, case.id)))
    if case.oracle_sets != 0:
        inputs = [x[:1] for x in case_inputs(case)]
        outputs = run_oracle(case, content, inputs, len(graph.outputs))
        for found, expected in zip(outputs, reference_outputs(case), strict=True):
            assert near(found, expected[:1], case.ulps, case.error)


def test_buffers_are_aligned_and_equal_graphs_give_equal_bytes() -> None:
    """Kernels read int32 biases where they lie in the file."""
    graph = case_graph(next(c for c in CASES if c.operator.builtin == "CONV_2D"))
    content = export_tflite(graph)
    assert content == export_tflite(graph)
    model = schema.Model.GetRootAs(content, 0)
    starts = []
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        if buffer.DataLength():
            starts.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(starts) == 2
    assert all(start % 16 == 0 for start in starts)


def test_operators_of_passes_are_refused() -> None:
    graph = case_graph(next(c for c in CASES if c.operator.builtin == "RESHAPE"))
    node = graph.nodes[0]
    made = graph.with_nodes([Node(node.name, "lookup", node.inputs[:1], node.outputs)], graph.tensors)
    with pytest.raises(ValueError, match="TFLite has no operator lookup"):
        export_tflite(made)
