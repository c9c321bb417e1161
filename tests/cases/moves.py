"""Operators that put elements in another order, of int8 and of other types where TFLM has them."""

from __future__ import annotations

from support.case import TFLITE, Case, TensorSpec
from support.make import numbers, plain
from support.make_moves import moving

REFLECT, SYMMETRIC = 0, 1


def _pairs(*pairs: tuple[int, int]) -> TensorSpec:
    return plain((len(pairs), 2), "int32", *(n for pair in pairs for n in pair))


def _transpose(name: str, shape: tuple[int, ...], *order: int, dtype: str = "int8") -> Case:
    return moving(f"transpose_{name}", "TRANSPOSE", shape, tuple(shape[d] for d in order), numbers(*order), dtype=dtype)


CASES = (
    _transpose("rows_and_columns", (1, 3, 5, 2), 0, 2, 1, 3),
    _transpose("channels_first", (1, 4, 5, 3), 0, 3, 1, 2),
    _transpose("matrix", (7, 5), 1, 0),
    _transpose("three", (3, 4, 5), 2, 1, 0),
    _transpose("batch", (2, 3, 4, 2), 3, 1, 0, 2),
    _transpose("nothing", (2, 3, 4), 0, 1, 2),
    _transpose("five", (2, 3, 2, 4, 2), 4, 2, 0, 3, 1),
    _transpose("int16", (3, 4, 5), 1, 2, 0, dtype="int16"),
    _transpose("float32", (3, 4, 5), 2, 0, 1, dtype="float32"),
    moving("reverse_rows", "REVERSE_V2", (1, 4, 3, 2), (1, 4, 3, 2), numbers(1)),
    moving("reverse_last_two", "REVERSE_V2", (2, 4, 3, 2), (2, 4, 3, 2), numbers(2, 3)),
    moving("reverse_vector", "REVERSE_V2", (9,), (9,), numbers(0), dtype="float32"),
    moving("reverse_int16", "REVERSE_V2", (3, 4, 5), (3, 4, 5), numbers(2), dtype="int16"),
    moving("reverse_int32", "REVERSE_V2", (3, 4), (3, 4), numbers(-1), dtype="int32"),
    moving("broadcast_to_rows", "BROADCAST_TO", (1, 5), (4, 5), numbers(4, 5)),
    moving("broadcast_to_more_dimensions", "BROADCAST_TO", (3, 1), (2, 3, 4), numbers(2, 3, 4)),
    moving("broadcast_to_float32", "BROADCAST_TO", (2, 1, 3), (2, 2, 3), numbers(2, 2, 3), dtype="float32"),
    moving("tile_matrix", "TILE", (2, 3), (4, 9), numbers(2, 3), oracle=TFLITE),
    moving("tile_rows", "TILE", (1, 3, 2, 4), (1, 3, 6, 4), numbers(1, 1, 3, 1), oracle=TFLITE),
    moving("tile_float32", "TILE", (3, 2), (3, 6), numbers(1, 3), dtype="float32", oracle=TFLITE),
    moving("space_to_depth_2", "SPACE_TO_DEPTH", (1, 4, 6, 3), (1, 2, 3, 12), blockSize=2),
    moving("space_to_depth_3_float32", "SPACE_TO_DEPTH", (1, 6, 3, 2), (1, 2, 1, 18), dtype="float32", blockSize=3),
    moving("space_to_depth_batch", "SPACE_TO_DEPTH", (2, 4, 4, 1), (2, 2, 2, 4), blockSize=2),
    moving("depth_to_space_2", "DEPTH_TO_SPACE", (1, 2, 3, 12), (1, 4, 6, 3), blockSize=2),
    moving("depth_to_space_3", "DEPTH_TO_SPACE", (1, 2, 1, 9), (1, 6, 3, 1), blockSize=3),
    moving("depth_to_space_float32", "DEPTH_TO_SPACE", (1, 2, 2, 8), (1, 4, 4, 2), dtype="float32", blockSize=2),
    moving("space_to_batch_2", "SPACE_TO_BATCH_ND", (1, 4, 6, 3), (4, 2, 3, 3), numbers(2, 2), _pairs((0, 0), (0, 0))),
    moving(
        "space_to_batch_pads",
        "SPACE_TO_BATCH_ND",
        (1, 5, 5, 2),
        (6, 4, 3, 2),
        numbers(2, 3),
        _pairs((1, 2), (3, 1)),
        oracle=TFLITE,
    ),
    moving(
        "space_to_batch_batch",
        "SPACE_TO_BATCH_ND",
        (2, 4, 4, 1),
        (8, 3, 2, 1),
        numbers(2, 2),
        _pairs((0, 2), (0, 0)),
        oracle=TFLITE,
    ),
    moving(
        "space_to_batch_three_dimensions",
        "SPACE_TO_BATCH_ND",
        (1, 7, 3),
        (2, 4, 3),
        numbers(2),
        _pairs((1, 0)),
        oracle=TFLITE,
    ),
    moving(
        "space_to_batch_float32",
        "SPACE_TO_BATCH_ND",
        (1, 3, 4, 2),
        (4, 2, 2, 2),
        numbers(2, 2),
        _pairs((0, 1), (0, 0)),
        oracle=TFLITE,
        dtype="float32",
    ),
    moving("batch_to_space_2", "BATCH_TO_SPACE_ND", (4, 2, 3, 3), (1, 4, 6, 3), numbers(2, 2), _pairs((0, 0), (0, 0))),
    moving(
        "batch_to_space_crops", "BATCH_TO_SPACE_ND", (6, 3, 3, 2), (1, 3, 6, 2), numbers(2, 3), _pairs((1, 2), (2, 1))
    ),
    moving(
        "batch_to_space_batch", "BATCH_TO_SPACE_ND", (8, 2, 2, 1), (2, 3, 4, 1), numbers(2, 2), _pairs((0, 1), (0, 0))
    ),
    moving(
        "batch_to_space_float32",
        "BATCH_TO_SPACE_ND",
        (4, 2, 2, 2),
        (1, 4, 3, 2),
        numbers(2, 2),
        _pairs((0, 0), (1, 0)),
        dtype="float32",
    ),
    moving(
        "mirror_pad_reflect",
        "MIRROR_PAD",
        (1, 4, 5, 2),
        (1, 7, 8, 2),
        _pairs((0, 0), (1, 2), (3, 0), (0, 0)),
        mode=REFLECT,
    ),
    moving(
        "mirror_pad_symmetric",
        "MIRROR_PAD",
        (1, 3, 4, 2),
        (1, 9, 6, 2),
        _pairs((0, 0), (3, 3), (0, 2), (0, 0)),
        mode=SYMMETRIC,
    ),
    moving("mirror_pad_vector", "MIRROR_PAD", (6,), (13,), _pairs((5, 2)), mode=REFLECT),
    moving("mirror_pad_float32", "MIRROR_PAD", (3, 4), (5, 8), _pairs((1, 1), (2, 2)), dtype="float32", mode=REFLECT),
)
