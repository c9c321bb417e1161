"""RELU (rescales) and RELU6 (only clamps, as TFLM does) as operators of their own on int16."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import relu
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import WITHIN_32_BITS, once_and_elements, quantize_real, within_32_bits
from toolchain.ops.int16 import HIGH, INT16, SYMMETRIC, clamp
from toolchain.ops.row_parts import count_field, same_rows


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    """Of RELU6, which changes no code but those that it clamps, that of equal scales."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return fixedpoint.quantize_multiplier(x.scale / out.scale if node.op == "relu_s16" else 1.0)


def _most(graph: Graph, node: Node) -> int:
    return HIGH if node.op == "relu_s16" else min(HIGH, quantize_real(6.0, graph.tensor(node.inputs[0])))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    scaled = fixedpoint.requantize(inputs[0].astype(np.int64), *_factor(graph, node))
    return [clamp(scaled, 0, _most(graph, node))]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    multiplier, shift = _factor(graph, node)
    size = graph.tensor(node.outputs[0]).size
    params = (("size", size), ("multiplier", multiplier), ("shift", shift), ("most", _most(graph, node)))
    return (KernelCall("nn_relu_s16", "nn_relu_s16.h", "nn_relu_s16_params", params, node.inputs, node.outputs),)


def _op(of: Op) -> Op:
    return Op(
        name=f"{of.name}_s16",
        tflite=(),
        typed=(of.name, "int16"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        reference=_reference,
        rows=same_rows,
        constraints=(
            INT16,
            relu.SAME_SIZE,
            SYMMETRIC,
            Constraint(WITHIN_32_BITS, lambda g, n: within_32_bits(1 << 15, _factor(g, n)[1])),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_relu_s16.c",),
                lower=_lower,
                cost=FittedCost((40.0, 25.0), once_and_elements),
                in_place=lambda g, n: (0,),
                rows=lambda g, n: count_field("size", g, n),
            ),
        ),
    )


OPS = tuple(_op(of) for of in relu.OPS)
