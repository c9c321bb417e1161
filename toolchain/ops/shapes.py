"""SHAPE, STRIDED_SLICE and PACK of shapes: what a dynamic batch leaves behind; constant folding removes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Op, TfliteOperator, no_attrs


@dataclass(frozen=True)
class SliceAttrs:
    """Bit d of a mask: ignore begin, ignore end, drop the axis, for dimension d."""

    begin_mask: int
    end_mask: int
    shrink_axis_mask: int


@dataclass(frozen=True)
class PackAttrs:
    axis: int


def _read_slice(op: TfliteOperator) -> SliceAttrs:
    o = op.options
    return SliceAttrs(int(o.beginMask), int(o.endMask), int(o.shrinkAxisMask))


def _read_pack(op: TfliteOperator) -> PackAttrs:
    return PackAttrs(int(op.options.axis))


def _shape(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.array([graph.tensor(node.inputs[0]).shape], graph.tensor(node.outputs[0]).dtype)]


def _strided_slice(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    attrs: SliceAttrs = node.attrs
    x, begin, end, stride = (a[0] for a in inputs)
    index: list[slice | int] = []
    for d in range(len(begin)):
        if attrs.shrink_axis_mask >> d & 1:
            index.append(int(begin[d]))
            continue
        first = None if attrs.begin_mask >> d & 1 else int(begin[d])
        last = None if attrs.end_mask >> d & 1 else int(end[d])
        index.append(slice(first, last, int(stride[d])))
    return [np.asarray(x[tuple(index)])[None]]


def _pack(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.stack([a[0] for a in inputs], axis=node.attrs.axis)[None]]


OPS = (
    Op(name="shape", tflite=("SHAPE",), read=no_attrs, reference=_shape, offline=True),
    Op(name="strided_slice", tflite=("STRIDED_SLICE",), read=_read_slice, reference=_strided_slice, offline=True),
    Op(name="pack", tflite=("PACK",), read=_read_pack, reference=_pack, offline=True),
)
