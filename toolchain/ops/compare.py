"""EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS and LESS_EQUAL.

Codes are compared as TFLM's ``ComparisonWithScaling`` does it: less their zero points, times 2**8, times their scales.
"""

from __future__ import annotations

import operator as operators
from collections.abc import Callable

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule
from toolchain.ops.binary import Fields, Typed, operator, simply

LEFT_SHIFT = 8
Comparison = Callable[[Array, Array], Array]


def _factors(graph: Graph, node: Node) -> list[tuple[int, int]]:
    return [fixedpoint.quantize_multiplier(graph.tensor(n).scale) for n in node.inputs]


def _scaled(graph: Graph, node: Node, a: Array, b: Array) -> list[Array]:
    made = []
    for name, x, factor in zip(node.inputs, (a, b), _factors(graph, node), strict=True):
        made.append(fixedpoint.requantize((x.astype(np.int64) - graph.tensor(name).zero_point) << LEFT_SHIFT, *factor))
    return made


def _fields(graph: Graph, node: Node) -> Fields:
    (m1, s1), (m2, s2) = _factors(graph, node)
    zeros = [graph.tensor(name).zero_point for name in node.inputs]
    unused = ((name, 0) for name in ("out_multiplier", "out_shift", "out_zero_point", "act_min", "act_max"))
    scaling = (("multiplier1", m1), ("multiplier2", m2), ("shift1", s1), ("shift2", s2))
    return ("left_shift", LEFT_SHIFT), *scaling, ("zero_point1", zeros[0]), ("zero_point2", zeros[1]), *unused


def _below_one(graph: Graph, node: Node) -> bool:
    """TFLM computes with such scales only."""
    return all(graph.tensor(name).scale < 1.0 for name in node.inputs)


def _codes(comparison: Comparison) -> Typed:
    return Typed(
        lambda graph, node, a, b: comparison(*_scaled(graph, node, a, b)),
        "nn_binary_scaled_params",
        _fields,
        Constraint("the scales of its inputs must be below 1", _below_one),
    )


def _op(name: str, table: str, comparison: Comparison, *more: str) -> Op:
    types = {"int8": _codes(comparison), **{dtype: simply(comparison) for dtype in ("int32", "float32", *more)}}
    return operator(name, "nn_compare", types, output="bool", table=table, ptq=PtqRule())


OPS = (
    _op("equal", "EqualOptions", operators.eq, "bool"),
    _op("not_equal", "NotEqualOptions", operators.ne, "bool"),
    _op("greater", "GreaterOptions", operators.gt),
    _op("greater_equal", "GreaterEqualOptions", operators.ge),
    _op("less", "LessOptions", operators.lt),
    _op("less_equal", "LessEqualOptions", operators.le),
)
