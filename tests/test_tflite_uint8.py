"""uint8 models become int8 ones: LiteRT's reference kernels give the same codes, less 128, and TFLM ours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from cases.detection import detection
from support import make
from support.case import Exact, Operator, Seeded, TensorSpec
from support.flatbuffer import write_model
from support.oracle import run_tflite, run_tflm

from toolchain import reference
from toolchain.errors import ModelError
from toolchain.fixedpoint import quantize_multiplier, requantize
from toolchain.front import checked_graph
from toolchain.importers import tflite_uint8_trial
from toolchain.importers.reading import Reading
from toolchain.importers.tflite import parse_tflite
from toolchain.importers.tflite_forms import usual_form
from toolchain.importers.tflite_uint8 import parts_of, same_codes
from toolchain.passes import reduce

Array = np.ndarray[Any, Any]
PLAIN = Reading()
VALID, SAME = 1, 0


def codes(shape: tuple[int, ...], scale: float = 0.05, zero: int = 131, data: Seeded | None = None) -> TensorSpec:
    """A quantized uint8 tensor."""
    return TensorSpec(shape, "uint8", (scale,), (zero,), data=data)


def weights(shape: tuple[int, ...], zero: int, low: int = 0, high: int = 255) -> TensorSpec:
    return codes(shape, 0.013, zero, Seeded(low, high))


def bias(size: int, scale: float = 0.05) -> TensorSpec:
    """For an input of this scale."""
    return TensorSpec((size,), "int32", (float(np.float32(scale) * np.float32(0.013)),), (0,), data=Seeded(-900, 900))


def window(stride: int = 1, padding: int = SAME, activation: int = 0) -> dict[str, int]:
    return {"strideH": stride, "strideW": stride, "padding": padding, "fusedActivationFunction": activation}


def convolution(zero: int, low: int = 0, high: int = 255) -> Operator:
    x, out = codes((1, 7, 6, 3)), codes((1, 7, 6, 5), 0.21, 119)
    options = window() | {"dilationHFactor": 1, "dilationWFactor": 1}
    return Operator("CONV_2D", (x, weights((5, 3, 3, 3), zero, low, high), bias(5)), (out,), options)


def depthwise(zero: int, low: int = 0, high: int = 255) -> Operator:
    x, out = codes((1, 7, 6, 3)), codes((1, 4, 3, 6), 0.11, 140)
    options = window(2, SAME, 1) | {"depthMultiplier": 2, "dilationHFactor": 1, "dilationWFactor": 1}
    return Operator("DEPTHWISE_CONV_2D", (x, weights((1, 3, 3, 6), zero, low, high), bias(6)), (out,), options)


def dense(zero: int, flat: bool = True) -> Operator:
    x = codes((1, 24) if flat else (1, 2, 3, 4))
    return Operator("FULLY_CONNECTED", (x, weights((7, 24), zero), bias(7)), (codes((1, 7), 0.17, 120),))


def pool(kind: str, size: tuple[int, int], out: tuple[int, int], stride: int, padding: int) -> Operator:
    options = window(stride, padding) | {"filterHeight": size[0], "filterWidth": size[1]}
    return Operator(kind, (codes((1, 8, 8, 5)),), (codes((1, *out, 5)),), options)


def unary(builtin: str, out: TensorSpec, **options: Any) -> Operator:
    return Operator(builtin, (codes((1, 4, 4, 3)),), (out,), options)


def mean(shape: tuple[int, ...], axes: tuple[int, ...], out: tuple[int, ...], keep: bool = False) -> Operator:
    options = {"keepDims": int(keep)}
    return Operator("MEAN", (codes(shape), make.numbers(*axes)), (codes(out, 0.031, 115),), options)


def binary(builtin: str) -> Operator:
    inputs = (codes((1, 4, 4, 3)), codes((1, 4, 4, 3), 0.031, 90))
    return Operator(builtin, inputs, (codes((1, 4, 4, 3), 0.08, 100),), {"fusedActivationFunction": 1})


def found() -> Operator:
    """What follows a detector: boxes, scores and anchors become float32."""
    operator = detection("all", 12, 3, most=12, score=-1e30, overlap=1.0).operator
    inputs = codes((1, 12, 4), 0.03, 128), codes((1, 12, 4), 1 / 256, 0), codes((12, 4), 0.002, 9, Seeded(100, 255))
    return dataclasses.replace(operator, inputs=inputs)


UNSIGNED = {
    "detection": found(),
    "conv2d": convolution(128),
    "conv2d_weights_of_nine_bits": convolution(110, 1, 237),
    "conv2d_in_two_parts": convolution(151),
    "conv2d_in_three_parts": convolution(0),
    "depthwise": depthwise(128, 1),
    "depthwise_in_two_parts": depthwise(110),
    "dense": dense(121, flat=True),
    "dense_of_an_image": dense(180, flat=False),
    "average_odd": pool("AVERAGE_POOL_2D", (3, 3), (6, 6), 1, VALID),
    "average_odd_at_borders_of_one": pool("AVERAGE_POOL_2D", (1, 1), (8, 8), 1, SAME),
    "average_even": pool("AVERAGE_POOL_2D", (2, 2), (4, 4), 2, SAME),
    "average_of_all": pool("AVERAGE_POOL_2D", (8, 8), (1, 1), 8, VALID),
    "average_of_six": pool("AVERAGE_POOL_2D", (2, 3), (7, 6), 1, VALID),
    "max_pool": pool("MAX_POOL_2D", (3, 3), (4, 4), 2, SAME),
    "softmax": Operator("SOFTMAX", (codes((1, 12), 0.1),), (codes((1, 12), 1 / 256, 0),), {"beta": 1.0}),
    "relu": unary("RELU", codes((1, 4, 4, 3), 0.04, 3)),
    "pad": Operator(
        "PAD",
        (codes((1, 4, 4, 3)), TensorSpec((4, 2), "int32", data=Exact((0, 0, 1, 2, 2, 1, 0, 0)))),
        (codes((1, 7, 7, 3)),),
    ),
    "logistic": unary("LOGISTIC", codes((1, 4, 4, 3), 1 / 256, 0)),
    "tanh": unary("TANH", codes((1, 4, 4, 3), 1 / 128, 128)),
    "hard_swish": unary("HARD_SWISH", codes((1, 4, 4, 3), 0.03, 90)),
    "leaky_relu": unary("LEAKY_RELU", codes((1, 4, 4, 3), 0.04, 50), alpha=0.2),
    "mean": mean((1, 7, 6, 5), (1, 2), (1, 1, 1, 5), keep=True),
    "mean_of_channels": mean((1, 4, 4, 9), (-1,), (1, 4, 4)),
    "mean_around": mean((1, 3, 4, 5), (1, 3), (1, 4)),
    "add": binary("ADD"),
    "sub": binary("SUB"),
    "mul": binary("MUL"),
    "transpose": Operator("TRANSPOSE", (codes((2, 3, 4)), make.numbers(2, 0, 1)), (codes((4, 2, 3)),)),
    "concatenate": Operator("CONCATENATION", (codes((1, 3)), codes((1, 4))), (codes((1, 7)),), {"axis": 1}),
    "dequantize": Operator("DEQUANTIZE", (codes((1, 40)),), (TensorSpec((1, 40), "float32"),)),
    "quantize": Operator("QUANTIZE", (codes((1, 40)),), (TensorSpec((1, 40), "int8", (0.05,), (3,)),)),
}


def inputs_of(content: bytes) -> list[Array]:
    """Samples of every uint8 input: random ones and extremes."""
    flat = schema.ModelT.InitFromPackedBuf(content, 0)
    rng = np.random.default_rng(0)
    shapes = [tuple(map(int, flat.subgraphs[0].tensors[i].shape)) for i in flat.subgraphs[0].inputs]
    return [np.stack([*rng.integers(0, 256, (12, *s)), np.zeros(s), np.full(s, 255)]).astype(np.uint8) for s in shapes]


def signed_codes(x: Array) -> Array:
    """uint8 as int8, 128 less; others as they are."""
    return (x.astype(np.int16) - 128).astype(np.int8) if x.dtype == np.uint8 else x


def check_equal(content: bytes, made: bytes) -> None:
    """LiteRT gives the codes of one file for the other, and TFLM ours for what was made."""
    samples = inputs_of(content)
    graph = checked_graph(parse_tflite(made, "net", "net.tflite"), "net.tflite")
    count = len(graph.outputs)
    wanted = run_tflite(content, samples, count)
    assert len(np.unique(wanted[0])) > 3
    moved = [signed_codes(x) for x in samples]
    for first, second in zip(wanted, run_tflite(made, moved, count), strict=True):
        np.testing.assert_array_equal(second, signed_codes(first))
    for first, second in zip(run_tflm(made, moved, count), reference.run(graph, moved), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", UNSIGNED)
def test_uint8_becomes_int8_with_the_same_codes(name: str) -> None:
    content = write_model([UNSIGNED[name]])
    made = usual_form(content, "net.tflite", PLAIN)
    assert "uint8" not in {t.dtype for t in parse_tflite(made, "net", "net.tflite").tensors.values()}
    check_equal(content, made)


def test_a_whole_legacy_network() -> None:
    """Convolution, depthwise convolution, addition, pooling of everything and a classifier, in one file."""
    x, a, b = codes((1, 8, 8, 3)), codes((1, 8, 8, 4), 0.09, 0), codes((1, 8, 8, 4), 0.11, 7)
    c, d, e = codes((1, 8, 8, 4), 0.13, 120), codes((1, 1, 1, 4), 0.13, 120), codes((1, 4), 0.13, 120)
    dilation = {"dilationHFactor": 1, "dilationWFactor": 1}
    operators = [
        Operator("CONV_2D", (x, weights((4, 3, 3, 3), 151), bias(4)), (a,), window() | dilation),
        Operator(
            "DEPTHWISE_CONV_2D",
            (a, weights((1, 3, 3, 4), 131, 8, 250), bias(4, 0.09)),
            (b,),
            window() | dilation | {"depthMultiplier": 1},
        ),
        Operator("ADD", (a, b), (c,)),
        Operator("AVERAGE_POOL_2D", (c,), (d,), window(8, VALID) | {"filterHeight": 8, "filterWidth": 8}),
        Operator("RESHAPE", (d, make.numbers(1, 4)), (e,), {"newShape": (1, 4)}),
        Operator("FULLY_CONNECTED", (e, weights((6, 4), 99), bias(6, 0.13)), (codes((1, 6), 0.02, 128),)),
    ]
    content = write_model(operators)
    check_equal(content, usual_form(content, "net.tflite", PLAIN))


def test_what_differs_for_uint8_is_refused_all_at_once() -> None:
    x = codes((1, 8, 8, 5))
    y = TensorSpec((1, 16, 16, 5), "uint8", (0.05,), (131,), name="net/zoom/y")
    z = TensorSpec((1, 8, 8, 5), "uint8", (0.05,), (131,), name="net/pool/z")
    mean = TensorSpec((1, 8), "uint8", (0.05,), (131,), name="net/mean/mean")
    wide = TensorSpec((1, 8, 401), "uint8", (0.05,), (131,))
    size = {"filterHeight": 4, "filterWidth": 4}
    operators = [
        Operator("RESIZE_BILINEAR", (x, make.numbers(16, 16)), (y,)),
        Operator("AVERAGE_POOL_2D", (y,), (z,), window(2, SAME) | size),
        Operator("MEAN", (wide, make.numbers(2)), (mean,)),
    ]
    with pytest.raises(ModelError) as caught:
        usual_form(write_model(operators), "net.tflite", PLAIN)
    assert "layer zoom (RESIZE_BILINEAR): it rounds" in caught.value.problem
    assert "layer pool (AVERAGE_POOL_2D): its averages" in caught.value.problem
    assert (
        "layer mean (MEAN): int8 does not give all of its uint8 codes, or there are too many to try"
        in caught.value.problem
    )
    assert "int8" in caught.value.hint


@pytest.mark.parametrize("builtin", ["ELU", "SQRT"])
def test_what_litert_or_tflm_lacks_is_refused(builtin: str) -> None:
    content = write_model([unary(builtin, codes((1, 4, 4, 3)))])
    with pytest.raises(ModelError, match=rf"\({builtin}\): int8 does not give all"):
        usual_form(content, "net.tflite", PLAIN)


@pytest.mark.parametrize("name", ["logistic", "mean_around"])
def test_one_code_that_is_another_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The 200th of the codes that are tried."""
    right = tflite_uint8_trial.run

    def wrong(graph: Any, inputs: list[Array]) -> list[Array]:
        (made,) = right(graph, inputs)
        made = made.copy()
        made.reshape(-1)[199] ^= 1
        return [made]

    content = write_model([UNSIGNED[name]])
    usual_form(content, "net.tflite", PLAIN)
    monkeypatch.setattr(tflite_uint8_trial, "run", wrong)
    with pytest.raises(ModelError, match="cannot become int8 ones"):
        usual_form(content, "net.tflite", PLAIN)


def test_steps_of_two_requantizations_are_compared() -> None:
    """Against every sum of a range, for factors that are near each other."""
    rng = np.random.default_rng(1)
    sums = np.arange(-(1 << 17), 1 << 17, dtype=np.int64)
    outcomes = set()
    for _ in range(60):
        factor = rng.uniform(0.003, 0.02)
        pairs = [quantize_multiplier(factor), quantize_multiplier(factor * (1 + rng.uniform(-3e-6, 3e-6)))]
        twice = [np.clip(requantize(sums, *pair), -255, 255) for pair in pairs]
        once = [np.clip((sums * m + (1 << (30 - s))) >> (31 - s), -255, 255) for m, s in pairs]
        outcomes.add(same_codes(*pairs))
        assert same_codes(*pairs) == all(bool((a == b).all()) for a, b in (twice, once))
    assert outcomes == {True, False}


@pytest.mark.parametrize("zero", [0, 1, 100, 128, 151, 255])
def test_parts_add_up(zero: int) -> None:
    whole = np.arange(256, dtype=np.int64)[None] - zero
    parts = parts_of(whole)
    assert all(np.abs(part).max() <= 127 for part in parts)
    assert len(parts) == -(-max(zero, 255 - zero) // 127)
    np.testing.assert_array_equal(np.sum(parts, axis=0), whole)


def test_uint8_at_both_ends_of_an_int8_model() -> None:
    """As the converter makes it on request: the ends become int8, and their QUANTIZE operators change nothing."""
    x, out = codes((1, 40), 0.05, 131), codes((1, 40), 0.04, 100)
    a, b = make.act((1, 40), (0.05, 3)), make.act((1, 40), (0.04, -28))
    operators = [Operator("QUANTIZE", (x,), (a,)), Operator("RELU", (a,), (b,)), Operator("QUANTIZE", (b,), (out,))]
    content = write_model(operators)
    made = usual_form(content, "net.tflite", PLAIN)
    check_equal(content, made)
    graph = reduce(checked_graph(parse_tflite(made, "net", "net.tflite"), "net.tflite"))
    assert [node.op for node in graph.nodes] == ["relu"]
