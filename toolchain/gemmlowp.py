"""Exponential, logarithm, logistic function and hyperbolic tangent in fixed point, as gemmlowp's ``fixedpoint.h``
and (the logarithm) TFLite's ``common.h`` define them.

A Qi.f number is an int32 with f = 31 - i fractional bits; arrays are int64 holding int32 values.
"""

from __future__ import annotations

import numpy as np

from toolchain.fixedpoint import INT32_MAX, INT32_MIN, Int, rounding_divide_by_pot, srdhm

# exp(-2**k) in Q0.31 for k = -2 ... 4
BARREL = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
EXP_MINUS_EIGHTH = 1895147668
ONE_THIRD = 715827883
Q2_48_OVER_17 = 1515870810
Q2_MINUS_32_OVER_17 = -1010580540
_ONE_Q2 = 1 << 29
LN_2, SQRT_HALF, FOURTH_ROOT_HALF = 1488522236, 1518500250, 1805811301  # in Q0.31, and so the next four
# 11/240, 1/20 and 1/4 times 2**(1/4), and 2/2**(1/4) - 2**(1/4)
LOG_CUBE, LOG_SQUARE, LOG_LINEAR, LOG_CONSTANT = 117049297, 127690142, 638450708, 1057819769


def exp_on_negative_values(a: Int, integer_bits: int) -> Int:
    """exp of numbers <= 0 with 4 or 5 integer bits, as Q0.31."""
    quarter = 1 << (29 - integer_bits)
    reduced = (a & (quarter - 1)) - quarter
    x = (reduced << integer_bits) + (1 << 28)
    x2 = srdhm(x, x)
    x3 = srdhm(x2, x)
    x4 = srdhm(x2, x2)
    tail = rounding_divide_by_pot(srdhm(rounding_divide_by_pot(x4, 2) + x3, ONE_THIRD) + x2, 1)
    result = EXP_MINUS_EIGHTH + srdhm(np.int64(EXP_MINUS_EIGHTH), x + tail)
    remainder = reduced - a
    for k, factor in enumerate(BARREL[: integer_bits + 2]):
        result = np.where(remainder & (quarter << k), srdhm(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _half_reciprocal(a: Int) -> Int:
    """1 / (1 + a) of Q0.31 numbers from 0 to 1, halved: 2 / (1 + a) / 2 by Newton's method, as Q2.29 of the double."""
    half = (a + INT32_MAX + 1) >> 1  # RoundingHalfSum of two numbers that are not negative
    x = Q2_48_OVER_17 + srdhm(half, Q2_MINUS_32_OVER_17)
    for _ in range(3):
        error = _ONE_Q2 - srdhm(half, x)
        x = x + _saturated(srdhm(x, error), 2)
    return x


def _saturated(x: Int, left: Int | int) -> Int:
    shifted: Int = np.clip(x << left, INT32_MIN, INT32_MAX)
    return shifted


def reciprocal_of_one_plus(a: Int) -> Int:
    """1 / (1 + a) of Q0.31 numbers from 0 to 1, as Q0.31."""
    return _saturated(_half_reciprocal(a), 1)


def logistic(a: Int) -> Int:
    """1 / (1 + exp(-a)) of Q4.27 numbers, as Q0.31."""
    positive = reciprocal_of_one_plus(exp_on_negative_values(-np.abs(a), 4))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, INT32_MAX - positive))


def tanh(a: Int) -> Int:
    """Of Q4.27 numbers, as Q0.31."""
    x = _half_reciprocal(exp_on_negative_values(-np.abs(a), 5))  # of twice the number: one integer bit more
    positive = _saturated(x - _ONE_Q2, 2)
    return np.where(a == 0, 0, np.where(a > 0, positive, -positive))


def log(a: Int, integer_bits: int) -> Int:
    """Of numbers >= 1 with so many integer bits, as Q5.26; ``log_x_for_x_greater_than_or_equal_to_1``.

    a = 2**e * r with r next to 2**(-1/4); log(r) by a rational function.
    """
    zeros = _leading_zeros(a)
    r_above = _saturated(srdhm(a << (zeros - 1), SQRT_HALF), 1)
    zeros_below = _leading_zeros(srdhm(a, SQRT_HALF)) - 1
    r = np.minimum(r_above, _saturated(a, zeros_below))
    quarter = 1 << 23  # in Q6.25, as all exponents
    exponent = np.maximum(((integer_bits - zeros) << 25) + quarter, ((integer_bits - zeros_below) << 25) - quarter)
    half_sum = (r + FOURTH_ROOT_HALF + 1) >> 1
    q = 2 * (r - FOURTH_ROOT_HALF)
    square = srdhm(q, q)
    numerator = srdhm(q, r) + srdhm(srdhm(q, square), LOG_CUBE)
    rest = srdhm(half_sum, LOG_CONSTANT + q + srdhm(square, LOG_SQUARE)) + srdhm(q, LOG_LINEAR)
    log_of_r = srdhm(rounding_divide_by_pot(numerator, 6), reciprocal_of_one_plus(rest))
    return _saturated(srdhm(exponent, LN_2) + log_of_r, 1)


def _leading_zeros(a: Int) -> Int:
    """In front of positive numbers of 32 bits."""
    zeros: Int = 31 - np.floor(np.log2(a)).astype(np.int64)
    return zeros
