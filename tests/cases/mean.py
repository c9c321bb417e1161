"""MEAN."""

from __future__ import annotations

from support.make import act, numbers, unary

A, B = (0.05, -3), (0.04, 7)

CASES = (
    unary("mean_hw", "MEAN", act((1, 5, 6, 8), A), act((1, 8), B), numbers(1, 2)),
    unary("mean_hw_keep", "MEAN", act((1, 4, 4, 3), A), act((1, 1, 1, 3), B), numbers(1, 2), keepDims=True),
    unary("mean_hw_same_scale", "MEAN", act((1, 7, 7, 5), A), act((1, 5), A), numbers(1, 2)),
    unary("mean_hw_swapped", "MEAN", act((1, 3, 5, 4), A), act((1, 4), B), numbers(2, 1)),
    unary("mean_hw_negative_axes", "MEAN", act((1, 3, 5, 4), A), act((1, 4), B), numbers(-3, -2)),
    unary("mean_h", "MEAN", act((1, 5, 3, 4), A), act((1, 3, 4), B), numbers(1)),
    unary("mean_w", "MEAN", act((1, 3, 7, 2), A), act((1, 3, 2), B), numbers(2)),
    unary("mean_w_keep", "MEAN", act((1, 3, 7, 2), A), act((1, 3, 1, 2), B), numbers(2), keepDims=True),
    unary("mean_channels", "MEAN", act((1, 3, 2, 17), A), act((1, 3, 2), B), numbers(3)),
    unary("mean_last_of_two", "MEAN", act((1, 30), A), act((1,), B), numbers(1)),
    unary("mean_all_but_batch", "MEAN", act((1, 4, 3, 5), A), act((1,), B), numbers(1, 2, 3)),
    unary("mean_sequence", "MEAN", act((1, 12, 6), (0.02, -128)), act((1, 6), (0.02, -128)), numbers(1)),
    unary("mean_of_one", "MEAN", act((1, 1, 1, 9), A), act((1, 9), B), numbers(1, 2)),
    unary("mean_highest_zero_points", "MEAN", act((1, 4, 4, 3), (0.02, 127)), act((1, 3), (0.03, 127)), numbers(1, 2)),
    unary("mean_large_window", "MEAN", act((1, 48, 40, 2), A), act((1, 2), (0.01, 0)), numbers(1, 2)),
    unary("mean_513_of_6", "MEAN", act((1, 27, 19, 6), (0.02, -128)), act((1, 6), (0.01, 0)), numbers(1, 2)),
    unary("mean_scale_up", "MEAN", act((1, 3, 3, 4), (0.5, 0)), act((1, 4), (0.01, 0)), numbers(1, 2)),
    unary("mean_scale_down", "MEAN", act((1, 3, 3, 4), (0.001, -20)), act((1, 4), (2.0, 50)), numbers(1, 2)),
)
