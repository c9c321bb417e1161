"""ADD and MUL."""

from __future__ import annotations

from support.case import Choice, Seeded
from support.make import RELU, RELU6, RELU_N1_TO_1, act, binary

A, B = (0.05, -3), (0.08, 11)
FULL = Seeded(-128, 127)
SELF = act((1, 3, 3, 2), A)
SELF_MUL = act((1, 3, 3, 2), A)

CASES = (
    binary("add_same_shape", "ADD", act((1, 4, 4, 3), A), act((1, 4, 4, 3), B)),
    binary("add_same_scale", "ADD", act((1, 3, 3, 5), A), act((1, 3, 3, 5), A), out=A),
    binary("add_to_itself", "ADD", SELF, SELF),
    binary("add_residual_relu", "ADD", act((1, 4, 4, 4), A), act((1, 4, 4, 4), B), out=(0.1, -128), activation=RELU),
    binary("add_relu6", "ADD", act((1, 3, 3, 4), A), act((1, 3, 3, 4), B), out=(0.05, -100), activation=RELU6),
    binary("add_relu_n1_to_1", "ADD", act((1, 9), A), act((1, 9), B), out=(0.05, 3), activation=RELU_N1_TO_1),
    binary("add_one_element", "ADD", act((1, 1), A), act((1, 1), B)),
    binary("add_channel_vector", "ADD", act((1, 3, 4, 5), A), act((5,), B)),
    binary("add_channel_vector_first", "ADD", act((5,), B), act((1, 3, 4, 5), A)),
    binary("add_rows", "ADD", act((1, 3, 4, 5), A), act((1, 3, 1, 1), B)),
    binary("add_columns", "ADD", act((1, 1, 4, 1), B), act((1, 3, 4, 5), A)),
    binary("add_pixels", "ADD", act((1, 3, 4, 1), A), act((1, 3, 4, 5), B)),
    binary("add_rows_and_channels", "ADD", act((1, 3, 1, 5), A), act((1, 3, 4, 5), B)),
    binary("add_outer_sum", "ADD", act((1, 3, 1), A), act((1, 1, 4), B)),
    binary("add_both_broadcast", "ADD", act((1, 2, 1, 3), A), act((1, 1, 4, 3), B)),
    binary("add_scalar_tensor", "ADD", act((1, 2, 3, 4), A), act((1,), B)),
    binary("add_constant", "ADD", act((1, 3, 3, 2), A), act((1, 3, 3, 2), B, FULL)),
    binary("add_constant_first", "ADD", act((1, 3, 3, 2), B, FULL), act((1, 3, 3, 2), A)),
    binary("add_constant_channels", "ADD", act((1, 3, 3, 7), A), act((7,), B, FULL)),
    binary("add_constant_scalar", "ADD", act((1, 2, 2, 3), A), act((), B, Choice((-90,)))),
    binary("add_zero_points_at_the_ends", "ADD", act((1, 12), (0.05, -128)), act((1, 12), (0.05, 127)), out=(0.1, 127)),
    binary("add_scales_far_apart", "ADD", act((1, 20), (1e-4, 0)), act((1, 20), (4.0, 9)), out=(4.0, 0)),
    binary("add_small_output_scale", "ADD", act((1, 20), (0.1, 0)), act((1, 20), (0.1, 9)), out=(0.002, 0)),
    binary("add_same_shape_odd", "ADD", act((1, 3, 3, 3), B), act((1, 3, 3, 3), A), out=(0.1, -128)),
    binary("add_half_scale", "ADD", act((1, 70), (0.1, 90)), act((1, 70), (0.05, -100)), out=(0.1, -20)),
    binary("add_vanishing_input", "ADD", act((1, 33), (1e-10, 5)), act((1, 33), (4.0, -9)), out=(4.0, 3)),
    binary("add_small_input", "ADD", act((1, 33), (0.004, 127)), act((1, 33), (4.0, -128)), out=(4.0, 3)),
    # requantization shifts right by 22, 23 and 1, 0
    binary("add_shift_22", "ADD", act((1, 40), (0.2, -128)), act((1, 40), (0.1, 9)), out=(1.9, 127)),
    binary("add_shift_23", "ADD", act((1, 40), (0.2, -128)), act((1, 40), (0.1, 9)), out=(3.7, 127)),
    binary("add_shift_1", "ADD", act((1, 40), (0.1, 7)), act((1, 40), (0.1, 9)), out=(5.4e-7, 1)),
    binary("add_shift_0", "ADD", act((1, 40), (0.1, 7)), act((1, 40), (0.1, 9)), out=(2.7e-7, 1)),
    binary("mul_same_shape", "MUL", act((1, 4, 4, 3), A), act((1, 4, 4, 3), B), out=(0.5, 4)),
    binary("mul_by_itself", "MUL", SELF_MUL, SELF_MUL, out=(0.2, -128)),
    binary("mul_relu", "MUL", act((1, 3, 3, 4), A), act((1, 3, 3, 4), B), out=(0.3, -50), activation=RELU),
    binary("mul_relu6", "MUL", act((1, 3, 3, 4), A), act((1, 3, 3, 4), B), out=(0.05, -100), activation=RELU6),
    binary("mul_relu_n1_to_1", "MUL", act((1, 9), A), act((1, 9), B), out=(0.05, 3), activation=RELU_N1_TO_1),
    binary("mul_gate", "MUL", act((1, 3, 4, 6), A), act((1, 1, 1, 6), (1 / 256, -128)), out=(0.05, -3)),
    binary("mul_gate_first", "MUL", act((1, 1, 1, 6), (1 / 256, -128)), act((1, 3, 4, 6), A), out=(0.05, -3)),
    binary("mul_rows", "MUL", act((1, 3, 4, 5), A), act((1, 3, 1, 1), B), out=(0.3, 0)),
    binary("mul_outer_product", "MUL", act((1, 3, 1), A), act((1, 1, 4), B), out=(0.3, 0)),
    binary("mul_constant_channels", "MUL", act((7,), B, FULL), act((1, 3, 3, 7), A), out=(0.3, 0)),
    binary("mul_constant_scalar", "MUL", act((1, 2, 2, 3), A), act((), B, Choice((77,))), out=(0.3, 0)),
    binary("mul_zero_points_at_the_ends", "MUL", act((1, 12), (0.05, -128)), act((1, 12), (0.05, 127)), out=(0.4, 127)),
    binary("mul_factor_above_one", "MUL", act((1, 12), (1.5, 0)), act((1, 12), (2.0, 0)), out=(0.7, 0)),
    binary("mul_factor_tiny", "MUL", act((1, 12), (1e-4, 0)), act((1, 12), (1e-4, 0)), out=(3.0, 5)),
)
