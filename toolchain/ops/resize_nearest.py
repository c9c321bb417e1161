"""RESIZE_NEAREST_NEIGHBOR, of any type: which pixel is nearest is computed in float32, as TFLite does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
)
from toolchain.ops.common import elements, piece_terms
from toolchain.ops.moves import SAME_TYPE, constant_operands, whole_numbers


@dataclass(frozen=True)
class ResizeAttrs:
    align_corners: bool
    half_pixel_centers: bool


def read(op: TfliteOperator) -> ResizeAttrs:
    return ResizeAttrs(bool(op.options.alignCorners), bool(op.options.halfPixelCenters))


def fields(node: Node) -> tuple[tuple[str, int], ...]:
    a: ResizeAttrs = node.attrs
    return ("alignCorners", a.align_corners), ("halfPixelCenters", a.half_pixel_centers)


def nearest(size: int, out_size: int, attrs: ResizeAttrs) -> Array:
    """The input's row or column for each one of the output (TFLite ``GetNearestNeighbor``)."""
    f = np.float32
    aligned = attrs.align_corners and out_size > 1
    scale = f(size - 1) / f(out_size - 1) if aligned else f(size) / f(out_size)
    at = (np.arange(out_size).astype(f) + f(0.5 if attrs.half_pixel_centers else 0.0)) * scale
    whole = np.floor(at + f(0.5)) if attrs.align_corners else np.floor(at)
    inside: Array = np.clip(whole.astype(np.int32), 0, size - 1)
    return inside


def _tables(graph: Graph, node: Node) -> tuple[Array, Array]:
    x, out = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape
    return nearest(x[1], out[1], node.attrs), nearest(x[2], out[2], node.attrs)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    rows, columns = _tables(graph, node)
    return [inputs[0].take(rows, axis=2).take(columns, axis=3)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = _tables(graph, node)
    pixel = x.shape[3] * np.dtype(x.dtype).itemsize
    params = (
        ("batches", x.shape[0]),
        ("in_bytes", elements(x.shape[1:3]) * pixel),
        ("height", out.shape[1]),
        ("width", out.shape[2]),
        ("size", pixel),
        ("rows", Const("rows", "int32_t", (rows * (x.shape[2] * pixel)).astype(np.int32))),
        ("columns", Const("columns", "int32_t", (columns * pixel).astype(np.int32))),
    )
    name = "nn_resize_nearest"
    return (KernelCall(name, f"{name}.h", f"{name}_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, rows, pixels as of ``piece_terms``."""
    out = graph.tensor(node.outputs[0])
    rows, size = out.shape[0] * out.shape[1], out.shape[3] * np.dtype(out.dtype).itemsize
    pixels = rows * out.shape[2]
    return 1.0, float(rows), *piece_terms(size, pixels)


def shapes_agree(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape
    if len(x) != 4 or len(out) != 4 or (x[0], x[3]) != (out[0], out[3]):
        return False
    return out[1:3] == whole_numbers(graph, node.inputs[1])


SHAPES = Constraint("its size and shapes must agree: images of as many channels", shapes_agree)

OPS = (
    Op(
        name="resize_nearest",
        tflite=("RESIZE_NEAREST_NEIGHBOR",),
        read=read,
        write=lambda g, n: TfliteRecord(
            "RESIZE_NEAREST_NEIGHBOR", n.inputs, 3, "ResizeNearestNeighborOptions", fields(n)
        ),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(SAME_TYPE, constant_operands(), SHAPES),
        variants=(
            KernelVariant(
                "portable",
                ("nn_resize_nearest.c",),
                _lower,
                FittedCost((111.0, 2.013, 12.2, 35.93, 0.141, 1.002), _terms),
            ),
        ),
    ),
)
