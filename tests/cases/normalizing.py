"""Sums of all that comes before, and operators that compare an element with those beside it."""

from __future__ import annotations

from support.case import Case, Operator, TensorSpec
from support.make import act, plain
from support.make_moves import tensor

A = (0.05, -3)
Quant = tuple[float, int]


def _cumsum(
    name: str, shape: tuple[int, ...], axis: int, scales: tuple[Quant, Quant] = (A, (0.4, 7)), **options: int
) -> Case:
    operands = (act(shape, scales[0]), plain((), "int32", axis))
    return Case(f"cumsum_{name}", Operator("CUMSUM", operands, (act(shape, scales[1]),), options))


def _cumsum_f32(shape: tuple[int, ...], axis: int, **options: int) -> Case:
    operands = (tensor(shape, "float32"), plain((), "int32", axis))
    name = "_".join(["cumsum_f32", str(axis), *options])
    return Case(name, Operator("CUMSUM", operands, (tensor(shape, "float32"),), options))


def _lines(
    name: str, builtin: str, shape: tuple[int, ...], x: Quant, out: Quant, more: str = "int8", **options: float
) -> Case:
    result = act(shape, out) if more == "int8" else TensorSpec(shape, more, (out[0],), (out[1],))
    return Case(f"{builtin.lower()}_{name}", Operator(builtin, (act(shape, x),), (result,), options))


def _real_lines(name: str, builtin: str, shape: tuple[int, ...], ulps: int = 0) -> Case:
    x, out = tensor(shape, "float32"), tensor(shape, "float32")
    operator = Operator(builtin, (x,), (out,), {})
    values = (0.0, 1e-8, -1e-7, 3.0)
    return Case(f"{builtin.lower()}_{name}_f32", operator, values=values, ulps=ulps, error=ulps * 2.0**-23)


UNIT, LOG, WIDE = (1 / 128, 0), (1 / 16, 127), (1 / 65536, -32768)

CASES = (
    _cumsum("first", (5, 3, 4), 0),
    _cumsum("middle_exclusive", (2, 7, 3), 1, exclusive=1),
    _cumsum("last_reverse", (2, 3, 6), -1, reverse=1),
    _cumsum("both", (2, 6, 3), 1, ((0.05, 127), (0.03, -128)), reverse=1, exclusive=1),
    _cumsum("that_wraps", (2, 70), 1, ((0.05, -128), (4.0, 0))),
    _cumsum("rising", (2, 6, 3), 1, ((30.0, 1), (0.0001, -1))),
    _cumsum_f32((5, 3, 4), 0),
    _cumsum_f32((2, 7, 3), -2, exclusive=1, reverse=1),
    _lines("short", "L2_NORMALIZATION", (3, 5), A, UNIT),
    _lines("one", "L2_NORMALIZATION", (1, 2, 3, 1), (0.1, 127), UNIT),
    _lines("long", "L2_NORMALIZATION", (2, 900), (0.1, -128), UNIT),
    _lines("other_scale", "L2_NORMALIZATION", (2, 2, 9), A, (0.02, 5)),
    _real_lines("short", "L2_NORMALIZATION", (2, 3, 7)),
    _lines("ten", "LOG_SOFTMAX", (3, 10), (0.1, 3), LOG),
    _lines("one", "LOG_SOFTMAX", (2, 1), (0.1, 3), LOG),
    _lines("coarse", "LOG_SOFTMAX", (2, 3, 5), (1.5, -7), LOG),
    _lines("steep", "LOG_SOFTMAX", (2, 4), (40.0, -7), LOG),
    _lines("fine", "LOG_SOFTMAX", (2, 21), (0.002, 0), LOG),
    _lines("long", "LOG_SOFTMAX", (1, 700), (0.06, 0), LOG),
    _real_lines("short", "LOG_SOFTMAX", (4, 6), ulps=4),
    _real_lines("one", "LOG_SOFTMAX", (5, 1), ulps=4),
    _lines("of_16_bits", "SOFTMAX", (3, 10), (0.1, 3), WIDE, "int16", beta=1.0),
    _lines("of_16_bits_long", "SOFTMAX", (2, 300), (0.03, -20), WIDE, "int16", beta=1.5),
    _lines("steep", "SOFTMAX", (2, 4), (50.0, 0), (1 / 256, -128), beta=1.0),
    _lines("of_16_bits_coarse", "SOFTMAX", (2, 2, 4), (0.8, 0), WIDE, "int16", beta=0.7),
)
