"""Ways to cut the model into single steps and stages, each the fastest one within some limit on RAM.

For a limit on RAM and a price of flash (cycles for a byte of constants), dynamic programming over the steps finds the
cut whose cheapest kernels take the fewest cycles. Which of the cuts serves an objective best, with code that layers
share counted once, is for ``select`` to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolchain.stage_options import Block

FLASH_PRICES = (0.0, 4.0, 40.0)  # cycles for a byte
RAM_STEPS = (1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.4, 2.8)  # times the least RAM that any cut needs


@dataclass(frozen=True, eq=False)
class Partition:
    """Blocks in order that cover every step which runs code. ``limits``: on RAM, for which it was found."""

    blocks: tuple[Block, ...]
    limits: tuple[float, ...]

    @property
    def smallest_ram(self) -> int:
        return max((b.smallest_ram for b in self.blocks), default=0)


def partitions(singles: Sequence[Block | None], stages: Sequence[Block], limit: int | None) -> tuple[Partition, ...]:
    """Without stages first, then what is best for limits between the least possible and ``limit``."""
    ending: list[list[Block]] = [[single] if single else [] for single in singles]
    for stage in stages:
        ending[stage.nodes[-1]].append(stage)
    limits = tuple(_limits(_least_ram(singles, ending), limit))
    plain = tuple(b for b in singles if b)
    found: dict[tuple[Block, ...], list[float]] = {plain: list(limits)}
    for limited in limits:
        for price in FLASH_PRICES:
            blocks = _cheapest(singles, ending, limited, price)
            if blocks != plain and limited not in found.setdefault(blocks, []):
                found[blocks].append(limited)
    return tuple(Partition(blocks, tuple(of)) for blocks, of in found.items())


def _limits(least: int, limit: int | None) -> Iterator[float]:
    """From the least possible up. A stage may also save scratch that a faster kernel wants, so the last is no limit."""
    most = math.inf if limit is None else limit
    yield from (least * times for times in RAM_STEPS if least * times < most)
    yield most


def _least_ram(singles: Sequence[Block | None], ending: Sequence[Sequence[Block]]) -> int:
    """The least RAM that any cut needs."""
    best = [0]
    for i, single in enumerate(singles):
        ways = [max(best[b.nodes[0]], b.smallest_ram) for b in ending[i]]
        best.append(min(ways, default=best[i]) if single else min([best[i], *ways]))
    return best[-1]


def _cheapest(
    singles: Sequence[Block | None], ending: Sequence[Sequence[Block]], limit: float, price: float
) -> tuple[Block, ...]:
    """The cut with the lowest sum of cycles and price; the limit can be kept."""
    best: list[tuple[float, tuple[Block, ...]]] = [(0.0, ())]
    for i, single in enumerate(singles):
        ways = [] if single else [best[i]]
        for block in ending[i]:
            before, blocks = best[block.nodes[0]]
            ways.append((before + _cost(block, limit, price), (*blocks, block)))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]


def _cost(block: Block, limit: float, price: float) -> float:
    total = 0.0
    for options, ram in zip(block.options, block.ram, strict=True):
        total += min(
            (o.cycles + price * o.flash for o, r in zip(options, ram, strict=True) if r <= limit), default=math.inf
        )
    return total
