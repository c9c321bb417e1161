"""DIV of int32 and float32, FLOOR_DIV and FLOOR_MOD of float32. DIV of int32 by 0, undefined in TFLM, gives 0.

TFLM divides as float64 before it takes the floor: a quotient that float32 rounds up to a whole number is below it.
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise, float32
from toolchain.ops.binary import INT32_RANGE, Fields, Typed, operator, simply
from toolchain.ops.common import ACTIVATION, activation_code


def _range(node: Node) -> tuple[int, int]:
    low, high = INT32_RANGE
    return {"relu": (0, high), "relu6": (0, 6), "relu_n1_to_1": (-1, 1)}.get(node.attrs.activation, (low, high))


def _fields(graph: Graph, node: Node) -> Fields:
    low, high = _range(node)
    return ("act_min", low), ("act_max", high)


def _cut(graph: Graph, node: Node, a: Array, b: Array) -> Array:
    wide = a.astype(np.int64)
    size = np.abs(wide) // np.maximum(np.abs(b.astype(np.int64)), 1)
    quotient = np.where(b == 0, 0, np.where((wide < 0) == (b < 0), size, -size)).astype(np.int32)
    return np.clip(quotient, *_range(node)).astype(np.int32)


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


OPS = (
    operator(
        "div",
        "nn_division",
        {
            "int32": Typed(_cut, "nn_binary_s32_params", _fields),
            "float32": Typed(_div, "nn_binary_f32_params", lambda g, n: float32.range_fields(n)),
        },
        table="DivOptions",
        version=1,
        read=elementwise.read,
        fields=lambda n: (("fusedActivationFunction", activation_code(n.attrs.activation)),),
        more=(ACTIVATION,),
    ),
    operator("floor_div", "nn_division", {"float32": simply(_floor_div)}, table="FloorDivOptions"),
    operator("floor_mod", "nn_division", {"float32": simply(_floor_mod)}, table="FloorModOptions", version=1),
)
