"""Short ways to write cases of operators that move elements of any type."""

from __future__ import annotations

from support.case import TFLM, Case, Operator, TensorSpec
from support.make import act, plain

A = (0.05, -3)


def tensor(shape: tuple[int, ...], dtype: str) -> TensorSpec:
    return act(shape, A) if dtype == "int8" else plain(shape, dtype)


def moving(
    name: str,
    builtin: str,
    shape: tuple[int, ...],
    out: tuple[int, ...],
    *operands: TensorSpec,
    dtype: str = "int8",
    oracle: str = TFLM,
    **options: int,
) -> Case:
    inputs = (tensor(shape, dtype), *operands)
    return Case(name, Operator(builtin, inputs, (tensor(out, dtype),), options), oracle=oracle)
