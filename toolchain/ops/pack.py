"""PACK, of any type: tensors beside one another along a new dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord
from toolchain.ops.common import elements
from toolchain.ops.moves import SAME_TYPE, Loop, Move, in_order, moving


@dataclass(frozen=True)
class PackAttrs:
    """``axis`` is not negative: a dimension of the output."""

    axis: int


def _read(op: TfliteOperator) -> PackAttrs:
    axis = int(op.options.axis)
    return PackAttrs(axis + len(op.outputs[0].shape) if axis < 0 else axis)


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (("axis", node.attrs.axis), ("valuesCount", len(node.inputs)))
    return TfliteRecord("PACK", node.inputs, 2, "PackOptions", fields)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    samples = max(len(x) for x in inputs)
    wide = [np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs]
    return [np.stack(wide, axis=node.attrs.axis + 1)]


def _moves(graph: Graph, node: Node) -> list[Move]:
    shape, axis, count = graph.tensor(node.inputs[0]).shape, node.attrs.axis, len(node.inputs)
    outer, inner = elements(shape[:axis]), elements(shape[axis:])
    loops = (Loop(outer, inner, count * inner), Loop(inner, 1, 1))
    return [Move(name, node.outputs[0], loops, out_offset=i * inner) for i, name in enumerate(node.inputs)]


def _agree(graph: Graph, node: Node) -> bool:
    out, axis = graph.tensor(node.outputs[0]).shape, node.attrs.axis
    shapes = {graph.tensor(n).shape for n in node.inputs}
    return 0 <= axis < len(out) and out[axis] == len(node.inputs) and shapes == {(*out[:axis], *out[axis + 1 :])}


def _one_type(graph: Graph, node: Node) -> bool:
    return len({graph.tensor(n).dtype for n in (*node.inputs, *node.outputs)}) == 1


OPS = (
    Op(
        name="pack",
        tflite=("PACK",),
        read=_read,
        write=_write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            Constraint(SAME_TYPE.sentence, _one_type),
            Constraint("its inputs must have one shape, and its output one dimension more", _agree),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
)
