"""Short ways to write cases: shapes of outputs and usual quantizations are worked out here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from support.case import Case, Choice, Exact, Operator, Seeded, TensorSpec

Data = Seeded | Choice | Exact
Pair = tuple[int, int]
Quant = tuple[float, int]

SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
WEIGHTS = Seeded()
BIAS = Seeded(-3000, 3000)


def act(shape: tuple[int, ...], quant: Quant = (0.05, -3), data: Data | None = None) -> TensorSpec:
    """An int8 tensor with one (scale, zero point)."""
    return TensorSpec(shape, "int8", (quant[0],), (quant[1],), data=data)


def plain(shape: tuple[int, ...], dtype: str, *values: float) -> TensorSpec:
    """A tensor that is not quantized; a constant when values are given."""
    return TensorSpec(shape, dtype, data=Exact(values) if values else None)


def numbers(*values: int) -> TensorSpec:
    """A constant int32 vector."""
    return plain((len(values),), "int32", *values)


def unary(name: str, builtin: str, x: TensorSpec, out: TensorSpec, *more: TensorSpec, **options: Any) -> Case:
    return Case(name, Operator(builtin, (x, *more), (out,), options))


def out_size(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """TFLite's ``ComputeOutSize``."""
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent + stride) // stride


def channel_scales(base: float, channels: int, spread: float | None) -> tuple[float, ...]:
    """One scale for each channel, from base / spread to base * spread; without spread one for all."""
    if spread is None:
        return (base,)
    return tuple(float(s) for s in np.float32(base * np.geomspace(1 / spread, spread, channels)))


def conv2d(
    name: str,
    image: tuple[int, int, int],
    channels: int,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: int = SAME,
    activation: int = NONE,
    x: Quant = (0.05, -3),
    w: float = 0.01,
    spread: float | None = 3.0,
    out: tuple[float | None, int] = (None, 5),
    weights: Data = WEIGHTS,
    bias: Data | None = BIAS,
    depth_multiplier: int = 0,
) -> Case:
    """CONV_2D, or DEPTHWISE_CONV_2D when ``depth_multiplier`` is not 0. ``image`` is (height, width, channels).

    Without a scale for ``out`` the codes of random inputs spread over most of the range.
    """
    sizes = [out_size(image[a], kernel[a], stride[a], dilation[a], padding) for a in (0, 1)]
    taps = kernel[0] * kernel[1] * (1 if depth_multiplier else image[2])
    scale = out[0] if out[0] is not None else x[0] * w * math.sqrt(taps) * 100
    shape = (1, *kernel, channels) if depth_multiplier else (channels, *kernel, image[2])
    axis = 3 if depth_multiplier else 0
    scales = channel_scales(w, channels, spread)
    filters = TensorSpec(shape, "int8", scales, (0,) * len(scales), axis, weights)
    inputs = (act((1, *image), x), filters, *_bias(channels, bias, scales, x[0]))
    if depth_multiplier and bias is None:
        inputs = inputs[:2]  # TFLM takes an absent bias as -1 everywhere but here
    options: dict[str, Any] = {"fusedActivationFunction": activation, "padding": padding}
    options |= {"strideH": stride[0], "strideW": stride[1]}
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    builtin = "CONV_2D"
    if depth_multiplier:
        builtin = "DEPTHWISE_CONV_2D"
        options["depthMultiplier"] = depth_multiplier
    result = act((1, *sizes, channels), (scale, out[1]))
    return Case(name, Operator(builtin, inputs, (result,), options))


def depthwise(name: str, image: tuple[int, int, int], kernel: Pair, *, multiplier: int = 1, **more: Any) -> Case:
    return conv2d(name, image, image[2] * multiplier, kernel, depth_multiplier=multiplier, **more)


def fully_connected(
    name: str,
    shape: tuple[int, ...],
    units: int,
    *,
    columns: int | None = None,
    result: tuple[int, ...] | None = None,
    activation: int = NONE,
    x: Quant = (0.05, -3),
    w: float = 0.01,
    spread: float | None = None,
    out: tuple[float | None, int] = (None, 5),
    weights: Data = WEIGHTS,
    bias: Data | None = BIAS,
    keep_dims: bool = False,
) -> Case:
    """FULLY_CONNECTED; ``columns`` is the weights' width where that is not the last dimension of ``shape``."""
    columns = columns or shape[-1]
    scale = out[0] if out[0] is not None else x[0] * w * math.sqrt(columns) * 100
    scales = channel_scales(w, units, spread)
    filters = TensorSpec((units, columns), "int8", scales, (0,) * len(scales), 0, weights)
    inputs = (act(shape, x), filters, *_bias(units, bias, scales, x[0]))
    rows = math.prod(shape) // columns
    target = result or ((*shape[:-1], units) if keep_dims else (rows, units))
    options: dict[str, Any] = {"fusedActivationFunction": activation, "keepNumDims": keep_dims}
    return Case(name, Operator("FULLY_CONNECTED", inputs, (act(target, (scale, out[1])),), options))


def pool(
    name: str,
    image: tuple[int, int, int],
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    padding: int = VALID,
    activation: int = NONE,
    quant: Quant = (0.05, -3),
    largest: bool = False,
) -> Case:
    """AVERAGE_POOL_2D, or MAX_POOL_2D with ``largest``."""
    sizes = [out_size(image[a], kernel[a], stride[a], 1, padding) for a in (0, 1)]
    options = {"fusedActivationFunction": activation, "padding": padding}
    options |= {"strideH": stride[0], "strideW": stride[1], "filterHeight": kernel[0], "filterWidth": kernel[1]}
    builtin = "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D"
    return Case(name, Operator(builtin, (act((1, *image), quant),), (act((1, *sizes, image[2]), quant),), options))


def binary(
    name: str,
    builtin: str,
    a: TensorSpec,
    b: TensorSpec,
    *,
    out: Quant = (0.1, 4),
    activation: int = NONE,
) -> Case:
    """ADD or MUL with the broadcast shape as output."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    options: Mapping[str, int] = {"fusedActivationFunction": activation}
    return Case(name, Operator(builtin, (a, b), (act(shape, out),), options))


def _bias(channels: int, data: Data | None, scales: tuple[float, ...], x_scale: float) -> tuple[TensorSpec | None, ...]:
    if data is None:
        return (None,)
    products = tuple(float(np.float32(x_scale) * np.float32(s)) for s in scales)
    return (TensorSpec((channels,), "int32", products, (0,) * len(products), 0, data),)
