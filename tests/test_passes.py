"""Passes change nothing of what a graph computes, and remove what a dynamic batch leaves behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from support import make
from support.case import Array, Exact, Operator, Seeded, TensorSpec, input_sets
from support.flatbuffer import write_model
from support.oracle import run_tflm

from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.ops import registry
from toolchain.passes import CLEANING, clean
from toolchain.passes.fold_constants import fold_constants
from toolchain.reference import run

CONSTANT = Seeded(-128, 127)


def _parse(operators: Sequence[Operator]) -> tuple[bytes, Graph]:
    content = write_model(operators)
    return content, parse_tflite(content, "model", "model.tflite")


def _dynamic_batch_flatten() -> list[Operator]:
    """What Keras leaves around Flatten when the batch is open: the batch is read from the shape and packed anew."""
    x, hidden = make.act((1, 3, 4, 2)), make.act((1, 3, 4, 2), (0.05, -128))
    shape, batch, packed = (make.plain(s, "int32") for s in ((4,), (), (2,)))
    flat = make.act((1, 24), (0.05, -128))
    dense = make.fully_connected("fc", (1, 24), 5, x=(0.05, -128)).operator
    return [
        Operator("RELU", (x,), (hidden,)),
        Operator("SHAPE", (hidden,), (shape,), {"outType": 2}),
        Operator(
            "STRIDED_SLICE",
            (shape, make.numbers(0), make.numbers(1), make.numbers(1)),
            (batch,),
            {"shrinkAxisMask": 1},
        ),
        Operator("PACK", (batch, make.plain((), "int32", -1)), (packed,), {"valuesCount": 2, "axis": 0}),
        Operator("RESHAPE", (hidden, packed), (flat,)),
        dataclasses.replace(dense, inputs=(flat, *dense.inputs[1:])),
    ]


def _constant_branch() -> list[Operator]:
    """A sum of two constants, rescaled and reshaped, is added to the input."""
    x = make.act((1, 3, 4))
    total, scaled, shaped = make.act((12,), (0.1, 0)), make.act((12,), (0.2, 5)), make.act((1, 3, 4), (0.2, 5))
    first, second = make.act((12,), (0.05, 1), CONSTANT), make.act((1,), (0.07, -9), CONSTANT)
    return [
        Operator("ADD", (first, second), (total,)),
        Operator("QUANTIZE", (total,), (scaled,)),
        Operator("RESHAPE", (scaled, make.numbers(1, 3, 4)), (shaped,)),
        Operator("ADD", (x, shaped), (make.act((1, 3, 4), (0.3, 0)),)),
    ]


def _float_constant() -> list[Operator]:
    x = make.act((1, 6))
    quantized = make.act((1, 6), (0.05, 3))
    real = make.plain((1, 6), "float32", *np.linspace(-3, 3, 6).tolist())
    return [Operator("QUANTIZE", (real,), (quantized,)), Operator("MUL", (x, quantized), (make.act((1, 6), (0.1, 0)),))]


def _nothing_constant() -> list[Operator]:
    return [make.conv2d("conv", (5, 5, 2), 3, (3, 3)).operator]


MODELS = {
    "dynamic_batch_flatten": (_dynamic_batch_flatten, ["relu", "reshape", "fully_connected"]),
    "constant_branch": (_constant_branch, ["add"]),
    "float_constant": (_float_constant, ["mul"]),
    "nothing_constant": (_nothing_constant, ["conv2d"]),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> tuple[bytes, Graph, list[Array], list[str]]:
    """The file, the graph as it was read, random inputs, and the operators that are left after all passes."""
    build, left = MODELS[request.param]
    content, graph = _parse(build())
    return content, graph, input_sets(graph, request.param), left


def test_operators_that_can_be_folded_are_gone(model: tuple[bytes, Graph, list[Array], list[str]]) -> None:
    _, graph, _, left = model
    assert [node.op for node in clean(graph).nodes] == left
    assert [node.op for node in checked_graph(graph, "model").nodes] == left


@pytest.mark.parametrize("transform", CLEANING, ids=lambda t: t.__name__)
def test_every_pass_is_exact(transform: object, model: tuple[bytes, Graph, list[Array], list[str]]) -> None:
    assert callable(transform)
    _, graph, inputs, _ = model
    np.testing.assert_array_equal(run(transform(graph), inputs), run(graph, inputs))


def test_all_passes_together_equal_tflm(model: tuple[bytes, Graph, list[Array], list[str]]) -> None:
    content, graph, inputs, _ = model
    np.testing.assert_array_equal(run(clean(graph), inputs), run_tflm(content, inputs))


def test_passes_change_nothing_the_second_time(model: tuple[bytes, Graph, list[Array], list[str]]) -> None:
    once = clean(model[1])
    twice = clean(once)
    assert twice.nodes == once.nodes
    assert list(twice.tensors) == list(once.tensors)


def test_a_pass_leaves_its_input_as_it_was() -> None:
    _, graph = _parse(_dynamic_batch_flatten())
    nodes, tensors = graph.nodes, dict(graph.tensors)
    clean(graph)
    assert graph.nodes == nodes
    assert dict(graph.tensors) == tensors


def test_what_nobody_reads_is_dropped() -> None:
    """The operands of SHAPE, STRIDED_SLICE and PACK leave with them; the RESHAPE's stays."""
    _, graph = _parse(_dynamic_batch_flatten())
    left = clean(graph)
    (operand,) = (t for t in left.tensors.values() if t.dtype == "int32" and t.quant is None)
    assert operand.data is not None
    assert operand.data.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("begin", "end", "stride", "options"),
    [
        ((1,), (3,), (1,), {}),
        ((0,), (4,), (2,), {}),
        ((-2,), (4,), (1,), {}),
        ((3,), (0,), (-1,), {}),
        ((9,), (2,), (1,), {"beginMask": 1}),
        ((1,), (9,), (1,), {"endMask": 1}),
        ((-1,), (0,), (1,), {"shrinkAxisMask": 1}),
    ],
)
def test_slices_of_shapes_equal_tflm(
    begin: tuple[int], end: tuple[int], stride: tuple[int], options: dict[str, int]
) -> None:
    numbers = (2, 3, 5, 7)
    expected = np.array(numbers)[
        (
            begin[0]
            if options.get("shrinkAxisMask")
            else slice(
                None if options.get("beginMask") else begin[0], None if options.get("endMask") else end[0], stride[0]
            )
        )
    ]
    source, out = make.plain((4,), "int32"), make.plain(expected.shape, "int32")
    operator = Operator(
        "STRIDED_SLICE", (source, make.numbers(*begin), make.numbers(*end), make.numbers(*stride)), (out,), options
    )
    content, graph = _parse([operator])
    values = np.array([numbers], np.int32)
    (oracle,) = run_tflm(content, [values])
    (got,) = run(graph, [values])
    np.testing.assert_array_equal(got.reshape(-1), np.atleast_1d(expected))
    np.testing.assert_array_equal(got.reshape(oracle.shape), oracle)


def test_a_large_constant_is_not_unrolled_into_flash() -> None:
    """Padding a constant to many times its size is left to run time."""
    widths = TensorSpec((1, 2), "int32", data=Exact((1 << 23, 1 << 24)))
    size = (1 << 23) + (1 << 24) + 4
    small, large = make.act((4,), data=CONSTANT), make.act((size,))
    _, graph = _parse([Operator("PAD", (small, widths), (large,)), Operator("RELU", (large,), (make.act((size,)),))])
    assert [node.op for node in fold_constants(graph).nodes] == ["pad", "relu"]


def test_offline_operators_alone_need_no_kernels() -> None:
    offline = {name for name, op in registry().items() if op.offline}
    assert offline == {"shape", "var_handle", "call_once"}
    assert not any(registry()[name].variants for name in offline)
