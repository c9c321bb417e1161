"""RESIZE_BILINEAR on int8 and float32.

The references follow TFLM's ``ResizeBilinearInteger``, whose places and weights have 10 binary digits, and
``reference_ops::ResizeBilinear``. Where an output's row or column lies is computed here: kernels have tables of it.
"""

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
    TfliteRecord,
    same_shape,
)
from toolchain.ops.float32 import INT8_OR_FLOAT32
from toolchain.ops.resize_nearest import SHAPES, ResizeAttrs, fields, read

_BITS = 10  # NN_BILINEAR_BITS
_ONE = 1 << _BITS
_F = np.float32


@dataclass(frozen=True, eq=False)
class Places:
    """Of each row or column of the output: the input's ``first`` and ``second`` one, and the share of the second."""

    first: Array
    second: Array
    share: Array


def _whole_places(size: int, out_size: int, numbers: Array, attrs: ResizeAttrs) -> Places:
    """Of pixels with these numbers; with shares of 1024."""
    last, span = (out_size - 1, size - 1) if attrs.align_corners and out_size > 1 else (out_size, size)
    step = (_ONE * span + last // 2) // last
    at = numbers * step + (step // 2 - _ONE // 2 if attrs.half_pixel_centers else 0)
    first = np.maximum(at // _ONE, 0)
    second = np.minimum(np.maximum(at + _ONE - 1, 0) // _ONE, size - 1)
    return Places(first, second, at - _ONE * first)


def _real_places(size: int, out_size: int, numbers: Array, attrs: ResizeAttrs) -> Places:
    last, span = (out_size - 1, size - 1) if attrs.align_corners and out_size > 1 else (out_size, size)
    step, whole = _F(span) / _F(last), numbers.astype(_F)
    at = (whole + _F(0.5)) * step - _F(0.5) if attrs.half_pixel_centers else whole * step
    first = np.maximum(np.floor(at).astype(np.int64), 0)
    second = np.minimum(np.ceil(at).astype(np.int64), size - 1)
    return Places(first, second, at - first.astype(_F))


def _places(graph: Graph, node: Node, first: int = 0) -> tuple[Places, Places]:
    """Of rows and of columns, from the one with the number ``first`` on, or from behind."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    find = _whole_places if x.dtype == "int8" else _real_places
    sides = ((x.shape[d], out.shape[d]) for d in (1, 2))
    rows, columns = (find(n, m, np.arange(first % m, m), node.attrs) for n, m in sides)
    return rows, columns


def _corners(x: Array, rows: Places, columns: Places) -> list[tuple[Array, bool, bool]]:
    """(pixels, whether of the second row, of the second column) in the order in which they are added."""
    found = []
    for second_column in (False, True):
        for second_row in (False, True):
            picked = x.take(rows.second if second_row else rows.first, axis=2)
            pixels = picked.take(columns.second if second_column else columns.first, axis=3)
            found.append((pixels, second_row, second_column))
    return found


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    rows, columns = _places(graph, node)
    down, across = rows.share[:, None, None], columns.share[:, None]
    corners = _corners(inputs[0], rows, columns)
    if inputs[0].dtype == np.int8:
        weights = [(down if d else _ONE - down) * (across if a else _ONE - across) for _, d, a in corners]
        parts = [pixels.astype(np.int64) * weight for (pixels, _, _), weight in zip(corners, weights, strict=True)]
        total = sum(parts[1:], parts[0])
        size = (np.abs(total) + (1 << (2 * _BITS - 1))) >> 2 * _BITS  # halves away from 0
        return [(np.sign(total) * size).astype(np.int8)]
    floats = [p * (down if d else _F(1) - down) * (across if a else _F(1) - across) for p, d, a in corners]
    return [floats[0] + floats[1] + floats[2] + floats[3] + _F(0)]


def _tables(places: Places, name: str, step: int) -> tuple[tuple[str, Const], ...]:
    """Offsets in elements; the share of each."""
    offsets = np.stack([places.first, places.second], axis=1) * step
    real = places.share.dtype == _F
    share = places.share if real else places.share.astype(np.int32)
    return (
        (f"{name}s", Const(f"{name}s", "int32_t", offsets.astype(np.int32).reshape(-1))),
        (f"{name}_shares", Const(f"{name}_shares", "float" if real else "int32_t", share)),
    )


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = _places(graph, node)
    params = (
        ("batches", x.shape[0]),
        ("in_elements", x.size // x.shape[0]),
        ("height", out.shape[1]),
        ("width", out.shape[2]),
        ("channels", x.shape[3]),
        *_tables(rows, "row", x.shape[2] * x.shape[3]),
        *_tables(columns, "column", x.shape[3]),
    )
    name = "nn_resize_bilinear_" + ("s8" if x.dtype == "int8" else "f32")
    return (KernelCall(name, "nn_resize_bilinear.h", f"{name}_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, rows, pixels, elements."""
    out = graph.tensor(node.outputs[0])
    rows = out.shape[0] * out.shape[1]
    return 1.0, float(rows), float(rows * out.shape[2]), float(out.size)


def _variant(dtype: str, suffix: str, cycles: tuple[float, float, float, float]) -> KernelVariant:
    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_resize_bilinear.c",),
        lower=_lower,
        cost=FittedCost(cycles, _terms),
        supports=lambda g, n: g.tensor(n.inputs[0]).dtype == dtype,
    )


def _one_way(graph: Graph, node: Node) -> bool:
    return not (node.attrs.align_corners and node.attrs.half_pixel_centers)


def _inside(graph: Graph, node: Node) -> bool:
    shape = graph.tensor(node.inputs[0]).shape
    return all(int(p.first[-1]) < size for p, size in zip(_places(graph, node, -1), shape[1:3], strict=True))


OPS = (
    Op(
        name="resize_bilinear",
        tflite=("RESIZE_BILINEAR",),
        read=read,
        write=lambda g, n: TfliteRecord("RESIZE_BILINEAR", n.inputs, 3, "ResizeBilinearOptions", fields(n)),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            INT8_OR_FLOAT32,
            Constraint("its size must be constant", lambda g, n: g.is_constant(n.inputs[1])),
            SHAPES,
            Constraint("it cannot align corners and have half pixel centres", _one_way),
            Constraint("its output must not be so large that places, as TFLite rounds them, leave its input", _inside),
        ),
        copies=lambda g, n: g.tensor(n.inputs[0]).dtype == "int8" and same_shape(g, n),
        variants=(
            _variant("int8", "s8", (56.85, 29.01, 26.0, 28.0)),
            _variant("float32", "f32", (90.0, 47.0, 19.0, 27.0)),
        ),
    ),
)
