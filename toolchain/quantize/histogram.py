"""A histogram that grows with its data: bounded memory, one pass, and the same whatever the order of the samples.

Bins are multiples of a width that is a power of two, so that 0.0 is an edge. When a value does not fit, the width
doubles and neighbours are added up: floor(x / 2w) = floor(floor(x / w) / 2), so nothing is interpolated and the counts
are those that a histogram of all values with the last width would have.
"""

from __future__ import annotations

import math

import numpy as np

from toolchain.graph import Array

BINS = 4096
_SMALLEST_EXPONENT = -140  # below it lies nothing that int8 with other tensors could use


class Histogram:
    """Counts of values other than 0.0, which is exact in every grid; ``zeros`` counts those.

    At most ``bins`` counts, and more than a quarter as many wherever the values are not all the same.
    """

    def __init__(self, bins: int = BINS) -> None:
        self.bins = bins
        self.zeros = 0
        self.low, self.high = 0.0, 0.0
        self._exponent: int | None = None
        self._first = 0
        self._counts = np.zeros(0, np.int64)

    @property
    def width(self) -> float:
        return math.ldexp(1.0, self._exponent) if self._exponent is not None else 0.0

    @property
    def counts(self) -> Array:
        return self._counts

    @property
    def edges(self) -> Array:
        """The lower edges of the bins, and the upper one of the last."""
        return (self._first + np.arange(len(self._counts) + 1)) * self.width

    @property
    def centers(self) -> Array:
        return (self._first + np.arange(len(self._counts)) + 0.5) * self.width

    def add(self, values: Array) -> None:
        """Count ``values``, finite ones of any shape."""
        flat = values.reshape(-1).astype(np.float64)
        kept = flat[flat != 0.0]
        self.zeros += len(flat) - len(kept)
        if not len(kept):
            return
        low, high = float(kept.min()), float(kept.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._make_room()
        index = np.floor(kept / self.width).astype(np.int64)
        self._widen(int(index.min()), int(index.max()))
        self._counts += np.bincount(index - self._first, minlength=len(self._counts))

    def _make_room(self) -> None:
        """The width from which on the range of all values, and 0.0, spans at most ``bins`` bins."""
        exponent = math.frexp((self.high - self.low) / self.bins)[1] - 1
        exponent = max(exponent, _SMALLEST_EXPONENT)
        while _span(self.low, self.high, exponent) > self.bins:
            exponent += 1
        if self._exponent is None:
            self._exponent = exponent
        while self._exponent < exponent:
            self._halve()

    def _halve(self) -> None:
        assert self._exponent is not None
        padded = np.pad(self._counts, (self._first % 2, 0))
        padded = np.pad(padded, (0, len(padded) % 2))
        self._counts = padded.reshape(-1, 2).sum(axis=1)
        self._first //= 2
        self._exponent += 1

    def _widen(self, first: int, last: int) -> None:
        if not len(self._counts):
            self._first, self._counts = first, np.zeros(1, np.int64)
        before = max(self._first - first, 0)
        after = max(last - (self._first + len(self._counts) - 1), 0)
        self._counts = np.pad(self._counts, (before, after))
        self._first -= before


def _span(low: float, high: float, exponent: int) -> int:
    width = math.ldexp(1.0, exponent)
    return math.floor(high / width) - math.floor(low / width) + 1
