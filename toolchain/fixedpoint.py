"""TFLite's fixed-point arithmetic with double rounding, on numpy arrays.

Every function has its twin in ``firmware_templates/runtime/nn_fixedpoint.h``. Sources: TFLite's
``quantization_util.cc`` and ``common.h``, and gemmlowp's ``fixedpoint.h``, which define these operations.
All arrays are int64 holding int32 values.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

INT32_MAX = (1 << 31) - 1
INT32_MIN = -(1 << 31)


def round_half_away(value: float) -> int:
    """C's ``round``: halves go away from zero."""
    whole = math.floor(abs(value))
    up = abs(value) - whole >= 0.5  # exact, where adding one half first would round
    return (whole + up) * (1 if value >= 0 else -1)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split a real factor into (multiplier, shift), real = multiplier * 2**(shift - 31), multiplier in Q31.

    A factor too small for a shift of -31 becomes zero, as in TFLite's ``QuantizeMultiplier``. Raises ValueError for one
    that needs a shift of more than 31, which 32-bit arithmetic does not define.
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    fixed = round_half_away(mantissa * (1 << 31))
    if fixed == 1 << 31:
        fixed //= 2
        shift += 1
    if shift > 31:
        raise ValueError(f"a factor of {real:g} does not fit 32-bit arithmetic")
    return (0, 0) if shift < -31 else (fixed, shift)


def wrap32(x: Int) -> Int:
    """Two's complement wrap-around to 32 bits."""
    return ((x + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def srdhm(a: Int, b: Int | int) -> Int:
    """Saturating rounding doubling high multiply: round(a * b / 2**31), ties away from zero for ab >= 0."""
    a, b = np.broadcast_arrays(np.asarray(a, np.int64), np.asarray(b, np.int64))
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.sign(nudged) * (np.abs(nudged) >> 31)  # C's division truncates towards zero
    return np.where((a == INT32_MIN) & (b == INT32_MIN), INT32_MAX, high)


def rounding_divide_by_pot(x: Int, exponent: Int | int) -> Int:
    """round(x / 2**exponent), ties away from zero."""
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    rounded: Int = (x >> exponent) + ((x & mask) > threshold)
    return rounded


def requantize(x: Int, multiplier: Int | int, shift: Int | int) -> Int:
    """TFLite's ``MultiplyByQuantizedMultiplier`` with double rounding; shift > 0 is to the left."""
    shift = np.asarray(shift, np.int64)
    left = np.maximum(shift, 0)
    right = np.maximum(-shift, 0)
    return rounding_divide_by_pot(srdhm(wrap32(x << left), multiplier), right)


def inverse_sqrt(values: Int | int) -> tuple[Int, Int]:
    """1 / sqrt(value) as (multiplier, shift), for values > 0 below 2**31 (``GetInvSqrtQuantizedMultiplierExp``)."""
    values = np.asarray(values, np.int64)
    quarters = np.maximum(np.frexp(values.astype(np.float64))[1] - 28, 0) // 2  # of values from 2**29 on
    reduced = values >> 2 * quarters
    pairs = (31 - np.frexp(reduced.astype(np.float64))[1]) // 2 - 1
    half_input = rounding_divide_by_pot(reduced << 2 * pairs >> 1, 1)
    half_three = np.int64((1 << 28) + (1 << 27))
    x = np.full_like(values, 1 << 28)
    for _ in range(5):  # Newton's method, with three integer bits
        cube = wrap32(srdhm(srdhm(x, x), x) << 6)
        x = wrap32((srdhm(half_three, x) - srdhm(half_input, cube)) << 3)
    multiplier = srdhm(x, 1518500250)  # times sqrt(2) / 2
    right = 11 + quarters - pairs
    one = values <= 1
    return np.where(one, INT32_MAX, multiplier << np.maximum(-right, 0)), np.where(one, 0, -np.maximum(right, 0))
