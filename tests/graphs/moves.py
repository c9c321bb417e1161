"""Operators that may leave every element where it is."""

from __future__ import annotations

from support import make
from support.case import Operator, TensorSpec

from graphs import chain

A = (0.05, -3)
S = (1, 6, 1, 4)


def _moved(builtin: str, old: tuple[int, ...], new: tuple[int, ...], *operands: TensorSpec) -> Operator:
    return Operator(builtin, (make.act(old, A), *operands), (make.act(new, A),))


def _clamp(shape: tuple[int, ...]) -> Operator:
    return _moved("RELU6", shape, shape)


GRAPHS = (
    chain(
        "transpose_of_ones",
        "reshape relu6",
        _moved("TRANSPOSE", S, (1, 1, 6, 4), make.numbers(0, 2, 1, 3)),
        _clamp((1, 1, 6, 4)),
    ),
    chain(
        "transpose_of_more",
        "relu6 transpose",
        _moved("TRANSPOSE", S, (1, 4, 1, 6), make.numbers(0, 3, 2, 1)),
        _clamp((1, 4, 1, 6)),
    ),
    chain(
        "slice_of_all", "relu6", _moved("SLICE", S, S, make.numbers(0, 0, 0, 0), make.numbers(1, 6, 1, 4)), _clamp(S)
    ),
    chain(
        "slice_of_the_end",
        "slice relu6",
        _moved("SLICE", S, (1, 3, 1, 4), make.numbers(0, 3, 0, 0), make.numbers(1, 3, 1, 4)),
        _clamp((1, 3, 1, 4)),
    ),
    chain("broadcast_of_none", "relu6", _moved("BROADCAST_TO", S, S, make.numbers(*S)), _clamp(S)),
    chain("reverse_of_one", "relu6", _moved("REVERSE_V2", S, S, make.numbers(2)), _clamp(S)),
)
