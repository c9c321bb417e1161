"""CONCATENATION."""

from __future__ import annotations

from support.case import Case, Operator, Seeded, TensorSpec
from support.make import act

A = (0.05, -3)
FULL = Seeded(-128, 127)


def _concatenate(name: str, axis: int, out: tuple[int, ...], *shapes: tuple[int, ...], constant: int = -1) -> Case:
    inputs = tuple(act(s, A, FULL if i == constant else None) for i, s in enumerate(shapes))
    return Case(name, Operator("CONCATENATION", inputs, (act(out, A),), {"axis": axis}))


def _plain(dtype: str) -> Case:
    inputs = TensorSpec((1, 3, 2), dtype), TensorSpec((1, 3, 5), dtype)
    return Case(f"concat_{dtype}", Operator("CONCATENATION", inputs, (TensorSpec((1, 3, 7), dtype),), {"axis": 2}))


TWICE = act((1, 2, 2, 3), A)

CASES = (
    _concatenate("concat_channels", 3, (1, 3, 3, 7), (1, 3, 3, 4), (1, 3, 3, 3)),
    _concatenate("concat_last_axis_negative", -1, (1, 3, 3, 5), (1, 3, 3, 4), (1, 3, 3, 1)),
    _concatenate("concat_columns", 2, (1, 2, 7, 3), (1, 2, 4, 3), (1, 2, 3, 3)),
    _concatenate("concat_rows", 1, (1, 6, 2, 3), (1, 1, 2, 3), (1, 2, 2, 3), (1, 3, 2, 3)),
    _concatenate("concat_batch", 0, (3, 2, 2), (1, 2, 2), (2, 2, 2)),
    _concatenate("concat_rows_negative_axis", -3, (1, 3, 2, 3), (1, 1, 2, 3), (1, 2, 2, 3)),
    _concatenate("concat_five", 1, (1, 25), (1, 1), (1, 3), (1, 5), (1, 7), (1, 9)),
    _concatenate("concat_four_channels", 3, (1, 2, 2, 25), (1, 2, 2, 2), (1, 2, 2, 17), (1, 2, 2, 5), (1, 2, 2, 1)),
    _concatenate("concat_vectors", 0, (9,), (4,), (5,)),
    _concatenate("concat_constant", 3, (1, 2, 2, 5), (1, 2, 2, 2), (1, 2, 2, 3), constant=1),
    _concatenate("concat_constant_first", 1, (1, 9), (1, 4), (1, 5), constant=0),
    _plain("int32"),
    _plain("bool"),
    Case("concat_twice_the_same", Operator("CONCATENATION", (TWICE, TWICE), (act((1, 2, 2, 6), A),), {"axis": 3})),
)
