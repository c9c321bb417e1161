"""The placement problem, and the fast search that places buffers by default.

A placement puts every buffer at the lowest offset that is free during its lifetime, in some order. When a buffer ends
above the best placement known, it goes to an earlier place in the order and all are placed again: those that are hard
to place come to the front. (Squeaky wheel optimization: Joslin and Clements, JAIR 10, 1999; TelaMalloc, Maas et al.,
ASPLOS 2022, backtracks to the same buffers.) The search ends when no placement can need less, or after a fixed amount
of work.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toolchain.lifetimes import Buffer, Buffers
from toolchain.ops.base import Overlap
from toolchain.plan import aligned

MOST_PLACED = 12_000  # buffers in all orders together: about 20 ms on a desktop computer
MOST_FAILURES = 60  # in a row, before the search begins again from another order
NOWHERE = -1  # the offset of a buffer that is not placed


class Limit(NamedTuple):
    """A buffer begins ``low`` bytes or less, or ``high`` or more, behind where buffer ``other`` begins, or ``exact``.

    All are multiples of ALIGNMENT.
    """

    other: int
    low: int
    high: int
    exact: int | None = None


@dataclass(frozen=True)
class Placement:
    """Where each buffer begins, in the order of ``Buffers.all``; ``size`` bytes hold them all."""

    offsets: tuple[int, ...]
    size: int


def place(buffers: Buffers) -> Placement:
    """The best placement found; it is the same every time."""
    search = _Search(buffers)
    for key in _ORDERS:
        search.try_order(sorted(range(len(buffers.all)), key=lambda i, key=key: key(buffers.all[i])))  # type: ignore[misc]
    return search.improved()


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first, -b.size),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (-b.last, -b.size),
)


class _Search:
    """``orders`` are those to begin with, and the sizes that they lead to."""

    def __init__(self, buffers: Buffers) -> None:
        self.sizes = [b.size for b in buffers.all]
        self.limits = limits_of(buffers)
        self.bound = buffers.lower_bound
        self.best: Placement | None = None
        self.orders: list[tuple[int, list[int]]] = []
        self.work = 0

    def try_order(self, order: list[int]) -> None:
        offsets, _ = self._first_fit(order, None)
        size = max((offset + size for offset, size in zip(offsets, self.sizes, strict=True)), default=0)
        self.orders.append((size, order))
        if self.best is None or size < self.best.size:
            self.best = Placement(tuple(offsets), size)

    def improved(self) -> Placement:
        """What buffers that fail lead to when they are placed earlier. The seed makes placements repeat."""
        assert self.best is not None
        rng = random.Random(0)
        starts = [order for _, order in sorted(self.orders, key=lambda tried: tried[0])]
        begun, failures = 0, 0
        order = list(starts[0])
        while self.best.size > self.bound and self.work < MOST_PLACED:
            offsets, failed = self._first_fit(order, self.best.size)
            if failed is None:
                size = max(offset + size for offset, size in zip(offsets, self.sizes, strict=True))
                self.best, failures = Placement(tuple(offsets), size), 0
            elif failures < MOST_FAILURES:
                order.insert(rng.choice((0, rng.randrange(failed))), order.pop(failed))
                failures += 1
            else:
                begun, failures = begun + 1, 0
                order = list(starts[begun % len(starts)])
        return self.best

    def _first_fit(self, order: Sequence[int], below: int | None) -> tuple[list[int], int | None]:
        """Offsets, and the position in ``order`` of the first buffer that does not end ``below``."""
        offsets = [NOWHERE] * len(self.sizes)
        for position, i in enumerate(order):
            offsets[i] = self._lowest(i, offsets)
            self.work += 1
            if below is not None and offsets[i] + self.sizes[i] >= below:
                return offsets, position
        return offsets, None

    def _lowest(self, i: int, offsets: Sequence[int]) -> int:
        """The lowest offset of a buffer that none of those placed, which have offsets, forbids."""
        placed = sorted(
            (at + low, at + high, NOWHERE if exact is None else at + exact)
            for other, low, high, exact in self.limits[i]
            if (at := offsets[other]) != NOWHERE
        )
        start = 0
        for low, high, _ in placed:
            if low >= start:
                break
            start = max(start, high)
        for _, _, exact in placed:
            if 0 <= exact < start and all(not low < exact < high or exact == only for low, high, only in placed):
                start = exact
        return start


def limits_of(buffers: Buffers) -> list[list[Limit]]:
    """For each buffer what those that live at the same time leave it."""
    limits: list[list[Limit]] = [[] for _ in buffers.all]
    for i, buffer in enumerate(buffers.all):
        for k, other in enumerate(buffers.all):
            if i != k and other.first <= buffer.last and buffer.first <= other.last:
                over, under = buffers.overlaps.get((buffer, other)), buffers.overlaps.get((other, buffer))
                limits[i].append(_limit(k, buffer.size, other.size, over, under))
    return limits


def _limit(other: int, size: int, other_size: int, over: Overlap | None, under: Overlap | None) -> Limit:
    """``over``: the buffer is an output that may lie over the other one; ``under``: the other one may lie over it."""
    below, above = -aligned(size), aligned(other_size)
    if over is not None:
        lead = aligned(over.lead)
        if not over.exact:
            return Limit(other, max(below, -lead), above)
        return Limit(other, below, above, -lead if lead == over.lead else None)
    if under is not None:
        lead = aligned(under.lead)
        if not under.exact:
            return Limit(other, below, min(above, lead))
        return Limit(other, below, above, lead if lead == under.lead else None)
    return Limit(other, below, above)
