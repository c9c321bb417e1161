"""DIV of int8, int32 and float32, FLOOR_DIV and FLOOR_MOD of float32.

An integer divided by 0, undefined in TFLM, is 0. Small quotients of int8 it shifts by more than 31, which makes 1 or -1
of them on an Arm core, as here, and of 0 a 1 on every machine. It divides as float64 before it takes the floor: a
quotient that float32 rounds up to a whole number is below it.
"""

from __future__ import annotations

import numpy as np

from toolchain import fixedpoint, gemmlowp
from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise, float32
from toolchain.ops.base import Constraint, PtqRule, clamp_int8
from toolchain.ops.binary import Fields, Typed, int32_range, operator, simply
from toolchain.ops.common import ACTIVATION, activation_code, activation_range

_HIGHEST_SHIFT = 23  # of the factor from quotients of int8 codes to the output's


def _fields(graph: Graph, node: Node) -> Fields:
    low, high = int32_range(node.attrs.activation)
    return ("act_min", low), ("act_max", high)


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    a, b, out = (graph.tensor(name).scale for name in (*node.inputs, node.outputs[0]))
    return fixedpoint.quantize_multiplier(a / (b * out))


def _code_fields(graph: Graph, node: Node) -> Fields:
    multiplier, shift = _factor(graph, node)
    out = graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    first, second = (graph.tensor(name).zero_point for name in node.inputs)
    zero_points = (("zero_point1", first), ("zero_point2", second), ("out_zero_point", out.zero_point))
    scaling = (*elementwise.UNSCALED, ("out_multiplier", multiplier), ("out_shift", shift))
    return *scaling, *zero_points, ("act_min", low), ("act_max", high)


def _digits(x: Array) -> Array:
    """How many binary digits numbers from 0 on have."""
    digits: Array = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    return digits


def _quotient(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    """As TFLM's ``DivElementwise``: times the reciprocal, both as large as 32 bits allow."""
    first, second = (graph.tensor(name) for name in node.inputs)
    out = graph.tensor(node.outputs[0])
    x, y = a.astype(np.int64) - first.zero_point, b.astype(np.int64) - second.zero_point
    x, y = np.where(y < 0, -x, x), np.abs(y)
    digits = _digits(np.maximum(y, 1))
    inverse = gemmlowp.reciprocal_of_one_plus((np.maximum(y, 1) << (32 - digits)) - (1 << 31))
    headroom = 31 - _digits(np.where(x < 0, -x - 1, x))
    multiplier, shift = _factor(graph, node)
    scaled = fixedpoint.srdhm(fixedpoint.srdhm(x << headroom, inverse), multiplier)
    right = digits - 1 + headroom - shift
    rounded = fixedpoint.rounding_divide_by_pot(scaled, np.minimum(right, 31))
    codes = np.where(right > 31, np.where(x < 0, -1, 1), rounded)
    codes = np.where(y == 0, 0, codes) + out.zero_point
    return clamp_int8(codes, *activation_range(node.attrs.activation, out))


def _cut(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    wide = a.astype(np.int64)
    size = np.abs(wide) // np.maximum(np.abs(b.astype(np.int64)), 1)
    quotient = np.where(b == 0, 0, np.where((wide < 0) == (b < 0), size, -size)).astype(np.int32)
    return np.clip(quotient, *int32_range(node.attrs.activation)).astype(np.int32)


def _floor_div(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.floor(a.astype(np.float64) / b).astype(np.float32)


def _floor_mod(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        cut = np.fmod(a, b)
        turned: Array = np.where((cut != 0) & ~np.isnan(cut) & ((b < 0) != (cut < 0)), cut + b, cut)
    return turned


def _div(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return float32.activated(node, a / b)


_SCALES = Constraint(
    "its first scale must be below 2**23 times the product of the others",
    lambda g, n: _factor(g, n)[1] <= _HIGHEST_SHIFT,
)

OPS = (
    operator(
        "div",
        "nn_division",
        {
            "int8": Typed(_quotient, "nn_binary_scaled_params", _code_fields, _SCALES),
            "int32": Typed(_cut, "nn_binary_s32_params", _fields),
            "float32": Typed(_div, "nn_binary_f32_params", lambda g, n: float32.range_fields(n)),
        },
        table="DivOptions",
        version=1,
        read=elementwise.read,
        fields=lambda n: (("fusedActivationFunction", activation_code(n.attrs.activation)),),
        more=(ACTIVATION,),
        ptq=PtqRule(),
    ),
    operator("floor_div", "nn_division", {"float32": simply(_floor_div)}, table="FloorDivOptions"),
    operator("floor_mod", "nn_division", {"float32": simply(_floor_mod)}, table="FloorModOptions", version=1),
)
