"""Elementary functions of float32 whose bits are the same everywhere, for finite numbers, infinities and zeros.

A C library's are other ones on every machine, so that a board would differ from the reference and fail its self tests.
These are polynomials in float32, every step rounded by itself, within 2 units in the last place of the real functions
(erfc: 5). Every function has its twin in ``firmware_templates/runtime/nn_math_f32.h``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array

_F = np.float32
_EXP = tuple(_F(1) / _F(math.factorial(k)) for k in (7, 6, 5, 4, 3, 2, 1))
_EXPM1 = (0.00019857807, 0.001393363, 0.008333361, 0.041666467, 0.16666667, 0.5)
_TANH = (0.0023653938, -0.008388895, 0.021775227, -0.053958617, 0.13333288, -0.3333333)
_LOG = (0.06915368, -0.11789808, 0.11872976, -0.12384348, 0.14218658, -0.16669251, 0.20002227, -0.24999987, 0.3333331)
_SIN = (2.7183019e-06, -0.00019839333, 0.008333329, -0.16666667)
_COS = (2.4438355e-05, -0.0013887367, 0.041666646)
_ERF = (-0.0007692853, 0.0052003083, -0.02686312, 0.11283774, -0.37612638, 1.1283792)
_ERFC = (
    0.06270434,
    -0.027723888,
    -0.07996224,
    0.067231975,
    0.09035488,
    -0.11505693,
    -0.16113882,
    0.15910573,
    0.54979354,
    0.6649833,
    0.49727052,
)
_PER_LN_2 = _F(1.44269504)
_LN_2_HIGH, _LN_2_LOW = _F(0.693145752), _F(1.42860677e-6)  # the first has 16 binary digits
_LOWEST, _HIGHEST = _F(-104.0), _F(89.0)  # beyond them exp is 0 or infinite
# 2 / pi in binary, 32 digits an entry; before the first one stand zeros.
_TWO_BY_PI = (0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB)
_HALF_PI = 0xC90FDAA2  # with 31 fractional digits
_EIGHTH_TURN = _F(0.785)


def polynomial(x: Array, terms: Sequence[float]) -> Array:
    """By Horner's rule, the highest power first."""
    total = np.full_like(x, _F(terms[0]))
    for term in terms[1:]:
        total = total * x + _F(term)
    return total


def exp(x: Array) -> Array:
    """2**n * exp(r), with exp(r) by its Taylor series up to r**7."""
    inside = np.where((x > _LOWEST) & (x < _HIGHEST), x, _F(0))
    n = np.trunc(inside * _PER_LN_2 + np.where(inside < 0, _F(-0.5), _F(0.5)))
    r = inside - n * _LN_2_HIGH - n * _LN_2_LOW
    total = polynomial(r, _EXP) * r + _F(1)
    half = np.trunc(n / _F(2))
    with np.errstate(under="ignore", over="ignore"):
        total = total * _power_of_two(half) * _power_of_two(n - half)
    result: Array = np.where(x >= _HIGHEST, _F(np.inf), np.where(x <= _LOWEST, _F(0), np.where(np.isnan(x), x, total)))
    return result


def expm1_of_negative(x: Array) -> Array:
    """exp(x) - 1 of numbers <= 0: 2**n * (exp(r) - 1) + (2**n - 1)."""
    inside = np.where(x > _F(-18), x, _F(0))  # below -18 it is -1
    n = np.trunc(inside * _PER_LN_2 - _F(0.5))
    r = inside - n * _LN_2_HIGH - n * _LN_2_LOW
    power = _power_of_two(n)
    with np.errstate(under="ignore"):
        total = power * (r + r * r * polynomial(r, _EXPM1)) + (power - _F(1))
    result: Array = np.where(x > _F(-18), total, np.where(np.isnan(x), x, _F(-1)))
    return result


def tanh(x: Array) -> Array:
    size = np.abs(x)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = size * size
        small = size + size * square * polynomial(square, _TANH)
        large = _F(1) - _F(2) / (exp(size + size) + _F(1))
    result: Array = np.copysign(np.where(size < _F(0.55), small, large), x)
    return result


def log(x: Array) -> Array:
    """k * log(2) + log(1 + f), 1 + f from sqrt(1/2) to sqrt(2). NaN for numbers below 0."""
    positive = (x > 0) & (x < np.inf)
    mantissa, k = np.frexp(np.where(positive, x, _F(1)))
    lower = mantissa < _F(math.sqrt(0.5))
    f = np.where(lower, mantissa + mantissa, mantissa) - _F(1)
    k = (k - lower).astype(np.float32)
    square = f * f
    rest = f * square * polynomial(f, _LOG) + k * _LN_2_LOW - _F(0.5) * square
    special = np.where(x == 0, _F(-np.inf), np.where(x < 0, _F(np.nan), x))
    result: Array = np.where(positive, f + rest + k * _LN_2_HIGH, special)
    return result


def sin(x: Array) -> Array:
    return _of_angle(x, 0)


def cos(x: Array) -> Array:
    return _of_angle(x, 1)


def erfc(x: Array) -> Array:
    """Below 1/2 by the series of erf, else exp(-x * x) times a polynomial in 1 / (1 + x / 2)."""
    size = np.abs(x)
    inside = np.where(size < _F(10.5), size, _F(10.5))
    high = (inside.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)  # its square is exact
    with np.errstate(under="ignore", invalid="ignore"):
        square = inside * inside
        near = _F(1) - x * polynomial(square, _ERF)
        t = _F(1) / (_F(1) + _F(0.5) * inside)
        tail = exp(-(high * high)) * exp(-((inside - high) * (inside + high)))
        tail = tail * (t * polynomial(t - _F(0.48), _ERFC))
    result: Array = np.where(np.isnan(x), x, np.where(size < _F(0.5), near, np.where(x < 0, _F(2) - tail, tail)))
    return result


def _power_of_two(exponent: Array) -> Array:
    power: Array = np.ldexp(_F(1), exponent.astype(np.int32))
    return power


def _of_angle(x: Array, ahead: int) -> Array:
    """The sine, ``ahead`` quarter turns farther."""
    size = np.abs(x)
    far = (size >= _EIGHTH_TURN) & (size < np.inf)
    quarters, rest = _quarter_turns(np.where(far, size, _F(1)))
    quarters, r = np.where(far, quarters, 0) + ahead, np.where(far, rest, size)
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        square = r * r
        sine = r + r * square * polynomial(square, _SIN)
        cosine = _F(1) - _F(0.5) * square + square * square * polynomial(square, _COS)
        turned = np.where(quarters & 1, cosine, sine)
        signed = np.where((quarters & 2 != 0) ^ (np.signbit(x) & (ahead == 0)), -turned, turned)
        result: Array = np.where(size < np.inf, signed, x - x)
    return result


def _quarter_turns(x: Array) -> tuple[Array, Array]:
    """(quarter turns, what is left as float32 radians) of finite numbers from 1/2 on.

    x = m * 2**e with an integer m of 24 digits; of 2 / pi only digits matter that give less than four quarter turns.
    """
    u = np.uint64
    bits = x.view(np.uint32).astype(np.int64)
    m = ((bits & 0x7FFFFF) | 0x800000).astype(np.uint64)
    start = (bits >> 23) - 120  # of 96 digits of 2 / pi
    table, shift = np.array(_TWO_BY_PI, np.uint64), (start & 31).astype(np.uint64)
    pairs = [(table[(start >> 5) + k] << u(32)) | table[(start >> 5) + k + 1] for k in range(3)]
    high, middle, low = ((pair >> (u(32) - shift)) & u(0xFFFFFFFF) for pair in pairs)
    turns = ((m * high) << u(32)) + m * middle + ((m * low) >> u(32))  # quarter turns with 62 fractional digits, mod 4
    quarters = ((turns + u(1 << 61)) >> u(62)).astype(np.int64)
    part = (turns - (quarters.astype(np.uint64) << u(62))).view(np.int64)
    size = np.abs(part).astype(np.uint64)
    zeros = 62 - np.frexp(size.astype(np.float64))[1]  # in front of the highest digit; rounding up costs one digit
    top = (size << zeros.astype(np.uint64)) >> u(30)
    rest = ((top * u(_HALF_PI)) >> u(33)).astype(np.float32) * _power_of_two(-30 - zeros)
    return quarters, np.where(part < 0, -rest, rest)


def logistic(x: Array) -> Array:
    """As TFLite has it."""
    with np.errstate(over="ignore", under="ignore"):
        near = _F(1) / (_F(1) + exp(-x))
    result: Array = np.where(x > _F(16.619047164916992), _F(1), np.where(x < _F(-9), exp(x), near))
    return result
