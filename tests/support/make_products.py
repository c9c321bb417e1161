"""Short ways to write cases of sums of products beyond CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from support.case import TFLM, Case, Operator, Real, Seeded, Sparse, TensorSpec
from support.make import BIAS, NONE, SAME, WEIGHTS, Data, Pair, Quant, act, channel_scales, numbers, plain


def transpose_conv(
    name: str,
    image: tuple[int, int, int],
    channels: int,
    kernel: Pair,
    *,
    stride: Pair = (2, 2),
    padding: int = SAME,
    size: Pair | None = None,
    activation: int = NONE,
    x: Quant = (0.05, -3),
    w: float = 0.01,
    spread: float | None = 3.0,
    out: tuple[float | None, int] = (None, 5),
    weights: Data | Sparse = WEIGHTS,
    bias: Data | None = BIAS,
    oracle: str = TFLM,
) -> Case:
    """TRANSPOSE_CONV of an image (height, width, channels); ``size`` of the output where it is not the usual one."""
    if size is None:
        height, width = (
            image[a] * stride[a] + (0 if padding == SAME else max(kernel[a] - stride[a], 0)) for a in (0, 1)
        )
        size = height, width
    scale = out[0] if out[0] is not None else x[0] * w * math.sqrt(kernel[0] * kernel[1] * image[2]) * 70
    scales = channel_scales(w, channels, spread)
    shape = (1, *size, channels)
    filters = TensorSpec((channels, *kernel, image[2]), "int8", scales, (0,) * len(scales), 0, weights)
    inputs = [numbers(*shape), filters, act((1, *image), x)]
    if bias is not None:
        sums = tuple(x[0] * s for s in scales)
        inputs.append(TensorSpec((channels,), "int32", sums, (0,) * len(sums), 0, bias))
    options: dict[str, Any] = {"padding": padding, "strideH": stride[0], "strideW": stride[1]}
    options["fusedActivationFunction"] = activation
    return Case(name, Operator("TRANSPOSE_CONV", tuple(inputs), (act(shape, (scale, out[1])),), options), oracle=oracle)


def batched(case: Case, batch: int) -> Case:
    """The case with so many images: of its variable inputs and outputs."""
    operator = case.operator
    inputs = tuple(
        spec if spec is None or spec.data is not None else dataclasses.replace(spec, shape=(batch, *spec.shape[1:]))
        for spec in operator.inputs
    )
    outputs = tuple(dataclasses.replace(spec, shape=(batch, *spec.shape[1:])) for spec in operator.outputs)
    made = dataclasses.replace(operator, inputs=inputs, outputs=outputs)
    return dataclasses.replace(case, id=f"{case.id}_batch_{batch}", operator=made)


def real_products(case: Case, weights: Real, bias: Real, suffix: str = "_f32") -> Case:
    """The case of int8 on float32: constants are ``weights``, or ``bias`` where they were int32 and quantized."""
    operator = case.operator

    def real(spec: TensorSpec | None) -> TensorSpec | None:
        if spec is None or not spec.scale:
            return spec
        data = None if spec.data is None else bias if spec.dtype == "int32" else weights
        return TensorSpec(spec.shape, "float32", data=data)

    outputs = tuple(plain(t.shape, "float32") for t in operator.outputs)
    inputs = tuple(map(real, operator.inputs))
    made = Operator(operator.builtin, inputs, outputs, operator.options)
    return Case(case.id + suffix, made, oracle=case.oracle)


def int4(case: Case) -> Case:
    """The case with weights of four bits."""
    x, weights, *rest = case.operator.inputs
    assert weights is not None
    made = dataclasses.replace(weights, dtype="int4", data=Seeded(-8, 7))
    operator = dataclasses.replace(case.operator, inputs=(x, made, *rest))
    return dataclasses.replace(case, id=f"{case.id}_int4", operator=operator)


def narrow(case: Case) -> Case:
    """A case of int16 with int32 biases."""
    inputs = tuple(
        dataclasses.replace(spec, dtype="int32") if spec is not None and spec.dtype == "int64" else spec
        for spec in case.operator.inputs
    )
    operator = dataclasses.replace(case.operator, inputs=inputs)
    return dataclasses.replace(case, id=f"{case.id}_narrow", operator=operator)


def in_groups(case: Case, groups: int) -> Case:
    """CONV_2D with as many filters, each for a group of the input channels."""
    x, weights, *rest = case.operator.inputs
    assert weights is not None
    channels = weights.shape[3] // groups
    made = dataclasses.replace(weights, shape=(*weights.shape[:3], channels))
    operator = dataclasses.replace(case.operator, inputs=(x, made, *rest))
    return dataclasses.replace(case, id=f"{case.id}_groups_{groups}", operator=operator)


def of_operand(case: Case, zero_point: int | None = None) -> Case:
    """CONV_2D or FULLY_CONNECTED with weights that are an input, or constant ones with this zero point."""
    x, weights, *rest = case.operator.inputs
    assert weights is not None
    if zero_point is None:
        made, name = dataclasses.replace(weights, data=None), f"{case.id}_of_operand"
    else:
        made, name = dataclasses.replace(weights, zero_point=(zero_point,)), f"{case.id}_zero_point_{zero_point}"
    operator = dataclasses.replace(case.operator, inputs=(x, made, *rest))
    return dataclasses.replace(case, id=name, operator=operator)


def batch_matmul(
    name: str,
    a: TensorSpec,
    b: TensorSpec,
    shape: tuple[int, ...],
    *,
    adj_x: bool = False,
    adj_y: bool = False,
    out: tuple[float | None, int] = (None, 5),
) -> Case:
    """BATCH_MATMUL of tensors of one type; ``shape`` is the output's."""
    options = {"adjX": adj_x, "adjY": adj_y}
    if not a.scale:
        return Case(name, Operator("BATCH_MATMUL", (a, b), (plain(shape, a.dtype),), options))
    depth = a.shape[-2 if adj_x else -1]
    scale = a.scale[0] * b.scale[0] * math.sqrt(depth) * 70 if out[0] is None else out[0]
    return Case(name, Operator("BATCH_MATMUL", (a, b), (act(shape, (scale, out[1])),), options))
