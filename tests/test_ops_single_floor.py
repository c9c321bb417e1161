"""Requantization by a single rounding down gives TFLite's code for every sum that a channel can have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from toolchain import fixedpoint
from toolchain.ops.channels import Channels
from toolchain.ops.single_floor import SingleFloor, single_floor

TAPS = 40


def channels(rng: np.random.Generator, zero_point: int, shifts: tuple[int, int], count: int = 24) -> Channels:
    """Weights of all sizes, and scales over ``shifts`` to the right."""
    low, high = shifts
    return Channels(
        weights=rng.integers(-127, 128, (count, TAPS)) // rng.choice([1, 4, 30], (count, 1)),
        bias=rng.integers(-20_000, 20_000, count),
        multiplier=rng.integers(1 << 30, 1 << 31, count),
        shift=-rng.integers(low, high + 1, count),
        zero_point=np.full(count, zero_point),
    )


def codes(found: SingleFloor, sums: np.ndarray, channel: int, shift: int) -> np.ndarray:
    """As the kernel computes them, with 32-bit registers."""
    sums256 = sums << 8
    high = (sums256 * found.factor[channel] >> 32) + found.offset[channel]
    assert np.abs(sums256).max() < 1 << 31
    assert np.abs(high).max() < 1 << 31
    return np.clip(high >> shift, -128, 127)


@pytest.mark.parametrize(("shift", "shifts"), [(12, (5, 9)), (10, (3, 8))])
def test_every_sum_has_the_code_of_double_rounding(shift: int, shifts: tuple[int, int]) -> None:
    given = channels(np.random.default_rng(shift), -128, shifts)
    found = single_floor(given, shift)
    assert found is not None
    assert found.factor.max() < 1 << 31
    for c, weights in enumerate(given.weights):
        negative, positive = weights[weights < 0].sum(), weights[weights > 0].sum()
        least, most = 127 * negative - 128 * positive, 127 * positive - 128 * negative
        sums = given.bias[c] + np.arange(least, most + 1)
        exact = fixedpoint.requantize(sums, given.multiplier[c], given.shift[c]) + given.zero_point[c]
        np.testing.assert_array_equal(codes(found, sums, c, shift), np.clip(exact, -128, 127))


def test_a_channel_of_one_code_keeps_it() -> None:
    given = channels(np.random.default_rng(1), -128, (5, 9))
    fixed = np.zeros(24, bool)
    fixed[5:9] = True
    given = dataclasses.replace(
        given,
        weights=np.where(fixed[:, None], 0, given.weights),
        bias=np.where(fixed, 0, given.bias),
        multiplier=np.where(fixed, 0, given.multiplier),
        zero_point=np.where(fixed, np.arange(24) - 7, -128),
    )
    found = single_floor(given, 12)
    assert found is not None
    assert [int(codes(found, np.zeros(1, np.int64), c, 12)[0]) for c in range(5, 9)] == [-2, -1, 0, 1]


@pytest.mark.parametrize(
    ("zero_point", "shifts", "reason"),
    [
        (0, (7, 7), "codes on both sides of zero are rounded in opposite directions"),
        (-128, (1, 2), "the factor does not fit 32 bits"),
        (-128, (20, 22), "the offset is too coarse"),
    ],
)
def test_channels_that_have_none_are_told_apart(zero_point: int, shifts: tuple[int, int], reason: str) -> None:
    given = channels(np.random.default_rng(2), zero_point, shifts)
    wide = dataclasses.replace(given, bias=given.bias << 8) if shifts == (20, 22) else given
    assert single_floor(wide, 12) is None, reason


def test_sums_that_do_not_fit_256_times_are_refused() -> None:
    given = channels(np.random.default_rng(3), -128, (6, 6))
    assert single_floor(given, 12) is not None
    assert single_floor(dataclasses.replace(given, bias=given.bias + (1 << 23)), 12) is None
