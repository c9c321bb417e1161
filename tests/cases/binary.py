"""Operators of two tensors with broadcasting, of every type that they take."""

from __future__ import annotations

from support.case import Case, Exact, Operator, TensorSpec
from support.make import NONE, RELU, RELU6, act, plain

SHAPE = (1, 4, 3, 5)
A, B, C = (0.05, -3), (0.03, 11), (0.07, -20)
Scales = tuple[tuple[float, int], tuple[float, int], tuple[float, int]]
SAME: Scales = (A, A, A)
OTHERS: Scales = (A, B, C)
# Shapes of both inputs, beside equal ones: channels, a number, rows against columns, more dimensions.
SHAPES = {"channels": (SHAPE, (5,)), "number": ((1, 1), SHAPE), "outer": ((4, 1, 5), (1, 3, 1))}
COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")


def _tensor(shape: tuple[int, ...], dtype: str, quant: tuple[float, int]) -> TensorSpec:
    if dtype == "int8":
        return act(shape, quant)
    if dtype == "int16":
        return TensorSpec(shape, dtype, (quant[0] / 256,), (0,))
    return plain(shape, dtype)


def _case(
    name: str,
    builtin: str,
    dtype: str = "int8",
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = (SHAPE, SHAPE),
    scales: Scales = SAME,
    out: str = "",
    **options: int,
) -> Case:
    first, second = (_tensor(s, dtype, q) for s, q in zip(shapes, scales, strict=False))
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    made = tuple(max(a, b) for a, b in zip(*padded, strict=True))
    result = _tensor(made, out or dtype, scales[2])
    operator = Operator(builtin, (first, second), (result,), options)
    return Case(f"{builtin.lower()}_{name}", operator, positions=(-1000, 1000))


def _broadcast(builtin: str, dtype: str = "int8", scales: Scales = SAME, out: str = "") -> tuple[Case, ...]:
    return tuple(_case(f"{name}_{dtype}", builtin, dtype, shapes, scales, out) for name, shapes in SHAPES.items())


def _divided(builtin: str, dtype: str, values: tuple[float, ...] = (), **options: int) -> Case:
    """By numbers other than 0, by which TFLM refuses to divide; the lowest number by -1 ends its process."""
    divisor = TensorSpec((5,), dtype, data=Exact((-3, 7, 1, -1, 250)))
    operator = Operator(builtin, (plain(SHAPE, dtype), divisor), (plain(SHAPE, dtype),), options)
    name = f"{builtin.lower()}_by_constants_{dtype}_{len(options) and sum(options.values())}"
    return Case(name, operator, values, (-1000, 1000))


CASES = (
    *(_case(dtype, name, dtype) for name in ("MAXIMUM", "MINIMUM") for dtype in ("int8", "int16", "int32", "float32")),
    *_broadcast("MAXIMUM"),
    *_broadcast("MINIMUM", "float32"),
    *(_case("int8", name, scales=OTHERS, out="bool") for name in COMPARISONS),
    *(_case("same_scales", name, out="bool") for name in COMPARISONS),
    *(_case(dtype, name, dtype, out="bool") for name in COMPARISONS for dtype in ("int32", "float32")),
    _case("bool", "EQUAL", "bool", out="bool"),
    _case("bool", "NOT_EQUAL", "bool", out="bool"),
    *_broadcast("LESS", scales=OTHERS, out="bool"),
    *(_case("bool", name, "bool") for name in ("LOGICAL_AND", "LOGICAL_OR")),
    *_broadcast("LOGICAL_OR", "bool"),
    Case("logical_not", Operator("LOGICAL_NOT", (plain(SHAPE, "bool"),), (plain(SHAPE, "bool"),))),
    _case("int8", "SUB", scales=OTHERS, fusedActivationFunction=NONE),
    _case("int8_relu", "SUB", scales=OTHERS, fusedActivationFunction=RELU),
    _case("int16", "SUB", "int16", scales=OTHERS, fusedActivationFunction=NONE),
    _case("int32", "SUB", "int32", fusedActivationFunction=RELU6),
    _case("float32", "SUB", "float32", fusedActivationFunction=RELU6),
    *_broadcast("SUB", scales=OTHERS),
    _case("int8", "SQUARED_DIFFERENCE", scales=(A, B, (0.3, -128))),
    _case("int16", "SQUARED_DIFFERENCE", "int16", scales=(A, B, (20.0, 0))),
    _case("int32", "SQUARED_DIFFERENCE", "int32"),
    _case("float32", "SQUARED_DIFFERENCE", "float32"),
    *_broadcast("SQUARED_DIFFERENCE", scales=(A, B, (0.3, -128))),
    _divided("DIV", "int32", fusedActivationFunction=RELU),
    _divided("DIV", "int32", fusedActivationFunction=NONE),
    _case("float32", "DIV", "float32", fusedActivationFunction=NONE),
    *_broadcast("DIV", "float32"),
    # the floor of 117440520 / 7 lies between two float32 numbers, its quotient beyond the middle
    _divided("FLOOR_DIV", "float32", (117440520.0,)),
    _case("float32", "FLOOR_MOD", "float32"),
    *_broadcast("FLOOR_MOD", "float32"),
)
