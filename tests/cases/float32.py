"""Operators on float32. One file for all of them: their kernels are few and small."""

from __future__ import annotations

from support.case import Case, Choice, Operator, Real
from support.make import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, numbers, plain, unary
from support.make_f32 import binary_f32, conv2d_f32, depthwise_f32, fully_connected_f32, padding, pool_f32, real
from support.make_products import batched

HALF, BRAIN = Real(rounded="float16"), Real(rounded="bfloat16")
BOTH = Choice((-2.5, -0.0, 0.0, 0.125, 3.0, 0.0078125))  # float16 and bfloat16
NO = (0, 0)
CLAMPED = (0.0, -0.0, 6.0, -6.0, 5.9999995, 6.0000005, 1e-45, -1e-45, 3.4028235e38, -3.4028235e38)
EXPONENTS = (0.0, -0.0, 1.0, -87.3, -88.7, -100.0, -103.9, -104.0, 0.34657359, -0.34657359, -0.6931472, 20.0)


def _softmax(name: str, shape: tuple[int, ...], beta: float = 1.0) -> Case:
    return Case(name, Operator("SOFTMAX", (real(shape),), (real(shape),), {"beta": beta}), EXPONENTS, ulps=4)


CONVOLUTIONS = (
    conv2d_f32("conv_f32_1x1", (5, 5, 4), 8, (1, 1)),
    conv2d_f32("conv_f32_1x1_one_channel", (3, 3, 1), 1, (1, 1)),
    conv2d_f32("conv_f32_1x1_17_to_5", (4, 3, 17), 5, (1, 1), activation=RELU),
    conv2d_f32("conv_f32_1x1_stride_2", (5, 7, 8), 6, (1, 1), stride=(2, 2)),
    conv2d_f32("conv_f32_1x1_one_pixel", (1, 1, 64), 12, (1, 1)),
    conv2d_f32("conv_f32_1x1_same_shape", (5, 6, 20), 20, (1, 1), activation=RELU),
    conv2d_f32("conv_f32_3x3", (6, 6, 4), 4, (3, 3), activation=RELU),
    conv2d_f32("conv_f32_3x3_rgb", (7, 9, 3), 7, (3, 3), activation=RELU6),
    conv2d_f32("conv_f32_3x3_wide_valid", (5, 12, 2), 3, (3, 3), padding=VALID),
    conv2d_f32("conv_f32_3x3_stride_2", (7, 13, 5), 6, (3, 3), stride=(2, 2)),
    conv2d_f32("conv_f32_3x3_stride_3_1", (8, 7, 3), 4, (3, 3), stride=(3, 1), bias=None),
    conv2d_f32("conv_f32_3x3_dilation_2", (7, 11, 3), 4, (3, 3), dilation=(2, 2)),
    conv2d_f32("conv_f32_3x3_dilation_1_3_valid", (5, 12, 2), 5, (3, 3), dilation=(1, 3), padding=VALID),
    conv2d_f32("conv_f32_3x3_dilation_3_1", (9, 6, 2), 5, (3, 3), dilation=(3, 1)),
    conv2d_f32("conv_f32_3x3_larger_than_image", (2, 1, 4), 4, (3, 3)),
    conv2d_f32("conv_f32_3x3_same_shape_16", (9, 8, 16), 16, (3, 3), activation=RELU_N1_TO_1),
    conv2d_f32("conv_f32_10x4_stride_2", (13, 10, 1), 8, (10, 4), stride=(2, 2), activation=RELU),
    conv2d_f32("conv_f32_5x5", (6, 9, 3), 4, (5, 5), activation=NONE),
    conv2d_f32("conv_f32_weights_of_zero", (4, 6, 3), 4, (3, 3), weights=Choice((0.0, -0.0))),
    conv2d_f32("conv_f32_large_and_small", (4, 6, 3), 4, (3, 3), weights=Choice((1e12, -1e12, 1e-30, 3e-40))),
    conv2d_f32("conv_f16_3x3", (6, 9, 3), 6, (3, 3), weights=HALF, activation=RELU),
    conv2d_f32("conv_f16_1x1", (5, 5, 9), 8, (1, 1), weights=HALF),
    conv2d_f32("conv_f16_extreme", (4, 6, 3), 5, (3, 3), weights=Choice((65504.0, -65504.0, 2.0**-24, -(2.0**-14)))),
    conv2d_f32("conv_bf16_3x3_dilation_2", (7, 12, 3), 6, (3, 3), weights=BRAIN, dilation=(2, 2)),
    conv2d_f32("conv_bf16_1x1", (5, 5, 9), 7, (1, 1), weights=BRAIN),
    conv2d_f32("conv_f16_and_bf16", (5, 8, 4), 4, (3, 3), weights=BOTH),
    fully_connected_f32("fc_f32", (1, 64), 10),
    fully_connected_f32("fc_f32_one_to_one", (1, 1), 1, bias=None),
    fully_connected_f32("fc_f32_7_rows", (7, 13), 6, activation=RELU),
    fully_connected_f32("fc_f32_8_rows_keep", (1, 8, 9), 5, keep_dims=True, activation=RELU6),
    fully_connected_f32("fc_f32_folded", (1, 3, 3, 4), 11, columns=36),
    fully_connected_f32("fc_f16", (5, 33), 9, weights=HALF),
    fully_connected_f32("fc_bf16", (1, 40), 12, weights=BRAIN, activation=RELU),
)
DEPTHWISE = (
    depthwise_f32("dw_f32_3x3", (6, 7, 8), (3, 3), activation=RELU),
    depthwise_f32("dw_f32_3x3_one_channel", (5, 5, 1), (3, 3)),
    depthwise_f32("dw_f32_3x3_7_channels", (5, 6, 7), (3, 3), activation=RELU6),
    depthwise_f32("dw_f32_3x3_stride_2", (9, 8, 12), (3, 3), stride=(2, 2)),
    depthwise_f32("dw_f32_3x3_valid", (6, 5, 5), (3, 3), padding=VALID, bias=None),
    depthwise_f32("dw_f32_5x1_dilation_2_1", (12, 3, 6), (5, 1), dilation=(2, 1)),
    depthwise_f32("dw_f32_1x5_dilation_1_2", (3, 12, 6), (1, 5), dilation=(1, 2)),
    depthwise_f32("dw_f32_larger_than_image", (2, 3, 4), (5, 5)),
    depthwise_f32("dw_f32_multiplier_8", (9, 7, 1), (10, 4), multiplier=8, stride=(2, 2)),
    depthwise_f32("dw_f32_multiplier_3", (6, 5, 5), (3, 3), multiplier=3, activation=RELU),
    depthwise_f32("dw_f16_3x3", (6, 7, 10), (3, 3), weights=HALF),
    depthwise_f32("dw_f16_multiplier_2", (5, 6, 3), (3, 3), weights=HALF, multiplier=2),
    depthwise_f32("dw_bf16_3x3", (6, 7, 9), (3, 3), weights=BRAIN, activation=RELU),
    depthwise_f32("dw_bf16_multiplier_2", (5, 6, 3), (3, 3), weights=BRAIN, multiplier=2),
)
ELEMENTWISE = tuple(
    case
    for builtin in ("ADD", "MUL")
    for case in (
        binary_f32(f"{builtin.lower()}_f32_same", builtin, real((1, 5, 4, 3)), real((1, 5, 4, 3))),
        binary_f32(f"{builtin.lower()}_f32_relu", builtin, real((1, 40)), real((1, 40)), activation=RELU),
        binary_f32(f"{builtin.lower()}_f32_relu6", builtin, real((1, 40)), real((1, 40)), activation=RELU6),
        binary_f32(f"{builtin.lower()}_f32_n1_to_1", builtin, real((1, 40)), real((1, 40)), activation=RELU_N1_TO_1),
        binary_f32(f"{builtin.lower()}_f32_channels", builtin, real((1, 3, 4, 6)), real((6,), Real())),
        binary_f32(f"{builtin.lower()}_f32_number", builtin, real((1, 3, 4, 6)), real((1,), Real())),
        binary_f32(f"{builtin.lower()}_f32_one_channel", builtin, real((1, 4, 5, 6)), real((1, 4, 5, 1))),
        binary_f32(f"{builtin.lower()}_f32_outer", builtin, real((1, 4, 1, 3)), real((1, 1, 5, 3))),
        binary_f32(f"{builtin.lower()}_f32_first_smaller", builtin, real((1, 1, 1, 6)), real((1, 3, 2, 6))),
    )
)
POOLS = tuple(
    case
    for largest in (False, True)
    for name in ("max_f32" if largest else "average_f32",)
    for case in (
        pool_f32(f"{name}_2x2", (6, 8, 4), (2, 2), stride=(2, 2), largest=largest),
        pool_f32(f"{name}_3x3_same", (5, 7, 7), (3, 3), padding=SAME, largest=largest),
        pool_f32(f"{name}_3x2_stride_2_1_relu", (7, 6, 3), (3, 2), stride=(2, 1), activation=RELU, largest=largest),
        pool_f32(f"{name}_global", (5, 4, 9), (5, 4), largest=largest),
        pool_f32(f"{name}_1x1_relu6", (3, 4, 5), (1, 1), activation=RELU6, largest=largest),
    )
)
MEANS = (
    unary("mean_f32_hw", "MEAN", real((1, 5, 6, 8)), real((1, 8)), numbers(1, 2)),
    unary("mean_f32_hw_keep", "MEAN", real((1, 4, 3, 7)), real((1, 1, 1, 7)), numbers(1, 2), keepDims=True),
    unary("mean_f32_h", "MEAN", real((1, 5, 3, 4)), real((1, 3, 4)), numbers(1)),
    unary("mean_f32_w", "MEAN", real((1, 3, 7, 2)), real((1, 3, 2)), numbers(2)),
    unary("mean_f32_channels", "MEAN", real((1, 3, 2, 17)), real((1, 3, 2)), numbers(-1)),
    unary("mean_f32_all_but_batch", "MEAN", real((1, 4, 3, 5)), real((1,)), numbers(1, 2, 3)),
    unary("mean_f32_of_one", "MEAN", real((1, 1, 1, 9)), real((1, 9)), numbers(1, 2)),
    unary("mean_f32_many", "MEAN", real((1, 27, 19, 6)), real((1, 6)), numbers(1, 2)),
)
PADS = (
    unary("pad_f32_hw", "PAD", real((1, 4, 5, 3)), real((1, 7, 8, 3)), padding(NO, (1, 2), (0, 3), NO)),
    unary("pad_f32_channels", "PAD", real((1, 2, 3, 3)), real((1, 2, 4, 6)), padding(NO, NO, (1, 0), (2, 1))),
    unary("pad_f32_vector", "PAD", real((1, 9)), real((1, 16)), padding(NO, (4, 3))),
    unary(
        "padv2_f32_zero",
        "PADV2",
        real((1, 4, 3)),
        real((1, 5, 5)),
        padding(NO, (1, 0), (1, 1)),
        plain((1,), "float32", 0.0),
    ),
)
CLAMPS = tuple(
    Case(name, Operator(builtin, (real(shape),), (real(shape),)), CLAMPED)
    for name, builtin, shape in (
        ("relu_f32", "RELU", (1, 40)),
        ("relu_f32_image", "RELU", (1, 3, 4, 5)),
        ("relu6_f32", "RELU6", (1, 40)),
        ("relu6_f32_image", "RELU6", (1, 3, 4, 5)),
    )
)
SOFTMAXES = (
    _softmax("softmax_f32", (1, 10)),
    _softmax("softmax_f32_of_one", (3, 1)),
    _softmax("softmax_f32_rows", (7, 13)),
    _softmax("softmax_f32_cold", (1, 12), 4.5),
    _softmax("softmax_f32_warm", (1, 5, 6), 0.1),
    _softmax("softmax_f32_wide", (1, 300)),
)
JOINED = (
    Case(
        "concat_f32",
        Operator("CONCATENATION", (real((1, 3, 4, 2)), real((1, 3, 4, 5))), (real((1, 3, 4, 7)),), {"axis": 3}),
    ),
)
BATCHES = (batched(CONVOLUTIONS[0], 3), batched(DEPTHWISE[0], 2))
CASES = (
    *CONVOLUTIONS,
    *DEPTHWISE,
    *BATCHES,
    *ELEMENTWISE,
    *POOLS,
    *MEANS,
    *PADS,
    *CLAMPS,
    *SOFTMAXES,
    *JOINED,
)
