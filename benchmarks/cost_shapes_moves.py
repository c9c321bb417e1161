"""The layers that the costs of operators are measured on that only put elements somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.layers import Dims, integer, integers, layer, state, tensor
from benchmarks.shapes import Pair, Shape, node_shape
from toolchain.graph import Tensor
from toolchain.ops import registry

_TYPES = ("int8", "int16", "float32")
_TRANSPOSED: tuple[tuple[Dims, Dims], ...] = (
    ((1, 12, 10, 8), (0, 2, 1, 3)),
    ((1, 12, 10, 8), (0, 3, 1, 2)),
    ((30, 20), (1, 0)),
    ((3, 40, 5), (2, 1, 0)),
    ((1, 25, 5, 64), (0, 2, 1, 3)),
    ((2, 3, 4, 5, 6), (4, 2, 0, 3, 1)),
    ((1, 20, 30, 3), (0, 2, 1, 3)),
    ((1, 5, 4, 20), (0, 2, 1, 3)),
    ((4, 3), (1, 0)),
)
_REVERSED: tuple[tuple[Dims, Dims], ...] = (((1, 14, 9, 8), (1,)), ((300,), (0,)), ((2, 10, 12, 7), (2, 3)))
_BLOCKS: tuple[Dims, ...] = ((1, 4, 6, 12), (1, 12, 8, 4), (1, 8, 8, 32), (1, 16, 16, 16))
# the lengths of all, the dimension that is cut, the lengths of its parts
_CUT: tuple[tuple[Dims, int, Dims], ...] = (
    ((1, 10, 12, 16), 3, (8, 8)),
    ((1, 10, 12, 15), 3, (5, 5, 5)),
    ((1, 16, 10, 6), 1, (4, 4, 4, 4)),
    ((20, 60), 1, (30, 30)),
    ((1, 9, 14, 10), 2, (7, 7)),
    ((6, 4), 1, (2, 2)),
    ((1, 300), 1, (100, 100, 100)),
)
# the tensor, where the slice begins, how long it is, steps
_SLICES: tuple[tuple[Dims, Dims, Dims, Dims], ...] = (
    ((1, 12, 10, 8), (0, 2, 1, 0), (1, 8, 5, 8), (1, 1, 1, 1)),
    ((1, 16, 16, 12), (0, 4, 0, 2), (1, 8, 16, 6), (1, 1, 1, 1)),
    ((40, 30), (3, 5), (20, 21), (1, 1)),
    ((400,), (40,), (300,), (1,)),
    ((1, 20, 20, 3), (0, 1, 1, 0), (1, 18, 18, 3), (1, 1, 1, 1)),
    ((6, 8), (1, 2), (3, 4), (1, 1)),
    ((1, 25, 5, 64), (0, 24, 0, 0), (1, 1, 5, 64), (1, 1, 1, 1)),
)
_STRIDED: tuple[tuple[Dims, Dims, Dims, Dims], ...] = (
    ((1, 12, 10, 8), (0, 0, 1, 0), (1, 6, 4, 8), (1, 2, 2, 1)),
    ((40, 30), (1, 0), (20, 10), (2, 3)),
    ((600,), (0,), (300,), (2,)),
    ((1, 20, 20, 3), (0, 1, 0, 0), (1, 6, 10, 3), (1, 3, 2, 1)),
    ((9, 7), (0, 1), (5, 3), (2, 2)),
)
_TILED: tuple[tuple[Dims, Dims], ...] = (
    ((1, 5, 4, 8), (1, 2, 3, 1)),
    ((3, 20), (4, 3)),
    ((1, 1, 1, 24), (1, 8, 8, 1)),
    ((10, 1), (1, 12)),
    ((1, 6, 1, 16), (1, 1, 9, 1)),
)
_MIRRORED: tuple[tuple[Dims, tuple[Pair, ...]], ...] = (
    ((1, 10, 12, 8), ((0, 0), (1, 2), (3, 0), (0, 0))),
    ((300,), ((20, 30),)),
    ((1, 20, 15, 3), ((0, 0), (1, 1), (1, 1), (0, 0))),
    ((12, 30), ((2, 2), (4, 4))),
    ((1, 8, 8, 32), ((0, 0), (1, 1), (1, 1), (0, 0))),
)


def moves() -> list[Shape]:
    made = []
    for dtype in _TYPES:
        made += [*_orders(dtype), *_blocks(dtype), *_parts(dtype), *_slices(dtype), *_repeated(dtype)]
    return [*made, *_looked_up(), *_nearest(), *_updated(), *_kept()]


def _moved(builtin: str, shape: Dims, out: Dims, dtype: str, *operands: Tensor, **options: Any) -> Shape:
    values = [" ".join(map(str, np.ravel(t.data).tolist())) for t in operands if t.data is not None]
    inputs = (tensor(shape, dtype), *operands)
    return layer(builtin, inputs, (tensor(out, dtype),), "; ".join(values), **options)


def _pairs(pairs: Sequence[Pair]) -> Tensor:
    return Tensor("", (len(pairs), 2), "int32", data=np.array(pairs, np.int32))


def _orders(dtype: str) -> list[Shape]:
    shapes = [
        _moved("TRANSPOSE", shape, tuple(shape[d] for d in order), dtype, integers(*order))
        for shape, order in _TRANSPOSED
    ]
    return shapes + [_moved("REVERSE_V2", shape, shape, dtype, integers(*axes)) for shape, axes in _REVERSED]


def _blocks(dtype: str) -> list[Shape]:
    shapes = []
    for n, height, width, channels in _BLOCKS:
        whole, deep = (n, height, width, channels), (n, height // 2, width // 2, channels * 4)
        parts = (n * 4, height // 2, width // 2, channels)
        if dtype != "int16":
            shapes.append(_moved("SPACE_TO_DEPTH", whole, deep, dtype, blockSize=2))
            shapes.append(_moved("DEPTH_TO_SPACE", deep, whole, dtype, blockSize=2))
            borders = _pairs(((0, 0), (0, 0)))
            shapes.append(_moved("SPACE_TO_BATCH_ND", whole, parts, dtype, integers(2, 2), borders))
            shapes.append(_moved("BATCH_TO_SPACE_ND", parts, whole, dtype, integers(2, 2), borders))
    return shapes


def _parts(dtype: str) -> list[Shape]:
    shapes = []
    for whole, axis, parts in _CUT:
        x = tensor(whole, dtype)
        outs = [tensor((*whole[:axis], n, *whole[axis + 1 :]), dtype) for n in parts]
        remark = f"axis {axis}"
        shapes.append(layer("SPLIT", (integer(axis), x), outs, remark, numSplits=len(parts)))
        shapes.append(layer("SPLIT_V", (x, integers(*parts), integer(axis)), outs, remark, numSplits=len(parts)))
    for shape, axis, count in (
        ((12, 20), 0, 3),
        ((10, 8), 1, 4),
        ((20, 5, 4), 2, 2),
        ((100,), 0, 2),
        ((6, 7, 9), 1, 3),
    ):
        both = (*shape[:axis], count, *shape[axis:])
        items, remark = [tensor(shape, dtype) for _ in range(count)], f"axis {axis}"
        shapes.append(layer("UNPACK", (tensor(both, dtype),), items, remark, num=count, axis=axis))
        shapes.append(layer("PACK", items, (tensor(both, dtype),), remark, valuesCount=count, axis=axis))
    return shapes


def _slices(dtype: str) -> list[Shape]:
    shapes = [_moved("SLICE", x, n, dtype, integers(*begin), integers(*n)) for x, begin, n, _ in _SLICES]
    masks = dict.fromkeys(("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask", "offset"), 0)
    for x, begin, size, steps in (*_SLICES, *_STRIDED):
        end = [b + (n - 1) * s + 1 for b, n, s in zip(begin, size, steps, strict=True)]
        operands = (integers(*begin), integers(*end), integers(*steps))
        shapes.append(_moved("STRIDED_SLICE", x, size, dtype, *operands, **masks))
    return shapes


def _repeated(dtype: str) -> list[Shape]:
    shapes = []
    for shape, times in _TILED:
        out = tuple(n * t for n, t in zip(shape, times, strict=True))
        shapes.append(_moved("TILE", shape, out, dtype, integers(*times)))
        if all(1 in pair for pair in zip(shape, times, strict=True)):
            shapes.append(_moved("BROADCAST_TO", shape, out, dtype, integers(*out)))
    for shape, borders in _MIRRORED:
        out = tuple(n + a + b for n, (a, b) in zip(shape, borders, strict=True))
        if dtype != "int16":
            shapes.append(_moved("MIRROR_PAD", shape, out, dtype, _pairs(borders), mode=0))
    for size in ((1, 10), (1, 333), (1, 16, 16, 8)):
        if dtype != "int16":
            shapes.append(layer("FILL", (integers(*size), tensor((), dtype)), (tensor(size, dtype),)))
            shapes.append(layer("ZEROS_LIKE", (tensor(size, dtype),), (tensor(size, dtype),)))
    return shapes


def _looked_up() -> list[Shape]:
    """Positions are within the first few, which every table here has."""
    shapes = []
    for dtype in ("int8", "float32"):
        for rows, size, count in ((8, 16, 10), (20, 64, 4), (50, 5, 30), (9, 1, 100), (10, 100, 3), (12, 33, 7)):
            x, places, out = tensor((rows, size), dtype), tensor((count,), "int32"), tensor((count, size), dtype)
            shapes.append(layer("GATHER", (x, places), (out,), axis=0, batchDims=0))
            shapes.append(layer("EMBEDDING_LOOKUP", (places, x), (out,)))
            pairs, plane = tensor((count, 2), "int32"), tensor((8, 8, size), dtype)
            shapes.append(layer("GATHER_ND", (plane, pairs), (out,)))
            shapes.append(layer("GATHER_ND", (x, tensor((count, 1), "int32")), (out,)))
        x, places = tensor((5, 12, 6), dtype), tensor((4,), "int32")
        shapes.append(layer("GATHER", (x, places), (tensor((5, 4, 6), dtype),), "axis 1", axis=1, batchDims=0))
        x, places = tensor((20, 30), dtype), tensor((10,), "int32")
        shapes.append(layer("GATHER", (x, places), (tensor((20, 10), dtype),), "axis 1", axis=1, batchDims=0))
    return shapes


def _nearest() -> list[Shape]:
    images = (((8, 8, 8), (16, 16)), ((10, 12, 3), (20, 24)), ((5, 5, 64), (10, 10)), ((12, 12, 16), (6, 6)))
    options = {"alignCorners": False, "halfPixelCenters": False}
    shapes = []
    for image, size in (*images, ((8, 8, 1), (24, 24)), ((4, 4, 2), (5, 40))):
        for dtype in ("int8", "float32"):
            operands = tensor((1, *image), dtype), integers(*size)
            shapes.append(layer("RESIZE_NEAREST_NEIGHBOR", operands, (tensor((1, *size, image[2]), dtype),), **options))
    return shapes


def _updated() -> list[Shape]:
    shapes = []
    pairs: tuple[tuple[Dims, Dims], ...] = (
        ((10, 12, 8), (4, 5, 8)),
        ((40, 30), (8, 20)),
        ((500,), (100,)),
        ((60, 16), (1, 16)),
        ((16, 16, 6), (9, 10, 3)),
        ((9, 8), (2, 3)),
    )
    for whole, part in pairs:
        for dtype in ("int8", "float32"):
            operands = tensor(whole, dtype), tensor(part, dtype), tensor((len(whole),), "int32")
            shapes.append(layer("DYNAMIC_UPDATE_SLICE", operands, (tensor(whole, dtype),)))
    return shapes


def _kept() -> list[Shape]:
    """Reading and assigning variables, and copies that passes make."""
    shapes = []
    for size in ((1, 10), (1, 64), (4, 333), (1, 16, 16, 8)):
        kept = state(tensor(size))
        shapes.append(layer("READ_VARIABLE", (kept,), (tensor(size),), "x".join(map(str, size))))
        shapes.append(layer("ASSIGN_VARIABLE", (kept, tensor(size)), ()))
        shapes.append(node_shape(registry()["copy"], None, (tensor(size),), tensor(size), ""))
    return shapes
