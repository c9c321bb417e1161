"""CONV_2D in groups of channels, and with weights that are an input: int8, int16 and float32; int32 biases of int16."""

from __future__ import annotations

from support.case import Real
from support.make import RELU, RELU6, VALID, conv2d, fully_connected
from support.make_products import batched, in_groups, narrow, of_operand, real_products
from support.make_s16 import wide

_GROUPS = in_groups(conv2d("conv_3x3_6_to_4", (5, 4, 6), 4, (3, 3), activation=RELU), 2)
_STRIDE = in_groups(conv2d("conv_2x3_stride_2_1_valid", (6, 5, 6), 9, (2, 3), stride=(2, 1), padding=VALID), 3)
_DILATION = in_groups(conv2d("conv_3x3_dilation_2", (7, 6, 4), 8, (3, 3), dilation=(2, 2), activation=RELU6), 4)
_OPERAND = of_operand(conv2d("conv_3x3_4_to_3", (4, 5, 4), 3, (3, 3)))

_PLAIN = conv2d("conv_3x3_stride_2", (5, 6, 3), 5, (3, 3), stride=(2, 2), activation=RELU)
_CONNECTED = fully_connected("fc_11_to_7", (3, 11), 7, activation=RELU)

CASES = (
    _GROUPS,
    _STRIDE,
    _DILATION,
    _OPERAND,
    batched(_GROUPS, 2),
    in_groups(conv2d("conv_1x1_no_bias_per_tensor", (3, 3, 8), 8, (1, 1), bias=None, spread=None), 8),
    of_operand(in_groups(conv2d("conv_3x3_stride_2", (5, 5, 4), 6, (3, 3), stride=(2, 2)), 2)),
    *(wide(case) for case in (_GROUPS, _STRIDE, _DILATION, _OPERAND)),
    *(narrow(wide(case)) for case in (_GROUPS, _PLAIN, _CONNECTED)),
    *(real_products(case, Real(), Real(1.0)) for case in (_GROUPS, _STRIDE, _DILATION, _OPERAND)),
)
