"""ADD and MUL of two int16 tensors with broadcasting.

The references follow TFLM's ``reference_ops::Add``, with inputs shifted left by 15 before they are rescaled, and
``reference_integer_ops::Mul``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, Reference, Value, no_attrs
from toolchain.ops.common import ACTIVATION, WITHIN_32_BITS, within_32_bits
from toolchain.ops.int16 import INT16, LOW, SYMMETRIC, activation_range, clamp, range_fields
from toolchain.ops.row_parts import same_rows

LEFT_SHIFT = 15
Factor = tuple[int, int]


def _factors(graph: Graph, node: Node) -> tuple[Factor, Factor, Factor]:
    """(multiplier, shift) of both inputs and of the sum."""
    a, b = (graph.tensor(n).scale for n in node.inputs)
    twice, out = 2.0 * max(a, b), graph.tensor(node.outputs[0]).scale
    reals = a / twice, b / twice, twice / ((1 << LEFT_SHIFT) * out)
    first, second, total = (fixedpoint.quantize_multiplier(real) for real in reals)
    return first, second, total


def _product_factor(graph: Graph, node: Node) -> Factor:
    a, b = (graph.tensor(n).scale for n in node.inputs)
    return fixedpoint.quantize_multiplier(a * b / graph.tensor(node.outputs[0]).scale)


def _codes(graph: Graph, node: Node, scaled: Array) -> list[Array]:
    return [clamp(scaled, *activation_range(node.attrs.activation, graph.tensor(node.outputs[0])))]


def _add(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    first, second, total = _factors(graph, node)
    a, b = (x.astype(np.int64) << LEFT_SHIFT for x in elementwise.of_equal_rank(graph, node, inputs))
    raw = fixedpoint.requantize(a, *first) + fixedpoint.requantize(b, *second)
    return _codes(graph, node, fixedpoint.requantize(raw, *total))


def _mul(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    a, b = (x.astype(np.int64) for x in elementwise.of_equal_rank(graph, node, inputs))
    return _codes(graph, node, fixedpoint.requantize(a * b, *_product_factor(graph, node)))


def _zero_points(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    names = ("zero_point1", "zero_point2", "out_zero_point")
    return (*((name, 0) for name in names), *range_fields(graph, node))


def _add_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    (m1, s1), (m2, s2), (m, s) = _factors(graph, node)
    scaling = (("multiplier1", m1), ("multiplier2", m2), ("out_multiplier", m))
    return *scaling, ("shift1", s1), ("shift2", s2), ("out_shift", s), *_zero_points(graph, node)


def _mul_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    multiplier, shift = _product_factor(graph, node)
    return ("out_multiplier", multiplier), ("out_shift", shift), *_zero_points(graph, node)


def _lower_add(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*elementwise.loops(graph, node), *_add_fields(graph, node))
    return (KernelCall("nn_add_s16", "nn_elementwise_s16.h", "nn_add_params", params, node.inputs, node.outputs),)


def _lower_mul(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*elementwise.loops(graph, node), *_mul_fields(graph, node))
    return (KernelCall("nn_mul_s16", "nn_elementwise_s16.h", "nn_mul_params", params, node.inputs, node.outputs),)


def _op(
    name: str,
    reference: Reference,
    lower: Callable[[Graph, Node], tuple[KernelCall, ...]],
    cycles: tuple[float, ...],
    within: Callable[[Graph, Node], bool],
    deep_fields: Callable[[Graph, Node], tuple[tuple[str, Value], ...]],
) -> Op:
    of = next(op for op in elementwise.OPS if op.name == name)
    return Op(
        name=f"{name}_s16",
        tflite=(),
        typed=(name, "int16"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        reference=reference,
        constraints=(
            INT16,
            elementwise.SHAPES[0],
            Constraint(
                "its inputs must both be int16", lambda g, n: all(g.tensor(t).dtype == "int16" for t in n.inputs)
            ),
            SYMMETRIC,
            elementwise.SHAPES[1],
            ACTIVATION,
            Constraint(WITHIN_32_BITS, within),
        ),
        rows=same_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=(f"nn_{name}_s16.c",),
                lower=lower,
                cost=FittedCost(cycles, elementwise.runs_and_elements),
                supports=elementwise.has_few_loops,
                in_place=elementwise.in_place,
            ),
            elementwise.deep(name, "s16", "scaled", deep_fields),
        ),
    )


OPS = (
    _op(
        "add",
        _add,
        _lower_add,
        (38.86, 119.4, 81.24),
        lambda g, n: within_32_bits(-LOW << LEFT_SHIFT, _factors(g, n)[2][1]),
        lambda g, n: (("left_shift", LEFT_SHIFT), *_add_fields(g, n)),
    ),
    _op(
        "mul",
        _mul,
        _lower_mul,
        (185.7, 64.59, 34.79),
        lambda g, n: within_32_bits(LOW * LOW, _product_factor(g, n)[1]),
        lambda g, n: (*elementwise.UNSCALED, *_mul_fields(g, n)),
    ),
)
