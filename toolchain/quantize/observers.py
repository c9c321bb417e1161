"""Observers: each sees every value of a tensor once, in a stream, and then says which range int8 should cover.

What lies outside the range saturates; a narrower range has finer steps. All memory is bounded: two numbers, or one
histogram. Sources: Jacob et al. 2018, section 3.1 (moving average); Migacz, "8-bit Inference with TensorRT", 2017
(entropy); Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 3.1 (min-max and MSE).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

import numpy as np

from toolchain.errors import UserError
from toolchain.graph import Array
from toolchain.quantize import grid
from toolchain.quantize.histogram import Histogram

PERCENTILE = 99.99
SMALLEST_SHARE = 0.1  # of the whole range that clipping leaves
STEPS = 90  # into which the shares of one end are divided
MOMENTUM = 0.99
_UNIFORM = 1e-4  # share of a uniform distribution in the quantized one: no bin is impossible

Range = tuple[float, float]


class Observer(Protocol):
    """``observe`` takes finite values of any shape, those of one sample at a time; ``range`` is (low, high)."""

    def observe(self, x: Array) -> None: ...

    def range(self) -> Range: ...


class MinMax:
    """All that was seen: nothing saturates, and one outlier makes the steps of everything coarse."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf

    def observe(self, x: Array) -> None:
        self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))

    def range(self) -> Range:
        return self.low, self.high


class MovingAverage:
    """The averages of the samples' minima and maxima: plain ones of the first 100, then with momentum 0.99.

    Jacob et al. start such an average when training has settled; here the first sample must not weigh more than others.
    """

    def __init__(self) -> None:
        self.low, self.high, self.seen = 0.0, 0.0, 0

    def observe(self, x: Array) -> None:
        self.seen += 1
        weight = max(1 / self.seen, 1 - MOMENTUM)
        self.low += weight * (float(x.min()) - self.low)
        self.high += weight * (float(x.max()) - self.high)

    def range(self) -> Range:
        return self.low, self.high


class _Histogrammed:
    def __init__(self) -> None:
        self.histogram = Histogram()

    def observe(self, x: Array) -> None:
        self.histogram.add(x)


class Percentile(_Histogrammed):
    """``share`` per cent of the values; where there are negative and positive ones, half of the rest at either end."""

    def __init__(self, share: float = PERCENTILE) -> None:
        super().__init__()
        self.share = share

    def range(self) -> Range:
        h = self.histogram
        total = h.zeros + int(h.counts.sum())
        outside = (100 - self.share) / 100 * total
        edges, counts = h.edges, h.counts
        below = counts[edges[:-1] < 0]
        above = counts[len(below) :]
        outside /= 2 if len(below) and len(above) else 1
        low = -_reach(-edges[: len(below) + 1][::-1], below[::-1], outside) if len(below) else 0.0
        high = _reach(edges[len(below) :], above, outside) if len(above) else 0.0
        return max(low, h.low), min(high, h.high)


class MeanSquaredError(_Histogrammed):
    """The range whose grid has the least mean squared error, of rounding and of clipping together."""

    def range(self) -> Range:
        h = self.histogram
        counts, centers = h.counts, h.centers

        def error(range_: Range) -> float:
            used = grid.affine(*range_)
            return float(counts @ (grid.values(grid.codes(centers, used), used) - centers) ** 2)

        return _best(h.low, h.high, error)


class Entropy(_Histogrammed):
    """The range whose grid loses the least information: the Kullback-Leibler divergence between the clipped
    distribution and what is left of it when every code stands for its values' average.
    """

    def range(self) -> Range:
        h = self.histogram
        counts, centers = h.counts.astype(np.float64), h.centers
        return _best(h.low, h.high, lambda range_: _divergence(counts, centers, range_))


OBSERVERS: Mapping[str, Callable[[], Observer]] = {
    "minmax": MinMax,
    "moving-average": MovingAverage,
    "percentile": Percentile,
    "mse": MeanSquaredError,
    "entropy": Entropy,
}


def check_calibration(text: str, where: str) -> None:
    """UserError, about ``where``, when ``text`` is neither a key of ``OBSERVERS`` nor like ``percentile:99.9``."""
    observer_of(text, where)


def observer_of(text: str, where: str = "calibration") -> Callable[[], Observer]:
    """What makes the observers of a calibration: a key of ``OBSERVERS``, or ``percentile:99.9`` with its share."""
    name, colon, parameter = text.partition(":")
    if name not in OBSERVERS or (colon and name != "percentile"):
        raise UserError(f"{where}: there is no calibration {text!r}", f"choose one of {', '.join(OBSERVERS)}")
    if not colon:
        return OBSERVERS[name]
    try:
        share = float(parameter)
    except ValueError:
        share = 0.0
    if not 50.0 < share <= 100.0:
        raise UserError(f"{where}: {text!r} names no share of the values", "write it as percentile:99.9")
    return partial(Percentile, share)


def _reach(edges: Array, counts: Array, outside: float) -> float:
    """How far from 0.0 all but the ``outside`` farthest values lie; even within a bin. ``edges`` rise."""
    allowed = int(counts.sum()) - outside
    inside = np.concatenate([[0], np.cumsum(counts)])
    return float(np.interp(allowed, inside, edges)) if allowed > 0 else 0.0


def _best(low: float, high: float, loss: Callable[[Range], float]) -> Range:
    """The range with the least loss: first both ends are drawn in alike, then each alone. The whole one on a tie."""
    best = (low, high)
    least = loss(best)
    moves: list[Callable[[float, Range], Range]] = [lambda share, _: (low * share, high * share)]
    if low < 0 < high:
        moves += [lambda share, now: (low * share, now[1]), lambda share, now: (now[0], high * share)]
    for move in moves:
        start = best
        for share in _shares():
            candidate = move(share, start)
            found = loss(candidate)
            if found < least:
                least, best = found, candidate
    return best


def _shares() -> Iterator[float]:
    """From the whole range down."""
    for step in range(STEPS + 1):
        yield 1.0 - step * (1.0 - SMALLEST_SHARE) / STEPS


def _divergence(counts: Array, centers: Array, range_: Range) -> float:
    inside = (centers >= range_[0]) & (centers <= range_[1])
    kept = counts[inside]
    if not kept.any():
        return float("inf")
    codes = grid.codes(centers[inside], grid.affine(*range_), "int64")
    first, last = np.flatnonzero(inside)[[0, -1]]
    clipped = kept.copy()
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last + 1 :].sum()
    possible = clipped > 0
    level = codes - codes[0]
    bins = np.bincount(level, weights=possible)
    average = np.bincount(level, weights=kept) / np.maximum(bins, 1)
    p = clipped[possible] / clipped.sum()
    q = average[level][possible]
    q = (1 - _UNIFORM) * q / q.sum() + _UNIFORM / len(q)
    return float(p @ np.log(p / q))
