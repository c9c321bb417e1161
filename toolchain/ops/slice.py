"""SLICE and STRIDED_SLICE, of any type: a part of each dimension, or every so many of its elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord, no_attrs
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


@dataclass(frozen=True)
class StridedSliceAttrs:
    """Bit d of a mask: ignore begin, ignore end, drop the axis, for dimension d. ``offset``: end counts from begin.

    ``others`` are the masks of what TFLM does not compute: ellipses and new dimensions.
    """

    begin_mask: int
    end_mask: int
    shrink_axis_mask: int
    others: int = 0
    offset: bool = False


def _read(op: TfliteOperator) -> StridedSliceAttrs:
    o = op.options
    others = int(o.ellipsisMask) | int(o.newAxisMask)
    return StridedSliceAttrs(int(o.beginMask), int(o.endMask), int(o.shrinkAxisMask), others, bool(o.offset))


def _write_strided(graph: Graph, node: Node) -> TfliteRecord:
    a: StridedSliceAttrs = node.attrs
    fields = (("beginMask", a.begin_mask), ("endMask", a.end_mask), ("shrinkAxisMask", a.shrink_axis_mask))
    return TfliteRecord("STRIDED_SLICE", node.inputs, 2, "StridedSliceOptions", (*fields, ("offset", a.offset)))


def _strided(graph: Graph, node: Node) -> list[range]:
    """The indices that are taken of each dimension."""
    a: StridedSliceAttrs = node.attrs
    shape = graph.tensor(node.inputs[0]).shape
    begin, end, stride = (whole_numbers(graph, name) for name in node.inputs[1:4])
    taken = []
    for d, size in enumerate(shape):
        if d >= len(begin):
            taken.append(range(size))
            continue
        if a.shrink_axis_mask >> d & 1:
            first = begin[d] + size if begin[d] < 0 else begin[d]
            taken.append(range(first, first + 1))
            continue
        last = begin[d] + end[d] if a.offset else end[d]
        found = slice(None if a.begin_mask >> d & 1 else begin[d], None if a.end_mask >> d & 1 else last, stride[d])
        taken.append(range(*found.indices(size)))
    return taken


def _sliced(graph: Graph, node: Node) -> list[range]:
    shape = graph.tensor(node.inputs[0]).shape
    begin, sizes = (whole_numbers(graph, name) for name in node.inputs[1:3])
    return [range(first, n if size == -1 else first + size) for n, first, size in zip(shape, begin, sizes, strict=True)]


def _taken(graph: Graph, node: Node) -> list[range]:
    return _sliced(graph, node) if node.op == "slice" else _strided(graph, node)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x = inputs[0]
    for axis, indices in enumerate(_taken(graph, node), start=1):
        x = x.take(indices, axis=axis)
    return [x.reshape(len(x), *graph.tensor(node.outputs[0]).shape)]


def _moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    x, taken = graph.tensor(node.inputs[0]), _taken(graph, node)
    steps = steps_of(x.shape)
    out_steps = steps_of([len(indices) for indices in taken])
    loops = tuple(Loop(len(i), i.step * step, out) for i, step, out in zip(taken, steps, out_steps, strict=True))
    first = sum(indices.start * step for indices, step in zip(taken, steps, strict=True))
    return (Move(x.name, node.outputs[0], loops, in_offset=first),)


def _agree(graph: Graph, node: Node) -> bool:
    x, out, taken = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), _taken(graph, node)
    inside = all(not i or (0 <= i[0] < size and 0 <= i[-1] < size) for i, size in zip(taken, x.shape, strict=True))
    dropped = node.attrs.shrink_axis_mask if node.attrs else 0
    return inside and out.shape == tuple(len(i) for d, i in enumerate(taken) if not dropped >> d & 1)


AGREE = Constraint("its operands must lie inside its input and agree with its output's shape", _agree)


OPS = (
    Op(
        name="slice",
        tflite=("SLICE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("SLICE", n.inputs, 2, "SliceOptions"),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(SAME_TYPE, constant_operands(), AGREE, few_loops(_moves)),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
    Op(
        name="strided_slice",
        tflite=("STRIDED_SLICE",),
        read=_read,
        write=_write_strided,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("it must have no ellipsis and add no dimension", lambda g, n: not n.attrs.others),
            AGREE,
            few_loops(_moves),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
)
