"""Requantization by one multiplication and one saturating shift, where that gives every code of the exact one.

TFLite rounds twice, and away from zero. Where the zero point is -128, as after ReLU, no code shows the sign, and then
the code is nearly always a rounded-down linear function of the sum: ``floor((factor * sum + offset) / 2**n)``. Whether
it is, is decided for each channel from the at most 255 sums at which its code rises: both are step functions that never
fall, so equal steps are equal codes for every sum.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array
from toolchain.ops.channels import Channels

SUM_BITS = 8  # sums arrive 256 times as large
_CODES = np.arange(-127, 128)
_NEAR = sorted(range(-8, 9), key=abs)  # what is tried about the ideal factor
_NEVER = 1 << 40


@dataclass(frozen=True, eq=False)
class SingleFloor:
    """code = clamp((256 * sum * factor + (offset << 32)) >> (32 + shift)), int64, an entry for each channel."""

    factor: Array
    offset: Array


def single_floor(channels: Channels, shift: int) -> SingleFloor | None:
    """The numbers for a code ``shift`` bits below the product's high word; None when a channel has none.

    Sums are below 2**23, factors below 2**31 and offsets below 2**30, so nothing overflows 32 bits.
    """
    if np.any(channels.largest() >= 1 << 23):
        return None
    rows = (*_bounds(channels), channels.multiplier, channels.shift, channels.zero_point)
    return _solved(np.stack(rows).astype(np.int64).tobytes(), shift)


@functools.lru_cache(maxsize=256)  # kernels are compared, chosen and packed one after the other
def _solved(rows: bytes, shift: int) -> SingleFloor | None:
    steps = _Steps(*np.frombuffer(rows, np.int64).reshape(5, -1))
    fixed = steps.multiplier == 0
    rises = _rises(steps)
    ideal = np.ldexp(steps.multiplier.astype(np.float64), (steps.shift + shift - SUM_BITS + 1).astype(np.int32))
    wanted = (steps.zero_point << shift) + (1 << (shift - 1))
    factor, offset, found = np.zeros_like(wanted), steps.zero_point << shift, fixed.copy()
    for near in _NEAR:
        left = ~found
        if not left.any():
            break
        tried = np.minimum(ideal[left], 2.0**31).astype(np.int64) + near
        low, high = _offsets(tried, rises[left], steps.least[left], steps.most[left], shift)
        factor[left], offset[left] = tried, np.clip(wanted[left], low, high)
        found[left] = (low <= high) & (tried >= 0) & (tried < 1 << 31) & (np.abs(offset[left]) < 1 << 30)
    return SingleFloor(factor, offset) if found.all() else None


@dataclass(frozen=True, eq=False)
class _Steps:
    """What the codes of a channel depend on: its least and largest sum, and its requantization."""

    least: Array
    most: Array
    multiplier: Array
    shift: Array
    zero_point: Array


def _bounds(channels: Channels) -> tuple[Array, Array]:
    """The least and the largest sum of every channel."""
    weights = channels.weights
    least = channels.bias + np.minimum(-128 * weights, 127 * weights).sum(axis=1)
    return least, channels.bias + np.maximum(-128 * weights, 127 * weights).sum(axis=1)


def _offsets(factor: Array, rises: Array, least: Array, most: Array, shift: int) -> tuple[Array, Array]:
    """The least and the largest offset with which each code begins where it should; none when they have crossed."""
    target = _CODES << (32 + shift)
    at, below = (factor[:, None] * (sums << SUM_BITS) for sums in (rises, rises - 1))
    low = np.where(rises <= most[:, None], -((at - target) >> 32), -_NEVER).max(axis=1)
    high = np.where(rises > least[:, None], (target - 1 - below) >> 32, _NEVER).min(axis=1)
    return low, high


def _rises(steps: _Steps) -> Array:
    """(channels, 255): the least sum with at least the code -127 ... 127; most + 1 where there is none."""
    least, most, multiplier, shift, zero_point = (
        x[:, None] for x in (steps.least, steps.most, steps.multiplier, steps.shift, steps.zero_point)
    )

    def reaches(sums: Array) -> Array:
        codes: Array = fixedpoint.requantize(np.clip(sums, least, most), multiplier, shift)
        return np.where(sums < least, False, (sums > most) | (codes + zero_point >= _CODES))

    scale = np.ldexp(np.maximum(multiplier, 1).astype(np.float64), (shift - 31).astype(np.int32))
    guess = np.clip((_CODES - zero_point - 0.5) / scale, -(2.0**40), 2.0**40).astype(np.int64)
    low, high = np.clip(guess - 2, least - 1, most), np.clip(guess + 2, least, most + 1)
    low, high = np.where(reaches(low), least - 1, low), np.where(reaches(high), high, most + 1)
    while np.any(high - low > 1):
        middle = (low + high) >> 1
        reached = reaches(middle)
        # once they are neighbours the middle is `low`, which does not reach the code
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high
