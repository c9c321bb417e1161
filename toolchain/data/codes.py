"""Samples as the codes of a quantized tensor, and a tensor's codes as real values."""

from __future__ import annotations

from toolchain.affine import dequantize_array, quantize_array
from toolchain.graph import Array, Tensor


def quantize_input(x: Array, tensor: Tensor) -> Array:
    """Codes of the real values ``x`` in the tensor's type; ``x`` keeps its shape."""
    return quantize_array(x, tensor.scale, tensor.zero_point, tensor.dtype)


def dequantize(codes: Array, tensor: Tensor) -> Array:
    """The float32 values of codes."""
    return dequantize_array(codes, tensor.scale, tensor.zero_point)
