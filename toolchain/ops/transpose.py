"""TRANSPOSE, of any type: dimensions in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteRecord, no_attrs
from toolchain.ops.moves import (
    SAME_TYPE,
    Move,
    constant_operands,
    few_loops,
    in_order,
    loops_over,
    moving,
    steps_of,
    whole_numbers,
)


def order(graph: Graph, node: Node) -> tuple[int, ...]:
    """Which dimension of the input each dimension of the output is."""
    rank = len(graph.tensor(node.inputs[0]).shape)
    return tuple(axis % rank for axis in whole_numbers(graph, node.inputs[1]))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [inputs[0].transpose(0, *(axis + 1 for axis in order(graph, node)))]


def _moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    steps = steps_of(x.shape)
    loops = loops_over(out.shape, (steps[axis] for axis in order(graph, node)), steps_of(out.shape))
    return (Move(x.name, out.name, loops),)


def _shapes(graph: Graph, node: Node) -> bool:
    shape, axes = graph.tensor(node.inputs[0]).shape, whole_numbers(graph, node.inputs[1])
    if sorted(axis % len(shape) for axis in axes) != list(range(len(shape))) or not np.all(np.abs(axes) <= len(shape)):
        return False
    return graph.tensor(node.outputs[0]).shape == tuple(shape[axis] for axis in order(graph, node))


OPS = (
    Op(
        name="transpose",
        tflite=("TRANSPOSE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("TRANSPOSE", n.inputs, 2, "TransposeOptions"),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("its permutation must name each dimension once and agree with its shapes", _shapes),
            few_loops(_moves),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
)
