"""FULLY_CONNECTED."""

from __future__ import annotations

from support.case import Choice, Seeded, Sparse
from support.make import RELU, RELU6, RELU_N1_TO_1, fully_connected
from support.make_products import int4

LARGE = (1 << 31) - (1 << 24)
# The largest bias that leaves an odd channel's sum of four products of 127 below 2**23, plus 1, at input zero point -3
LIMIT = (1 << 23) - (128 + 3) * 4 * 127
FAR = Choice((LIMIT - 1, 1 - LIMIT))
HIGH = Choice((8_000_000, -8_000_000))
SIXTEEN = Choice((-127, -101, -83, -66, -52, -38, -24, -11, 0, 9, 21, 37, 55, 70, 94, 126))
THIRTY_TWO = Choice(tuple(range(-128, 128, 8)))
TERNARY, BINARY = Choice((-127, 0, 127)), Choice((-127, 127))
INT4 = Seeded(-8, 7)
BIG = (0.05 * 0.01 * (1 << 16), 5)

CASES = (
    fully_connected("fc_16_to_8", (1, 16), 8),
    fully_connected("fc_1_to_1", (1, 1), 1, out=(None, 0)),
    fully_connected("fc_2_to_3", (1, 2), 3, activation=RELU),
    fully_connected("fc_5_to_7", (1, 5), 7, x=(0.05, -128), out=(None, -128)),
    fully_connected("fc_17_to_17", (1, 17), 17, x=(0.05, 127), out=(None, 127)),
    fully_connected("fc_640_to_9", (1, 640), 9, activation=RELU, out=(None, -128)),
    fully_connected("fc_one_unit", (1, 33), 1),
    fully_connected("fc_rows", (5, 12), 6),
    fully_connected("fc_rows_odd", (3, 7), 5, spread=4.0),
    fully_connected("fc_three_dimensions", (2, 3, 8), 4, keep_dims=True),
    fully_connected("fc_flattens", (1, 2, 3, 4), 5, columns=24),
    fully_connected("fc_vector", (12,), 4),
    fully_connected("fc_per_channel", (1, 20), 10, spread=3.0),
    fully_connected("fc_scales_far_apart", (1, 9), 8, w=1e-3, spread=1000.0),
    fully_connected("fc_no_bias", (1, 10), 6, bias=None),
    fully_connected("fc_large_bias", (1, 8), 6, bias=Choice((LARGE, -LARGE, 1 << 25, 0)), out=(60.0, 3)),
    fully_connected("fc_extreme_weights", (1, 64), 6, weights=Choice((-128, -127, 127)), x=(0.05, -128)),
    fully_connected("fc_lowest_weights", (1, 40), 5, weights=Choice((-128,)), x=(0.05, 127), out=(None, 127)),
    fully_connected("fc_factor_above_one", (1, 3), 4, w=0.5, out=(0.004, -7), weights=Seeded(-2, 2)),
    fully_connected("fc_factor_tiny", (1, 8), 3, w=1e-6, out=(3.0, -1), bias=Choice((LARGE, -LARGE))),
    fully_connected("fc_factor_vanishes", (1, 8), 3, x=(1e-6, 0), w=1e-6, out=(1e3, 11)),
    fully_connected("fc_relu6", (1, 16), 9, activation=RELU6, out=(0.04, -100)),
    fully_connected("fc_128_to_24_per_channel", (1, 128), 24, spread=3.0, activation=RELU, out=(None, -128)),
    fully_connected("fc_45_to_28_per_channel", (2, 45), 28, spread=3.0),
    fully_connected("fc_rows_of_eights", (3, 22), 16, activation=RELU, out=(None, -128)),
    fully_connected("fc_rows_of_fours", (3, 20), 16, activation=RELU, out=(None, -70)),
    fully_connected("fc_52_to_24_per_channel", (2, 52), 24, spread=3.0, x=(0.05, 127), out=(None, 0)),
    fully_connected("fc_36_to_8_relu", (1, 36), 8, activation=RELU, x=(0.05, -128), out=(None, -128)),
    fully_connected("fc_eight_and_five", (2, 18), 13, activation=RELU, out=(None, -30)),
    # 256 times the sum of an odd channel, at most 2**23 - 1 and 2**23
    fully_connected("fc_sum_below_limit", (1, 4), 8, weights=Choice((127,)), bias=FAR, out=BIG),
    fully_connected("fc_sum_at_limit", (1, 4), 8, weights=Choice((127,)), bias=Choice((LIMIT, -LIMIT)), out=BIG),
    fully_connected("fc_shift_22", (1, 16), 8, x=(1e-6, 3), w=1e-3, out=(2.0**-7, -7), bias=HIGH),
    fully_connected("fc_shift_23", (1, 16), 8, x=(1e-6, 3), w=1e-3, out=(2.0**-6, -7), bias=HIGH),
    fully_connected(
        "fc_shift_22_per_channel", (1, 16), 8, x=(1.15e-6, 3), w=1e-3, spread=1.1, out=(2.0**-7, 9), bias=HIGH
    ),
    fully_connected("fc_shift_1", (1, 3), 8, w=0.5, out=(0.08, -7), weights=Seeded(-9, 9)),
    fully_connected("fc_relu_n1_to_1", (1, 16), 9, activation=RELU_N1_TO_1, out=(0.02, 10)),
    fully_connected("fc_16_values", (1, 64), 12, weights=SIXTEEN, spread=3.0),
    fully_connected("fc_16_values_odd", (2, 21), 7, weights=SIXTEEN, activation=RELU, out=(None, -128)),
    fully_connected("fc_16_values_few_inputs", (1, 3), 5, weights=SIXTEEN, x=(0.05, 127)),
    fully_connected("fc_8_values", (3, 45), 9, weights=Choice((-90, -60, -31, -7, 4, 28, 66, 127)), spread=3.0),
    fully_connected("fc_5_values", (1, 40), 4, weights=Choice((-128, -3, 0, 3, 127)), x=(0.05, -128)),
    fully_connected("fc_4_values", (2, 50), 6, weights=Choice((-128, -20, 31, 127)), spread=3.0),
    fully_connected("fc_ternary", (1, 36), 10, weights=TERNARY, spread=3.0),
    fully_connected("fc_binary", (2, 27), 11, weights=BINARY, activation=RELU6, out=(0.5, -100)),
    fully_connected("fc_ternary_long", (2, 101), 9, weights=Choice((-1, 0, 1)), spread=3.0, out=(0.02, -5)),
    fully_connected("fc_binary_long", (1, 204), 8, weights=Choice((-1, 1)), activation=RELU, out=(0.02, -128)),
    fully_connected("fc_two_values", (2, 88), 5, weights=Choice((-128, 127)), x=(0.05, 127)),
    fully_connected("fc_sparse", (1, 300), 10, weights=Sparse(40), spread=3.0),
    fully_connected("fc_sparse_few", (3, 128), 5, weights=Sparse(5), x=(0.05, 127), activation=RELU),
    fully_connected("fc_sparse_short", (2, 24), 3, weights=Sparse(60), x=(0.05, -128)),
    fully_connected("fc_groups_of_4", (2, 45), 10, weights=Choice((-128, -20, 31, 100), 4), spread=3.0),
    fully_connected(
        "fc_groups_of_8", (1, 64), 24, weights=Choice((-90, -60, -31, -7, 4, 28, 66, 115), 8), x=(0.05, 127)
    ),
    fully_connected("fc_groups_32_values", (3, 88), 22, weights=Choice(tuple(range(-128, 100, 8)), 16)),
    fully_connected("fc_one_value", (1, 12), 3, weights=Choice((77,))),
    fully_connected("fc_32_values", (2, 35), 6, weights=THIRTY_TWO, activation=RELU),
    fully_connected("fc_64_values", (2, 60), 10, weights=Seeded(-32, 31), spread=3.0),
    fully_connected("fc_65_values", (1, 600), 5, weights=Seeded(-32, 32)),
    fully_connected("fc_int4", (1, 64), 12, weights=INT4, spread=3.0, out=(0.01, 5)),
    fully_connected("fc_int4_odd", (3, 23), 9, weights=INT4, activation=RELU, out=(0.01, -128)),
    fully_connected("fc_int4_few_inputs", (2, 2), 3, weights=INT4, x=(0.05, 127), out=(0.01, 0)),
    fully_connected("fc_int4_lowest", (1, 44), 8, weights=Choice((-8,)), x=(0.05, -128), out=(0.1, 3)),
    fully_connected("fc_int4_highest", (1, 48), 6, weights=Choice((7, -8)), x=(0.05, 127), bias=None, out=(0.1, 3)),
    fully_connected("fc_int4_bias_at_limit", (1, 4), 4, weights=INT4, bias=Choice((1 << 26, -(1 << 26))), out=BIG),
    fully_connected("fc_above_int4", (1, 40), 4, weights=Seeded(-8, 8), out=(0.01, 5)),
    int4(fully_connected("fc_13_to_9", (3, 13), 9)),
)
