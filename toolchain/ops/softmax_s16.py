"""SOFTMAX over the last dimension on int16, output scale 1/32768; of int8 to int16, output scale 1/65536.

The latter is int8's (``softmax.py``) with more digits. For the former the reference follows TFLM's
``reference_ops::SoftmaxInt16``: exp and 1 / (1 + x) by tables of 513 entries, between which codes are interpolated, and
a reciprocal of the sum in Q0.15.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import softmax
from toolchain.ops.base import Const, Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs, same_shape
from toolchain.ops.common import WITHIN_32_BITS, rows_and_elements, within_32_bits
from toolchain.ops.int16 import HIGH, LOW, SYMMETRIC

(_INT8,) = softmax.OPS
STEPS = 512
MAX_COLUMNS = 65535  # each adds less than 2**15 to the sum


def _round(x: Array) -> Array:
    """Halves away from zero."""
    rounded: Array = np.copysign(np.floor(np.abs(x) + np.float32(0.5)), x).astype(np.float32)
    return rounded


def _table(function: Callable[[Array], Array], low: float, high: float) -> Array:
    """TFLite's ``gen_lut`` for results from -1 to 1, every step in float32: samples moved by half the error between."""
    step, scale = np.float32((high - low) / STEPS), np.float32(1 << 15)
    at = np.float32(low) + np.arange(STEPS + 1, dtype=np.float32) * step
    half = at[:-1] + step / np.float32(2)
    values, halves = function(at).astype(np.float32), function(half).astype(np.float32)
    samples = _round(values[:-1] * scale)
    between = _round((values[1:] * scale + samples) / np.float32(2))
    bias = _round((between - _round(halves * scale)) / np.float32(2))
    last = _round(function(np.array([high], np.float32)).astype(np.float32) * scale)
    table: Array = np.clip(np.concatenate([samples - bias, last]), LOW, HIGH).astype(np.int16)
    return table


@functools.cache
def tables() -> tuple[Array, Array]:
    """Of exp(x) from -10 to 0, and of 1 / (1 + x) from 0 to 1. The C library's exp is the nearest float32."""
    exps = _table(lambda x: np.exp(x.astype(np.float64)), -10.0, 0.0)
    return exps, _table(lambda x: np.float32(1) / (np.float32(1) + x), 0.0, 1.0)


def _look_up(table: Array, x: Array) -> Array:
    code = np.clip(x, LOW, HIGH)
    index = 256 + (code >> 7)
    wide = table.astype(np.int64)
    found: Array = wide[index] + (((wide[index + 1] - wide[index]) * (code & 127) + 64) >> 7)
    return found


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    scale = graph.tensor(node.inputs[0]).scale
    return fixedpoint.quantize_multiplier(scale * float(np.float32(node.attrs.beta)) / (10.0 / 65535.0))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    if inputs[0].dtype == np.int8:
        return [np.clip(softmax.shares(graph, node, inputs[0], 16) + LOW, LOW, HIGH).astype(np.int16)]
    exps_table, reciprocals = tables()
    x = inputs[0].astype(np.int64)
    scaled = fixedpoint.requantize(x - x.max(axis=-1, keepdims=True), *_factor(graph, node))
    exps = _look_up(exps_table, scaled + HIGH)
    total = exps.sum(axis=-1, keepdims=True)
    zeros = 31 - np.floor(np.log2(total)).astype(np.int64)
    normal = ((total << (zeros - 1)) + (1 << 13)) >> 14
    reciprocal = _look_up(reciprocals, normal - (1 << 15) - (1 << 16))
    shift = 31 - zeros
    product = (exps * reciprocal + (np.int64(1) << (shift - 1))) >> shift
    return [np.clip(product, 0, HIGH).astype(np.int16)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    multiplier, shift = _factor(graph, node)
    exps, reciprocals = tables()
    params = (
        ("rows", x.size // x.shape[-1]),
        ("columns", x.shape[-1]),
        ("multiplier", multiplier),
        ("shift", shift),
        ("exps", Const("exps", "int16_t", exps)),
        ("reciprocals", Const("reciprocals", "int16_t", reciprocals)),
    )
    header = "nn_softmax_s16"
    return (KernelCall(header, f"{header}.h", f"{header}_params", params, node.inputs, node.outputs),)


def _wide_input(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "int16"


def _if_wide(constraint: Constraint, wide: bool = True) -> Constraint:
    """The constraint, for inputs of int16 or, unless ``wide``, of int8."""
    return Constraint(constraint.sentence, lambda g, n: _wide_input(g, n) != wide or constraint.holds(g, n))


def _probabilities(scale: float, zero_point: int) -> Constraint:
    def holds(graph: Graph, node: Node) -> bool:
        out = graph.tensor(node.outputs[0])
        return abs(out.scale - scale) <= 1e-3 * scale and out.zero_point == zero_point

    return Constraint(f"its output must have the scale 1/{round(1 / scale)} and the zero point {zero_point}", holds)


def _types(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype in ("int8", "int16") and graph.tensor(node.outputs[0]).dtype == "int16"


_COLUMNS = Constraint(
    f"its last dimension must be at most {MAX_COLUMNS}",
    lambda g, n: 1 <= g.tensor(n.inputs[0]).shape[-1] <= MAX_COLUMNS,
)
_WITHIN = Constraint(WITHIN_32_BITS, lambda g, n: n.attrs.beta > 0 and within_32_bits(1 << 16, _factor(g, n)[1]))

OPS = (
    Op(
        name="softmax_s16",
        tflite=(),
        typed=("softmax", "int16"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        constraints=(
            Constraint("its input must be int8 or int16, its output int16", _types),
            Constraint("its input and output must have the same shape", same_shape),
            *map(_if_wide, (SYMMETRIC, _probabilities(2.0**-15, 0), _COLUMNS, _WITHIN)),
            *(_if_wide(c, wide=False) for c in (_probabilities(2.0**-16, LOW), softmax.STEP, softmax.FEW_COLUMNS)),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_softmax_s16.c",),
                lower=_lower,
                cost=FittedCost((59.41, 189.9, 64.63), rows_and_elements),
                supports=_wide_input,
                in_place=lambda g, n: (0,),
            ),
            KernelVariant(
                name="table_s8",
                sources=("nn_softmax_s8_s16.c",),
                lower=lambda g, n: (softmax.table_call("nn_softmax_s8_s16", g, n),),
                cost=FittedCost((46.57, 204.0, 69.87), rows_and_elements),
                supports=lambda g, n: not _wide_input(g, n),
            ),
        ),
    ),
)
