"""Sums of all that comes before, and operators that compare an element with those beside it."""

from __future__ import annotations

from support.case import Case, Operator
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


CASES = (
    _cumsum("first", (5, 3, 4), 0),
    _cumsum("middle_exclusive", (2, 7, 3), 1, exclusive=1),
    _cumsum("last_reverse", (2, 3, 6), -1, reverse=1),
    _cumsum("both", (2, 6, 3), 1, ((0.05, 127), (0.03, -128)), reverse=1, exclusive=1),
    _cumsum("that_wraps", (2, 70), 1, ((0.05, -128), (4.0, 0))),
    _cumsum("rising", (2, 6, 3), 1, ((30.0, 1), (0.0001, -1))),
    _cumsum_f32((5, 3, 4), 0),
    _cumsum_f32((2, 7, 3), -2, exclusive=1, reverse=1),
)
