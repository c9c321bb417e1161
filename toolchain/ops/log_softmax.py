"""LOG_SOFTMAX over the last dimension on int8, output scale 1/16 and zero point 127.

The reference follows TFLM's ``reference_ops::LogSoftmaxQuantized``: differences to the highest code in Q5.26, less the
logarithm of the sum of their exponentials.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.fixedpoint import INT32_MIN, quantize_multiplier, requantize, rounding_divide_by_pot, srdhm
from toolchain.gemmlowp import log
from toolchain.graph import Array, Graph, Node
from toolchain.ops import softmax
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
from toolchain.ops.common import rows_and_elements

SUM_BITS = softmax.SUM_INTEGER_BITS
OUTPUT_SHIFT = 22  # from Q5.26 to codes of 1/16


def _read(op: TfliteOperator) -> softmax.SoftmaxAttrs:
    return softmax.SoftmaxAttrs(beta=1.0)


def _reverse(scaling: softmax.Scaling) -> tuple[int, int]:
    """From Q5.26 to codes."""
    return quantize_multiplier(float(1 << (31 - scaling.left_shift)) / scaling.multiplier)


def _addends(scaling: softmax.Scaling, diff: Array) -> Array:
    """exp of differences between codes, in Q12.19."""
    return rounding_divide_by_pot(softmax.exps_of(scaling, diff), SUM_BITS)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    s = softmax.scaling(graph, node)
    x = inputs[0].astype(np.int64)
    diff = x - x.max(axis=-1, keepdims=True)
    log_sum = log(_addends(s, diff).sum(axis=-1, keepdims=True), SUM_BITS)
    lowest = np.maximum(s.diff_min - 1, requantize(log_sum + INT32_MIN, *_reverse(s)))
    inside = diff > lowest
    scaled = srdhm(np.where(inside, diff, 0) << s.left_shift, s.multiplier) - log_sum
    return [np.where(inside, clamp_int8(rounding_divide_by_pot(scaled, OUTPUT_SHIFT) + 127), np.int8(-128))]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, s = graph.tensor(node.inputs[0]), softmax.scaling(graph, node)
    addends = _addends(s, -np.arange(256))
    length = int(np.flatnonzero(addends)[-1]) + 1
    reverse, reverse_shift = _reverse(s)
    params = (
        ("rows", x.size // x.shape[-1]),
        ("columns", x.shape[-1]),
        ("multiplier", s.multiplier),
        ("left_shift", s.left_shift),
        ("diff_min", s.diff_min),
        ("reverse_multiplier", reverse),
        ("reverse_shift", reverse_shift),
        ("length", length),
        ("addends", Const("addends", "int32_t", addends[:length].astype(np.int32))),
    )
    name = "nn_log_softmax"
    return (KernelCall(f"{name}_s8", f"{name}.h", f"{name}_params", params, node.inputs, node.outputs),)


def _log_probabilities(graph: Graph, node: Node) -> bool:
    out = graph.tensor(node.outputs[0])
    return out.scale == 1.0 / 16.0 and out.zero_point == 127


OPS = (
    Op(
        name="log_softmax",
        tflite=("LOG_SOFTMAX",),
        read=_read,
        write=lambda g, n: TfliteRecord("LOG_SOFTMAX", n.inputs, 2, "LogSoftmaxOptions"),
        ptq=PtqRule(fixed=(1 / 16, 127)),
        reference=_reference,
        constraints=(
            INT8,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its output must have scale 1/16 and zero point 127", _log_probabilities),
            softmax.STEP,
            softmax.FEW_COLUMNS,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_log_softmax_s8.c",),
                lower=_lower,
                cost=FittedCost((60.0, 600.0, 50.0), rows_and_elements),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
