"""int8 weights that take few values, in fewer bits: indices of a codebook (Han et al. 2016), or of a progression.

The graph keeps the int8 codes; what is stored is found from their values alone, and gives the same codes back.
``nn_codebook.h`` has the layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array

MOST_BITS = 6
BLOCK = 32  # indices that are whole words, whatever their bits


@dataclass(frozen=True, eq=False)
class Codebook:
    """``centroids``: the values in ascending order, int8; 2**bits of them, the last one repeated."""

    bits: int
    values: int
    centroids: Array

    def indices(self, codes: Array) -> Array:
        """The index of every code, int64, in the same shape. The codes are among the values."""
        found: Array = np.searchsorted(self.centroids[: self.values], codes)
        return found

    def packed(self, codes: Array) -> Array:
        """The uint32 stream of codes in order; their number is a multiple of 32."""
        return pack_bits(self.indices(codes).reshape(-1), self.bits)


def codebook_of(*codes: Array) -> Codebook | None:
    """The smallest codebook of all these codes; None where they take more than 64 values."""
    values = np.unique(np.concatenate([c.reshape(-1) for c in codes]))
    bits = max(int(values.size - 1).bit_length(), 1)
    if bits > MOST_BITS:
        return None
    return Codebook(bits, int(values.size), np.pad(values, (0, (1 << bits) - values.size), mode="edge").astype(np.int8))


def pack_bits(indices: Array, bits: int) -> Array:
    """uint32 words of numbers of so many bits each, the first one lowest. Their number is a multiple of 32."""
    assert indices.size % BLOCK == 0
    single = (indices[:, None] >> np.arange(bits) & 1).astype(np.uint8)
    packed: Array = np.packbits(single, bitorder="little").view("<u4").astype(np.uint32)
    return packed


@dataclass(frozen=True)
class Progression:
    """Weights that are ``least`` + ``step`` times a digit of so many bits."""

    least: int
    step: int
    bits: int

    def digits(self, codes: Array) -> Array:
        """int64, in the same shape."""
        found: Array = (codes.astype(np.int64) - self.least) // self.step
        return found


def progression_of(codes: Array) -> Progression | None:
    """Of one, two or four bits; None where these are too few."""
    values = np.unique(codes).astype(np.int64)
    step = int(np.gcd.reduce(np.diff(values))) if values.size > 1 else 1
    digits = int(values[-1] - values[0]) // step
    bits = next((b for b in (1, 2, 4) if digits < 1 << b), None)
    return None if bits is None else Progression(int(values[0]), step, bits)


def table_bytes(bits: int) -> int:
    """Of ``nn_codebook_table``."""
    return 2 << 2 * bits if bits <= 4 else 4 << bits
