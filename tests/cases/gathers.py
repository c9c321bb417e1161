"""Operators that look elements up or repeat them: of int8 and of other types where TFLM has them."""

from __future__ import annotations

from support.case import Case, Operator
from support.make import act, numbers, plain
from support.make_moves import A, moving, tensor


def _gather(
    name: str,
    shape: tuple[int, ...],
    positions: tuple[int, ...],
    out: tuple[int, ...],
    axis: int = 0,
    batch_dims: int = 0,
    dtype: str = "int8",
) -> Case:
    inputs = (tensor(shape, dtype), plain(positions, "int32"))
    operator = Operator("GATHER", inputs, (tensor(out, dtype),), {"axis": axis, "batchDims": batch_dims})
    return Case(f"gather_{name}", operator, positions=(0, shape[axis] - 1))


def _gather_nd(
    name: str, shape: tuple[int, ...], positions: tuple[int, ...], out: tuple[int, ...], dtype: str = "int8"
) -> Case:
    inputs = (tensor(shape, dtype), plain(positions, "int32"))
    operator = Operator("GATHER_ND", inputs, (tensor(out, dtype),))
    return Case(f"gather_nd_{name}", operator, positions=(0, min(shape[: positions[-1]]) - 1))


def _resize(name: str, size: tuple[int, int], out: tuple[int, int], dtype: str = "int8", **options: int) -> Case:
    shapes = (1, *size, 3), (1, *out, 3)
    return moving(f"resize_nearest_{name}", "RESIZE_NEAREST_NEIGHBOR", *shapes, numbers(*out), dtype=dtype, **options)


def _lookup(name: str, rows: int, row: tuple[int, ...], count: int, dtype: str = "int8") -> Case:
    inputs = (plain((count,), "int32"), tensor((rows, *row), dtype))
    operator = Operator("EMBEDDING_LOOKUP", inputs, (tensor((count, *row), dtype),))
    return Case(f"embedding_lookup_{name}", operator, positions=(0, rows - 1))


CASES = (
    _lookup("rows", 6, (5,), 4),
    _lookup("matrices_float32", 4, (2, 3), 3, "float32"),
    _gather("rows", (5, 3, 2), (4,), (4, 3, 2)),
    _gather("columns", (2, 6, 3), (2, 2), (2, 2, 2, 3), axis=1),
    _gather("last_axis_one_position", (4, 5), (), (4,), axis=-1),
    _gather("batches", (3, 5, 2), (3, 4), (3, 4, 2), axis=1, batch_dims=1),
    _gather("float32", (6, 3), (4,), (4, 3), dtype="float32"),
    _gather_nd("pixels", (4, 4, 3), (5, 2), (5, 3)),
    _gather_nd("rows", (4, 3), (2, 2, 1), (2, 2, 3)),
    _gather_nd("single_elements_float32", (3, 3), (4, 2), (4,), dtype="float32"),
    _resize("twice", (3, 4), (6, 8)),
    _resize("uneven", (3, 5), (7, 8)),
    _resize("smaller", (7, 8), (3, 3)),
    _resize("corners", (3, 4), (7, 5), alignCorners=1),
    _resize("half_pixels", (3, 4), (8, 7), halfPixelCenters=1),
    _resize("corners_of_one", (4, 4), (1, 1), alignCorners=1),
    _resize("int16", (2, 3), (5, 4), dtype="int16"),
    _resize("float32", (2, 3), (5, 4), dtype="float32"),
    moving("zeros_like", "ZEROS_LIKE", (2, 5), (2, 5)),
    moving("zeros_like_float32", "ZEROS_LIKE", (3, 3), (3, 3), dtype="float32"),
    Case("fill_float32", Operator("FILL", (numbers(2, 3), plain((), "float32")), (plain((2, 3), "float32"),))),
    Case("fill_int8", Operator("FILL", (numbers(5, 3), act((), A)), (act((5, 3), A),))),
    Case("fill_int32", Operator("FILL", (numbers(4), plain((), "int32")), (plain((4,), "int32"),))),
)
