"""DEPTHWISE_CONV_2D."""

from __future__ import annotations

from support.case import Choice, Seeded
from support.make import RELU, RELU6, RELU_N1_TO_1, VALID, depthwise
from support.make_products import batched, int4

LARGE = (1 << 31) - (1 << 23)
# With nine weights of 127 and input zero point -3: the bias that makes the largest sum 2**30, and the sum of zeros then
LIMIT = (1 << 30) - (128 + 3) * 9 * 127
MIDDLE = (1 << 30) - 128 * 9 * 127
# Scales by which this sum lies between two codes, and such by which the right shift is 22 and 23
HALF = 0.05 * 0.01 / (200.5 / MIDDLE)
EDGE_22, EDGE_23 = 2.0**-20 / (0.75 * 2.0**-22), 2.0**-20 / (0.75 * 2.0**-23)
BIAS_22, BIAS_23 = round(90.5 / (0.75 * 2.0**-22)), round(90.5 / (0.75 * 2.0**-23))
ALL_127 = Choice((127,))
LOW = (None, -128)
SIXTEEN = Choice((-127, -101, -83, -66, -52, -38, -24, -11, 0, 9, 21, 37, 55, 70, 94, 126))
FOUR_VALUES = (-100, -20, 31, 115)
INT4, TERNARY = Seeded(-7, 7), Choice((-1, 0, 1))

CASES = (
    depthwise("dw_3x3", (6, 6, 4), (3, 3), activation=RELU, out=(None, -128)),
    depthwise("dw_3x3_one_channel", (5, 5, 1), (3, 3)),
    depthwise("dw_3x3_two_channels", (4, 5, 2), (3, 3), x=(0.05, -128)),
    depthwise("dw_3x3_three_channels_valid", (5, 4, 3), (3, 3), padding=VALID),
    depthwise("dw_3x3_17_channels", (4, 4, 17), (3, 3), x=(0.05, 127), out=(None, 127)),
    depthwise("dw_3x3_stride_2_even", (8, 8, 8), (3, 3), stride=(2, 2), activation=RELU6, out=(0.05, -128)),
    depthwise("dw_3x3_stride_2_odd", (7, 5, 5), (3, 3), stride=(2, 2)),
    depthwise("dw_3x3_stride_1_3", (4, 10, 4), (3, 3), stride=(1, 3)),
    depthwise("dw_3x3_stride_2_1_valid", (7, 5, 4), (3, 3), stride=(2, 1), padding=VALID),
    depthwise("dw_3x3_larger_than_image", (1, 2, 4), (3, 3)),
    depthwise("dw_3x3_dilation_2", (7, 6, 3), (3, 3), dilation=(2, 2)),
    depthwise("dw_3x3_dilation_3_1_valid", (9, 5, 4), (3, 3), dilation=(3, 1), padding=VALID),
    depthwise("dw_1x1", (3, 4, 7), (1, 1)),
    depthwise("dw_5x5", (6, 7, 4), (5, 5)),
    depthwise("dw_5x5_stride_2", (9, 9, 3), (5, 5), stride=(2, 2), activation=RELU),
    depthwise("dw_1x7", (2, 9, 5), (1, 7)),
    depthwise("dw_15x1_valid", (16, 1, 8), (15, 1), padding=VALID),
    depthwise("dw_10x4", (12, 6, 2), (10, 4)),
    depthwise("dw_2x2_same", (5, 5, 4), (2, 2)),
    depthwise("dw_multiplier_2", (5, 5, 3), (3, 3), multiplier=2),
    depthwise("dw_multiplier_8_of_one", (7, 6, 1), (10, 4), multiplier=8, stride=(2, 2), activation=RELU),
    depthwise("dw_multiplier_3_stride_2", (6, 6, 5), (3, 3), multiplier=3, stride=(2, 2), out=(None, 0)),
    depthwise("dw_per_tensor", (4, 4, 6), (3, 3), spread=None),
    depthwise("dw_no_bias", (4, 4, 4), (3, 3), bias=None),
    depthwise("dw_large_bias", (3, 3, 4), (3, 3), bias=Choice((LARGE, -LARGE, -1, 0)), out=(300.0, 3)),
    depthwise("dw_scales_far_apart", (4, 4, 8), (3, 3), w=1e-3, spread=1000.0),
    depthwise("dw_factor_above_one", (3, 3, 4), (1, 1), w=0.5, out=(0.004, -7), weights=Seeded(-2, 2)),
    depthwise("dw_factor_vanishes", (3, 3, 2), (3, 3), x=(1e-6, 0), w=1e-6, out=(1e3, 11)),
    depthwise("dw_extreme_weights", (5, 5, 4), (3, 3), weights=Choice((-128, -127, 127)), x=(0.05, -128)),
    depthwise("dw_relu_n1_to_1", (4, 4, 4), (3, 3), activation=RELU_N1_TO_1, out=(0.02, 10)),
    # images of one pixel, row or column, and such as are higher or wider than the rows that are packed at once
    depthwise("dw_3x3_of_one_pixel", (1, 1, 8), (3, 3), x=(0.05, 127)),
    depthwise("dw_3x3_of_one_row", (1, 6, 4), (3, 3), activation=RELU, out=LOW),
    depthwise("dw_3x3_of_one_column", (7, 1, 5), (3, 3)),
    depthwise("dw_3x3_tall", (21, 3, 6), (3, 3), activation=RELU, out=LOW),
    depthwise("dw_3x3_wide", (5, 18, 7), (3, 3), x=(0.05, -128)),
    depthwise("dw_3x3_large", (17, 19, 9), (3, 3)),
    depthwise("dw_3x3_large_valid", (11, 13, 12), (3, 3), padding=VALID, activation=RELU, out=LOW),
    depthwise("dw_3x3_one_window", (3, 3, 4), (3, 3), padding=VALID),
    depthwise("dw_3x3_stride_2_of_one_pixel", (1, 1, 4), (3, 3), stride=(2, 2)),
    depthwise("dw_3x3_stride_2_of_one_row", (1, 9, 6), (3, 3), stride=(2, 2)),
    depthwise("dw_3x3_stride_2_large", (19, 22, 10), (3, 3), stride=(2, 2), x=(0.05, 127), activation=RELU, out=LOW),
    depthwise("dw_3x3_stride_2_wide", (9, 16, 4), (3, 3), stride=(2, 2), activation=RELU, out=LOW),
    depthwise("dw_3x3_wide_even", (4, 16, 4), (3, 3), activation=RELU, out=LOW),
    depthwise("dw_3x3_relu_scales_far_apart", (4, 5, 8), (3, 3), spread=40.0, activation=RELU, out=LOW),
    depthwise("dw_3x3_stride_2_valid", (12, 14, 5), (3, 3), stride=(2, 2), padding=VALID),
    depthwise("dw_3x3_stride_2_one_window", (4, 4, 4), (3, 3), stride=(2, 2), padding=VALID, activation=RELU, out=LOW),
    # what the requantization of fast kernels allows, on both sides of each limit
    depthwise(
        "dw_sum_below_limit",
        (3, 3, 4),
        (3, 3),
        spread=None,
        weights=ALL_127,
        bias=Choice((LIMIT - 1,)),
        out=(HALF, -100),
    ),
    depthwise(
        "dw_sum_at_limit", (3, 3, 4), (3, 3), spread=None, weights=ALL_127, bias=Choice((LIMIT,)), out=(HALF, -100)
    ),
    depthwise(
        "dw_sum_above_negative_limit",
        (3, 3, 4),
        (3, 3),
        spread=None,
        weights=ALL_127,
        bias=Choice((1 - LIMIT - 2 * 3 * 9 * 127,)),
        out=(HALF, 100),
    ),
    depthwise(
        "dw_shift_22",
        (3, 4, 4),
        (3, 3),
        w=2.0**-10,
        spread=None,
        x=(2.0**-10, 3),
        out=(EDGE_22, -7),
        bias=Choice((BIAS_22, -BIAS_22)),
    ),
    depthwise(
        "dw_shift_23",
        (3, 4, 4),
        (3, 3),
        w=2.0**-10,
        spread=None,
        x=(2.0**-10, 3),
        out=(EDGE_23, -7),
        bias=Choice((BIAS_23, -BIAS_23)),
    ),
    depthwise(
        "dw_shift_1", (4, 3, 4), (3, 3), w=0.5, spread=None, x=(0.25, 3), out=(0.3, 7), weights=Seeded(-4, 4), bias=None
    ),
    depthwise(
        "dw_shift_0",
        (4, 3, 4),
        (3, 3),
        w=0.5,
        spread=None,
        x=(0.25, 3),
        out=(0.15, 7),
        weights=Seeded(-2, 2),
        bias=None,
    ),
    depthwise(
        "dw_constant_channels", (4, 5, 8), (3, 3), bias=Choice((LARGE // 4, -LARGE // 4, 100)), activation=RELU, out=LOW
    ),
    # kernels of one column or row: all remainders of four outputs, odd and even sizes up to 16
    depthwise("dw_3x1_valid", (9, 1, 40), (3, 1), padding=VALID),
    depthwise("dw_5x1_valid", (9, 2, 6), (5, 1), padding=VALID, activation=RELU, out=LOW),
    depthwise("dw_10x1_valid", (15, 1, 12), (10, 1), padding=VALID),
    depthwise("dw_15x1_one_window", (15, 1, 8), (15, 1), padding=VALID, x=(0.05, 127)),
    depthwise("dw_15x1_same", (7, 3, 5), (15, 1)),
    depthwise("dw_16x1", (20, 1, 4), (16, 1)),
    depthwise("dw_4x1", (10, 3, 4), (4, 1), stride=(1, 2), x=(0.05, -128)),
    depthwise("dw_1x2", (3, 7, 7), (1, 2), weights=Choice((-128, 127))),
    depthwise("dw_1x5_of_two", (4, 2, 4), (1, 5), stride=(2, 1), activation=RELU, out=LOW),
    depthwise("dw_1x14", (2, 9, 4), (1, 14)),
    depthwise("dw_7x1_stride_2", (9, 2, 4), (7, 1), stride=(2, 1)),
    depthwise("dw_7x1_dilation_2", (9, 2, 4), (7, 1), dilation=(2, 1)),
    depthwise("dw_1x7_constant_channels", (2, 6, 8), (1, 7), bias=Choice((LARGE // 4, -LARGE // 4, 0)), out=(None, 17)),
    # weights of few values
    depthwise("dw_3x3_16_values", (9, 7, 12), (3, 3), weights=SIXTEEN, activation=RELU, out=LOW),
    depthwise("dw_3x3_int4_stride_2", (8, 9, 6), (3, 3), stride=(2, 2), weights=INT4, out=(0.02, 4)),
    depthwise("dw_3x3_ternary", (12, 6, 8), (3, 3), weights=TERNARY, out=(0.02, -128), activation=RELU),
    depthwise("dw_3x3_64_values", (5, 5, 96), (3, 3), padding=VALID, weights=Seeded(-32, 31)),
    depthwise("dw_3x3_binary", (6, 8, 16), (3, 3), weights=Choice((-1, 1)), x=(0.05, -128), out=(0.02, 3)),
    depthwise("dw_7x1_16_values", (14, 3, 16), (7, 1), weights=SIXTEEN, out=LOW, activation=RELU),
    depthwise("dw_1x10_5_values", (3, 15, 7), (1, 10), weights=Choice((-128, -3, 0, 3, 127)), x=(0.05, 127)),
    depthwise("dw_15x1_binary", (18, 2, 4), (15, 1), weights=Choice((-99, 99))),
    depthwise("dw_5x5_16_values", (7, 9, 8), (5, 5), weights=SIXTEEN, stride=(2, 1), activation=RELU, out=LOW),
    depthwise("dw_2x3_8_values", (6, 5, 18), (2, 3), weights=Choice((-90, -60, -31, -7, 4, 28, 66, 127))),
    depthwise("dw_3x3_groups_of_8", (6, 5, 24), (3, 3), weights=Choice(FOUR_VALUES, 8), activation=RELU, out=LOW),
    depthwise("dw_3x3_groups_and_two_channels", (5, 6, 18), (3, 3), stride=(2, 2), weights=Choice(FOUR_VALUES, 8)),
    depthwise("dw_7x1_groups_of_4", (14, 3, 16), (7, 1), weights=Choice(FOUR_VALUES, 4)),
    depthwise("dw_5x5_groups_of_16", (6, 9, 39), (5, 5), weights=Choice((-90, -60, -31, -7, 4, 28, 66, 116), 16)),
    depthwise("dw_3x3_ternary_dilation", (9, 9, 5), (3, 3), dilation=(2, 2), weights=TERNARY, out=(0.02, 9)),
    batched(depthwise("dw_3x3_same_shape_8", (4, 5, 8), (3, 3)), 2),
    batched(depthwise("dw_7x1_stride_2_multiplier", (9, 3, 2), (7, 1), multiplier=3, stride=(2, 2)), 3),
    int4(depthwise("dw_3x3_5", (5, 4, 5), (3, 3))),
)
