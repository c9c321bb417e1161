"""Operators with int16 activations. One file for all of them: their kernels are few and small."""

from __future__ import annotations

from support.case import Case, Choice, Exact, Operator, Seeded, TensorSpec
from support.make import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
    Quant,
    act,
    binary,
    conv2d,
    depthwise,
    fully_connected,
    numbers,
    plain,
    pool,
    unary,
)
from support.make_products import batched
from support.make_s16 import wide

A, B = (0.05, 0), (0.04, 0)
NO = (0, 0)


def _wide(shape: tuple[int, ...], scale: float) -> TensorSpec:
    return TensorSpec(shape, "int16", (scale,), (0,))


def _widths(*pairs: tuple[int, int]) -> TensorSpec:
    return TensorSpec((len(pairs), 2), "int32", data=Exact(tuple(n for pair in pairs for n in pair)))


def _between(name: str, source: TensorSpec, target: TensorSpec, values: tuple[float, ...] = ()) -> Case:
    return Case(name, Operator("QUANTIZE", (source,), (target,)), values)


def _softmax(name: str, shape: tuple[int, ...], scale: float, beta: float = 1.0) -> Case:
    operator = Operator("SOFTMAX", (_wide(shape, scale),), (_wide(shape, 1 / 32768),), {"beta": beta})
    return Case(name, operator)


TIES = tuple((k + 0.5) * 0.001 for k in (-32769, -32768, -2, -1, 0, 1, 2, 32766, 32767))
HALVES = (*TIES, 1e6, -1e6, 70.0, 0.0)
INT8: Quant = (0.05, -3)

CONVOLUTIONS = (
    conv2d("conv_1x1", (5, 5, 4), 8, (1, 1)),
    conv2d("conv_1x1_one_channel", (3, 3, 1), 1, (1, 1)),
    conv2d("conv_1x1_17_to_5", (4, 3, 17), 5, (1, 1), activation=RELU),
    conv2d("conv_1x1_stride_2", (5, 7, 8), 6, (1, 1), stride=(2, 2)),
    conv2d("conv_3x3", (6, 6, 4), 4, (3, 3), activation=RELU),
    conv2d("conv_3x3_rgb", (7, 9, 3), 7, (3, 3), activation=RELU6),
    conv2d("conv_3x3_rgb_valid", (5, 7, 3), 5, (3, 3), padding=VALID),
    conv2d("conv_3x3_16_to_12", (5, 6, 16), 12, (3, 3), activation=RELU_N1_TO_1),
    conv2d("conv_3x3_stride_2_no_bias", (7, 9, 8), 6, (3, 3), stride=(2, 2), bias=None),
    conv2d("conv_3x3_dilation_2", (7, 8, 4), 4, (3, 3), dilation=(2, 2)),
    conv2d("conv_3x3_dilation_3_1", (9, 6, 8), 5, (3, 3), dilation=(3, 1)),
    conv2d("conv_3x3_larger_than_image", (2, 1, 4), 4, (3, 3)),
    conv2d("conv_10x4_stride_2", (13, 10, 1), 8, (10, 4), stride=(2, 2), activation=RELU),
    conv2d("conv_per_tensor", (4, 4, 4), 4, (3, 3), spread=None),
    conv2d("conv_sums_of_33_bits", (4, 5, 64), 4, (3, 3), weights=Choice((-128, 127))),
    conv2d("conv_sums_below_32_bits", (4, 5, 56), 4, (3, 3), weights=Seeded(-120, -110)),
    conv2d("conv_bias_of_45_bits", (3, 3, 4), 6, (1, 1), bias=Choice((1 << 45, -(1 << 45))), out=(2e3, 0)),
    conv2d("conv_factor_above_one", (3, 4, 4), 3, (1, 1), w=0.5, out=(0.004, 0), weights=Seeded(-2, 2)),
    conv2d("conv_scales_far_apart", (4, 4, 4), 8, (3, 3), w=1e-3, spread=1000.0),
    fully_connected("fc", (1, 64), 10),
    fully_connected("fc_7_rows", (7, 13), 6, activation=RELU, spread=3.0),
    fully_connected("fc_no_bias", (1, 33), 5, bias=None),
    fully_connected("fc_folded", (1, 3, 3, 4), 11, columns=36),
    fully_connected("fc_sums_of_33_bits", (1, 600), 4, weights=Choice((-128, 127))),
)
DEPTHWISE = (
    depthwise("dw_3x3", (6, 7, 8), (3, 3), activation=RELU),
    depthwise("dw_3x3_7_channels", (5, 6, 7), (3, 3), stride=(2, 2), bias=None),
    depthwise("dw_5x1_dilation_2_1", (12, 3, 6), (5, 1), dilation=(2, 1)),
    depthwise("dw_multiplier_3", (6, 5, 5), (3, 3), multiplier=3, padding=VALID),
)
OTHERS = (
    pool("average_2x2", (6, 8, 4), (2, 2), stride=(2, 2)),
    pool("average_3x3_same", (5, 7, 7), (3, 3), padding=SAME, activation=RELU),
    pool("average_global", (5, 4, 9), (5, 4)),
    pool("max_2x2", (6, 8, 4), (2, 2), stride=(2, 2), largest=True),
    pool("max_3x3_same", (5, 7, 7), (3, 3), padding=SAME, activation=RELU6, largest=True),
    unary("mean_hw", "MEAN", act((1, 5, 6, 8), A), act((1, 8), B), numbers(1, 2)),
    unary("mean_hw_keep", "MEAN", act((1, 4, 4, 3), A), act((1, 1, 1, 3), B), numbers(1, 2), keepDims=True),
    unary("mean_channels", "MEAN", act((1, 3, 2, 17), A), act((1, 3, 2), B), numbers(3)),
    unary("mean_many", "MEAN", act((1, 27, 19, 6), A), act((1, 6), (0.01, 0)), numbers(1, 2)),
    unary("pad_hw", "PAD", act((1, 4, 5, 3), A), act((1, 7, 8, 3), A), _widths(NO, (1, 2), (0, 3), NO)),
    unary("pad_channels", "PAD", act((1, 3, 3, 3), A), act((1, 3, 3, 8), A), _widths(NO, NO, NO, (1, 4))),
    *(
        case
        for builtin, out in (("ADD", 0.1), ("MUL", 0.2))
        for case in (
            binary(f"{builtin.lower()}_same", builtin, act((1, 5, 4, 3), A), act((1, 5, 4, 3), B), out=(out, 0)),
            binary(f"{builtin.lower()}_relu", builtin, act((1, 40), A), act((1, 40), A), out=(out, 0), activation=RELU),
            binary(f"{builtin.lower()}_channels", builtin, act((1, 3, 4, 6), A), act((6,), B, Seeded()), out=(out, 0)),
            binary(f"{builtin.lower()}_apart", builtin, act((1, 40), (3.0, 0)), act((1, 40), (0.001, 0)), out=(2.0, 0)),
        )
    ),
)
EDGES = (
    _softmax("softmax_s16", (1, 10), 0.001),
    _softmax("softmax_s16_of_one", (3, 1), 0.001),
    _softmax("softmax_s16_rows", (7, 13), 0.0001),
    _softmax("softmax_s16_coarse", (2, 12), 0.3),
    _softmax("softmax_s16_cold", (1, 12), 0.0005, 3.5),
    _softmax("softmax_s16_wide", (1, 300), 0.00002),
    _between("quantize_f32_s16", plain((1, 16), "float32"), _wide((1, 16), 0.001), HALVES),
    _between("requantize_s16", _wide((1, 40), 0.001), _wide((1, 40), 0.0007)),
    _between("requantize_s16_down", _wide((1, 3, 4, 5), 0.001), _wide((1, 3, 4, 5), 0.9)),
    _between("requantize_s8_s16", act((1, 4, 4, 3), INT8), _wide((1, 4, 4, 3), 0.0002)),
    _between("requantize_s16_s8", _wide((1, 4, 4, 3), 0.0002), act((1, 4, 4, 3), INT8)),
    unary("relu_s16", "RELU", _wide((1, 4, 4, 3), 0.0002), _wide((1, 4, 4, 3), 0.00015)),
    unary("relu6_s16", "RELU6", _wide((1, 4, 4, 3), 0.0003), _wide((1, 4, 4, 3), 0.0003)),
    unary("dequantize_s16", "DEQUANTIZE", _wide((1, 40), 0.0001), plain((1, 40), "float32")),
    Case(
        "concat_s16",
        Operator(
            "CONCATENATION",
            (_wide((1, 3, 4, 2), 0.1), _wide((1, 3, 4, 5), 0.1)),
            (_wide((1, 3, 4, 7), 0.1),),
            {"axis": 3},
        ),
    ),
)
BATCHES = (batched(CONVOLUTIONS[0], 3), batched(DEPTHWISE[0], 2))
CASES = (*map(wide, (*CONVOLUTIONS, *DEPTHWISE, *BATCHES, *OTHERS)), *EDGES)
