"""Plans the arena: every tensor and scratch buffer gets an offset so that what is alive at once does not overlap.

Tensors that share all their memory (views, outputs computed in place) become one buffer. An output may also begin some
bytes before an input that its kernel reads for the last time and lie over the rest of it. Buffers are placed one after
the other at the lowest offset that is free during their lifetime; the best of many orders wins, and the first that
needs no more than what is alive at once ends the search.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph
from toolchain.lifetimes import Buffer, Buffers, buffers_of
from toolchain.ops.base import Overlap
from toolchain.plan import ALIGNMENT, MemoryPlan, Stage, Step

RANDOM_ORDERS = 400
MOST_PLACED = 12_000  # buffers in all random orders: a large model gets fewer of these


def plan_memory(graph: Graph, steps: Sequence[Step], stages: Sequence[Stage] = ()) -> MemoryPlan:
    """Offsets for all variables of the graph and all scratch."""
    buffers = buffers_of(graph, steps, stages)
    bound = buffers.lower_bound
    limits = _limits(buffers)
    best: dict[Buffer, int] = {}
    best_size: int | None = None
    for order in _orders(buffers.all):
        offsets = _place(order, limits)
        size = max((offset + b.size for b, offset in offsets.items()), default=0)
        if best_size is None or size < best_size:
            best, best_size = offsets, size
        if best_size <= bound:
            break
    return MemoryPlan(
        offsets={t: offset for b, offset in best.items() for t in b.tensors},
        scratch={name: offset for b, offset in best.items() for name in b.scratch_of},
        arena_bytes=best_size or 0,
        lower_bound=bound,
    )


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """Orders in which to place the buffers: by rules, then large ones first by chance. The seed makes plans repeat."""
    for key in _ORDERS:
        yield sorted(buffers, key=key)
    rng = random.Random(0)
    for _ in range(min(RANDOM_ORDERS, MOST_PLACED // max(len(buffers), 1))):
        chance = {b: b.size * rng.uniform(0.2, 1.0) for b in buffers}
        yield sorted(buffers, key=lambda b, chance=chance: -chance[b])  # type: ignore[misc]


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first, -b.size),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (-b.last, -b.size),
)


@dataclass(frozen=True)
class Limit:
    """A buffer must not begin between ``low`` and ``high`` from where another one begins, except at ``exact``."""

    low: int
    high: int
    exact: int | None = None


def _limits(buffers: Buffers) -> dict[Buffer, dict[Buffer, Limit]]:
    """For each buffer what those that live at the same time forbid."""
    limits: dict[Buffer, dict[Buffer, Limit]] = {b: {} for b in buffers.all}
    for buffer in buffers.all:
        for other in buffers.all:
            if other is not buffer and other.first <= buffer.last and buffer.first <= other.last:
                over, under = buffers.overlaps.get((buffer, other)), buffers.overlaps.get((other, buffer))
                limits[buffer][other] = _limit(buffer.size, other.size, over, under)
    return limits


def _limit(size: int, other: int, over: Overlap | None, under: Overlap | None) -> Limit:
    """``over``: the buffer is an output that may lie over the other one; ``under``: the other one may lie over it."""
    if over is not None:
        return Limit(-size, other, -over.lead) if over.exact else Limit(max(-size, -over.lead), other)
    if under is not None:
        return Limit(-size, other, under.lead) if under.exact else Limit(-size, min(other, under.lead))
    return Limit(-size, other)


def _place(order: Sequence[Buffer], limits: Mapping[Buffer, Mapping[Buffer, Limit]]) -> dict[Buffer, int]:
    """First fit: each buffer at the lowest offset that no buffer which lives at the same time forbids."""
    placed: dict[Buffer, int] = {}
    for buffer in order:
        others = [(placed[other], limit) for other, limit in limits[buffer].items() if other in placed]
        start = 0
        for low, high in sorted((at + limit.low, at + limit.high) for at, limit in others):
            if low < start < high:
                start = _aligned(high)
        for at, limit in others:
            if limit.exact is not None and 0 <= at + limit.exact < start and _allowed(at + limit.exact, others):
                start = at + limit.exact
        placed[buffer] = start
    return placed


def _allowed(start: int, others: Sequence[tuple[int, Limit]]) -> bool:
    return all(not limit.low < start - at < limit.high or start - at == limit.exact for at, limit in others)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
