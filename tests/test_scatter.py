"""Plots: labels that keep clear of each other, axes at round numbers, Pareto fronts, intervals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from toolchain.metrics import wilson
from toolchain.report import picture
from toolchain.report.scatter import HEIGHT, LEFT, WIDTH, Box, Point, pareto, scatter


def points(count: int, seed: int, spread: float) -> list[Point]:
    rng = np.random.default_rng(seed)
    x, y = 5 + spread * rng.random(count), 80 + spread * rng.random(count)
    front = pareto(list(zip(x, y, strict=True)))
    return [Point(f"int8:format-{i}", x[i], y[i], y[i] - 2, y[i] + 2, front[i]) for i in range(count)]


@pytest.mark.parametrize("spread", [0.0, 0.05, 3.0], ids=["one place", "close", "apart"])
@pytest.mark.parametrize("count", [1, 18])
def test_labels_overlap_nothing(count: int, spread: float) -> None:
    given = points(count, 3, spread)
    plot = scatter(given, "t", "x", "y")
    assert len(plot.marks) == count
    assert sorted(text for label in plot.labels for text, _, _ in label.texts) == sorted(p.label for p in given)
    assert len(plot.labels) == (1 if spread == 0 else len(plot.labels))
    dots = [Box(m.x - 4, m.y - 4, m.x + 4, m.y + 4) for m in plot.marks]
    for a, b in combinations(plot.labels, 2):
        assert not a.box.meets(b.box), (a, b)
    for label in plot.labels:
        assert not any(label.box.meets(dot) for dot in dots), label
        assert LEFT < label.box.left < label.box.right < WIDTH
        assert 0 < label.box.top < label.box.bottom < HEIGHT


def test_a_label_is_beside_its_point_or_has_a_line_to_it() -> None:
    plot = scatter(points(18, 3, 3.0), "t", "x", "y")
    at = {p.label: mark for p, mark in zip(points(18, 3, 3.0), plot.marks, strict=True)}
    for label in plot.labels:
        for text, base, front in label.texts:
            mark = at[text]
            assert front == mark.front
            assert label.box.top < base < label.box.bottom
            near = Box(mark.x - 20, mark.y - 20, mark.x + 20, mark.y + 20).meets(label.box)
            assert near or label.line is not None


def test_the_axes_hold_all_and_have_round_numbers() -> None:
    plot = scatter([Point("a", 3.4, 91.2, 87.0, 95.1, True), Point("b", 8.1, 12.0, 9.0, 15.0, False)], "t", "x", "y")
    assert [t.text for t in plot.x_ticks] == ["4", "5", "6", "7", "8"]
    assert [t.text for t in plot.y_ticks] == ["0", "20", "40", "60", "80", "100"]
    first, second = plot.marks
    assert first.y < second.y, "more is higher"
    assert first.high < first.y < first.low
    wide = scatter([Point("a", 3.0, 1, 1, 1, True), Point("b", 48.0, 1, 1, 1, False)], "t", "x", "y")
    assert [t.text for t in wide.x_ticks] == ["3", "5", "10", "15", "20", "30", "50"]
    at = [t.at for t in wide.x_ticks]
    assert at[2] - at[1] == pytest.approx(at[4] - at[2]), "5 to 10 is as far as 10 to 20"


def test_accuracies_stand_by_the_logarithm_of_their_errors() -> None:
    values = ((99.6, 98.9, 100.0), (98.0, 97.0, 99.0), (90.0, 88.0, 92.0), (50.0, 45.0, 55.0))
    points = [Point(f"{y}", 1.0 + i, y, low, high, True) for i, (y, low, high) in enumerate(values)]
    plot = scatter(points, "t", "x", "y", percent=True)
    a, b, c, d = (mark.y for mark in plot.marks)
    assert a < b < c < d
    assert d - c == pytest.approx(c - b), "five times the errors each"
    assert all(plot.top <= m.high <= m.y <= m.low <= plot.bottom for m in plot.marks)
    assert {"99", "98", "95", "90", "80", "50"} <= {t.text for t in plot.y_ticks}
    perfect = scatter([Point("all", 1.0, 100.0, 97.0, 100.0, True)], "t", "x", "y", percent=True)
    assert perfect.marks[0].y <= perfect.marks[0].low


def test_the_front_is_what_nothing_beats() -> None:
    assert pareto([(1, 50), (2, 60), (2, 55), (3, 60), (4, 90)]) == [True, True, False, False, True]
    assert pareto([(1, 50), (1, 50)]) == [True, True]
    assert pareto([]) == []


def test_wilson_intervals() -> None:
    """Values of the formula by hand: 8 of 10, and the ends."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 20)[0] == 0
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(445, 500) == pytest.approx((0.8596, 0.9145), abs=1e-4)


def test_a_png_is_made_of_the_same_plot() -> None:
    plot = scatter(points(5, 1, 3.0), "t", "x", "y")
    content = picture.png("scatter.svg.j2", plot=plot)
    assert content is not None
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5_000
    text = picture.svg("scatter.svg.j2", plot=plot)
    assert "http" not in text
    assert all(name in text for label in plot.labels for name, _, _ in label.texts)
