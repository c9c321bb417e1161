"""RELU (rescales) and RELU6 (only clamps, as TFLM does) as operators of their own on int8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    clamp_int8,
    no_attrs,
)
from toolchain.ops.common import WITHIN_32_BITS, once_and_elements, quantize_real, within_32_bits
from toolchain.ops.row_parts import count_field, same_rows


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    return fixedpoint.quantize_multiplier(graph.tensor(node.inputs[0]).scale / graph.tensor(node.outputs[0]).scale)


def _relu(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    scaled = fixedpoint.requantize(inputs[0].astype(np.int64) - x.zero_point, *_factor(graph, node))
    return [clamp_int8(scaled + out.zero_point, low=out.zero_point)]


def _six(graph: Graph, node: Node) -> int:
    return min(127, quantize_real(6.0, graph.tensor(node.inputs[0])))


def _relu6(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [clamp_int8(inputs[0], graph.tensor(node.inputs[0]).zero_point, _six(graph, node))]


def _lower_relu(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    multiplier, shift = _factor(graph, node)
    params = (
        ("size", x.size),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("multiplier", multiplier),
        ("shift", shift),
    )
    return (KernelCall("nn_relu_s8", "nn_relu.h", "nn_relu_params", params, node.inputs, node.outputs),)


def _lower_relu6(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("size", x.size), ("low", x.zero_point), ("high", _six(graph, node)))
    return (KernelCall("nn_relu6_s8", "nn_relu.h", "nn_relu6_params", params, node.inputs, node.outputs),)


SAME_SIZE = Constraint(
    "its input and output must have the same number of elements",
    lambda g, n: g.tensor(n.inputs[0]).size == g.tensor(n.outputs[0]).size,
)
CONSTRAINTS = (INT8, SAME_SIZE)


OPS = (
    Op(
        name="relu",
        tflite=("RELU",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("RELU", n.inputs, 2),
        ptq=PtqRule(),
        reference=_relu,
        codewise=lambda g, n: True,
        rows=same_rows,
        constraints=(
            *CONSTRAINTS,
            Constraint(WITHIN_32_BITS, lambda g, n: within_32_bits(255, _factor(g, n)[1])),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_relu_s8.c",),
                lower=_lower_relu,
                cost=FittedCost((55.06, 45.01), once_and_elements),
                in_place=lambda g, n: (0,),
                rows=lambda g, n: count_field("size", g, n),
            ),
        ),
    ),
    Op(
        name="relu6",
        tflite=("RELU6",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("RELU6", n.inputs, 2),
        ptq=PtqRule(shared=True),
        reference=_relu6,
        codewise=lambda g, n: True,
        rows=same_rows,
        constraints=CONSTRAINTS,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_relu6_s8.c",),
                lower=_lower_relu6,
                cost=FittedCost((33.46, 19.01), once_and_elements),
                in_place=lambda g, n: (0,),
                rows=lambda g, n: count_field("size", g, n),
            ),
        ),
    ),
)
