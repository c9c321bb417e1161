"""CONV_2D with weights of few values."""

from __future__ import annotations

from support.case import Choice, Seeded, Sparse
from support.make import RELU, VALID, conv2d

SIXTEEN = Choice((-127, -101, -83, -66, -52, -38, -24, -11, 0, 9, 21, 37, 55, 70, 94, 126))
NO_ZERO = Choice((-127, -101, -83, -66, -52, -38, -24, -11, 1, 9, 21, 37, 55, 70, 94, 126))
INT4 = Seeded(-8, 7)

FOUR, EIGHT = (-100, -20, 31, 115), (-90, -60, -31, -7, 4, 28, 66, 116)  # of a group

CASES = (
    conv2d("conv_16_values", (9, 8, 8), 12, (3, 3), stride=(2, 2), weights=SIXTEEN),
    conv2d("conv_16_values_rgb", (6, 7, 3), 8, (3, 3), weights=SIXTEEN, activation=RELU, out=(None, -128)),
    conv2d("conv_17_values_with_zero", (5, 5, 1), 16, (5, 5), weights=NO_ZERO, out=(None, -128), activation=RELU),
    conv2d("conv_16_values_1x1", (5, 5, 17), 8, (1, 1), weights=SIXTEEN, activation=RELU, out=(None, -128)),
    conv2d("conv_16_values_1x1_same", (7, 5, 12), 12, (1, 1), weights=NO_ZERO),
    conv2d("conv_16_values_one_pixel", (1, 1, 40), 4, (1, 1), weights=NO_ZERO, out=(None, -20)),
    conv2d("conv_16_values_dilation", (8, 10, 4), 4, (3, 3), dilation=(2, 1), weights=SIXTEEN),
    conv2d("conv_16_values_six_channels", (4, 4, 4), 6, (3, 3), weights=SIXTEEN),
    conv2d("conv_8_values", (7, 6, 12), 8, (3, 3), stride=(2, 1), weights=Choice((-90, -60, -31, -7, 4, 28, 66, 127))),
    conv2d("conv_4_values", (5, 9, 7), 4, (3, 3), weights=Choice((-100, -20, 31, 127)), x=(0.05, 127)),
    conv2d("conv_ternary", (6, 5, 16), 8, (3, 3), weights=Choice((-127, 0, 127)), activation=RELU, out=(None, -128)),
    conv2d("conv_ternary_small", (7, 6, 5), 8, (1, 3), weights=Choice((-1, 0, 1)), out=(0.05, 3)),
    conv2d("conv_three_values", (6, 6, 8), 4, (3, 3), weights=Choice((-128, -1, 126)), out=(None, -128)),
    conv2d("conv_three_values_apart", (6, 6, 8), 4, (1, 1), weights=Choice((-100, -20, 61)), out=(None, -20)),
    conv2d("conv_sparse", (7, 9, 16), 8, (3, 3), stride=(2, 2), weights=Sparse(50), out=(None, -128)),
    conv2d("conv_sparse_1x1", (5, 6, 24), 12, (1, 1), weights=Sparse(25), activation=RELU, out=(None, -128)),
    conv2d("conv_sparse_rgb", (6, 7, 3), 8, (3, 3), weights=Sparse(30)),
    conv2d("conv_binary", (5, 7, 4), 8, (2, 2), weights=Choice((-99, 99)), x=(0.05, -128)),
    conv2d("conv_32_values", (6, 6, 12), 8, (3, 3), stride=(2, 2), weights=Choice(tuple(range(-127, 129, 8)))),
    conv2d("conv_64_values", (9, 7, 12), 8, (3, 3), weights=Seeded(-32, 31), activation=RELU, out=(None, -128)),
    conv2d("conv_65_values", (5, 5, 16), 8, (3, 3), weights=Seeded(-32, 32)),
    conv2d("conv_int4", (8, 9, 8), 16, (3, 3), weights=INT4, out=(0.03, 4)),
    conv2d("conv_int4_scales_apart", (5, 5, 8), 8, (1, 1), weights=INT4, spread=60.0, out=(0.1, -128), activation=RELU),
    conv2d("conv_3x3_16_values", (12, 9, 16), 16, (3, 3), weights=SIXTEEN, activation=RELU, out=(None, -128)),
    conv2d("conv_3x3_16_values_wide", (6, 17, 20), 8, (3, 3), weights=NO_ZERO),
    conv2d("conv_3x3_4_values_tall", (18, 5, 12), 12, (3, 3), weights=Choice((-100, -20, 31, 127)), x=(0.05, 127)),
    conv2d("conv_3x3_32_values_tall", (18, 5, 12), 12, (3, 3), weights=Choice(tuple(range(-127, 129, 8)))),
    conv2d(
        "conv_3x3_32_values_valid", (9, 9, 32), 4, (3, 3), padding=VALID, weights=Choice(tuple(range(-127, 129, 8)))
    ),
    conv2d("conv_3x3_sparse", (12, 7, 12), 8, (3, 3), weights=Sparse(60), activation=RELU, out=(None, -128)),
    conv2d("conv_3x3_three_values", (9, 9, 8), 8, (3, 3), weights=Choice((-128, -1, 126)), x=(0.05, 127)),
    conv2d("conv_groups_of_4", (6, 7, 8), 12, (3, 3), stride=(2, 2), weights=Choice(FOUR, 4), out=(None, -128)),
    conv2d("conv_groups_of_8", (5, 7, 24), 28, (1, 1), weights=Choice(FOUR, 8), activation=RELU, out=(None, -128)),
    conv2d("conv_groups_of_16", (1, 3, 40), 36, (1, 1), weights=Choice(EIGHT, 16)),
    conv2d(
        "conv_groups_32_values", (3, 3, 48), 16, (3, 3), stride=(2, 2), weights=Choice(tuple(range(-127, 113, 8)), 8)
    ),
    conv2d("conv_3x3_groups_of_4", (9, 10, 16), 12, (3, 3), weights=Choice(FOUR, 4), activation=RELU, out=(None, -128)),
    conv2d("conv_3x3_groups_of_8", (18, 5, 12), 20, (3, 3), weights=Choice(EIGHT, 8), x=(0.05, 127)),
    conv2d("conv_3x3_ternary", (8, 8, 32), 32, (3, 3), weights=Choice((-127, 0, 127)), out=(None, -128)),
)
