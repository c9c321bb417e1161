"""SELECT_V2, PRELU, ADD_N, BROADCAST_ARGS, DIV of int8; ADD and MUL of int32, and other types in many loops."""

from __future__ import annotations

import numpy as np
from support.case import TFLITE, TFLM, Case, Exact, Operator, Seeded, TensorSpec
from support.make import NONE, RELU, RELU6, act, plain

Shape = tuple[int, ...]
SHAPE = (1, 4, 3, 5)
A, B, C = (0.05, -3), (0.03, 11), (0.07, -20)
DEEP = (2, 1, 3, 1, 2, 1), (1, 2, 1, 2, 1, 3)  # no loops of it can be joined
FIVE = DEEP[0][:5], DEEP[1][:5]


def _tensor(shape: Shape, dtype: str, quant: tuple[float, int], data: Exact | Seeded | None = None) -> TensorSpec:
    if dtype == "int8":
        return act(shape, quant, data)
    if dtype == "int16":
        return TensorSpec(shape, dtype, (quant[0] / 256,), (0,), data=data)
    return TensorSpec(shape, dtype, data=data)


def _binary(name: str, builtin: str, dtype: str, shapes: tuple[Shape, Shape], activation: int = NONE) -> Case:
    first, second = (_tensor(s, dtype, q) for s, q in zip(shapes, (A, B), strict=True))
    out = _tensor(np.broadcast_shapes(*shapes), dtype, C if builtin == "ADD" else (0.3, 4))
    options = {} if builtin == "MAXIMUM" else {"fusedActivationFunction": activation}
    operator = Operator(builtin, (first, second), (out,), options)
    return Case(f"{builtin.lower()}_{dtype}_{name}", operator, positions=(-1000, 1000))


def _select(
    name: str, dtype: str, shapes: tuple[Shape, Shape, Shape], oracle: str = TFLM, builtin: str = "SELECT_V2"
) -> Case:
    condition, *others = shapes
    tensors = [_tensor(s, dtype, q) for s, q in zip((*others, np.broadcast_shapes(*shapes)), (A, B, C), strict=True)]
    operator = Operator(builtin, (plain(condition, "bool"), *tensors[:2]), (tensors[2],))
    return Case(f"select_{dtype}_{name}", operator, oracle=oracle)


def _prelu(name: str, dtype: str, alpha: Shape, out: tuple[float, int] = (0.04, 7)) -> Case:
    second = _tensor(alpha, "int8" if dtype == "int16" else dtype, B)
    operator = Operator("PRELU", (_tensor(SHAPE, dtype, A), second), (_tensor(SHAPE, dtype, out),))
    return Case(f"prelu_{dtype}_{name}", operator)


def _sum(name: str, dtype: str, count: int, out: tuple[float, int]) -> Case:
    inputs = tuple(_tensor((1, 30), dtype, A) for _ in range(count))
    return Case(f"add_n_{dtype}_{name}", Operator("ADD_N", inputs, (_tensor((1, 30), dtype, out),)))


def _shapes(name: str, first: tuple[int, ...], second: int) -> Case:
    """Of a constant shape, and one of ones and twos where TFLM allows it."""
    out = plain((max(len(first), second),), "int32")
    operator = Operator("BROADCAST_ARGS", (plain((len(first),), "int32", *first), plain((second,), "int32")), (out,))
    return Case(f"broadcast_args_{name}", operator, positions=(1, 2))


def _quotient(name: str, out: tuple[float, int], activation: int = NONE) -> Case:
    """By numbers other than 0, by which TFLM refuses to divide."""
    divisor = act((5,), (0.04, 2), Exact((-3, 7, 1, -128, 127)))
    operator = Operator("DIV", (act(SHAPE, A), divisor), (act(SHAPE, out),), {"fusedActivationFunction": activation})
    return Case(f"div_int8_{name}", operator)


CASES = (
    *(
        _binary(name, builtin, "int32", shapes, activation)
        for builtin in ("ADD", "MUL")
        for name, shapes, activation in (
            ("same", (SHAPE, SHAPE), NONE),
            ("relu6", (SHAPE, (5,)), RELU6),
            ("deep", DEEP, RELU),
        )
    ),
    *(_binary("deep", builtin, dtype, DEEP) for builtin in ("ADD", "MUL") for dtype in ("int8", "int16", "float32")),
    _binary("five", "SUB", "int8", FIVE),
    _binary("five", "MAXIMUM", "int16", FIVE),
    _quotient("fine", (0.02, 5)),
    _quotient("coarse", (0.0391, -100), RELU),
    *(_select("same", dtype, (SHAPE, SHAPE, SHAPE)) for dtype in ("int8", "int16", "float32")),
    *(_select("same", dtype, (SHAPE, SHAPE, SHAPE), TFLITE) for dtype in ("int32", "bool")),
    _select("channels", "int8", ((1, 4, 1, 1), (5,), SHAPE)),
    _select("number", "float32", (SHAPE, (1, 1), SHAPE)),
    _select("deep", "int16", ((2, 1, 3, 1, 2), (1, 2, 1, 2, 1), (1,))),
    *(_select("whole", d, (SHAPE, SHAPE, SHAPE), TFLITE, "SELECT") for d in ("int8", "int16", "int32", "bool")),
    _select("one", "float32", ((1,), SHAPE, SHAPE), TFLITE, "SELECT"),
    _prelu("channels", "int8", (1, 1, 5)),
    _prelu("same", "int8", SHAPE, (0.011, -90)),
    _prelu("channels", "int16", (1, 1, 5)),
    _prelu("channels", "float32", (1, 1, 5)),
    _sum("two", "int8", 2, (0.1, 5)),
    _sum("eight", "int8", 8, (0.2, -100)),
    _sum("three", "float32", 3, A),
    _sum("eight", "float32", 8, A),
    _shapes("longer", (3, 1, 1), 2),
    _shapes("shorter", (1,), 4),
)
