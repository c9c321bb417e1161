"""MEAN on int16, as TFLM's ``QuantizedMeanOrSum``: an int32 sum, rescaled once with the division."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import mean, reduced
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import WITHIN_32_BITS, within_32_bits
from toolchain.ops.int16 import INT16, LOW, SYMMETRIC, clamp

(_INT8,) = mean.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    total = reduced.lines(graph, node, inputs[0]).sum(axis=-1, dtype=np.int64)
    scaled = fixedpoint.requantize(total, *mean.multiplier_of(graph, node))
    return [clamp(scaled).reshape(-1, *graph.tensor(node.outputs[0]).shape)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    outer, count, inner = mean.dimensions(graph, node)
    multiplier, shift = mean.multiplier_of(graph, node)
    params = (
        ("outer", outer),
        ("count", count),
        ("inner", inner),
        ("in_zero_point", 0),
        ("out_zero_point", 0),
        ("multiplier", multiplier),
        ("shift", shift),
    )
    return (KernelCall("nn_mean_s16", "nn_mean_s16.h", "nn_mean_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outer elements, means, elements."""
    outer, count, inner = mean.dimensions(graph, node)
    return 1.0, float(outer), float(outer * inner), float(outer * count * inner)


def _within(graph: Graph, node: Node) -> bool:
    largest = -LOW * reduced.count(graph, node)
    return largest < 1 << 31 and within_32_bits(largest, mean.multiplier_of(graph, node)[1])


OPS = (
    Op(
        name="mean_s16",
        tflite=(),
        typed=("mean", "int16"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        constraints=(INT16, SYMMETRIC, *reduced.AXES, Constraint(WITHIN_32_BITS, _within)),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_mean_s16.c",),
                lower=_lower,
                cost=FittedCost((43.0, 36.0, 32.0, 9.0), _terms),
                supports=mean.adjacent,
            ),
            replace(
                reduced.sum_kernel("int16", mean.multiplier_of),
                name="scattered",
                supports=lambda g, n: not mean.adjacent(g, n),
            ),
        ),
    ),
)
