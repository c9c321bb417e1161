"""MEAN on int8.

The reference follows TFLM's ``QuantizedMeanOrSum``: int32 sum, then one requantization whose multiplier already
holds the division by the number of elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Constraint,
    Cost,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    clamp_int8,
    no_attrs,
)
from toolchain.ops.common import WITHIN_32_BITS, within_32_bits
from toolchain.ops.mve import FEATURES
from toolchain.ops.reduced import AXES, count, lines, loops, record, sum_kernel

PART = 256  # NN_SUM_RUN: elements that are summed in 16 bits


def multiplier_of(graph: Graph, node: Node) -> tuple[int, int]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    multiplier, shift = fixedpoint.quantize_multiplier(x.scale / out.scale)
    number = count(graph, node)
    extra = min(number.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // number, shift - extra


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    total = (lines(graph, node, inputs[0]).astype(np.int64) - x.zero_point).sum(axis=-1)
    scaled = fixedpoint.requantize(total, *multiplier_of(graph, node)) + out.zero_point
    return [clamp_int8(scaled).reshape(-1, *out.shape)]


def adjacent(graph: Graph, node: Node) -> bool:
    """Whether one loop reaches all that is reduced."""
    return len(loops(graph, node)[1]) <= 1


def dimensions(graph: Graph, node: Node) -> tuple[int, int, int]:
    """(outer, count, inner) of adjacent axes: the mean is over the middle one."""
    size, (_, reduced) = graph.tensor(node.inputs[0]).size, loops(graph, node)
    number, inner = reduced[0] if reduced else (1, size)
    return size // (number * inner), number, inner


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Outer elements; means, parts, pairs and single ones of four inner elements; means and elements of one."""
    outer, count, inner = dimensions(graph, node)
    fours, rest = divmod(inner, 4)
    terms = (1, fours, fours * -(-count // PART), fours * (count // 2), fours * (count % 2), rest, rest * count)
    return 1.0, *(float(outer * n) for n in terms)


def _cost_mve(graph: Graph, node: Node) -> Cost:
    """Instructions, as ``mve.py`` says: eight inner elements are a vector."""
    outer, count, inner = dimensions(graph, node)
    runs = -(-count // 256)
    return Cost(50.0 + outer * (20.0 + -(-inner // 8) * (25.0 + 30.0 * runs + 5.0 * count) + 28.0 * inner))


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    outer, count, inner = dimensions(graph, node)
    multiplier, shift = multiplier_of(graph, node)
    params = (
        ("outer", outer),
        ("count", count),
        ("inner", inner),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("multiplier", multiplier),
        ("shift", shift),
    )
    return (KernelCall(symbol, "nn_mean.h", "nn_mean_params", params, node.inputs[:1], node.outputs),)


def _within(graph: Graph, node: Node) -> bool:
    return within_32_bits(255 * count(graph, node), multiplier_of(graph, node)[1])


OPS = (
    Op(
        name="mean",
        tflite=("MEAN",),
        read=no_attrs,
        write=lambda g, n: record("MEAN", 2, g, n),
        ptq=PtqRule(),
        reference=_reference,
        constraints=(
            INT8,
            *AXES,
            Constraint(WITHIN_32_BITS, _within),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_mean_s8.c",),
                lower=lambda g, n: _lower("nn_mean_s8", g, n),
                cost=FittedCost((106.2, 31.27, 57.13, 252.9, 19.93, 14.89, 48.12, 7.8), _terms),
                supports=adjacent,
            ),
            KernelVariant(
                name="mve",
                sources=("nn_mean_s8_mve.c",),
                lower=lambda g, n: _lower("nn_mean_s8_mve", g, n),
                cost=_cost_mve,
                features=FEATURES,
                supports=adjacent,
            ),
            replace(sum_kernel("int8", multiplier_of), name="scattered", supports=lambda g, n: not adjacent(g, n)),
        ),
    ),
)
