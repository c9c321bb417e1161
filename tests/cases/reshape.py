"""RESHAPE, SQUEEZE and EXPAND_DIMS: views, which compute nothing."""

from __future__ import annotations

from support.make import act, numbers, unary

A = (0.05, -3)

CASES = (
    unary("reshape_flatten", "RESHAPE", act((1, 3, 4, 2), A), act((1, 24), A), numbers(1, 24), newShape=(1, 24)),
    unary("reshape_open_dimension", "RESHAPE", act((1, 3, 4), A), act((4, 3), A), numbers(-1, 3), newShape=(-1, 3)),
    unary("reshape_image", "RESHAPE", act((1, 12), A), act((1, 2, 2, 3), A), numbers(1, 2, 2, 3)),
    unary("squeeze", "SQUEEZE", act((1, 1, 1, 7), A), act((1, 7), A), squeezeDims=(1, 2)),
    unary("reshape_other_scale", "RESHAPE", act((1, 3, 4), A), act((1, 12), (0.2, 7)), numbers(1, 12)),
    unary("expand_dims", "EXPAND_DIMS", act((1, 5), A), act((1, 1, 5), A), numbers(1)),
)
