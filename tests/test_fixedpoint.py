"""The fixed-point arithmetic of Python and C agree, and both are what TFLite's documents define."""

from __future__ import annotations

import ctypes
import subprocess
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from toolchain import fixedpoint, resources

Int = npt.NDArray[np.int64]

SHIM = """
#include "nn_fixedpoint.h"
void srdhm(int32_t n, const int32_t *a, const int32_t *b, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_srdhm(a[i], b[i]); }
}
void divide(int32_t n, const int32_t *a, const int32_t *b, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_rounding_divide_by_pot(a[i], b[i]); }
}
void requantize(int32_t n, const int32_t *a, const int32_t *m, const int32_t *s, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_requantize(a[i], m[i], s[i]); }
}
void high_of_double(int32_t n, const int32_t *a, const int32_t *b, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_rounding_high_mul_of_double(a[i], b[i]); }
}
void high_by_halves(int32_t n, const int32_t *a, const int32_t *b, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_rounding_high_mul_by_halves(a[i], b[i]); }
}
void requantize_right(int32_t n, const int32_t *a, const int32_t *m, const int32_t *s, const int32_t *z, int32_t *out)
{
    for (int32_t i = 0; i < n; i++) { out[i] = nn_requantize_right(a[i], m[i], -s[i] - 1, 2 * z[i] + 1); }
}
"""
EDGES = sorted(
    {v for k in range(32) for s in (1, -1) for d in (-1, 0, 1) if abs(v := s * 2**k + d) < 2**31} | {-(2**31)}
)
RANDOM = 20000


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """nn_fixedpoint.h as a shared library, with traps for undefined behaviour."""
    folder = tmp_path_factory.mktemp("fixedpoint")
    (folder / "shim.c").write_text(SHIM)
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    flags += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    include = f"-I{resources.templates() / 'runtime'}"
    subprocess.run(["gcc", *flags, include, "shim.c", "-o", "shim.so"], check=True, cwd=folder)
    return ctypes.CDLL(str(folder / "shim.so"))


def _call(c: ctypes.CDLL, function: str, *arrays: Int) -> Int:
    n = len(arrays[0])
    inputs = [np.ascontiguousarray(a, np.int32) for a in arrays]
    out = np.empty(n, np.int32)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*inputs, out)]
    getattr(c, function)(ctypes.c_int32(n), *pointers)
    return out.astype(np.int64)


def _values(seed: int) -> Int:
    """Random int32 values of all magnitudes."""
    rng = np.random.default_rng(seed)
    return rng.integers(-(2**31), 2**31, RANDOM) >> rng.integers(0, 32, RANDOM)


def _pairs() -> tuple[Int, Int]:
    a, b = np.meshgrid(EDGES, EDGES)
    return np.concatenate([a.ravel(), _values(1)]), np.concatenate([b.ravel(), _values(2)])


@pytest.mark.parametrize("function", ["high_of_double", "high_by_halves"])
def test_high_products_of_small_cores_equal_the_rounded_high_half(c: ctypes.CDLL, function: str) -> None:
    a, b = _pairs()
    held = (np.abs(a) < 1 << 30) & (b >= 0)
    a, b = a[held], b[held]
    assert len(a) > RANDOM // 3
    np.testing.assert_array_equal(_call(c, function, a, b), fixedpoint.srdhm(a, b))


def test_requantizing_to_the_right_equals_python(c: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    edges = [v for v in EDGES if abs(v) < 1 << 30]
    a = np.concatenate([np.repeat(edges, 31), (_values(4) >> 1) // 2])
    shift = np.concatenate([np.tile(np.arange(-31, 0), len(edges)), rng.integers(-31, 0, RANDOM)])
    multiplier = rng.choice([0, 1 << 30, (1 << 31) - 1, *rng.integers(1 << 30, 1 << 31, 50)], len(a))
    zero_point = rng.integers(-128, 128, len(a))
    got = _call(c, "requantize_right", a, multiplier, shift, zero_point)
    np.testing.assert_array_equal(got, fixedpoint.requantize(a, multiplier, shift) + zero_point)


def _half_away(value: Fraction) -> int:
    whole = abs(value.numerator) // value.denominator
    rest = abs(value) - whole
    return (whole + (1 if rest * 2 >= 1 else 0)) * (1 if value >= 0 else -1)


def test_srdhm_in_c_equals_python(c: ctypes.CDLL) -> None:
    a, b = _pairs()
    np.testing.assert_array_equal(_call(c, "srdhm", a, b), fixedpoint.srdhm(a, b))


def test_srdhm_is_the_rounded_high_half() -> None:
    a, b = (x[::7] for x in _pairs())
    got = fixedpoint.srdhm(a, b).tolist()
    for x, y, result in zip(a.tolist(), b.tolist(), got, strict=True):
        exact = Fraction(x * y, 2**31)
        if x == y == -(2**31):
            assert result == 2**31 - 1
        elif exact - exact.__floor__() == Fraction(1, 2) and exact < 0:
            # gemmlowp's nudge of 1 - 2**30 before a division that truncates: negative ties go up
            assert result == exact.__floor__() + 1
        else:
            assert result == _half_away(exact)


def test_divide_in_c_equals_python_and_rounds_half_away(c: ctypes.CDLL) -> None:
    values = np.concatenate([np.array(EDGES), _values(3)[:500]])
    x = np.repeat(values, 32)
    exponent = np.tile(np.arange(32), len(values))
    got = fixedpoint.rounding_divide_by_pot(x, exponent)
    np.testing.assert_array_equal(_call(c, "divide", x, exponent), got)
    exact = [_half_away(Fraction(a, 2**e)) for a, e in zip(x.tolist(), exponent.tolist(), strict=True)]
    assert got.tolist() == exact


def test_requantize_in_c_equals_python(c: ctypes.CDLL) -> None:
    """Also where the shift to the left overflows: both wrap."""
    x, multiplier = _pairs()
    for shift in range(-31, 31):
        shifts = np.full(len(x), shift)
        got = _call(c, "requantize", x, np.abs(np.maximum(multiplier, 1 - 2**31)), shifts)
        want = fixedpoint.requantize(x, np.abs(np.maximum(multiplier, 1 - 2**31)), shifts)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        # TensorFlow's quantization_util_test.cc gives these
        (0.0, (0, 0)),
        (0.25, (1 << 30, -1)),
        (0.5, (1 << 30, 0)),
        (0.5 - 5e-9, (2147483627, -1)),
        (1 - 1e-10, (1 << 30, 1)),
        (1.0, (1 << 30, 1)),
        (1.0000000001, (1 << 30, 1)),
        (4.0, (1 << 30, 3)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (float.fromhex("0x1.fffffffffffffp-33"), (1 << 30, -31)),
        (2.0**30, (1 << 30, 31)),
    ],
)
def test_quantize_multiplier(real: float, expected: tuple[int, int]) -> None:
    assert fixedpoint.quantize_multiplier(real) == expected


def test_multipliers_are_normal_and_near() -> None:
    rng = np.random.default_rng(4)
    for real in np.exp(rng.uniform(np.log(2.0**-31), np.log(2.0**29), 3000)).tolist():
        multiplier, shift = fixedpoint.quantize_multiplier(real)
        assert 1 << 30 <= multiplier < 1 << 31
        assert abs(multiplier * 2.0 ** (shift - 31) / real - 1) <= 2.0**-31


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0), (2.0**52 + 1, 2**52 + 1)],
)
def test_halves_go_away_from_zero(value: float, rounded: int) -> None:
    assert fixedpoint.round_half_away(value) == rounded
