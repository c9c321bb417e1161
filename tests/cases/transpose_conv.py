"""TRANSPOSE_CONV of int8, int16 and float32."""

from __future__ import annotations

from support.case import Choice, Real
from support.make import RELU, RELU6, VALID
from support.make_products import batched, real_products, transpose_conv
from support.make_s16 import wide

_BLOCKS = transpose_conv("transpose_conv_2x2_stride_2", (3, 4, 5), 6, (2, 2), padding=VALID)
_OVERLAPPING = transpose_conv("transpose_conv_3x3_stride_2_relu", (4, 3, 3), 5, (3, 3), activation=RELU)
_APART = transpose_conv("transpose_conv_2x1_stride_3_2_valid", (3, 2, 4), 4, (2, 1), stride=(3, 2), padding=VALID)
_NO_BIAS = transpose_conv("transpose_conv_4x4_no_bias", (3, 3, 2), 4, (4, 4), bias=None, spread=None)
_LINE = transpose_conv("transpose_conv_1x5_stride_2", (1, 6, 3), 7, (1, 5), stride=(1, 2), activation=RELU6)
_ODD = transpose_conv("transpose_conv_3x3_odd_size", (3, 3, 2), 3, (3, 3), size=(5, 6))

CASES = (
    _BLOCKS,
    _OVERLAPPING,
    _APART,
    _NO_BIAS,
    _LINE,
    _ODD,
    transpose_conv("transpose_conv_5x4_stride_1", (4, 5, 2), 9, (5, 4), stride=(1, 1), x=(0.05, 127), out=(None, -128)),
    transpose_conv("transpose_conv_3x3_valid", (2, 3, 4), 2, (3, 3), padding=VALID, weights=Choice((-128, 127))),
    transpose_conv("transpose_conv_factor_above_one", (2, 2, 1), 3, (2, 2), w=0.5, out=(0.004, -7), bias=None),
    batched(_OVERLAPPING, 3),
    *(wide(case) for case in (_BLOCKS, _OVERLAPPING, _APART, _LINE)),
    *(real_products(case, Real(), Real(1.0)) for case in (_BLOCKS, _OVERLAPPING, _APART, _NO_BIAS, _LINE, _ODD)),
    real_products(_OVERLAPPING, Real(rounded="float16"), Real(1.0), "_float16"),
    real_products(_LINE, Real(rounded="bfloat16"), Real(1.0), "_bfloat16"),
)
