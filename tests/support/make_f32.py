"""Short ways to write cases on float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.case import Case, Operator, Real, TensorSpec
from support.make import NONE, Data, Pair, conv2d, fully_connected, plain, pool

FloatData = Data | Real
WEIGHTS, BIAS = Real(), Real(1.0)


def real(shape: tuple[int, ...], data: FloatData | None = None) -> TensorSpec:
    """A float32 tensor."""
    return TensorSpec(shape, "float32", data=data)


def padding(*widths: Pair) -> TensorSpec:
    """The constant (before, after) of each dimension."""
    return plain((len(widths), 2), "int32", *(n for pair in widths for n in pair))


def _real(case: Case, weights: FloatData, bias: FloatData | None) -> Case:
    """The case of an int8 operator with the same shapes on float32."""
    operator = case.operator
    x, filters, *biases = operator.inputs
    assert x is not None
    assert filters is not None
    inputs: list[TensorSpec | None] = [real(x.shape), real(filters.shape, weights)]
    inputs += [None if b is None else real(b.shape, bias) for b in biases]
    outputs = tuple(real(t.shape) for t in operator.outputs)
    return Case(case.id, Operator(operator.builtin, tuple(inputs), outputs, operator.options))


def conv2d_f32(
    name: str,
    image: tuple[int, int, int],
    channels: int,
    kernel: Pair,
    *,
    weights: FloatData = WEIGHTS,
    bias: FloatData | None = BIAS,
    **options: Any,
) -> Case:
    more = {} if bias is not None else {"bias": None}
    return _real(conv2d(name, image, channels, kernel, **more, **options), weights, bias)


def depthwise_f32(name: str, image: tuple[int, int, int], kernel: Pair, *, multiplier: int = 1, **more: Any) -> Case:
    return conv2d_f32(name, image, image[2] * multiplier, kernel, depth_multiplier=multiplier, **more)


def fully_connected_f32(
    name: str,
    shape: tuple[int, ...],
    units: int,
    *,
    weights: FloatData = WEIGHTS,
    bias: FloatData | None = BIAS,
    **options: Any,
) -> Case:
    more = {} if bias is not None else {"bias": None}
    return _real(fully_connected(name, shape, units, **more, **options), weights, bias)


def pool_f32(name: str, image: tuple[int, int, int], kernel: Pair, **options: Any) -> Case:
    case = pool(name, image, kernel, **options)
    x, out = (real(t.shape) for t in (*case.operator.inputs, *case.operator.outputs) if t is not None)
    return Case(name, Operator(case.operator.builtin, (x,), (out,), case.operator.options))


def binary_f32(name: str, builtin: str, a: TensorSpec, b: TensorSpec, activation: int = NONE) -> Case:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Case(name, Operator(builtin, (a, b), (real(shape),), {"fusedActivationFunction": activation}))
