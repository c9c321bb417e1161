"""Operators that take parts of tensors, or join them: of int8 and of other types where TFLM has them."""

from __future__ import annotations

from support.case import Case, Operator
from support.make import numbers, plain
from support.make_moves import moving, tensor


def _split(
    name: str, axis: int, count: int, shape: tuple[int, ...], part: tuple[int, ...], dtype: str = "int8"
) -> Case:
    outputs = tuple(tensor(part, dtype) for _ in range(count))
    operator = Operator("SPLIT", (plain((), "int32", axis), tensor(shape, dtype)), outputs, {"numSplits": count})
    return Case(f"split_{name}", operator)


def _split_v(name: str, axis: int, shape: tuple[int, ...], *parts: tuple[int, ...], dtype: str = "int8") -> Case:
    sizes = numbers(*(part[axis] for part in parts))
    inputs = (tensor(shape, dtype), sizes, plain((), "int32", axis))
    outputs = tuple(tensor(part, dtype) for part in parts)
    return Case(f"split_v_{name}", Operator("SPLIT_V", inputs, outputs, {"numSplits": len(parts)}))


def _unpack(name: str, axis: int, shape: tuple[int, ...], dtype: str = "int8") -> Case:
    rank = len(shape)
    part = tuple(n for d, n in enumerate(shape) if d != axis % rank)
    outputs = tuple(tensor(part, dtype) for _ in range(shape[axis]))
    options = {"num": shape[axis], "axis": axis}
    return Case(f"unpack_{name}", Operator("UNPACK", (tensor(shape, dtype),), outputs, options))


def _pack(name: str, axis: int, count: int, shape: tuple[int, ...], out: tuple[int, ...], dtype: str = "int8") -> Case:
    inputs = tuple(tensor(shape, dtype) for _ in range(count))
    options = {"axis": axis, "valuesCount": count}
    return Case(f"pack_{name}", Operator("PACK", inputs, (tensor(out, dtype),), options))


def _strided(
    name: str,
    shape: tuple[int, ...],
    out: tuple[int, ...],
    begin: tuple[int, ...],
    end: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: str = "int8",
    **masks: int,
) -> Case:
    operands = (numbers(*begin), numbers(*end), numbers(*strides))
    return moving(f"strided_slice_{name}", "STRIDED_SLICE", shape, out, *operands, dtype=dtype, **masks)


def _update(name: str, shape: tuple[int, ...], part: tuple[int, ...], *begin: int, dtype: str = "int8") -> Case:
    positions = plain((len(shape),), "int32", *begin)
    inputs = (tensor(shape, dtype), tensor(part, dtype), positions)
    operator = Operator("DYNAMIC_UPDATE_SLICE", inputs, (tensor(shape, dtype),))
    return Case(f"update_slice_{name}", operator, positions=(0, max(shape) - 1))


CASES = (
    moving("slice_middle", "SLICE", (1, 6, 5, 3), (1, 3, 2, 2), numbers(0, 2, 1, 1), numbers(1, 3, 2, 2)),
    moving("slice_to_the_end", "SLICE", (4, 6), (3, 6), numbers(1, 0), numbers(-1, -1)),
    moving("slice_int16", "SLICE", (4, 6), (2, 3), numbers(1, 2), numbers(2, 3), dtype="int16"),
    moving("slice_int32", "SLICE", (4, 6), (2, 3), numbers(1, 2), numbers(2, 3), dtype="int32"),
    moving("slice_float32", "SLICE", (3, 2, 5), (1, 2, 3), numbers(1, 0, 2), numbers(1, -1, 3), dtype="float32"),
    moving("slice_bool", "SLICE", (3, 5), (2, 3), numbers(1, 1), numbers(2, 3), dtype="bool"),
    _strided("every_second", (1, 6, 5, 3), (1, 3, 2, 3), (0, 0, 1, 0), (1, 6, 5, 3), (1, 2, 2, 1)),
    _strided("backwards", (4, 5), (4, 5), (-1, -1), (-5, -6), (-1, -1)),
    _strided("masks", (4, 6), (3, 2), (0, 1), (3, 0), (1, 3), beginMask=1, endMask=2),
    _strided("axis_dropped", (3, 4, 5), (4, 2), (1, 0, 1), (2, 4, 3), (1, 1, 1), shrinkAxisMask=1),
    _strided("last_of_all", (3, 4), (3,), (0, -1), (3, 0), (1, 1), shrinkAxisMask=2, endMask=1),
    _strided("beyond_the_end", (5,), (4,), (1,), (100,), (1,)),
    _strided("int16", (4, 6), (2, 6), (1, 0), (3, 6), (1, 1), dtype="int16"),
    _strided("int32", (6,), (2,), (1,), (5,), (2,), dtype="int32"),
    _strided("float32", (3, 5), (2, 2), (0, 1), (3, 4), (2, 2), dtype="float32"),
    _split("channels", 3, 3, (1, 3, 2, 9), (1, 3, 2, 3)),
    _split("rows", 1, 2, (1, 4, 3, 2), (1, 2, 3, 2)),
    _split("negative_axis", -1, 2, (3, 8), (3, 4)),
    _split("int16", 0, 3, (6, 5), (2, 5), dtype="int16"),
    _split("int32", 0, 2, (4,), (2,), dtype="int32"),
    _split("float32", 2, 2, (2, 3, 4), (2, 3, 2), dtype="float32"),
    _split_v("columns", 2, (1, 3, 6, 2), (1, 3, 1, 2), (1, 3, 3, 2), (1, 3, 2, 2)),
    _split_v("vector", 0, (9,), (2,), (7,)),
    _split_v("int16", 1, (2, 5), (2, 3), (2, 2), dtype="int16"),
    _split_v("float32", 1, (2, 5, 2), (2, 1, 2), (2, 4, 2), dtype="float32"),
    _unpack("rows", 0, (3, 5, 2)),
    _unpack("last_axis", -1, (4, 3)),
    _unpack("middle_axis_float32", 1, (2, 3, 4), dtype="float32"),
    _unpack("int32", 0, (2, 3), dtype="int32"),
    _pack("rows", 0, 3, (5, 2), (3, 5, 2)),
    _pack("last_axis", -1, 2, (4, 3), (4, 3, 2)),
    _pack("middle_axis_float32", 1, 2, (2, 3), (2, 2, 3), dtype="float32"),
    _pack("int32", 0, 2, (3,), (2, 3), dtype="int32"),
    _update("middle", (4, 5, 3), (2, 2, 3)),
    _update("fixed", (4, 6), (2, 3), 1, 2),
    _update("vector_float32", (7,), (3,), dtype="float32"),
)
