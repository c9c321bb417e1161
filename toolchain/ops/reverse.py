"""REVERSE_V2, of any type: the elements of some dimensions in the opposite order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteRecord, no_attrs, same_shape
from toolchain.ops.moves import (
    SAME_TYPE,
    Loop,
    Move,
    constant_operands,
    few_loops,
    in_order,
    moving,
    steps_of,
    whole_numbers,
)


def _axes(graph: Graph, node: Node) -> set[int]:
    rank = len(graph.tensor(node.inputs[0]).shape)
    return {axis % rank for axis in whole_numbers(graph, node.inputs[1])}


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.flip(inputs[0], tuple(axis + 1 for axis in _axes(graph, node)))]


def _moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    x, reversed_axes = graph.tensor(node.inputs[0]), _axes(graph, node)
    loops, last = [], 0
    for axis, (turns, step) in enumerate(zip(x.shape, steps_of(x.shape), strict=True)):
        if axis in reversed_axes:
            last += (turns - 1) * step
            loops.append(Loop(turns, -step, step))
        else:
            loops.append(Loop(turns, step, step))
    return (Move(x.name, node.outputs[0], tuple(loops), in_offset=last),)


def _axes_exist(graph: Graph, node: Node) -> bool:
    rank = len(graph.tensor(node.inputs[0]).shape)
    return all(-rank <= axis < rank for axis in whole_numbers(graph, node.inputs[1]))


OPS = (
    Op(
        name="reverse",
        tflite=("REVERSE_V2",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("REVERSE_V2", n.inputs, 1, "ReverseV2Options"),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            SAME_TYPE,
            Constraint("its input and output must have the same shape", same_shape),
            constant_operands(),
            Constraint("its axes must be dimensions of its input", _axes_exist),
            few_loops(_moves),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
)
