"""Operators that may have nothing to reduce or to resize."""

from __future__ import annotations

from support import make
from support.case import Operator, TensorSpec

from graphs import chain

A = (0.05, -3)
S = (1, 6, 1, 4)


def _of(builtin: str, new: tuple[int, ...], operand: TensorSpec, **options: int) -> Operator:
    return Operator(builtin, (make.act(S, A), operand), (make.act(new, A),), options)


def _clamp(shape: tuple[int, ...]) -> Operator:
    return Operator("RELU6", (make.act(shape, A),), (make.act(shape, A),))


GRAPHS = (
    chain("maximum_over_ones", "reshape relu6", _of("REDUCE_MAX", (6, 4), make.numbers(0, 2)), _clamp((6, 4))),
    chain("maximum_over_more", "reduce_max relu6", _of("REDUCE_MAX", (1, 4), make.numbers(1, 2)), _clamp((1, 4))),
    chain("sum_over_ones", "sum relu6", _of("SUM", (6, 4), make.numbers(0, 2)), _clamp((6, 4))),
    chain(
        "image_of_the_same_size", "relu6", _of("RESIZE_BILINEAR", S, make.numbers(6, 1), halfPixelCenters=1), _clamp(S)
    ),
)
