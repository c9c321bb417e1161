"""BROADCAST_TO, TILE and FILL, of any type: elements that occur again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteRecord, no_attrs
from toolchain.ops.moves import (
    SAME_TYPE,
    Loop,
    Move,
    constant_operands,
    few_loops,
    in_order,
    loops_over,
    moving,
    steps_of,
    whole_numbers,
)


def _broadcast(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, shape = inputs[0], graph.tensor(node.outputs[0]).shape
    aligned = x.reshape(len(x), *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:])
    return [np.broadcast_to(aligned, (len(x), *shape))]


def _broadcast_moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    shape = (1,) * (len(out.shape) - len(x.shape)) + x.shape
    steps = (0 if size == 1 else step for size, step in zip(shape, steps_of(shape), strict=True))
    return (Move(x.name, out.name, loops_over(out.shape, steps, steps_of(out.shape))),)


def _can_broadcast(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return np.broadcast_shapes(x.shape, out.shape) == out.shape == whole_numbers(graph, node.inputs[1])


def _tile(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.tile(inputs[0], (1, *whole_numbers(graph, node.inputs[1])))]


def _tile_moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    loops: list[Loop] = []
    for size, times, in_step, out_step in zip(
        x.shape, whole_numbers(graph, node.inputs[1]), steps_of(x.shape), steps_of(out.shape), strict=True
    ):
        loops += [Loop(times, 0, size * out_step), Loop(size, in_step, out_step)]
    return (Move(x.name, out.name, tuple(loops)),)


def _tiled(graph: Graph, node: Node) -> bool:
    x, times = graph.tensor(node.inputs[0]).shape, whole_numbers(graph, node.inputs[1])
    return graph.tensor(node.outputs[0]).shape == tuple(n * t for n, t in zip(x, times, strict=True))


def _fill(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    value, shape = inputs[1], graph.tensor(node.outputs[0]).shape
    return [np.broadcast_to(value.reshape(-1, *(1,) * len(shape)), (len(value), *shape))]


def _fill_moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    value, out = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    return (Move(value.name, out.name, (Loop(out.size, 0, 1),)),)


def _can_fill(graph: Graph, node: Node) -> bool:
    value, out = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    return value.size == 1 and value.dtype == out.dtype and whole_numbers(graph, node.inputs[0]) == out.shape


OPS = (
    Op(
        name="broadcast_to",
        tflite=("BROADCAST_TO",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("BROADCAST_TO", n.inputs, 3, "BroadcastToOptions"),
        ptq=PtqRule(shared=True),
        reference=_broadcast,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("its input must broadcast to its output's shape", _can_broadcast),
            few_loops(_broadcast_moves),
        ),
        copies=in_order(_broadcast_moves),
        variants=(moving(_broadcast_moves),),
    ),
    Op(
        name="tile",
        tflite=("TILE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("TILE", n.inputs, 1, "TileOptions"),
        ptq=PtqRule(shared=True),
        reference=_tile,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("its multiples must agree with its shapes", _tiled),
            few_loops(_tile_moves),
        ),
        copies=in_order(_tile_moves),
        variants=(moving(_tile_moves),),
    ),
    Op(
        name="fill",
        tflite=("FILL",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("FILL", n.inputs, 2, "FillOptions"),
        reference=_fill,
        constraints=(
            Constraint("its shape must be constant", lambda g, n: g.is_constant(n.inputs[0])),
            Constraint("it must fill its output with one value of the same type", _can_fill),
        ),
        copies=in_order(_fill_moves),
        variants=(moving(_fill_moves),),
    ),
)
