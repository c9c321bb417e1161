"""LOG_SOFTMAX over the last dimension on int8, output scale 1/16 and zero point 127, and on float32.

The reference follows TFLM's ``reference_ops::LogSoftmaxQuantized``: differences to the highest code in Q5.26, less the
logarithm of the sum of their exponentials. On float32 it follows ``reference_ops::LogSoftmax`` but for exponential and
logarithm, which are our own (``floatmath.py``). Where one share is nearly all, its logarithm is that of a sum next to 1
in TFLM, too, whose error it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import floatmath
from toolchain.fixedpoint import INT32_MIN, quantize_multiplier, requantize, rounding_divide_by_pot, srdhm
from toolchain.gemmlowp import log
from toolchain.graph import Array, Graph, Node
from toolchain.ops import reduced, softmax
from toolchain.ops.base import (
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
from toolchain.ops.float32 import INT8_OR_FLOAT32, LARGEST

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


def _of_floats(x: Array) -> Array:
    most = reduced.in_order(lambda best, a: np.where(best < a, a, best), -LARGEST, x)[..., None]
    total = reduced.in_order(np.add, 0.0, floatmath.exp(x - most))
    result: Array = x - most - floatmath.log(total)[..., None]
    return result


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    if inputs[0].dtype == np.float32:
        return [_of_floats(inputs[0])]
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


def _lower_f32(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("rows", x.size // x.shape[-1]), ("columns", x.shape[-1]))
    name = "nn_log_softmax_f32"
    return (KernelCall(name, "nn_log_softmax.h", f"{name}_params", params, node.inputs, node.outputs),)


def _is_int8(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "int8"


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "float32"


def _of_codes(constraint: Constraint) -> Constraint:
    return Constraint(constraint.sentence, lambda g, n: not _is_int8(g, n) or constraint.holds(g, n))


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
            INT8_OR_FLOAT32,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its input must have a dimension at least", lambda g, n: g.tensor(n.inputs[0]).shape != ()),
            _of_codes(Constraint("its output must have scale 1/16 and zero point 127", _log_probabilities)),
            _of_codes(softmax.STEP),
            _of_codes(softmax.FEW_COLUMNS),
        ),
        variants=(
            KernelVariant(
                name="portable_s8",
                sources=("nn_log_softmax_s8.c",),
                lower=_lower,
                cost=FittedCost((46.58, 462.8, 69.72), rows_and_elements),
                supports=_is_int8,
                in_place=lambda g, n: (0,),
            ),
            KernelVariant(
                name="portable_f32",
                sources=("nn_log_softmax_f32.c",),
                lower=_lower_f32,
                cost=FittedCost((53.0, 152.0, 92.0), rows_and_elements),
                supports=_is_float,
                in_place=lambda g, n: (0,),
            ),
        ),
        nearly=_is_float,
    ),
)
