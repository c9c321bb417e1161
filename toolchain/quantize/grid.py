"""Linear quantization's grids: scale and zero point from ranges, with TFLite's rounding, and codes from values.

real = S (q - Z). Activations: asymmetric, Z nudged to an integer so that 0.0 is exact. Weights: symmetric in
[-127, 127], Z = 0. Biases: int32 with S_b = S_W S_x and Z = 0, so that they are added to the accumulator as they are.
Sources: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2018, sections 2.1 to 2.4 and 3; TFLite's 8-bit quantization specification; ``getNudgedScaleAndZeroPoint`` of MLIR's
``FakeQuantSupport.cpp``.
"""

from __future__ import annotations

import math

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, QuantParams

LOW, HIGH = -128, 127
HIGH16 = 32767  # int16 activations are symmetric, Z = 0
WEIGHTS_HIGH = 127
_SMALLEST = float(np.finfo(np.float32).tiny)
# Half of what a sum may be (``MultiplyByQuantizedMultiplier`` for int64 takes 48 bits): the products need the rest.
_BIAS_HIGH = {"int32": (1 << 30) - 1, "int64": (1 << 46) - 1}


def affine(low: float, high: float, code_low: int = LOW, code_high: int = HIGH) -> QuantParams:
    """The grid of a tensor whose values run from ``low`` to ``high``; it is widened to hold 0.0.

    A range of nothing but 0.0 gets scale 1 and the lowest zero point. ValueError when the range is not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"the range from {low} to {high} is not finite")
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (code_high - code_low)
    if scale < _SMALLEST:
        return QuantParams((1.0,), (code_low,))
    from_low, from_high = code_low - low / scale, code_high - high / scale
    low_is_better = abs(code_low) + abs(low / scale) < abs(code_high) + abs(high / scale)
    zero_point = fixedpoint.round_half_away(from_low if low_is_better else from_high)
    return QuantParams((float(np.float32(scale)),), (min(max(zero_point, code_low), code_high),))


def symmetric16(low: float, high: float) -> QuantParams:
    """The int16 grid of a tensor whose values run from ``low`` to ``high``: Z = 0. Nothing but 0.0 gets scale 1."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"the range from {low} to {high} is not finite")
    scale = max(-low, high, 0.0) / HIGH16
    return QuantParams((float(np.float32(scale)) if scale >= _SMALLEST else 1.0,), (0,))


def bias_type(activations: str) -> str:
    """The type of the sums, and so of the bias, of a layer with such activations."""
    return "int64" if activations == "int16" else "int32"


def symmetric(weights: Array, axis: int | None, high: int = WEIGHTS_HIGH) -> QuantParams:
    """The grid of ``weights``: its largest magnitude becomes ``high``, for each index of ``axis`` or in all.

    Channels of nothing but 0.0 get scale 1.
    """
    flat = weights.reshape(1, -1) if axis is None else np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)
    largest = np.abs(flat.astype(np.float64)).max(axis=1)
    scales = (largest / high).astype(np.float32)
    scales[scales < _SMALLEST] = 1.0
    return QuantParams(tuple(map(float, scales)), (0,) * len(scales), axis or 0)


def with_room_for_bias(weights: QuantParams, bias: Array, input_scale: float, dtype: str = "int32") -> QuantParams:
    """``weights`` with scales so large that the bias, in steps of S_W S_x, stays within half of its type.

    Source: ``SetBiasParamsWithAdjustments`` of TFLite's quantization driver, which the nearly dead channels of folded
    batch normalization need.
    """
    least = np.abs(bias.astype(np.float64)) / _BIAS_HIGH[dtype] / input_scale
    if not weights.per_channel:
        least = least.max(keepdims=True)
    scales = np.maximum(np.array(weights.scale), least).astype(np.float32)
    return QuantParams(tuple(map(float, scales)), weights.zero_point, weights.axis)


def bias_grid(weights: QuantParams, input_scale: float) -> QuantParams:
    """S_b = S_W S_x, a product of float32 values rounded to float32."""
    scales = tuple(float(np.float32(s) * np.float32(input_scale)) for s in weights.scale)
    return QuantParams(scales, (0,) * len(scales), 0)


def codes(values: Array, grid: QuantParams, dtype: str = "int8", low: int = LOW, high: int = HIGH) -> Array:
    """round(values / S) + Z, halves away from zero, saturated at ``low`` and ``high``."""
    shape = [1] * values.ndim
    if grid.per_channel:
        shape[grid.axis] = len(grid.scale)
    scale, zero = np.array(grid.scale).reshape(shape), np.array(grid.zero_point).reshape(shape)
    quotient = values.astype(np.float64) / scale
    rounded = np.copysign(np.floor(np.abs(quotient) + 0.5), quotient) + zero
    result: Array = np.clip(rounded, low, high).astype(dtype)
    return result


def bias_codes(bias: Array, grid: QuantParams, dtype: str) -> Array:
    """Codes of a bias of type int32 or int64 (of which 48 bits are used)."""
    high = np.iinfo(np.int32).max if dtype == "int32" else 2 * _BIAS_HIGH[dtype] + 1
    return codes(bias, grid, dtype, -high - 1 if dtype == "int32" else -high, high)


def values(q: Array, grid: QuantParams) -> Array:
    """S (q - Z) in float64."""
    shape = [1] * q.ndim
    if grid.per_channel:
        shape[grid.axis] = len(grid.scale)
    scale, zero = np.array(grid.scale).reshape(shape), np.array(grid.zero_point).reshape(shape)
    result: Array = (q.astype(np.float64) - zero) * scale
    return result
