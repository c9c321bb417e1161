"""PRELU: numbers below 0 are multiplied by those of the second input, as TFLM's ``BroadcastPrelu4DSlow`` does it."""

from __future__ import annotations

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, PtqRule
from toolchain.ops.binary import Fields, Typed, dtype_of, operator, simply
from toolchain.ops.common import WITHIN_32_BITS, within_32_bits
from toolchain.ops.int16 import SYMMETRIC

Factor = tuple[int, int]


def _factors(graph: Graph, node: Node) -> tuple[Factor, Factor]:
    """(multiplier, shift) of codes from 0 on and of products."""
    x, alpha, out = (graph.tensor(name).scale for name in (*node.inputs, node.outputs[0]))
    return fixedpoint.quantize_multiplier(x / out), fixedpoint.quantize_multiplier(x * alpha / out)


def _codes(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    x, alpha, out = (graph.tensor(name) for name in (*node.inputs, node.outputs[0]))
    rising, falling = _factors(graph, node)
    value, factor = a.astype(np.int64) - x.zero_point, b.astype(np.int64) - alpha.zero_point
    scaled = np.where(
        value >= 0, fixedpoint.requantize(value, *rising), fixedpoint.requantize(value * factor, *falling)
    )
    limits = np.iinfo(out.dtype)
    made: Array = np.clip(scaled + out.zero_point, limits.min, limits.max).astype(out.dtype)
    return made


def _fields(graph: Graph, node: Node) -> Fields:
    (m1, s1), (m2, s2) = _factors(graph, node)
    x, alpha, out = (graph.tensor(name).zero_point for name in (*node.inputs, node.outputs[0]))
    limits = np.iinfo(dtype_of(graph, node))
    return (
        *zip(("multiplier1", "multiplier2", "shift1", "shift2"), (m1, m2, s1, s2), strict=True),
        *((name, 0) for name in ("left_shift", "out_multiplier", "out_shift")),
        *zip(("zero_point1", "zero_point2", "out_zero_point"), (x, alpha, out), strict=True),
        ("act_min", int(limits.min)),
        ("act_max", int(limits.max)),
    )


def _fits(graph: Graph, node: Node) -> bool:
    span = 255 if dtype_of(graph, node) == "int8" else 1 << 15
    (_, rising), (_, falling) = _factors(graph, node)
    return within_32_bits(span, rising) and within_32_bits(span * 255, falling)


_STRUCT = "nn_binary_scaled_params"
_WITHIN = Constraint(WITHIN_32_BITS, _fits)

OPS = (
    operator(
        "prelu",
        "nn_prelu",
        {
            "int8": Typed(_codes, _STRUCT, _fields, _WITHIN),
            "int16": Typed(_codes, _STRUCT, _fields, _WITHIN, second="int8"),
            "float32": simply(lambda a, b: np.where(a >= 0, a, a * b)),
        },
        version=1,
        more=(SYMMETRIC,),
        ptq=PtqRule(),
    ),
)
