"""Real values to the codes of a quantized tensor and back, as TFLite's QUANTIZE and DEQUANTIZE do it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.graph import Tensor

Array = npt.NDArray[Any]


def quantize_input(x: Array, tensor: Tensor) -> Array:
    """Codes of the real values ``x``: round(x / scale) + zero_point, clipped to the tensor's type.

    The quotient is a float32 one and halves round away from zero, as in TFLite's ``AffineQuantize``
    (``tensorflow/lite/kernels/internal/reference/quantize.h``). ``x`` keeps its shape.
    """
    limits = np.iinfo(tensor.dtype)
    quotient = (np.asarray(x, np.float32) / np.float32(tensor.scale)).astype(np.float64)
    # In float64 the addition of one half is exact for every float32 quotient that is not clipped anyway.
    rounded = np.copysign(np.floor(np.abs(quotient) + 0.5), quotient)
    codes: Array = np.clip(rounded + tensor.zero_point, limits.min, limits.max).astype(tensor.dtype)
    return codes


def dequantize(codes: Array, tensor: Tensor) -> Array:
    """The float32 values scale * (code - zero_point)."""
    offset = np.asarray(codes, np.int32) - np.int32(tensor.zero_point)
    real: Array = offset.astype(np.float32) * np.float32(tensor.scale)
    return real
