"""Real values to codes and back, as TFLite's QUANTIZE and DEQUANTIZE do it (``AffineQuantize``, ``Dequantize``)."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array


def quantize_array(x: Array, scale: float, zero_point: int, dtype: str = "int8") -> Array:
    """Codes round(x / scale) + zero_point, saturated; a float32 division, halves away from zero."""
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):  # what becomes infinite saturates
        quotient = (np.asarray(x, np.float32) / np.float32(scale)).astype(np.float64)
    # In float64 the addition of one half is exact for every float32 quotient that is not clipped anyway.
    rounded = np.copysign(np.floor(np.abs(quotient) + 0.5), quotient)
    codes: Array = np.clip(rounded + zero_point, limits.min, limits.max).astype(dtype)
    return codes


def dequantize_array(codes: Array, scale: float, zero_point: int) -> Array:
    """The float32 values scale * (code - zero_point)."""
    offset = np.asarray(codes, np.int32) - np.int32(zero_point)
    real: Array = offset.astype(np.float32) * np.float32(scale)
    return real
