"""MEAN over adjacent axes on int8.

The reference follows TFLM's ``QuantizedMeanOrSum``: int32 sum, then one requantization whose multiplier already
holds the division by the number of elements.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    TfliteRecord,
    clamp_int8,
    no_attrs,
)
from toolchain.ops.common import WITHIN_32_BITS, constant, elements, within_32_bits
from toolchain.ops.mve import FEATURES

PART = 256  # NN_SUM_RUN: elements that are summed in 16 bits


def axes(graph: Graph, node: Node) -> tuple[int, ...]:
    """The reduced axes, non-negative and sorted."""
    rank = len(graph.tensor(node.inputs[0]).shape)
    return tuple(sorted({int(a) % rank for a in constant(graph, node.inputs[1]).reshape(-1)}))


def multiplier_of(graph: Graph, node: Node) -> tuple[int, int]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    multiplier, shift = fixedpoint.quantize_multiplier(x.scale / out.scale)
    count = elements(tuple(x.shape[a] for a in axes(graph, node)))
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    reduced = tuple(a + 1 for a in axes(graph, node))
    total = (inputs[0].astype(np.int64) - x.zero_point).sum(axis=reduced)
    scaled = fixedpoint.requantize(total, *multiplier_of(graph, node)) + out.zero_point
    return [clamp_int8(scaled).reshape(-1, *out.shape)]


def dimensions(graph: Graph, node: Node) -> tuple[int, int, int]:
    """(outer, count, inner): the mean is over the middle one."""
    shape, reduced = graph.tensor(node.inputs[0]).shape, axes(graph, node)
    last = reduced[-1] + 1
    return elements(shape[: reduced[0]]), elements(shape[reduced[0] : last]), elements(shape[last:])


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


def _adjacent(graph: Graph, node: Node) -> bool:
    if not graph.is_constant(node.inputs[1]):
        return False
    reduced = axes(graph, node)
    return bool(reduced) and reduced == tuple(range(reduced[0], reduced[-1] + 1))


def _axes_exist(graph: Graph, node: Node) -> bool:
    rank = len(graph.tensor(node.inputs[0]).shape)
    return all(-rank <= int(a) < rank for a in constant(graph, node.inputs[1]).reshape(-1))


def _shape(graph: Graph, node: Node) -> bool:
    """The output has the axes that are left, with or without ones for those that are gone."""
    x, out, reduced = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, axes(graph, node)
    left = tuple(d for a, d in enumerate(x) if a not in reduced)
    return out in (left, tuple(1 if a in reduced else d for a, d in enumerate(x)))


def _within(graph: Graph, node: Node) -> bool:
    x = graph.tensor(node.inputs[0])
    count = elements(tuple(x.shape[a] for a in axes(graph, node)))
    return within_32_bits(255 * count, multiplier_of(graph, node)[1])


def _write(graph: Graph, node: Node) -> TfliteRecord:
    ranks = [len(graph.tensor(n).shape) for n in (node.inputs[0], node.outputs[0])]
    return TfliteRecord("MEAN", node.inputs, 2, "ReducerOptions", (("keepDims", ranks[0] == ranks[1]),))


AXES = (
    Constraint("its axes must be constant and adjacent", _adjacent),
    Constraint("its axes must be dimensions of its input", _axes_exist),
    Constraint("its output must have the dimensions that its axes leave", _shape),
)

OPS = (
    Op(
        name="mean",
        tflite=("MEAN",),
        read=no_attrs,
        write=_write,
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
            ),
            KernelVariant(
                name="mve",
                sources=("nn_mean_s8_mve.c",),
                lower=lambda g, n: _lower("nn_mean_s8_mve", g, n),
                cost=_cost_mve,
                features=FEATURES,
            ),
        ),
    ),
)
