"""SPLIT, SPLIT_V and UNPACK, of any type: a tensor in parts along one dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord, no_attrs
from toolchain.ops.common import elements
from toolchain.ops.moves import SAME_TYPE, Loop, Move, in_order, moving, whole_numbers

_TENSOR = {"split": 1}  # which input is in parts; SPLIT has the axis in front


@dataclass(frozen=True)
class UnpackAttrs:
    axis: int


def _source(node: Node) -> str:
    return node.inputs[_TENSOR.get(node.op, 0)]


def _axis(graph: Graph, node: Node) -> int:
    rank = len(graph.tensor(_source(node)).shape)
    if node.op == "unpack":
        axis: int = node.attrs.axis
    else:
        (axis,) = whole_numbers(graph, node.inputs[0 if node.op == "split" else 2])
    return axis + rank if axis < 0 else axis


def _sizes(graph: Graph, node: Node) -> list[int]:
    """How much of the dimension each output has."""
    if node.op == "unpack":
        return [1] * len(node.outputs)
    return [graph.tensor(name).shape[_axis(graph, node)] for name in node.outputs]


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, axis = inputs[_TENSOR.get(node.op, 0)], _axis(graph, node) + 1
    parts = np.split(x, np.cumsum(_sizes(graph, node))[:-1], axis)
    return [part.reshape(len(x), *graph.tensor(n).shape) for part, n in zip(parts, node.outputs, strict=True)]


def _moves(graph: Graph, node: Node) -> list[Move]:
    x, axis = graph.tensor(_source(node)), _axis(graph, node)
    outer, inner = elements(x.shape[:axis]), elements(x.shape[axis + 1 :])
    moves, offset = [], 0
    for size, name in zip(_sizes(graph, node), node.outputs, strict=True):
        loops = (Loop(outer, x.shape[axis] * inner, size * inner), Loop(size * inner, 1, 1))
        moves.append(Move(x.name, name, loops, in_offset=offset))
        offset += size * inner
    return moves


def _agree(graph: Graph, node: Node) -> bool:
    shape, axis = graph.tensor(_source(node)).shape, _axis(graph, node)
    if not 0 <= axis < len(shape) or sum(_sizes(graph, node)) != shape[axis]:
        return False
    rest = shape[:axis], shape[axis + 1 :]
    outs = [graph.tensor(name).shape for name in node.outputs]
    if node.op == "unpack":
        return all(out == (*rest[0], *rest[1]) for out in outs)
    return all((out[:axis], out[axis + 1 :]) == rest for out in outs)


def _one_type(graph: Graph, node: Node) -> bool:
    return len({graph.tensor(n).dtype for n in (_source(node), *node.outputs)}) == 1


def _constant_axis(graph: Graph, node: Node) -> bool:
    return all(graph.is_constant(n) for n in node.inputs if n != _source(node))


def _op(name: str, builtin: str, table: str, count: str) -> Op:
    def write(graph: Graph, node: Node) -> TfliteRecord:
        fields: tuple[tuple[str, int], ...] = ((count, len(node.outputs)),)
        fields += (("axis", node.attrs.axis),) if node.op == "unpack" else ()
        return TfliteRecord(builtin, node.inputs, 2, table, fields)

    return Op(
        name=name,
        tflite=(builtin,),
        read=_read_unpack if name == "unpack" else no_attrs,
        write=write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            Constraint(SAME_TYPE.sentence, _one_type),
            Constraint("its axis and sizes must be constants", _constant_axis),
            Constraint("its parts must fill its input along its axis", _agree),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    )


def _read_unpack(op: TfliteOperator) -> UnpackAttrs:
    return UnpackAttrs(int(op.options.axis))


OPS = (
    _op("split", "SPLIT", "SplitOptions", "numSplits"),
    _op("split_v", "SPLIT_V", "SplitVOptions", "numSplits"),
    _op("unpack", "UNPACK", "UnpackOptions", "num"),
)
