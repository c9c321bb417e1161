"""SOFTMAX over the last dimension on int8, output scale 1/256 and zero point -128.

The reference follows TFLM's ``reference_ops::Softmax`` with gemmlowp's fixed-point ``exp_on_negative_values``
(5 integer bits, a Taylor expansion and a barrel of constants) and ``one_over_one_plus_x_for_x_in_0_1`` (three
Newton steps). The formats: exp is Q0.31, the sum of exps Q12.19.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.fixedpoint import quantize_multiplier, rounding_divide_by_pot, srdhm
from toolchain.gemmlowp import exp_on_negative_values, reciprocal_of_one_plus
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    clamp_int8,
    same_shape,
)

INTEGER_BITS = 5
SUM_INTEGER_BITS = 12
MAX_COLUMNS = (1 << SUM_INTEGER_BITS) - 1  # each adds at most 1 to the sum


@dataclass(frozen=True)
class SoftmaxAttrs:
    beta: float


@dataclass(frozen=True)
class Scaling:
    """diff * 2**left_shift * multiplier / 2**31 is beta * scale * diff in Q5.26; below diff_min the result is 0."""

    multiplier: int
    left_shift: int
    diff_min: int


def _read(op: TfliteOperator) -> SoftmaxAttrs:
    return SoftmaxAttrs(float(op.options.beta))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    return TfliteRecord("SOFTMAX", node.inputs, 2, "SoftmaxOptions", (("beta", node.attrs.beta),))


def scaling(graph: Graph, node: Node) -> Scaling:
    """TFLite's ``PreprocessSoftmaxScaling`` and ``CalculateInputRadius``."""
    real = node.attrs.beta * graph.tensor(node.inputs[0]).scale * (1 << (31 - INTEGER_BITS))
    multiplier, left_shift = quantize_multiplier(min(real, (1 << 31) - 1.0))
    radius = math.floor(((1 << INTEGER_BITS) - 1) * float(1 << (31 - INTEGER_BITS)) / float(1 << left_shift))
    return Scaling(multiplier, left_shift, -radius)


def _reciprocal(total: Array) -> tuple[Array, Array]:
    """1 / total for Q12.19 totals: a Q0.31 factor and the bits to shift it right by."""
    headroom = 32 - np.floor(np.log2(total)).astype(np.int64) - 1
    minus_one = (total << headroom) - (1 << 31)
    return reciprocal_of_one_plus(minus_one), SUM_INTEGER_BITS - headroom


def exps_of(s: Scaling, diff: Array) -> Array:
    """exp of differences between codes, 0 below ``diff_min``."""
    inside = diff >= s.diff_min
    exps = exp_on_negative_values(srdhm(np.where(inside, diff, 0) << s.left_shift, s.multiplier), INTEGER_BITS)
    return np.where(inside, exps, 0)


def shares(graph: Graph, node: Node, x: Array, bits: int) -> Array:
    """What each of the codes ``x`` has of the sum of all, rounded to codes of so many bits from 0 on."""
    wide = x.astype(np.int64)
    exps = exps_of(scaling(graph, node), wide - wide.max(axis=-1, keepdims=True))
    total = rounding_divide_by_pot(exps, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
    factor, over_unit = _reciprocal(total)
    return rounding_divide_by_pot(srdhm(factor, exps), over_unit + 31 - bits)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [clamp_int8(shares(graph, node, inputs[0], 8) - 128)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, s = graph.tensor(node.inputs[0]), scaling(graph, node)
    params = (
        ("rows", x.size // x.shape[-1]),
        ("columns", x.shape[-1]),
        ("multiplier", s.multiplier),
        ("left_shift", s.left_shift),
        ("diff_min", s.diff_min),
    )
    return (KernelCall("nn_softmax_s8", "nn_softmax.h", "nn_softmax_params", params, node.inputs, node.outputs),)


def _lower_table(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    return (table_call("nn_softmax_s8_table", graph, node),)


def table_call(symbol: str, graph: Graph, node: Node) -> KernelCall:
    """Of a kernel that looks the exponentials of differences between int8 codes up."""
    x = graph.tensor(node.inputs[0])
    exps = exps_of(scaling(graph, node), -np.arange(256))
    length = int(np.flatnonzero(exps)[-1]) + 1
    params = (
        ("rows", x.size // x.shape[-1]),
        ("columns", x.shape[-1]),
        ("length", length),
        ("exps", Const("exps", "int32_t", exps[:length].astype(np.int32))),
    )
    return KernelCall(symbol, "nn_softmax.h", "nn_softmax_table_params", params, node.inputs, node.outputs)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, and elements but one of each: the highest needs no exponential.

    What an exponential takes depends on its argument, and less is done below the smallest that counts: the cycles are
    those of codes that spread evenly.
    """
    x = graph.tensor(node.inputs[0])
    rows = x.size // x.shape[-1]
    return 1.0, float(rows), float(x.size - rows)


def _probabilities(graph: Graph, node: Node) -> bool:
    out = graph.tensor(node.outputs[0])
    return out.scale == 1.0 / 256.0 and out.zero_point == -128


STEP = Constraint(
    "its input's scale times its beta must be above 2**-26",
    lambda g, n: n.attrs.beta * g.tensor(n.inputs[0]).scale > 2.0**-26,
)
FEW_COLUMNS = Constraint(
    f"its last dimension must be at most {MAX_COLUMNS}",
    lambda g, n: 1 <= g.tensor(n.inputs[0]).shape[-1] <= MAX_COLUMNS,
)

OPS = (
    Op(
        name="softmax",
        tflite=("SOFTMAX",),
        read=_read,
        write=_write,
        ptq=PtqRule(fixed=(1 / 256, -128), fixed_scale16=1 / 32768),
        reference=_reference,
        constraints=(
            INT8,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its output must have scale 1/256 and zero point -128", _probabilities),
            STEP,
            FEW_COLUMNS,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_softmax_s8.c",),
                lower=_lower,
                cost=FittedCost((66.36, 342.9, 422.8), _terms),
                in_place=lambda g, n: (0,),
            ),
            KernelVariant(
                name="table",
                sources=("nn_softmax_s8_table.c",),
                lower=_lower_table,
                cost=FittedCost((24.98, 295.4, 74.25), _terms),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
