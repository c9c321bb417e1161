"""DEPTHWISE_CONV_2D."""

from __future__ import annotations

from support.case import Choice, Seeded
from support.make import RELU, RELU6, RELU_N1_TO_1, VALID, depthwise

LARGE = (1 << 31) - (1 << 23)

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
)
