"""Functions of one float32 number, each as TFLM's kernel computes it; GELU and RELU_N1_TO_1 as TensorFlow Lite's.

What these call the C library for is ours (``floatmath.py``), whose bits are the same everywhere: such outputs are
within 4 units in the last place of TFLM's, all others equal. GELU is so near the real function only: the error function
of TensorFlow Lite is itself 9 units off, and its hyperbolic tangent loses digits that the exponential here keeps.
"""

from __future__ import annotations

import math

import numpy as np

from toolchain import floatmath
from toolchain.graph import Array
from toolchain.ops.float32 import clamp
from toolchain.ops.unary_codes import GeluAttrs, LeakyAttrs

_F = np.float32
GELU_FACTOR = _F(math.sqrt(2 / math.pi))


def elu(x: Array, attrs: None) -> Array:
    return np.where(x < 0, floatmath.expm1_of_negative(np.minimum(x, _F(0))), x)


def gelu(x: Array, attrs: GeluAttrs) -> Array:
    """0.5 * x * erfc(-x / sqrt(2)); approximately x / (1 + exp(-2 * u)), which is 0.5 * x * (1 + tanh(u))."""
    result: Array
    if not attrs.approximate:
        result = _F(0.5) * x * floatmath.erfc(x * _F(-math.sqrt(0.5)))
        return result
    inner = GELU_FACTOR * (x + _F(0.044715) * (x * x * x))
    result = x / (_F(1) + floatmath.exp(_F(-2) * inner))
    return result


def hard_swish(x: Array, attrs: None) -> Array:
    result: Array = x * clamp(x + _F(3), 0.0, 6.0) / _F(6)
    return result


def leaky_relu(x: Array, attrs: LeakyAttrs) -> Array:
    return np.where(x > 0, x, x * _F(attrs.alpha))


def logistic(x: Array, attrs: None) -> Array:
    return floatmath.logistic(x)


def round_half_even(x: Array, attrs: None) -> Array:
    low = np.floor(x)
    rest, half = x - low, low * _F(0.5)
    down = (rest < _F(0.5)) | ((rest <= _F(0.5)) & (half <= np.floor(half)))
    return np.where(down, low, low + _F(1))


def rsqrt(x: Array, attrs: None) -> Array:
    result: Array = _F(1) / np.sqrt(x)
    return result
