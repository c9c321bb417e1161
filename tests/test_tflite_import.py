"""Damaged, hostile and unsupported ``.tflite`` files: they compile, or there is a ModelError that helps."""

from __future__ import annotations

import dataclasses
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support import make
from support.case import Operator, Seeded, TensorSpec
from support.firmware import identity
from support.flatbuffer import edited, write_model

from toolchain.codegen import SourceTree, generate
from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.planner import make_plan
from toolchain.replay import check_plan
from toolchain.target import load_target
from toolchain.verify import refusals

TARGET = load_target("stm32")
FLIPS = 250
Edit = Callable[[Any], None]


@pytest.fixture(autouse=True)
def _limited_memory() -> Iterator[None]:
    """An allocation that a file's numbers talk the program into fails here instead of swapping."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def _network() -> bytes:
    """QUANTIZE, CONV_2D, ADD, AVERAGE_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX."""
    image = make.plain((1, 6, 6, 2), "float32")
    x = make.act((1, 6, 6, 2))
    first = make.conv2d("conv", (6, 6, 2), 4, (3, 3), out=(0.1, 5)).operator
    a = first.outputs[0]
    b = make.act((1, 6, 6, 4), (0.15, 3))
    pooled = make.act((1, 2, 2, 4), (0.15, 3))
    flat = make.act((1, 16), (0.15, 3))
    dense = make.fully_connected("fc", (1, 16), 5, x=(0.15, 3), out=(0.2, 0)).operator
    pool = {"strideH": 3, "strideW": 3, "filterHeight": 3, "filterWidth": 3, "padding": make.VALID}
    operators = [
        Operator("QUANTIZE", (image,), (x,)),
        dataclasses.replace(first, inputs=(x, *first.inputs[1:])),
        Operator("ADD", (a, make.act((4,), (0.1, 0), Seeded())), (b,), {"fusedActivationFunction": make.RELU}),
        Operator("AVERAGE_POOL_2D", (b,), (pooled,), pool),
        Operator("RESHAPE", (pooled, make.numbers(1, 16)), (flat,), {"newShape": (1, 16)}),
        dataclasses.replace(dense, inputs=(flat, *dense.inputs[1:])),
        Operator("SOFTMAX", dense.outputs, (make.act((1, 5), (1 / 256, -128)),), {"beta": 1.0}),
    ]
    return write_model(operators)


def _single() -> bytes:
    return write_model([make.depthwise("dw", (4, 4, 3), (3, 3)).operator])


SEEDS = {"network": _network(), "single": _single()}


def _compile(content: bytes) -> SourceTree:
    """All stages from the file to C."""
    graph = checked_graph(parse_tflite(content, "model", "model.tflite"), "model.tflite")
    plan = make_plan(graph, TARGET)
    check_plan(plan)
    return generate(plan, identity(graph), TARGET)


def _survives(content: bytes) -> bool:
    """Whether it compiles. Anything but success and a ModelError with text and hint fails the test."""
    error = None
    try:
        _compile(content)
    except ModelError as e:
        error = e
    assert error is None or (error.problem.startswith("model.tflite: ") and error.hint)
    return error is None


@pytest.mark.parametrize("name", SEEDS)
def test_the_undamaged_files_compile(name: str) -> None:
    assert _survives(SEEDS[name])


@pytest.mark.parametrize("name", SEEDS)
def test_truncated_files_are_refused(name: str) -> None:
    content = SEEDS[name]
    step = max(1, len(content) // 150)
    survivors = [n for n in range(0, len(content), step) if _survives(content[:n])]
    # a flatbuffer's last bytes may be padding
    assert all(n > len(content) - 64 for n in survivors)


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize("width", [1, 4])
def test_files_with_changed_bytes_are_read_or_refused(name: str, width: int) -> None:
    content = SEEDS[name]
    rng = np.random.default_rng([len(content), width])
    outcomes = set()
    for _ in range(FLIPS):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content) - width, rng.integers(1, 4)):
            damaged[place : place + width] = rng.choice([rng.bytes(width), b"\xff" * width, b"\0" * width])
        outcomes.add(_survives(bytes(damaged)))
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", SEEDS)
def test_every_single_field_set_to_extremes(name: str) -> None:
    """Each 32-bit word of the file, one after the other, becomes -1, the largest and the smallest number."""
    content = SEEDS[name]
    words = range(8, len(content) - 4, 4 * max(1, len(content) // 1200))
    values = (-1, 2**31 - 1, -(2**31))
    outcomes = {
        _survives(content[:at] + values[i % 3].to_bytes(4, "little", signed=True) + content[at + 4 :])
        for i, at in enumerate(words)
    }
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0" * 100, b"\x20\0\0\0TFL3", b"GIF89a" * 50, b"\xff\xff\xff\x7fTFL3" * 9]
)
def test_files_of_other_kinds_are_refused(content: bytes) -> None:
    assert not _survives(content)


def _weights(root: Any) -> Any:
    """The convolution's filters."""
    return root.subgraphs[0].tensors[int(root.subgraphs[0].operators[1].inputs[1])]


def _conv_output(root: Any) -> Any:
    return root.subgraphs[0].tensors[int(root.subgraphs[0].operators[1].outputs[0])]


def _operator_output(root: Any, index: int) -> Any:
    return root.subgraphs[0].tensors[int(root.subgraphs[0].operators[index].outputs[0])]


def _set(path: str, value: Any, pick: Callable[[Any], Any] = _conv_output) -> Edit:
    """An edit that sets a field, by its dotted path from what ``pick`` finds."""

    def edit(root: Any) -> None:
        target = pick(root)
        *way, last = path.split(".")
        for part in way:
            target = getattr(target, part)
        setattr(target, last, value)

    return edit


def _operator(index: int) -> Callable[[Any], Any]:
    return lambda root: root.subgraphs[0].operators[index]


def _graph(root: Any) -> Any:
    return root.subgraphs[0]


def _shorten_buffer(root: Any) -> None:
    buffer = root.buffers[_weights(root).buffer]
    buffer.data = buffer.data[:-1]


def _swap_operators(root: Any) -> None:
    operators = root.subgraphs[0].operators
    operators[1], operators[2] = operators[2], operators[1]


def _write_twice(root: Any) -> None:
    operators = root.subgraphs[0].operators
    operators[2].outputs = operators[1].outputs


def _both(*edits: Edit) -> Edit:
    def edit(root: Any) -> None:
        for part in edits:
            part(root)

    return edit


SCALE, ZERO = "quantization.scale", "quantization.zeroPoint"
HAND_MADE: dict[str, tuple[Edit, str]] = {
    "buffer_index": (_set("buffer", 99), "buffer 99"),
    "buffer_short": (_shorten_buffer, "needs 72 bytes, its buffer has 71"),
    "shape_negative": (_set("shape", [1, -6, 6, 4]), "dynamic shape"),
    "shape_huge": (_set("shape", [1, 2**30, 6, 4]), "strides, padding and shapes must agree"),
    "constant_huge": (_set("shape", [2**20, 3, 2**10, 2], _weights), "bytes"),
    "input_huge": (_set("shape", [1, 2**15, 2**15, 64], lambda r: r.subgraphs[0].tensors[0]), "same shape"),
    "no_elements": (_set("shape", [1, 6, 0, 4]), "shapes must agree"),
    "tensor_index": (_set("inputs", [1, 77, 3], _operator(1)), "tensor 77 of"),
    "tensor_index_negative": (_set("inputs", [-5, 2, 3], _operator(1)), "tensor -5 of"),
    "input_absent": (_set("inputs", [-1, 2, 3], _operator(1)), "lacks options or inputs"),
    "no_inputs": (_set("inputs", [], _operator(1)), "lacks options or inputs"),
    "no_outputs": (_set("outputs", [], _operator(1)), "has no output"),
    "two_outputs": (_set("outputs", [0, 0], _operator(1)), "written already"),
    "opcode_index": (_set("opcodeIndex", 50, _operator(1)), "code 50 of"),
    "opcode_unknown": (_set("builtinCode", 9999, lambda r: r.operatorCodes[1]), "builtin 9999"),
    "no_codes": (_set("operatorCodes", [], lambda r: r), "of 0"),
    "no_buffers": (_set("buffers", [], lambda r: r), "of 0"),
    "no_subgraph": (_set("subgraphs", [], lambda r: r), "no subgraph"),
    "no_operators": (_set("operators", [], _graph), "never written"),
    "no_graph_inputs": (_set("inputs", [], _graph), "nothing has written"),
    "no_graph_outputs": (_set("outputs", [], _graph), "no output"),
    "graph_input_twice": (_set("inputs", [0, 0], _graph), "listed twice"),
    "graph_output_constant": (_set("outputs", [2], _graph), "constant"),
    "graph_output_absent": (_set("outputs", [-1], _graph), "absent"),
    "wrong_order": (_swap_operators, "which nothing has written"),
    "written_twice": (_write_twice, "written already"),
    "no_options": (_set("builtinOptions", None, _operator(1)), "lacks options"),
    "options_of_another": (_set("builtinOptions", schema.ReshapeOptionsT(), _operator(1)), "strides, padding"),
    "stride_zero": (_set("builtinOptions.strideH", 0, _operator(1)), "strides, padding and shapes"),
    "stride_negative": (_set("builtinOptions.strideH", -1, _operator(1)), "strides, padding and shapes"),
    "dilation_zero": (_set("builtinOptions.dilationHFactor", 0, _operator(1)), "strides, padding and shapes"),
    "window_zero": (_set("builtinOptions.filterHeight", 0, _operator(3)), "AVERAGE_POOL_2D|average_pool2d"),
    "activation_unknown": (_set("builtinOptions.fusedActivationFunction", 4, _operator(1)), "fused activation"),
    "scale_zero": (_set(SCALE, [0.0]), "finite and positive"),
    "scale_nan": (_set(SCALE, [float("nan")]), "finite and positive"),
    "scale_negative": (_set(SCALE, [-0.5]), "finite and positive"),
    "scale_infinite": (_set(SCALE, [float("inf")]), "finite and positive"),
    "scale_of_one_channel": (_set(SCALE, [0.1, 0.0, 0.1, 0.1], _weights), "finite and positive"),
    "scale_denormal": (_set(SCALE, [1e-45]), "too far apart"),
    "scale_huge": (_set(SCALE, [3e38, 3e38, 3e38, 3e38], _weights), "too far apart"),
    "scales_too_few": (_set(SCALE, [0.1, 0.1], _weights), "2 scales and 4 zero points"),
    "scales_for_no_channel": (_both(_set(SCALE, [0.1] * 3, _weights), _set(ZERO, [0] * 3, _weights)), "3 scales for"),
    "scales_along_another_axis": (_set("quantization.quantizedDimension", 7, _weights), "4 scales for dimension 7"),
    "scales_of_an_activation": (
        _both(_set(SCALE, [0.1] * 6), _set(ZERO, [0] * 6), _set("quantization.quantizedDimension", 1)),
        "not a constant",
    ),
    "zero_point_out_of_range": (_set(ZERO, [128]), "zero point outside"),
    "zero_point_of_weights": (_set(ZERO, [0, 0, 1, 0], _weights), "zero point 0"),
    "not_quantized": (_set("quantization", None), "without a scale"),
    "softmax_output_scale": (_set(SCALE, [0.01], lambda r: r.subgraphs[0].tensors[-1]), "1/256"),
    "beta_nan": (_set("builtinOptions.beta", float("nan"), _operator(6)), "above 2"),
    "beta_negative": (_set("builtinOptions.beta", -1.0, _operator(6)), "above 2"),
    "type_float16": (_set("type", schema.TensorType.FLOAT16), "must be int8"),
    "type_unknown": (_set("type", 100), "must be int8"),
    "type_string_weights": (_set("type", schema.TensorType.STRING, _weights), "must be constant int8"),
    "sparse": (_set("sparsity", schema.SparsityParametersT(), _weights), "sparse"),
    "weights_not_constant": (_set("buffer", 0, _weights), "nothing has written"),
    "buffer_outside_the_file": (_set("offset", 10**9, lambda r: r.buffers[0]), "outside the file"),
    "reshape_to_another_size": (_set("shape", [1, 17], lambda r: _operator_output(r, 4)), "same size"),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_damage_is_named(name: str) -> None:
    edit, reason = HAND_MADE[name]
    with pytest.raises(ModelError, match=reason) as caught:
        _compile(edited(SEEDS["network"], edit))
    assert "model.tflite" in caught.value.problem
    assert caught.value.hint


def test_every_unsupported_operator_is_listed_with_layer_and_reason() -> None:
    x, y = make.act((1, 4, 4, 2)), make.act((1, 4, 4, 2))
    named = [TensorSpec(x.shape, "int8", x.scale, x.zero_point, name=f"net/layer_{k}/out") for k in range(4)]
    alpha = TensorSpec(x.shape, "int8", (0.7,), (0,), name="net/leak/out")
    content = write_model(
        [
            Operator("UNIQUE", (x,), (named[0],)),
            Operator("CONV_3D", (named[0],), (named[1],)),
            Operator("ADD", (named[1], named[1]), (named[2],), {"fusedActivationFunction": 4}),
            Operator("RELU", (named[2],), (named[3],)),
            Operator("CONCATENATION", (named[3], y), (alpha,), {"axis": 3}),
        ]
    )
    with pytest.raises(ModelError) as caught:
        _compile(content)
    text = caught.value.problem
    assert "4 of 5 operators" in text
    for part in (
        "layer layer_0 (UNIQUE): this operator is not supported",
        "layer layer_1 (CONV_3D): this operator is not supported",
        "layer layer_2 (add): its fused activation must be",
        "layer leak (concatenate): its inputs and output must have the same type, scale and zero point",
    ):
        assert part in text
    assert len(refusals(clean(parse_tflite(content, "model", "model.tflite")))) == 4


def test_a_constant_output_is_refused() -> None:
    content = write_model(
        [
            Operator("RELU", (make.act((1, 3)),), (make.act((1, 3)),)),
            Operator("RESHAPE", (make.act((1, 4), data=Seeded()), make.numbers(4)), (make.act((4,)),)),
        ]
    )
    with pytest.raises(ModelError, match="is a constant"):
        _compile(content)


def test_a_custom_operator_is_named() -> None:
    def edit(root: Any) -> None:
        root.operatorCodes[1].builtinCode = schema.BuiltinOperator.CUSTOM
        root.operatorCodes[1].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        root.operatorCodes[1].customCode = "TFLite_Detection_PostProcess"

    with pytest.raises(ModelError, match="CUSTOM TFLite_Detection_PostProcess"):
        _compile(edited(SEEDS["network"], edit))


def test_tensors_of_one_name_stay_apart() -> None:
    def edit(root: Any) -> None:
        for tensor in root.subgraphs[0].tensors:
            tensor.name = "same"
        root.subgraphs[0].tensors[3].name = "same#2"

    graph = parse_tflite(edited(SEEDS["network"], edit), "model", "model.tflite")
    assert len(graph.tensors) == len(parse_tflite(SEEDS["network"], "model", "model.tflite").tensors)
    assert _survives(edited(SEEDS["network"], edit))


def test_tensors_without_names_are_numbered() -> None:
    def edit(root: Any) -> None:
        for tensor in root.subgraphs[0].tensors:
            tensor.name = None

    assert "tensor_0" in parse_tflite(edited(SEEDS["network"], edit), "model", "model.tflite").tensors
