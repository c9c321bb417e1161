"""Axes that an operator reduces: which ones, and the nested loops over what is kept and what goes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, TfliteRecord, Value
from toolchain.ops.common import constant, elements
from toolchain.ops.moves import steps_of

SUFFIXES = {"int8": "s8", "int16": "s16", "float32": "f32", "bool": "b"}
MOST_LOOPS = 3  # NN_REDUCE_LOOPS: over what is kept, and as many over what goes
Cycles = tuple[float, float, float, float]
_SUM_CYCLES = {
    "int8": (57.84, 91.97, 10.23, 7.997),
    "int16": (122.4, 79.84, 12.09, 7.982),
    "float32": (93.52, 59.9, 11.76, 7.987),
}
Loop = tuple[int, int]  # turns, and how many elements a turn is ahead


def axes(graph: Graph, node: Node) -> tuple[int, ...]:
    """The reduced axes, non-negative and sorted."""
    rank = len(graph.tensor(node.inputs[0]).shape)
    return tuple(sorted({int(a) % rank for a in constant(graph, node.inputs[1]).reshape(-1)}))


def count(graph: Graph, node: Node) -> int:
    """How many elements become one."""
    shape = graph.tensor(node.inputs[0]).shape
    return elements(tuple(shape[a] for a in axes(graph, node)))


def loops(graph: Graph, node: Node) -> tuple[tuple[Loop, ...], tuple[Loop, ...]]:
    """The fewest loops over the kept and over the reduced axes, outermost first."""
    shape, reduced = graph.tensor(node.inputs[0]).shape, axes(graph, node)
    found: tuple[list[Loop], list[Loop]] = [], []
    last = None  # whether the axis before, but for those of length 1, is a reduced one
    for axis, (turns, step) in enumerate(zip(shape, steps_of(shape), strict=True)):
        if turns == 1:
            continue
        goes = axis in reduced
        if last is goes:
            turns *= found[goes].pop()[0]
        found[goes].append((turns, step))
        last = goes
    return tuple(found[0]), tuple(found[1])


def loop_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """The parameters that every kernel with these loops has."""
    fields: list[tuple[str, Value]] = []
    for name, some in zip(("kept", "reduced"), loops(graph, node), strict=True):
        whole = ((1, 0),) * (MOST_LOOPS - len(some)) + some
        fields += [(name, tuple(turns for turns, _ in whole)), (f"{name}_step", tuple(step for _, step in whole))]
    return tuple(fields)


def lines(graph: Graph, node: Node, x: Array) -> Array:
    """Samples of the input as (samples, outputs, elements of an output in order)."""
    reduced = axes(graph, node)
    kept = [a + 1 for a in range(x.ndim - 1) if a not in reduced]
    kept_first: Array = x.transpose(0, *kept, *(a + 1 for a in reduced))
    return kept_first.reshape(len(x), -1, count(graph, node))


def terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Of a fitted cost: the call, outputs, the innermost loops, elements."""
    size, (_, reduced) = graph.tensor(node.inputs[0]).size, loops(graph, node)
    innermost = reduced[-1][0] if reduced else 1
    return 1.0, float(graph.tensor(node.outputs[0]).size), float(size // innermost), float(size)


def kernel(
    name: str,
    dtype: str,
    cycles: Cycles,
    struct: str = "nn_reduce_params",
    fields: Callable[[Graph, Node], tuple[tuple[str, Value], ...]] = lambda graph, node: (),
) -> KernelVariant:
    """``nn_name`` for inputs of this type; ``fields`` are its parameters behind the loops."""
    suffix = SUFFIXES[dtype]

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = (*loop_fields(graph, node), *fields(graph, node))
        return (KernelCall(f"nn_{name}_{suffix}", "nn_reduce.h", struct, params, node.inputs[:1], node.outputs),)

    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_reduce.c",),
        lower=lower,
        cost=FittedCost(cycles, terms),
        supports=lambda g, n: g.tensor(n.inputs[0]).dtype == dtype,
    )


def sum_kernel(dtype: str, factor: Callable[[Graph, Node], tuple[int, int]]) -> KernelVariant:
    """The kernel that sums codes, less their zero points, and rescales the sum by ``factor``."""

    def fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
        x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
        multiplier, shift = factor(graph, node)
        return (
            ("offset", x.zero_point * count(graph, node)),
            ("out_zero_point", out.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
        )

    return kernel("reduce_sum", dtype, _SUM_CYCLES[dtype], "nn_reduce_scaled_params", fields)


def mean_kernel_f32(number: Callable[[Graph, Node], int]) -> KernelVariant:
    """The kernel that divides the sum by ``number``."""
    return kernel(
        "reduce_sum",
        "float32",
        _SUM_CYCLES["float32"],
        "nn_reduce_f32_params",
        lambda g, n: (("count", float(number(g, n))),),
    )


def _constant(graph: Graph, node: Node) -> bool:
    return graph.is_constant(node.inputs[1])


def _axes_exist(graph: Graph, node: Node) -> bool:
    rank = len(graph.tensor(node.inputs[0]).shape)
    return all(-rank <= int(a) < rank for a in constant(graph, node.inputs[1]).reshape(-1))


def _few_loops(graph: Graph, node: Node) -> bool:
    return all(len(some) <= MOST_LOOPS for some in loops(graph, node))


def _shape(graph: Graph, node: Node) -> bool:
    """The output has the axes that are left, with or without ones for those that are gone."""
    x, out, reduced = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, axes(graph, node)
    left = tuple(d for a, d in enumerate(x) if a not in reduced)
    return out in (left, tuple(1 if a in reduced else d for a, d in enumerate(x)))


EXISTING = Constraint("its axes must be dimensions of its input", _axes_exist)
LEFT = Constraint("its output must have the dimensions that its axes leave", _shape)
AXES = (
    Constraint("its axes must be constant", _constant),
    EXISTING,
    Constraint(f"its axes must take at most {MOST_LOOPS} nested loops, and so must those that it keeps", _few_loops),
    LEFT,
)


def record(builtin: str, version: int, graph: Graph, node: Node) -> TfliteRecord:
    ranks = [len(graph.tensor(n).shape) for n in (node.inputs[0], node.outputs[0])]
    return TfliteRecord(builtin, node.inputs, version, "ReducerOptions", (("keepDims", ranks[0] == ranks[1]),))


def in_order(step: Callable[[Array, Array], Array], start: float, values: Array) -> Array:
    """``values`` (..., elements) taken one after the other into ``start`` of their type."""
    total: Array = np.full(values.shape[:-1], start, values.dtype)
    for k in range(values.shape[-1]):
        total = step(total, values[..., k])
    return total
