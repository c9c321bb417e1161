"""The layers that the costs of functions of one element and of several, and of casts, are measured on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.layers import Dims, filled, integers, layer, scaled, tensor
from benchmarks.shapes import NONE, Quant, Shape
from toolchain.graph import Tensor

_SIZES: tuple[Dims, ...] = ((1, 10), (1, 640), (1, 16, 16, 12))
_ANYWHERE: tuple[str, ...] = (
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "GELU",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "NEG",
)
_ANYWHERE += ("RELU_N1_TO_1", "ROUND", "SIN", "SQUARE", "TANH")
_ABOVE_ZERO = ("LOG", "RSQRT", "SQRT")
_CODES = ("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU_N1_TO_1", "RSQRT", "TANH")
_MANY = 100  # divisors, on which it depends what floors and remainders take
_RANGES: dict[str, Quant] = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
_OPTIONS: dict[str, dict[str, Any]] = {"LEAKY_RELU": {"alpha": 0.2}, "GELU": {"approximate": False}}
_TYPES = ("int8", "int16", "int32", "float32", "bool")
# shapes of both operands: alike, channels, a number, rows against columns
_PAIRS: tuple[tuple[Dims, Dims], ...] = (
    ((1, 10), (1, 10)),
    ((1, 16, 16, 12), (1, 16, 16, 12)),
    ((1, 7, 9, 5), (1, 7, 9, 5)),
    ((1, 12, 12, 24), (24,)),
    ((1, 20, 10, 3), (3,)),
    ((1, 20, 10, 8), (1, 20, 10, 1)),
    ((1, 30, 20), (1, 1)),
)
_DEEP: tuple[tuple[Dims, Dims], ...] = (
    ((2, 1, 3, 1, 2, 1), (1, 2, 1, 2, 1, 3)),
    ((4, 1, 6, 1, 5), (1, 3, 1, 4, 1)),
    ((2, 1, 4, 1, 30), (1, 5, 1, 6, 1)),
    ((6, 1, 2, 1, 3), (1, 9, 1, 5, 1)),
    ((3, 1, 2, 1, 2, 1), (1, 3, 1, 4, 1, 64)),
)


def functions() -> list[Shape]:
    return [*_unary(), *_casts(), *_pairs(), *_several()]


def _unary() -> list[Shape]:
    shapes = []
    for size in _SIZES:
        for name in (*_ANYWHERE, *_ABOVE_ZERO):
            x = tensor(size, "float32")
            positive = name in _ABOVE_ZERO
            shapes.append(layer(name, (x,), (tensor(size, "float32"),), positive=positive, **_OPTIONS.get(name, {})))
        for name in _CODES:
            x = tensor(size, quant=(0.05, -128 if name == "RSQRT" else -3))
            out = tensor(size, quant=_RANGES.get(name, (0.04, -60)))
            shapes.append(layer(name, (x,), (out,), **_OPTIONS.get(name, {})))
        words = (
            ("ABS", 0.00031),
            ("LEAKY_RELU", 0.00015),
            ("LOGISTIC", 2.0**-15),
            ("RSQRT", 0.001),
            ("TANH", 2.0**-15),
        )
        for name, scale in words:
            x, out = scaled(size, "int16", 0.0002), scaled(size, "int16", scale)
            shapes.append(layer(name, (x,), (out,), positive=name in _ABOVE_ZERO, **_OPTIONS.get(name, {})))
        for name in ("RELU", "RELU6"):
            shapes.append(layer(name, (scaled(size, "int16", 0.0002),), (scaled(size, "int16", 0.00031),)))
        shapes.append(layer("LOGICAL_NOT", (tensor(size, "bool"),), (tensor(size, "bool"),)))
    return shapes


def _casts() -> list[Shape]:
    def plain(size: Dims, dtype: str) -> Tensor:
        return Tensor("", size, dtype)

    shapes = [
        layer("CAST", (plain(size, source),), (plain(size, target),))
        for size in _SIZES
        for source in _TYPES
        for target in _TYPES
    ]
    for size in _SIZES:
        u8, s8, s16 = scaled(size, "uint8", 0.05, 130), scaled(size, "int8", 0.031, -3), scaled(size, "int16", 1e-3)
        fine, small = scaled(size, "int32", 3e-7), scaled(size, "int32", 1e-9)
        pairs = ((s8, u8), (u8, s8), (s8, fine), (s16, fine), (small, s8), (small, s16))
        shapes += [layer("QUANTIZE", (source,), (target,)) for source, target in pairs]
        shapes.append(layer("DEQUANTIZE", (u8,), (plain(size, "float32"),)))
    return shapes


def _broadcast(shapes: tuple[Dims, ...]) -> Dims:
    return tuple(int(n) for n in np.broadcast_shapes(*shapes))


def _pair(builtin: str, dtype: str, shapes: tuple[Dims, Dims], out: Quant, result: str = "", **options: Any) -> Shape:
    first, second = tensor(shapes[0], dtype), tensor(shapes[1], dtype, (0.03, 11))
    if builtin in ("MAXIMUM", "MINIMUM"):
        second = tensor(shapes[1], dtype)
    if builtin == "DIV" and dtype == "int8":
        second = filled(tensor(shapes[1], dtype, (0.04, -128)), 1, 127)
    made = tensor(_broadcast(shapes), result or dtype, None if result else out)
    positive = builtin in ("FLOOR_DIV", "FLOOR_MOD")
    return layer(builtin, (first, second), (made,), positive=positive, **options)


def _pairs() -> list[Shape]:
    four = ("int8", "int16", "int32", "float32")
    shapes = []
    for each in _PAIRS:
        for dtype in four:
            shapes.append(_pair("SUB", dtype, each, (0.07, -20), fusedActivationFunction=NONE))
            shapes.append(_pair("SQUARED_DIFFERENCE", dtype, each, (0.3, -100) if dtype == "int8" else (20.0, 0)))
            shapes += [_pair(name, dtype, each, (0.05, -3)) for name in ("MAXIMUM", "MINIMUM")]
        for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"):
            shapes += [_pair(name, dtype, each, (0.05, 0), "bool") for dtype in ("int8", "int32", "float32")]
        for name in ("EQUAL", "NOT_EQUAL", "LOGICAL_AND", "LOGICAL_OR"):
            shapes.append(_pair(name, "bool", each, (0.05, 0)))
        for dtype in ("int8", "int32", "float32"):
            shapes.append(_pair("DIV", dtype, each, (0.07, -20), fusedActivationFunction=NONE))
        if math.prod(each[1]) >= _MANY:
            shapes += [_pair(name, "float32", each, (1.0, 0)) for name in ("FLOOR_DIV", "FLOOR_MOD")]
        for dtype, other in (("int8", "int8"), ("int16", "int8"), ("float32", "float32")):
            operands = tensor(each[0], dtype), tensor(each[1], other, (0.03, 11 if dtype == "int8" else 0))
            shapes.append(layer("PRELU", operands, (tensor(each[0], dtype, (0.04, 7)),)))
    for each in _DEEP:
        for dtype in four:
            for name, out in (("ADD", (0.07, -20)), ("MUL", (0.3, 4))):
                shapes.append(_pair(name, dtype, each, out, fusedActivationFunction=NONE))
    return shapes


def _several() -> list[Shape]:
    """Sums of many tensors, and choices between two."""
    shapes = []
    for count in (2, 3, 4, 5, 8):
        for size in ((1, 10), (1, 30), (1, 7, 9, 5), (1, 1000)):
            for dtype in ("int8", "float32"):
                inputs = tuple(tensor(size, dtype) for _ in range(count))
                shapes.append(layer("ADD_N", inputs, (tensor(size, dtype, (0.2, 4)),)))
    for first, second in _PAIRS:
        for dtype in _TYPES:
            for builtin in ("SELECT_V2", "SELECT"):
                if builtin == "SELECT" and first != second:
                    continue
                operands = tensor(first, "bool"), tensor(first, dtype), tensor(second, dtype)
                shapes.append(layer(builtin, operands, (tensor(first, dtype),)))
    vectors = (tensor((n,), "int32") for n in (1, 4, 6))
    shapes += [layer("BROADCAST_ARGS", (x, integers(1, 2)), (tensor((max(x.size, 2),), "int32"),)) for x in vectors]
    return shapes
