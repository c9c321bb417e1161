"""Paired-byte weights for the DSP extension: two int8 channels in each half-word.

A half-word h = 256 * w1 + w0 lets SMLAD sum 256 * D1 + D0, and SXTB16 leaves w0 for D0 alone, so int8 weights in flash
are multiplied at the speed of int16. ``nn_gemm.h`` has the layout; the conditions here make it exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array
from toolchain.ops.channels import Channels
from toolchain.ops.single_floor import SingleFloor

WORD_ORDER = (0, 2, 1, 3)  # SXTB16 takes bytes 0 and 2 of a word, then 1 and 3


def padded(k: int) -> int:
    """K rounded up to whole words of four bytes."""
    return -(-k // 4) * 4


def is_exact(channels: Channels) -> bool:
    """Whether paired bytes give every channel's exact result for any int8 input.

    The even channels need sums below 2**30 for the doubling before SMMULR, the odd ones below 2**23 because theirs are
    kept 256 times as large; requantization with one rounding constant needs 1 to 22 bits of right shift.
    """
    largest, right = channels.largest(), -channels.shift
    no_overflow = bool(np.all(largest[0::2] < 1 << 30) and np.all(largest[1::2] < 1 << 23))
    # 256 * w1 + w0 must fit 16 bits
    fits = bool(np.all(channels.weights[1::2] >= -127))
    return no_overflow and fits and bool(np.all((right >= 1) & (right <= 22)))


def pack_gemm(channels: Channels, order: Array, floor: SingleFloor | None) -> Array:
    """The uint32 stream of ``nn_gemm_s8_2x4``, or of its ``_floor`` form when there is one for the channels.

    The number of channels is a multiple of four. ``order`` (K padded to pairs) names the taps as the kernel multiplies
    them; -1 is a weight of zero.
    """
    rows = np.pad(channels.weights, ((0, 0), (0, 1)))[:, order]
    paired = (256 * rows[1::2] + rows[0::2]) & 0xFFFF
    words = paired[:, 0::2] | paired[:, 1::2] << 16  # (channels / 2, pairs of K)
    groups = words.reshape(-1, 2, words.shape[1]).transpose(0, 2, 1)
    return framed_groups(channels, groups.reshape(len(groups), -1), floor)


def framed_groups(channels: Channels, words: Sequence[Array], floor: SingleFloor | None) -> Array:
    """The uint32 stream of groups of four channels: what their sums begin with, their words, their requantization."""
    if floor is None:
        right = -channels.shift
        rounding = (1 << (right - 1)) + (channels.zero_point << right)
        numbers = np.stack([channels.multiplier, rounding, right], axis=1)
    else:
        numbers = np.stack([floor.factor, floor.offset], axis=1)
    even, odd = channels.bias[0::2], channels.bias[1::2]
    first = np.stack([even, even + 256 * odd], axis=1).reshape(-1, 4)
    last = numbers.reshape(-1, 2, numbers.shape[1])[:, ::-1].reshape(len(words), -1)
    parts = [part for group in zip(first, words, last, strict=True) for part in group]
    return (np.concatenate(parts).astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)
