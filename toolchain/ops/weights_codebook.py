"""int8 weights that take few values, in fewer bits: indices of a codebook (Han et al. 2016), or of a progression.

The graph keeps the int8 codes; what is stored is found from their values alone, and gives the same codes back.
``nn_codebook.h`` has the layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array

MOST_BITS = 6
GROUPS = (64, 32, 16, 8, 4)  # output channels that may have a codebook of their own
MOST_STORED = 15 / 16  # of the bytes of int8 weights, else fewer bits are not worth it
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
    bits = _bits_of(values.size)
    return _codebook(values, bits) if bits <= MOST_BITS else None


def _bits_of(values: int) -> int:
    """Of an index of so many values."""
    return max(int(values - 1).bit_length(), 1)


def _codebook(values: Array, bits: int) -> Codebook:
    return Codebook(bits, int(values.size), np.pad(values, (0, (1 << bits) - values.size), mode="edge").astype(np.int8))


@dataclass(frozen=True, eq=False)
class Codebooks:
    """The codebooks of a layer, of equal bits: each for ``parts`` of it in order, the last one perhaps for fewer.

    A part is some output channels whose weights are stored together.
    """

    books: tuple[Codebook, ...]
    parts: int

    @property
    def bits(self) -> int:
        return self.books[0].bits

    @property
    def centroids(self) -> Array:
        """Those of each codebook, one behind the other."""
        return np.concatenate([book.centroids for book in self.books])

    def indices(self, codes: Array) -> Array:
        """The index of every code (parts, ...), int64, in the same shape."""
        firsts = range(0, len(codes), self.parts)
        groups = [book.indices(codes[at : at + self.parts]) for book, at in zip(self.books, firsts, strict=True)]
        return np.concatenate(groups)

    def packed(self, codes: Array) -> Array:
        """The uint32 stream of codes (parts, ...) in order; their number is a multiple of 32."""
        return pack_bits(self.indices(codes).reshape(-1), self.bits)


def single_codebook(codebook: Codebook, codes: Array) -> Codebooks:
    return Codebooks((codebook,), len(codes))


def codebooks_of(codes: Array, channels: int, least_bits: int = 1) -> Codebooks | None:
    """The codebooks that take the fewest bytes with their indices: one, or one for each ``GROUPS`` output channels.

    ``codes`` (parts, ...) of ``channels`` output channels each. Several must save a sixteenth of what one takes, or of
    the codes as they are. None where there are more than 64 values.
    """
    flat = codes.reshape(len(codes), -1).astype(np.int64) + 128
    present = np.zeros((len(flat), 256), bool)
    np.put_along_axis(present, flat, True, axis=1)
    found, most = None, MOST_STORED * codes.size
    for size in (len(flat), *(group // channels for group in GROUPS if group // channels < len(flat))):
        values = np.logical_or.reduceat(present, np.arange(0, len(flat), size), axis=0)
        bits = max(_bits_of(int(values.sum(axis=1).max())), least_bits)
        nbytes = codes.size * bits / 8 + (len(values) << bits)
        if bits > MOST_BITS or (len(values) > 1 and nbytes >= most):
            continue
        found, most = (values, bits, size), nbytes if len(values) > 1 else min(most, MOST_STORED * nbytes)
    if found is None:
        return None
    values, bits, size = found
    return Codebooks(tuple(_codebook(np.flatnonzero(row) - 128, bits) for row in values), size)


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
