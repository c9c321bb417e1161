"""Logistic function and hyperbolic tangent of int16 codes, as TFLite's ``reference_integer_ops`` interpolate them."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array

STEP = 24  # entries of the table for each unit of the argument


def _table() -> Array:
    """The logistic function from 0 on, times 2**16, raised so that lines between the points err as little as they can.

    That is by a sixteenth of the second derivative. TFLite holds the numbers; the last of theirs is one more than this.
    """
    s = 1 / (1 + np.exp(-np.arange(256) / STEP))
    raised = s + s * (1 - s) * (2 * s - 1) / (16 * STEP * STEP)
    codes = np.floor(65536 * raised + 0.5).astype(np.int64)
    codes[-1] = 65535
    return codes


TABLE = _table()


def _interpolated(size: Array, bits: int, most: int) -> Array:
    """The table at ``size``, of whose bits so many are the fraction, shifted by these; ``most`` behind its end."""
    high = size >> bits
    index = np.minimum(high, 254)
    below = TABLE[index]
    between: Array = (below << bits) + (size & ((1 << bits) - 1)) * (TABLE[index + 1] - below)
    return np.where(high >= 255, most << bits, between)


def scaled(codes: Array, factor: int, right: int) -> Array:
    """int16 codes times factor / 2**right, rounded: the argument in steps of 2**-12 / 3."""
    rounding = 1 << (right - 1) if right else 0
    argument: Array = (codes.astype(np.int64) * factor + rounding) >> right
    return argument


def logistic(argument: Array) -> Array:
    """Codes of 2**-15 for arguments as ``scaled`` gives them."""
    result = _interpolated(np.abs(argument), 9, 2 * 0x7FFF)
    turned = np.where(argument >= 0, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1)
    return turned >> 10


def tanh(argument: Array) -> Array:
    """Codes of 2**-15 for arguments as ``scaled`` gives them."""
    result = _interpolated(np.abs(argument), 8, 0xFFFF) - (1 << 23)
    turned = np.where(argument >= 0, result + (1 << 7), -result + (1 << 7) - 1)
    return turned >> 8
