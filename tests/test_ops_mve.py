"""Helium's rounding instructions against the reference's definition: what the MVE kernels rest on."""

from __future__ import annotations

import numpy as np
import pytest

from toolchain import fixedpoint
from toolchain.fixedpoint import INT32_MAX, INT32_MIN, Int

EDGES = np.array(
    [0, 1, 2, 3, -1, -2, -3, 1 << 15, -(1 << 15), 1 << 30, -(1 << 30), INT32_MAX, -INT32_MAX, INT32_MIN], np.int64
)


def vqrdmulh(a: Int, b: Int) -> Int:
    """Arm ARM for ARMv8-M, VQRDMULH: (2ab + 2**31) >> 32, saturated."""
    return np.minimum((a * b + (1 << 30)) >> 31, INT32_MAX)


def vrshl(x: Int, right: int) -> Int:
    """VRSHL by a negative number: halves are rounded upwards."""
    return (x + (1 << (right - 1))) >> right


def test_the_doubling_product_rounds_as_the_reference() -> None:
    rng = np.random.default_rng(1)
    a, b = (x.ravel() for x in np.meshgrid(EDGES, EDGES))
    assert np.array_equal(fixedpoint.srdhm(a, b), vqrdmulh(a, b))
    a, b = rng.integers(INT32_MIN, 1 << 31, 500_000), rng.integers(0, 1 << 31, 500_000)
    assert np.array_equal(fixedpoint.srdhm(a, b), vqrdmulh(a, b))


@pytest.mark.parametrize("bits", range(31))
def test_the_doubling_product_rounds_halves_as_the_reference(bits: int) -> None:
    """Products that lie exactly between two results: an odd number times 2**30."""
    odd = np.concatenate(
        [np.arange(-99, 100, 2), np.random.default_rng(bits).integers(-(1 << bits), 1 << bits, 500) | 1]
    )
    a = (odd << (30 - bits))[np.abs(odd << (30 - bits)) <= INT32_MAX]
    b = np.full_like(a, 1 << bits)
    assert np.all(a * b % (1 << 31) == 1 << 30)
    assert np.array_equal(fixedpoint.srdhm(a, b), vqrdmulh(a, b))


@pytest.mark.parametrize("right", range(1, 32))
def test_the_shift_rounds_as_the_reference_after_the_sign_is_added(right: int) -> None:
    rng = np.random.default_rng(right)
    reach = 1 << (31 - right)
    ties = (rng.integers(-reach, reach, 2000) << right) + (1 << (right - 1))
    x = np.concatenate([EDGES[:-1], rng.integers(-INT32_MAX, 1 << 31, 50_000), ties[np.abs(ties) <= INT32_MAX]])
    expected = fixedpoint.rounding_divide_by_pot(x, right)
    assert np.array_equal(expected, vrshl(x + (x >> 63), right))
    # the sign's addition is needed, but not where what is negative is clamped
    assert not np.array_equal(expected, vrshl(x, right))
    assert np.array_equal(np.maximum(expected, 0), np.maximum(vrshl(x, right), 0))
