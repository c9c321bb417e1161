"""int8 weights of convolutions in fewer bits, whichever way takes the fewest bytes: indices of a codebook, digits of
base three, or the fours of weights that are not all zero.

What is stored becomes words of four weights again while the kernel runs. ``nn_expand.h`` has the layouts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from toolchain.graph import Array
from toolchain.ops.weights_codebook import (
    MOST_STORED,
    Codebook,
    Codebooks,
    codebook_of,
    codebooks_of,
    single_codebook,
    table_bytes,
)

TERNARY_WORDS = 5  # that a stored word becomes
EXPAND_SOURCES = ("nn_expand_codebook.c", "nn_expand_ternary.c", "nn_expand_sparse.c")


@dataclass(frozen=True, eq=False)
class Stored:
    """Streams of weights, each of ``blocks`` blocks that become ``words`` words. ``form`` is a part of C names.

    ``streams``: uint32, for each its own length. ``fours``: of weights that are not zero, in all streams; of sparse
    weights alone.
    """

    form: str
    codebooks: Codebooks
    streams: tuple[Array, ...]
    blocks: int
    words: int
    fours: int = 0

    @property
    def nbytes(self) -> int:
        return sum(int(stream.nbytes) for stream in self.streams) + len(self.codebooks.centroids)

    @property
    def tables(self) -> int:
        """How many, each of ``table_bytes``."""
        return len(self.codebooks.books)

    @property
    def table_bytes(self) -> int:
        return table_bytes(self.codebooks.bits)

    def symbol(self, form: str = "") -> str:
        """The C function that expands; with ``form`` "_bytes", to bytes that are not paired."""
        return f"nn_expand_{self.form}{'' if self.form.startswith('codebook') else form}"


def expanded_terms(stored: Stored) -> tuple[float, ...]:
    """Of a fitted cost: blocks of all streams, by an index's bits, of digits, of sparse weights; and fours."""
    blocks = float(stored.blocks * len(stored.streams))
    forms = [*(f"codebook_{bits}" for bits in range(1, 7)), "ternary", "sparse"]
    return *(blocks * (stored.form == form) for form in forms), float(stored.fours)


class Key:
    """Bytes of weights (streams, words, 4), int8, compared by value: layers ask for the same again and again."""

    def __init__(self, data: Array) -> None:
        self.data = np.ascontiguousarray(data.astype(np.int8))
        self.key = self.data.shape, self.data.tobytes()

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.key == other.key


def stored_paired(data: Array, channels: int) -> Stored | None:
    """Of words (streams, words, 4) that become paired bytes; None where nothing makes them smaller.

    The words are those of ``nn_gemm.h``, two for each pair of K. A stream has so many output ``channels``.
    """
    return _smallest(Key(data), False, channels)


def stored_bytes(data: Array, channels: int) -> Stored | None:
    """Of words (streams, words, 4) whose bytes stay as they are."""
    return _smallest(Key(data), True, channels)


@lru_cache(maxsize=64)
def _smallest(key: Key, is_bytes: bool, channels: int) -> Stored | None:
    data = key.data
    found = [_sparse(data, _fours if is_bytes else _paired_fours)]
    codebooks, codebook = codebooks_of(data, channels), codebook_of(data)
    if codebooks is not None:
        found.append(_codebook(data, codebooks))
    if codebook is not None:
        values = codebook.centroids[: codebook.values].astype(int)
        if len(values) == 3 and values[1] - values[0] == values[2] - values[1]:
            found.append(_ternary(data, codebook))
    best = min(found, key=lambda stored: stored.nbytes)
    return best if best.nbytes <= MOST_STORED * data.nbytes else None


def _filled(data: Array, words: int) -> Array:
    """Whole blocks of so many words, by words that exist."""
    return np.pad(data, ((0, 0), (0, -data.shape[1] % words), (0, 0)), mode="edge")


def _codebook(data: Array, codebooks: Codebooks) -> Stored:
    filled = _filled(data, 8)
    streams = tuple(codebooks.packed(filled).reshape(len(data), -1))
    return Stored(f"codebook_{codebooks.bits}", codebooks, streams, filled.shape[1] // 8, filled.shape[1])


def _ternary(data: Array, codebook: Codebook) -> Stored:
    filled = _filled(data, TERNARY_WORDS)
    digits = codebook.indices(filled).reshape(len(data), -1, TERNARY_WORDS, 4)
    packed = three_digits(digits.transpose(0, 1, 3, 2))
    streams = tuple(np.ascontiguousarray(packed).view("<u4")[..., 0].astype(np.uint32))
    return Stored("ternary", single_codebook(codebook, data), streams, packed.shape[1], filled.shape[1])


def three_digits(digits: Array) -> Array:
    """uint8, of five digits of base three in the last axis: times three, the next one shows above the byte."""
    values = digits @ 3 ** np.arange(TERNARY_WORDS)[::-1]
    packed: Array = (-(-values * 256 // 243)).astype(np.uint8)
    return packed


def _fours(data: Array) -> tuple[Array, int]:
    """(streams, fours, 4) of whole words, and how many words a block has."""
    return data, 1


def _paired_fours(data: Array) -> tuple[Array, int]:
    """(streams, fours, 4): of four words each the four channels' weights."""
    filled = np.pad(data, ((0, 0), (0, -data.shape[1] % 4), (0, 0)))
    words = filled.reshape(len(data), -1, 2, 2, 2, 2)  # block, pair of K, half, k, channel of two
    fours = words.transpose(0, 1, 3, 5, 4, 2)  # block, channel, and byte k * 2 + pair
    return fours.reshape(len(data), -1, 4), 4


def _sparse(data: Array, fours_of: Callable[[Array], tuple[Array, int]]) -> Stored:
    fours, words = fours_of(data)
    blocks = fours.shape[1] // words
    present = np.any(fours != 0, axis=2)
    streams = tuple(_sparse_stream(*stream) for stream in zip(fours, present, strict=True))
    nothing = single_codebook(Codebook(1, 1, np.zeros(2, np.int8)), data)
    return Stored("sparse", nothing, streams, blocks, blocks * words, int(present.sum()))


def _sparse_stream(fours: Array, present: Array) -> Array:
    """uint32: for each 32 fours a bit each, then those that are present."""
    stream = []
    for first in range(0, len(fours), 32):
        here = present[first : first + 32]
        stream.append(np.packbits(np.pad(here, (0, 32 - len(here))), bitorder="little").view("<u4"))
        stream.append(np.ascontiguousarray(fours[first : first + 32][here]).view("<u4").reshape(-1))
    return np.concatenate(stream).astype(np.uint32)
