"""Where everything of a scatter plot goes, in pixels: axes, points with intervals, the Pareto front, labels.

Labels keep clear of each other and of the points; one that found no room beside its point gets a line to it. The SVG is
``scatter.svg.j2``, for pages and, by vl-convert, for PNG files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 900, 480
LEFT, RIGHT, TOP, BOTTOM = 66, 18, 14, 52
_POINT = 4.5
_TEXT_HEIGHT, _CHARACTER = 15.0, 6.6  # of 12 px letters, on the safe side
_DIRECTIONS = 16


@dataclass(frozen=True)
class Point:
    """``y`` between ``low`` and ``high``, its interval; ``front``: no other point is better in both."""

    label: str
    x: float
    y: float
    low: float
    high: float
    front: bool


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point with its label's left end and baseline; ``line`` runs from the point to the label when it is far."""

    label: str
    x: float
    y: float
    low: float
    high: float
    front: bool
    text_x: float
    text_y: float
    line: tuple[float, float] | None

    @property
    def box(self) -> Box:
        return _text_box(self.text_x, self.text_y, self.label)


@dataclass(frozen=True)
class Scatter:
    """Pixels from the upper left corner. ``front`` is the corners of the front's staircase."""

    title: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    front: tuple[tuple[float, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def pareto(pairs: Sequence[tuple[float, float]]) -> list[bool]:
    """Which (x, y) no other one beats: none has less or equal x and more or equal y, and one of them better."""
    return [not any(a <= x and b >= y and (a < x or b > y) for a, b in pairs) for x, y in pairs]


def scatter(points: Sequence[Point], title: str, x_title: str, y_title: str) -> Scatter:
    """The plot of ``points``; less x and more y is better."""
    x_axis = _Axis(0.0, max((p.x for p in points), default=1.0) or 1.0, LEFT, WIDTH - RIGHT)
    lowest = min((p.low for p in points), default=0.0)
    y_axis = _Axis(lowest, max((p.high for p in points), default=1.0), HEIGHT - BOTTOM, TOP)
    placed = [(p, x_axis.at(p.x), y_axis.at(p.y)) for p in points]
    front = sorted((x, y) for p, x, y in placed if p.front)
    texts = _place([(p.label, x, y) for p, x, y in placed])
    marks = tuple(
        Mark(p.label, x, y, y_axis.at(p.low), y_axis.at(p.high), p.front, *text)
        for (p, x, y), text in zip(placed, texts, strict=True)
    )
    return Scatter(title, x_title, y_title, x_axis.ticks(), y_axis.ticks(), marks, _staircase(front))


class _Axis:
    """A linear axis over at least ``low`` to ``high``, which ends at round numbers."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        span = (high - low) or abs(high) or 1.0
        self.step = _round_step(span / 6)
        self.low = math.floor(low / self.step + 1e-9) * self.step
        self.high = math.ceil(high / self.step - 1e-9) * self.step
        if self.high <= self.low:
            self.high = self.low + self.step
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> tuple[Tick, ...]:
        count = round((self.high - self.low) / self.step)
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        values = (self.low + i * self.step for i in range(count + 1))
        return tuple(Tick(self.at(v), f"{v:,.{digits}f}") for v in values)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20... (and their tenths) that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def _staircase(front: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    corners: list[tuple[float, float]] = []
    for x, y in front:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return tuple(corners)


def _text_box(x: float, y: float, text: str) -> Box:
    return Box(x - 1, y - _TEXT_HEIGHT * 0.8, x + _CHARACTER * len(text) + 1, y + _TEXT_HEIGHT * 0.25)


def _place(points: Sequence[tuple[str, float, float]]) -> list[tuple[float, float, tuple[float, float] | None]]:
    """For each (text, x, y): the text's left end, its baseline, and where a line from the point ends."""
    taken = [Box(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for _, x, y in points]
    results: list[tuple[float, float, tuple[float, float] | None]] = []
    for text, x, y in points:
        left, base, radius = next(_free(text, x, y, taken), (x + 8, y + 4, 0.0))
        box = _text_box(left, base, text)
        taken.append(box)
        end = (min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)) if radius > 1 else None
        results.append((left, base, end))
    return results


def _free(text: str, x: float, y: float, taken: Sequence[Box]) -> Iterator[tuple[float, float, float]]:
    """Places for a label, near ones first, that hit nothing and stay inside: (left end, baseline, distance)."""
    width = _CHARACTER * len(text)
    for ring in range(40):
        radius = ring * 8.0
        for turn in range(_DIRECTIONS):
            angle = 2 * math.pi * turn / _DIRECTIONS
            dx, dy = math.cos(angle), math.sin(angle)
            # The label's nearest edge, not its middle, is what keeps its distance.
            left = x + (_POINT + 4 + radius) * dx + (dx - 1) * width / 2
            base = y + (_POINT + 6 + radius) * dy + _TEXT_HEIGHT * 0.28
            box = _text_box(left, base, text)
            inside = box.left > LEFT and box.right < WIDTH - RIGHT and box.top > TOP and box.bottom < HEIGHT - BOTTOM
            if inside and not any(box.meets(other) for other in taken):
                yield left, base, radius
