"""Rarer forms of a ``.tflite``: what is read gives the outputs that TFLite's reference kernels give on the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support import make
from support.case import Exact, Operator, TensorSpec
from support.flatbuffer import edited, pack, write_model
from support.oracle import run_tflite, run_tflm

from toolchain import reference
from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.importers.reading import Reading, parse_shapes
from toolchain.importers.tflite import parse_tflite
from toolchain.importers.tflite_forms import usual_form

Array = np.ndarray[Any, Any]
PLAIN = Reading()


def test_buffers_behind_the_flatbuffer() -> None:
    """As files above 2 GB have them: all constants behind, each aligned to 16 bytes."""
    plain = write_model([make.conv2d("conv", (7, 6, 3), 5, (3, 3)).operator])
    flat = schema.ModelT.InitFromPackedBuf(plain, 0)
    stored = [bytes(bytearray(b.data)) if b.data is not None else b"" for b in flat.buffers]
    for buffer, data in zip(flat.buffers, stored, strict=True):
        buffer.data, buffer.offset, buffer.size = None, 2 if data else 0, len(data)
    start = -(-(len(pack(flat)) + 64) // 16) * 16
    tail = b""
    for buffer, data in zip(flat.buffers, stored, strict=True):
        if data:
            buffer.offset = start + len(tail)
            tail += data.ljust(-(-len(data) // 16) * 16, b"\0")
    content = pack(flat).ljust(start, b"\0") + tail
    samples = [np.random.default_rng(0).integers(-128, 128, (3, 1, 7, 6, 3)).astype(np.int8)]
    np.testing.assert_array_equal(run_tflite(content, samples)[0], run_tflite(plain, samples)[0])
    assert usual_form(content, "net.tflite", PLAIN) == usual_form(plain, "net.tflite", PLAIN)
    with pytest.raises(ModelError, match="outside the file"):
        parse_tflite(usual_form(content[:-16], "net.tflite", PLAIN), "net", "net.tflite")


def sparse(values: Array, order: Sequence[int], dense: Sequence[bool], blocks: Sequence[tuple[int, int]]) -> Any:
    """(sparsity, stored values) of a constant: its dimensions in ``order``, ``blocks`` as (dimension, size)."""
    made = schema.SparsityParametersT()
    made.traversalOrder, made.blockMap = list(order), [dim for dim, _ in blocks]
    shape = [*values.shape, *(size for _, size in blocks)]
    for dim, size in blocks:
        shape[dim] //= size
    split = [part for dim in range(values.ndim) for part in _split(dim, values.shape[dim], blocks)]
    moved = values.reshape([size for _, size in split])
    moved = moved.transpose([[key for key, _ in split].index(dim) for dim in order])
    made.dimMetadata = []
    prefixes: list[tuple[int, ...]] = [()]
    for level, is_dense in enumerate(dense):
        entry = schema.DimensionMetadataT()
        if is_dense:
            entry.format, entry.denseSize = schema.DimensionType.DENSE, moved.shape[level]
            prefixes = [(*p, k) for p in prefixes for k in range(moved.shape[level])]
        else:
            entry.format = schema.DimensionType.SPARSE_CSR
            kept = [[k for k in range(moved.shape[level]) if moved[(*p, k)].any()] for p in prefixes]
            entry.arraySegmentsType = entry.arrayIndicesType = schema.SparseIndexVector.Int32Vector
            entry.arraySegments, entry.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
            entry.arraySegments.values = [0, *np.cumsum([len(row) for row in kept]).tolist()]
            entry.arrayIndices.values = [k for row in kept for k in row]
            prefixes = [(*p, k) for p, row in zip(prefixes, kept, strict=True) for k in row]
        made.dimMetadata.append(entry)
    return made, np.array([moved[p] for p in prefixes], values.dtype)


def _split(dim: int, size: int, blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    for k, (blocked, inner) in enumerate(blocks):
        if blocked == dim:
            return [(dim, size // inner), (2 + k, inner)]
    return [(dim, size)]


SPARSE: dict[str, tuple[list[int], list[bool], list[tuple[int, int]]]] = {
    "rows": ([0, 1], [True, False], []),
    "columns": ([1, 0], [True, False], []),
    "all_dense": ([0, 1], [True, True], []),
    "blocks": ([0, 1, 2, 3], [True, False, True, True], [(0, 2), (1, 4)]),
    "blocks_of_columns": ([0, 1, 2], [False, False, True], [(1, 4)]),
}


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_sparse_constants_are_written_out(form: str, dtype: str) -> None:
    """DENSIFY, which LiteRT runs, goes; what it would make is a constant."""
    rng = np.random.default_rng(len(form))
    full = (rng.integers(-99, 99, (6, 8)) * (rng.random((6, 8)) < 0.3)).astype(dtype)
    quant = {"scale": (0.5,), "zero_point": (0,)} if dtype == "int8" else {}
    x, out = TensorSpec((6, 8), dtype, **quant), TensorSpec((6, 8), dtype, **quant)
    held, thin = TensorSpec((6, 8), dtype, **quant), TensorSpec((6, 8), dtype, data=Exact((0.0,) * 48), **quant)
    content = write_model([Operator("DENSIFY", (thin,), (held,)), Operator("ADD", (x, held), (out,))])
    order, dense_levels, blocks = SPARSE[form]

    def edit(root: Any) -> None:
        tensor = next(t for t in root.subgraphs[0].tensors if t.buffer)
        tensor.sparsity, stored = sparse(full, order, dense_levels, blocks)
        root.buffers[tensor.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)

    content = edited(content, edit)
    samples = [rng.integers(-20, 20, (3, 6, 8)).astype(dtype)]
    made = usual_form(content, "net.tflite", PLAIN)
    graph = checked_graph(parse_tflite(made, "net", "net.tflite"), "net.tflite")
    assert [node.op.partition("_")[0] for node in graph.nodes] == ["add"]
    constant = next(t.data for t in graph.tensors.values() if t.data is not None)
    np.testing.assert_array_equal(constant, full)
    np.testing.assert_array_equal(run_tflm(made, samples)[0], reference.run(graph, samples)[0])
    if dtype == "float32":  # LiteRT's DENSIFY gives its int8 results no scale
        np.testing.assert_array_equal(run_tflite(content, samples)[0], samples[0] + full)


def test_damaged_sparse_constants_are_refused() -> None:
    def edit(root: Any) -> None:
        tensor = next(t for t in root.subgraphs[0].tensors if t.buffer)
        tensor.sparsity = schema.SparsityParametersT()
        tensor.sparsity.traversalOrder = [0, 0]

    x = TensorSpec((2, 2), "float32")
    content = write_model([Operator("ADD", (x, TensorSpec((2, 2), "float32", data=Exact((1.0,) * 4))), (x_like(x),))])
    with pytest.raises(ModelError, match="damaged: the sparse tensor"):
        usual_form(edited(content, edit), "net.tflite", PLAIN)


def x_like(x: TensorSpec) -> TensorSpec:
    return TensorSpec(x.shape, x.dtype)


def open_model(shape: Sequence[int], signature: Sequence[int]) -> bytes:
    """A convolution, a pooling and a RESHAPE without options to (-1, 8)."""
    conv = make.conv2d("conv", (6, 6, 2), 4, (3, 3)).operator
    y = conv.outputs[0]
    flat = TensorSpec((18, 8), "int8", y.scale, y.zero_point)
    content = write_model([conv, Operator("RESHAPE", (y, make.numbers(-1, 8)), (flat,))])

    def edit(root: Any) -> None:
        graph = root.subgraphs[0]
        tensor = graph.tensors[graph.inputs[0]]
        tensor.shape, tensor.shapeSignature = list(shape), list(signature)
        graph.operators[1].builtinOptions, graph.operators[1].builtinOptionsType = None, 0

    return edited(content, edit)


@pytest.mark.parametrize(
    ("shape", "signature", "typed", "batch_one", "wanted"),
    [
        ((1, 6, 6, 2), (-1, 6, 6, 2), (), False, (1, 6, 6, 2)),
        ((5, 6, 6, 2), (-1, 6, 6, 2), (), True, (1, 6, 6, 2)),
        ((5, 6, 6, 2), (5, 6, 6, 2), (), True, (1, 6, 6, 2)),
        ((1, 1, 1, 2), (-1, -1, -1, 2), ("8x4x2",), False, (1, 8, 4, 2)),
        ((1, 1, 1, 2), (1, -1, -1, 2), ("t0=4x8x2",), False, (1, 4, 8, 2)),
    ],
)
def test_shapes_are_fixed_on_request(
    shape: tuple[int, ...],
    signature: tuple[int, ...],
    typed: tuple[str, ...],
    batch_one: bool,
    wanted: tuple[int, ...],
) -> None:
    made = usual_form(open_model(shape, signature), "net.tflite", Reading(parse_shapes(typed), batch_one))
    graph = checked_graph(parse_tflite(made, "net", "net.tflite"), "net.tflite")
    assert graph.tensor(graph.inputs[0]).shape == wanted
    samples = [np.random.default_rng(0).integers(-128, 128, (3, *wanted)).astype(np.int8)]
    np.testing.assert_array_equal(reference.run(graph, samples)[0], run_tflm(made, samples)[0])


def test_open_shapes_are_refused_by_name() -> None:
    content = open_model((1, 1, 1, 2), (1, -1, -1, 2))
    with pytest.raises(ModelError, match=r"input t0 has the dynamic shape \[1, -1, -1, 2\]") as caught:
        parse_tflite(usual_form(content, "net.tflite", PLAIN), "net", "net.tflite")
    assert "--input-shape" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (("x=6x6x2",), "has no input x"),
        (("6x6x2", "6x6x2"), "has 1 inputs"),
        (("6x6",), "4 dimensions"),
        (("3x3x2",), "cannot have these input shapes"),
    ],
)
def test_shapes_that_do_not_fit(typed: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        usual_form(open_model((1, 6, 6, 2), ()), "net.tflite", Reading(parse_shapes(typed)))


@pytest.mark.parametrize("text", ["", "x", "3x", "0x3", "a=", "3,4", "-1x3"])
def test_shapes_that_are_none(text: str) -> None:
    with pytest.raises(ModelError, match="is no shape"):
        parse_shapes([text])


def numbers64(*values: int) -> TensorSpec:
    return TensorSpec((len(values),), "int64", data=Exact(values))


def test_int64_becomes_int32() -> None:
    """Positions found, picked by indices, and compared with a constant; the outputs are LiteRT's on the file."""
    x, found = make.act((1, 5, 12)), TensorSpec((1, 5), "int64")
    picked, flat = TensorSpec((1, 3), "int64"), TensorSpec((3,), "int64")
    operators = [
        Operator("ARG_MAX", (x, make.numbers(2)), (found,), {"outputType": schema.TensorType.INT64}),
        Operator("GATHER", (found, numbers64(4, 0, 2)), (picked,), {"axis": 1}),
        Operator("RESHAPE", (picked, make.numbers(3)), (flat,)),
        Operator("LESS", (flat, numbers64(6, 6, 6)), (TensorSpec((3,), "bool"),)),
    ]
    content = write_model(operators)
    samples = [np.random.default_rng(0).integers(-128, 128, (20, 1, 5, 12)).astype(np.int8)]
    made = usual_form(content, "net.tflite", PLAIN)
    graph = checked_graph(parse_tflite(made, "net", "net.tflite"), "net.tflite")
    assert "int64" not in {t.dtype for t in graph.tensors.values()}
    wanted = run_tflite(content, samples)[0]
    assert set(np.unique(wanted)) == {False, True}
    np.testing.assert_array_equal(reference.run(graph, samples)[0], wanted)


def test_int64_that_does_not_fit_stays_and_is_refused() -> None:
    x, out = TensorSpec((2,), "int64"), TensorSpec((2,), "int64")
    for operator in (
        Operator("MAXIMUM", (x, numbers64(1 << 40, 3)), (out,)),
        Operator("CUMSUM", (x, make.numbers(0)), (out,)),
    ):
        content = write_model([operator])
        assert usual_form(content, "net.tflite", PLAIN) == content
        with pytest.raises(ModelError, match=r"int64|must both be int8|must be"):
            checked_graph(parse_tflite(content, "net", "net.tflite"), "net.tflite")
