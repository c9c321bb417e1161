"""SUB and SQUARED_DIFFERENCE.

The references follow TFLM's ``reference_ops::Sub`` and ``SquaredDifference``, whose factors are in double precision.
"""

from __future__ import annotations

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import common, elementwise, float32, int16
from toolchain.ops.base import Constraint, PtqRule
from toolchain.ops.binary import INT32_RANGE, Fields, Typed, dtype_of, int32_range, operator
from toolchain.ops.common import ACTIVATION, WITHIN_32_BITS, activation_code, within_32_bits

Factor = tuple[int, int]
SUB_SHIFTS = {"int8": 20, "int16": 15}
SQUARE_SHIFTS = {"int8": 7, "int16": 0}
_LIMITS = {"int8": (-128, 127), "int16": (-(1 << 15), (1 << 15) - 1)}


def _left_shift(graph: Graph, node: Node) -> int:
    return (SUB_SHIFTS if node.op == "sub" else SQUARE_SHIFTS)[dtype_of(graph, node)]


def _factors(graph: Graph, node: Node) -> tuple[Factor, Factor, Factor]:
    """(multiplier, shift) of both inputs and of what is made of them."""
    a, b, out = (graph.tensor(name).scale for name in (*node.inputs, node.outputs[0]))
    left, twice = _left_shift(graph, node), 2.0 * max(a, b)
    reals = [a / twice, b / twice, twice / ((1 << left) * out)]
    if node.op != "sub":
        reals[2] = twice * twice / ((1 << 2 * left) * out)
    first, second, total = (fixedpoint.quantize_multiplier(real) for real in reals)
    return first, second, total


def _range(graph: Graph, node: Node) -> tuple[int, int]:
    dtype, out = dtype_of(graph, node), graph.tensor(node.outputs[0])
    if node.op != "sub":
        return _LIMITS[dtype]
    find = common.activation_range if dtype == "int8" else int16.activation_range
    return find(node.attrs.activation, out)


def _difference(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    """Of both codes, on the grid of both."""
    first, second, _ = _factors(graph, node)
    wide = [
        (x.astype(np.int64) - graph.tensor(name).zero_point) << _left_shift(graph, node)
        for name, x in zip(node.inputs, (a, b), strict=True)
    ]
    return fixedpoint.requantize(wide[0], *first) - fixedpoint.requantize(wide[1], *second)


def _codes(graph: Graph, node: Node, value: Array) -> Array:
    out = graph.tensor(node.outputs[0])
    scaled = fixedpoint.requantize(value, *_factors(graph, node)[2]) + out.zero_point
    codes: Array = np.clip(scaled, *_range(graph, node)).astype(out.dtype)
    return codes


def _sub(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    return _codes(graph, node, _difference(graph, node, a, b))


def _squared(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    return _codes(graph, node, _difference(graph, node, a, b) ** 2)


def _fields(graph: Graph, node: Node) -> Fields:
    (m1, s1), (m2, s2), (m, s) = _factors(graph, node)
    low, high = _range(graph, node)
    a, b, out = (graph.tensor(name).zero_point for name in (*node.inputs, node.outputs[0]))
    return (
        ("left_shift", _left_shift(graph, node)),
        *zip(("multiplier1", "multiplier2", "out_multiplier"), (m1, m2, m), strict=True),
        *zip(("shift1", "shift2", "out_shift"), (s1, s2, s), strict=True),
        *zip(("zero_point1", "zero_point2", "out_zero_point"), (a, b, out), strict=True),
        *zip(("act_min", "act_max"), (low, high), strict=True),
    )


def _fits(graph: Graph, node: Node) -> bool:
    """No code can leave 32 bits."""
    dtype = dtype_of(graph, node)
    if dtype == "int16" and any(graph.tensor(n).zero_point for n in (*node.inputs, *node.outputs)):
        return False
    span = 255 if dtype == "int8" else 1 << 15
    largest = span << _left_shift(graph, node)
    if node.op != "sub":
        largest = largest * largest
    return largest < 1 << 31 and within_32_bits(largest, _factors(graph, node)[2][1])


def _int32_range(node: Node) -> tuple[int, int]:
    return int32_range(node.attrs.activation) if node.op == "sub" else INT32_RANGE


def int32_fields(graph: Graph, node: Node) -> Fields:
    low, high = _int32_range(node)
    return ("act_min", low), ("act_max", high)


def float_fields(graph: Graph, node: Node) -> Fields:
    if node.op == "squared_difference":
        return ("act_min", 0.0), ("act_max", 0.0)
    return float32.range_fields(node)


_WITHIN = Constraint(WITHIN_32_BITS, _fits)
_SCALED, _INT32, _FLOAT = "nn_binary_scaled_params", "nn_binary_s32_params", "nn_binary_f32_params"

OPS = (
    operator(
        "sub",
        "nn_difference",
        {
            "int8": Typed(_sub, _SCALED, _fields, _WITHIN),
            "int16": Typed(_sub, _SCALED, _fields, _WITHIN),
            "int32": Typed(lambda g, n, a, b: np.clip(a - b, *_int32_range(n)), _INT32, int32_fields),
            "float32": Typed(lambda g, n, a, b: float32.activated(n, a - b), _FLOAT, float_fields),
        },
        table="SubOptions",
        read=elementwise.read,
        fields=lambda n: (("fusedActivationFunction", activation_code(n.attrs.activation)),),
        more=(ACTIVATION,),
        ptq=PtqRule(),
    ),
    operator(
        "squared_difference",
        "nn_difference",
        {
            "int8": Typed(_squared, _SCALED, _fields, _WITHIN),
            "int16": Typed(_squared, _SCALED, _fields, _WITHIN),
            "int32": Typed(lambda g, n, a, b: (a - b) * (a - b), _INT32, int32_fields),
            "float32": Typed(lambda g, n, a, b: (a - b) * (a - b), _FLOAT, float_fields),
        },
        table="SquaredDifferenceOptions",
        ptq=PtqRule(),
    ),
)
