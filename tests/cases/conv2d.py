"""CONV_2D."""

from __future__ import annotations

from support.case import Choice, Seeded
from support.make import RELU, RELU6, RELU_N1_TO_1, VALID, conv2d

LARGE = (1 << 31) - (1 << 23)

CASES = (
    conv2d("conv_1x1", (5, 5, 4), 8, (1, 1)),
    conv2d("conv_1x1_one_channel", (3, 3, 1), 1, (1, 1), out=(None, 0)),
    conv2d("conv_1x1_17_to_5", (4, 3, 17), 5, (1, 1), activation=RELU),
    conv2d("conv_1x1_stride_2_same", (5, 7, 8), 6, (1, 1), stride=(2, 2)),
    conv2d("conv_1x1_one_pixel", (1, 1, 64), 12, (1, 1), out=(None, -20)),
    conv2d("conv_3x3", (6, 6, 4), 4, (3, 3), activation=RELU),
    conv2d("conv_3x3_16_to_16", (5, 5, 16), 16, (3, 3), activation=RELU, out=(None, -128)),
    conv2d("conv_3x3_rgb", (7, 7, 3), 7, (3, 3), x=(1 / 255, -128), out=(None, -128), activation=RELU6),
    conv2d("conv_3x3_two_to_three_valid", (5, 6, 2), 3, (3, 3), padding=VALID),
    conv2d("conv_3x3_stride_2_even", (6, 8, 3), 5, (3, 3), stride=(2, 2)),
    conv2d("conv_3x3_stride_2_odd", (7, 9, 5), 6, (3, 3), stride=(2, 2), activation=RELU),
    conv2d("conv_3x3_stride_3_1", (8, 5, 3), 4, (3, 3), stride=(3, 1)),
    conv2d("conv_3x3_stride_1_2_valid", (5, 8, 4), 9, (3, 3), stride=(1, 2), padding=VALID),
    conv2d("conv_3x3_dilation_2", (7, 7, 3), 4, (3, 3), dilation=(2, 2)),
    conv2d("conv_3x3_dilation_1_3", (5, 9, 2), 5, (3, 3), dilation=(1, 3)),
    conv2d("conv_3x3_dilation_3_2_valid", (9, 8, 3), 3, (3, 3), dilation=(3, 2), padding=VALID),
    conv2d("conv_3x3_larger_than_image", (2, 1, 4), 4, (3, 3)),
    conv2d("conv_5x5", (6, 5, 3), 4, (5, 5), x=(0.02, 127), out=(None, 127)),
    conv2d("conv_5x5_stride_2_valid", (9, 8, 1), 7, (5, 5), stride=(2, 2), padding=VALID, x=(0.02, 0), out=(None, 0)),
    conv2d("conv_1x7", (2, 11, 3), 5, (1, 7)),
    conv2d("conv_7x1_valid", (9, 2, 2), 4, (7, 1), padding=VALID),
    conv2d("conv_10x4_stride_2", (13, 10, 1), 8, (10, 4), stride=(2, 2), x=(0.6, 83), activation=RELU),
    conv2d("conv_4x4_even_same", (5, 5, 2), 3, (4, 4)),
    conv2d("conv_2x2_stride_2_valid", (6, 6, 5), 2, (2, 2), stride=(2, 2), padding=VALID),
    conv2d("conv_per_tensor", (4, 4, 4), 4, (3, 3), spread=None),
    conv2d("conv_no_bias", (4, 4, 3), 5, (3, 3), bias=None),
    conv2d("conv_large_bias", (3, 3, 2), 6, (1, 1), bias=Choice((LARGE, -LARGE, 1 << 24, 0)), out=(60.0, 3)),
    conv2d("conv_scales_far_apart", (4, 4, 3), 8, (3, 3), w=1e-3, spread=1000.0),
    conv2d("conv_factor_above_one", (3, 4, 1), 3, (1, 1), w=0.5, out=(0.004, -7), weights=Seeded(-2, 2)),
    conv2d("conv_factor_far_above_one", (3, 3, 1), 2, (1, 1), w=2.0, out=(1e-4, 0), bias=None, weights=Seeded(-1, 1)),
    conv2d("conv_factor_tiny", (3, 3, 4), 3, (3, 3), w=1e-6, out=(3.0, -1), bias=Choice((LARGE, -LARGE))),
    conv2d("conv_factor_vanishes", (3, 3, 2), 3, (1, 1), x=(1e-6, 0), w=1e-6, out=(1e3, 11)),
    conv2d("conv_extreme_weights", (5, 5, 7), 5, (3, 3), weights=Choice((-128, -127, 127)), x=(0.05, -128)),
    conv2d("conv_lowest_weights", (4, 4, 17), 4, (3, 3), weights=Choice((-128,)), x=(0.05, 127), out=(None, 127)),
    conv2d("conv_all_weights_zero", (3, 3, 4), 4, (3, 3), weights=Choice((0,))),
    conv2d("conv_relu6", (4, 4, 4), 6, (3, 3), activation=RELU6, out=(0.04, -100)),
    conv2d("conv_relu_n1_to_1", (4, 4, 4), 6, (3, 3), activation=RELU_N1_TO_1, out=(0.02, 10)),
    conv2d("conv_relu_zero_point_highest", (3, 3, 3), 4, (3, 3), activation=RELU, out=(None, 127)),
)
