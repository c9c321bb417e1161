"""PAD and PADV2."""

from __future__ import annotations

from support.case import Choice, Exact, TensorSpec
from support.make import act, plain, unary

A = (0.05, -3)


def _widths(*pairs: tuple[int, int], dtype: str = "int32") -> TensorSpec:
    return TensorSpec((len(pairs), 2), dtype, data=Exact(tuple(n for pair in pairs for n in pair)))


NO = (0, 0)

CASES = (
    unary("pad_hw", "PAD", act((1, 4, 5, 3), A), act((1, 6, 7, 3), A), _widths(NO, (1, 1), (1, 1), NO)),
    unary("pad_after_only", "PAD", act((1, 4, 4, 2), A), act((1, 5, 5, 2), A), _widths(NO, (0, 1), (0, 1), NO)),
    unary("pad_unequal", "PAD", act((1, 3, 2, 1), A), act((1, 6, 7, 1), A), _widths(NO, (3, 0), (1, 4), NO)),
    unary("pad_channels", "PAD", act((1, 3, 3, 3), A), act((1, 3, 3, 8), A), _widths(NO, NO, NO, (1, 4))),
    unary("pad_batch_too", "PAD", act((1, 2, 2, 2), A), act((4, 3, 3, 3), A), _widths((1, 2), (1, 0), (0, 1), (1, 0))),
    unary("pad_nothing", "PAD", act((1, 3, 3, 2), A), act((1, 3, 3, 2), A), _widths(NO, NO, NO, NO)),
    unary("pad_one_dimension", "PAD", act((5,), A), act((9,), A), _widths((3, 1))),
    unary("pad_two_dimensions", "PAD", act((1, 5), A), act((1, 9), A), _widths(NO, (2, 2))),
    unary("pad_three_dimensions", "PAD", act((1, 6, 3), A), act((1, 9, 3), A), _widths(NO, (2, 1), NO)),
    unary(
        "pad_zero_point_lowest",
        "PAD",
        act((1, 2, 3, 2), (1.0, -128)),
        act((1, 4, 5, 2), (1.0, -128)),
        _widths(NO, (1, 1), (1, 1), NO),
    ),
    unary(
        "pad_zero_point_highest",
        "PAD",
        act((1, 2, 3, 2), (1.0, 127)),
        act((1, 4, 5, 2), (1.0, 127)),
        _widths(NO, (1, 1), (1, 1), NO),
    ),
    unary(
        "pad_v2_lowest",
        "PADV2",
        act((1, 3, 3, 2), A),
        act((1, 5, 5, 2), A),
        _widths(NO, (1, 1), (1, 1), NO),
        act((1,), A, Choice((-128,))),
    ),
    unary(
        "pad_v2_highest",
        "PADV2",
        act((1, 3, 3, 2), A),
        act((1, 5, 4, 2), A),
        _widths(NO, (2, 0), (0, 1), NO),
        act((1,), A, Choice((127,))),
    ),
    unary(
        "pad_v2_code",
        "PADV2",
        act((1, 4, 3), A),
        act((1, 6, 3), A),
        _widths(NO, (1, 1), NO),
        act((1,), A, Choice((42,))),
    ),
    unary("pad_int32", "PAD", plain((1, 4, 3), "int32"), plain((1, 6, 4), "int32"), _widths(NO, (2, 0), (1, 0))),
)
