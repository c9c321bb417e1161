"""SOFTMAX over the last dimension on float32, as TFLM's ``reference_ops::Softmax`` but for the exponential.

TFLM's is the C library's, which is another one on every machine; ours is a polynomial in float32, within 2 units in the
last place of the real exponential, and the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import softmax
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs, same_shape
from toolchain.ops.common import rows_and_elements
from toolchain.ops.float32 import FLOAT32

(_INT8,) = softmax.OPS
_TERMS = tuple(np.float32(1) / np.float32(math.factorial(k)) for k in (7, 6, 5, 4, 3, 2, 1))
_PER_LN_2 = np.float32(1.44269504)
_LN_2_HIGH, _LN_2_LOW = np.float32(0.693145752), np.float32(1.42860677e-6)  # the first has 16 binary digits
_LOWEST = np.float32(-104.0)  # below it exp is less than half the smallest float32


def exp_of_negative(x: Array) -> Array:
    """exp of float32 values <= 0: 2**n * exp(r), exp(r) by its Taylor series up to r**7, every step in float32."""
    inside = np.where(x > _LOWEST, x, np.float32(0))
    n = np.trunc(inside * _PER_LN_2 - np.float32(0.5))
    r = inside - n * _LN_2_HIGH - n * _LN_2_LOW
    total = np.full_like(r, _TERMS[0])
    for term in _TERMS[1:]:
        total = total * r + term
    total = total * r + np.float32(1)
    half = np.trunc(n / np.float32(2))
    with np.errstate(under="ignore"):
        total = total * _power_of_two(half) * _power_of_two(n - half)
    result: Array = np.where(x > _LOWEST, total, np.float32(0))
    return result


def _power_of_two(exponent: Array) -> Array:
    power: Array = np.ldexp(np.float32(1), exponent.astype(np.int32))
    return power


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, beta = inputs[0], np.float32(node.attrs.beta)
    exps = exp_of_negative((x - x.max(axis=-1, keepdims=True)) * beta)
    total = np.zeros(exps.shape[:-1], np.float32)
    for k in range(exps.shape[-1]):
        total += exps[..., k]
    return [exps / total[..., None]]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("rows", x.size // x.shape[-1]), ("columns", x.shape[-1]), ("beta", float(node.attrs.beta)))
    header = "nn_softmax_f32"
    return (KernelCall(header, f"{header}.h", f"{header}_params", params, node.inputs, node.outputs),)


OPS = (
    Op(
        name="softmax_f32",
        tflite=(),
        typed=("softmax", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        constraints=(
            FLOAT32,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its beta must be above 0 and at most 1000", lambda g, n: 0.0 < n.attrs.beta <= 1000.0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_softmax_f32.c",),
                lower=_lower,
                cost=FittedCost((55.0, 25.0, 96.0), rows_and_elements),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
