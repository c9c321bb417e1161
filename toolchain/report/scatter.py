"""Where everything of a scatter plot goes, in pixels: axes, points with intervals, the Pareto front, labels.

Points that lie on one another share a label with a line for each. Labels keep clear of each other and of the points;
one that found no room beside its points gets a line to them. ``scatter.svg.j2`` draws it, for pages and, by vl-convert,
for PNG files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 900, 480
LEFT, RIGHT, TOP, BOTTOM = 66, 18, 14, 52
_BOTTOM = HEIGHT - BOTTOM
_POINT = 4.5
_FONT, _LINE = 12, 15.0
# Of letters in the widest of the usual fonts, DejaVu Sans, in units of the font's size.
_WIDTHS = {**dict.fromkeys("ijl:. ", 0.34), **dict.fromkeys("tfr-", 0.42), "m": 0.98, "w": 0.82}
_WIDTH, _BOLD = 0.64, 1.13
_TOGETHER = 12.0  # points closer than this cannot be told apart by their labels
# Right and left first: there a label is taken for its point's.
_ANGLES = sorted((2 * math.pi * turn / 16 for turn in range(16)), key=lambda angle: abs(round(math.sin(angle), 6)))


Line = tuple[float, float, float, float]  # from x, y to x, y


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
    """A point, and the ends of its interval."""

    x: float
    y: float
    low: float
    high: float
    front: bool


@dataclass(frozen=True)
class Label:
    """The names of points that lie together: texts with their baselines, the front's in bold.

    ``line`` runs from the points to the box when that is not beside them.
    """

    box: Box
    texts: tuple[tuple[str, float, bool], ...]
    line: Line | None

    @property
    def x(self) -> float:
        return self.box.left + 2


@dataclass(frozen=True)
class Scatter:
    """Pixels from the upper left corner. ``front`` is the corners of the front's staircase."""

    title: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...]
    front: tuple[tuple[float, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = _BOTTOM


def pareto(pairs: Sequence[tuple[float, float]]) -> list[bool]:
    """Which (x, y) no other one beats: none has less or equal x and more or equal y, and one of them better."""
    return [not any(a <= x and b >= y and (a < x or b > y) for a, b in pairs) for x, y in pairs]


def scatter(points: Sequence[Point], title: str, x_title: str, y_title: str, percent: bool = False) -> Scatter:
    """The plot of ``points``; less x, which is positive, and more y is better. Equal factors of x are equally wide.

    ``percent``: y is per cent correct, and equal factors of its errors are equally high, so that 99 % stands as far
    from 98 % as 80 % from 60 %. What has no errors stands at the upper edge.
    """
    x_axis = _LogAxis([p.x for p in points], LEFT, WIDTH - RIGHT)
    y_axis: _Axis | _ErrorAxis = _ErrorAxis(points) if percent else _Axis(points)
    placed = [(p, x_axis.at(p.x), y_axis.at(p.y)) for p in points]
    front = sorted((x, y) for p, x, y in placed if p.front)
    marks = tuple(Mark(x, y, y_axis.at(p.low), y_axis.at(p.high), p.front) for p, x, y in placed)
    labels = _place([(p.label, m) for (p, _, _), m in zip(placed, marks, strict=True)])
    return Scatter(title, x_title, y_title, x_axis.ticks(), y_axis.ticks(), marks, labels, _staircase(front))


class _Axis:
    """A linear axis upwards over all intervals, which ends at round numbers."""

    def __init__(self, points: Sequence[Point]) -> None:
        low, high = min((p.low for p in points), default=0.0), max((p.high for p in points), default=1.0)
        self.step = _round_step(((high - low) or abs(high) or 1.0) / 6)
        self.low = math.floor(low / self.step + 1e-9) * self.step
        self.high = math.ceil(high / self.step - 1e-9) * self.step
        if self.high <= self.low:
            self.high = self.low + self.step

    def at(self, value: float) -> float:
        return _BOTTOM - (value - self.low) / (self.high - self.low) * (_BOTTOM - TOP)

    def ticks(self) -> tuple[Tick, ...]:
        count = round((self.high - self.low) / self.step)
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        values = (self.low + i * self.step for i in range(count + 1))
        return tuple(Tick(self.at(v), f"{v:,.{digits}f}") for v in values)


class _LogAxis:
    """An axis of positive values over all of ``values`` and a little more."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values, default=1.0), max(values, default=1.0)
        margin = max((high / low) ** 0.06, 1.02)
        self.low, self.high = low / margin, high * margin
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """The place of ``value``; what lies outside stands at the edge."""
        inside = min(max(value, self.low), self.high)
        share = math.log(inside / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def round_values(self) -> list[float]:
        """Ticks: equal steps where the axis spans no more than a factor of 5, else mantissas."""
        if self.high < 5 * self.low:
            step = _round_step((self.high - self.low) / 7)
            return [i * step for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        mantissas = (1, 1.5, 2, 3, 5) if self.high < 30 * self.low else (1, 2, 5)
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = (m * 10.0**e for e in exponents for m in mantissas)
        return [value for value in found if self.low <= value <= self.high]

    def ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.at(v), f"{v:,.6g}") for v in self.round_values())


class _ErrorAxis:
    """Per cent correct by the logarithm of the per cent that are not, the fewest at the top."""

    def __init__(self, points: Sequence[Point]) -> None:
        fewest = min((100 - p.y for p in points if p.y < 100), default=1.0)
        # Intervals may end at no errors at all, which is infinitely far up.
        least = max(min((100 - p.high for p in points), default=1.0), fewest / 2.5)
        worst = max((100 - p.low for p in points), default=1.0)
        self.axis = _LogAxis((least, max(worst, least)), TOP, _BOTTOM)

    def at(self, value: float) -> float:
        return self.axis.at(max(100 - value, self.axis.low))

    def ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.axis.at(v), f"{100 - v:.6g}") for v in self.axis.round_values())


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


def _together(named: Sequence[tuple[str, Mark]]) -> list[list[tuple[str, Mark]]]:
    """Groups of points of which each is close to another one of its group, best first."""
    groups: list[list[tuple[str, Mark]]] = []
    for item in named:
        close = [g for g in groups if any(math.dist(_at(item), _at(other)) < _TOGETHER for other in g)]
        groups = [g for g in groups if g not in close] + [[item, *(other for g in close for other in g)]]
    return [sorted(group, key=lambda item: (item[1].y, item[1].x, item[0])) for group in groups]


def _at(item: tuple[str, Mark]) -> tuple[float, float]:
    return item[1].x, item[1].y


def _place(named: Sequence[tuple[str, Mark]]) -> tuple[Label, ...]:
    """A label for each group, the small ones first: they find room next to their points."""
    dots = {name: Box(m.x - _POINT, m.y - _POINT, m.x + _POINT, m.y + _POINT) for name, m in named}
    labels: list[Label] = []
    for group in sorted(_together(named), key=lambda g: (len(g), g[0][0])):
        own = [dots[name] for name, _ in group]
        taken = [*(box for name, box in dots.items() if box not in own), *(label.box for label in labels)]
        width, height = max(_text_width(name, m.front) for name, m in group) + 4, _LINE * len(group)
        lines = [label.line for label in labels if label.line]
        box, line = _free(own, width, height, taken, lines)
        texts = tuple((name, box.top + _LINE * (i + 0.8), m.front) for i, (name, m) in enumerate(group))
        labels.append(Label(box, texts, line))
    return tuple(labels)


def _text_width(text: str, bold: bool) -> float:
    return _FONT * (_BOLD if bold else 1.0) * sum(_WIDTHS.get(letter, _WIDTH) for letter in text)


def _free(
    dots: Sequence[Box], width: float, height: float, taken: Sequence[Box], lines: Sequence[Line]
) -> tuple[Box, Line | None]:
    """The nearest box of that size to ``dots`` which hits nothing and stays inside, and the line to it.

    There is no line where it is beside them. Lines cross as little as can be had; where there is no place at all, the
    one on the right is taken.
    """
    left, right = min(d.left for d in dots), max(d.right for d in dots)
    top, bottom = min(d.top for d in dots), max(d.bottom for d in dots)
    x, y = (left + right) / 2, (top + bottom) / 2
    half_w, half_h = (right - left + width) / 2, (bottom - top + height) / 2
    blocked = [*taken, *dots]
    best: tuple[int, Box, Line | None] = (
        len(taken) + 1,
        Box(right, y - height / 2, right + width, y + height / 2),
        None,
    )
    for ring in range(60):
        gap = 3 + ring * 8.0
        for angle in _ANGLES:
            # The boxes' edges keep the distance, not their middles.
            middle_x = x + (half_w + gap) * math.cos(angle)
            middle_y = y + (half_h + gap) * math.sin(angle)
            box = Box(middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2)
            inside = box.left > LEFT and box.right < WIDTH - RIGHT and box.top > TOP and box.bottom < _BOTTOM
            if not inside or any(box.meets(b) for b in blocked) or any(_crosses(other, box) for other in lines):
                continue
            if ring == 0:
                return box, None
            line = (x, y, min(max(x, box.left), box.right), min(max(y, box.top), box.bottom))
            best = min(best, (sum(_crosses(line, other) for other in taken), box, line), key=lambda found: found[0])
            if best[0] == 0:
                return best[1:]
    return best[1:]


def _crosses(line: Line, box: Box) -> bool:
    x, y, to_x, to_y = line
    steps = max(1, math.ceil(math.dist((x, y), (to_x, to_y)) / 2))
    shares = (i / steps for i in range(steps + 1))
    return any(
        box.left < x + share * (to_x - x) < box.right and box.top < y + share * (to_y - y) < box.bottom
        for share in shares
    )
