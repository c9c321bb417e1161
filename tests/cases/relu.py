"""RELU and RELU6 that are not fused."""

from __future__ import annotations

from support.make import act, unary

CASES = (
    unary("relu_same", "RELU", act((1, 4, 4, 3), (0.05, -3)), act((1, 4, 4, 3), (0.05, -3))),
    unary("relu_rescales", "RELU", act((1, 4, 4, 3), (0.05, -3)), act((1, 4, 4, 3), (0.025, -128))),
    unary("relu_scale_up", "RELU", act((1, 17), (0.5, 9)), act((1, 17), (0.01, -128))),
    unary("relu_scale_down", "RELU", act((1, 17), (0.001, -128)), act((1, 17), (0.7, 40))),
    unary("relu_zero_points_high", "RELU", act((1, 64), (0.05, 127)), act((1, 64), (0.05, 127))),
    unary("relu_zero_points_low", "RELU", act((1, 64), (0.05, -128)), act((1, 64), (0.03, -128))),
    unary("relu_one_element", "RELU", act((1, 1), (0.05, 0)), act((1, 1), (0.05, 0))),
    unary("relu6_same", "RELU6", act((1, 4, 4, 3), (0.05, -3)), act((1, 4, 4, 3), (0.05, -3))),
    unary("relu6_fine", "RELU6", act((1, 64), (0.0235294, -128)), act((1, 64), (0.0235294, -128))),
    unary("relu6_coarse", "RELU6", act((1, 64), (0.9, 5)), act((1, 64), (0.9, 5))),
    unary("relu6_out_of_reach", "RELU6", act((1, 64), (0.001, 100)), act((1, 64), (0.001, 100))),
    unary("relu6_zero_point_highest", "RELU6", act((1, 64), (0.1, 127)), act((1, 64), (0.1, 127))),
)
