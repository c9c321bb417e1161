"""Grids with exact numbers, histograms that equal those of all data at once, observers on known distributions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from toolchain.graph import QuantParams
from toolchain.quantize import grid
from toolchain.quantize.histogram import Histogram
from toolchain.quantize.observers import OBSERVERS, Range, observer_of

Floats = npt.NDArray[np.float32]

# The weights of the lectures on quantization of MIT 6.5940 (efficientml.ai), 2-bit linear quantization.
LECTURE = np.array(
    [[2.09, -0.98, 1.48, 0.09], [0.05, -0.14, -1.08, 2.12], [-0.91, 1.92, 0.0, -1.03], [1.87, 0.0, 1.53, 1.49]],
    np.float32,
)


def test_the_lectures_example() -> None:
    """S = (2.12 + 1.08) / (1 + 2) = 1.07 and Z = round(-2 + 1.08 / 1.07) = -1."""
    used = grid.affine(float(LECTURE.min()), float(LECTURE.max()), -2, 1)
    assert used.scale[0] == pytest.approx(3.2 / 3, rel=1e-6)
    assert used.zero_point == (-1,)
    q = grid.codes(LECTURE, used, low=-2, high=1)
    assert q.tolist() == [[1, -2, 0, -1], [-1, -1, -2, 1], [-2, 1, -1, -2], [1, -1, 0, 0]]
    assert grid.values(q, used)[0] == pytest.approx([2.1333, -1.0667, 1.0667, 0.0], abs=1e-4)


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (0.0, 255.0, 1.0, -128),
        (-128.0, 127.0, 1.0, 0),
        (-1.0, 1.0, 2 / 255, -1),  # halfway between two integers: away from zero
        (-0.1, 25.4, 0.1, -127),
        (2.0, 5.1, 0.02, -128),  # widened to 0.0
        (-5.1, -2.0, 0.02, 127),
        (-1.0, 3.0, 4 / 255, -64),
        (0.0, 0.0, 1.0, -128),
    ],
)
def test_activations(low: float, high: float, scale: float, zero_point: int) -> None:
    used = grid.affine(low, high)
    assert used == QuantParams((float(np.float32(scale)),), (zero_point,))
    assert grid.values(grid.codes(np.zeros(1), used), used)[0] == 0.0


def test_ranges_that_are_none() -> None:
    for low, high in ((-math.inf, 1.0), (0.0, math.nan)):
        with pytest.raises(ValueError, match="not finite"):
            grid.affine(low, high)


def test_weights_and_biases() -> None:
    weights = np.array([[-2.54, 1.27], [0.0, 0.0], [0.635, 0.1]], np.float32)
    used = grid.symmetric(weights, 0)
    assert used.scale == pytest.approx((0.02, 1.0, 0.005), rel=1e-6)
    assert used.zero_point == (0, 0, 0)
    assert grid.codes(weights, used, low=-127).tolist() == [[-127, 64], [0, 0], [127, 20]]
    assert grid.symmetric(weights, None).scale == pytest.approx((0.02,), rel=1e-6)
    summed = grid.bias_grid(used, 0.5)
    assert summed.scale == pytest.approx((0.01, 0.5, 0.0025), rel=1e-6)
    assert grid.codes(np.array([1.0, -1.0, 0.00125]), summed, "int32").tolist() == [100, -2, 1]


def test_a_bias_that_would_overflow_widens_its_weights() -> None:
    """The channel's weights are tiny, its bias is not: a scale of S_W S_x would need more than 32 bits."""
    used = QuantParams((1e-9, 0.02), (0, 0))
    wide = grid.with_room_for_bias(used, np.array([100.0, 100.0]), 0.01)
    assert wide.scale[1] == np.float32(used.scale[1])
    assert 100.0 / grid.bias_grid(wide, 0.01).scale[0] == pytest.approx(2**30, rel=1e-6)


def streams() -> dict[str, list[Floats]]:
    rng = np.random.default_rng(5)
    return {
        "growing": [rng.normal(0, 2.0**k, 500).astype(np.float32) for k in range(-8, 8)],
        "shrinking": [rng.normal(0, 2.0**-k, 500).astype(np.float32) for k in range(-8, 8)],
        "positive": [np.maximum(rng.normal(0, k + 1, 500), 0).astype(np.float32) for k in range(9)],
        "negative": [-rng.gamma(2, k + 1, 500).astype(np.float32) for k in range(9)],
        "zeros first": [np.zeros(10, np.float32), rng.uniform(5, 6, 50).astype(np.float32), np.zeros(5, np.float32)],
        "one value": [np.full(7, -3.3, np.float32)],
        "powers of two": [np.array([2.0**k, -(2.0**k)], np.float32) for k in range(-20, 20)],
    }


@pytest.mark.parametrize("name", list(streams()))
def test_a_histogram_that_grew_equals_that_of_all_values(name: str) -> None:
    parts = streams()[name]
    h = Histogram(256)
    for part in parts:
        h.add(part)
        assert len(h.counts) <= 256
    everything = np.concatenate(parts).astype(np.float64)
    others = everything[everything != 0]
    assert h.zeros == len(everything) - len(others)
    assert (h.low, h.high) == (min(others.min(), 0), max(others.max(), 0))
    assert (h.high - h.low) / h.width > 64
    assert math.frexp(h.width)[0] == 0.5
    index = np.floor(others / h.width).astype(np.int64)
    first = round(h.edges[0] / h.width)
    np.testing.assert_array_equal(h.counts, np.bincount(index - first, minlength=len(h.counts)))
    backwards = Histogram(256)
    for part in parts[::-1]:
        backwards.add(part)
    assert backwards.counts.sum() == h.counts.sum()
    assert backwards.width == h.width


def observed(name: str, values: Floats, samples: int = 20) -> Range:
    observer = OBSERVERS[name]()
    for part in np.array_split(values, samples):
        observer.observe(part)
    return observer.range()


def test_a_percentile_of_ones_own() -> None:
    x = np.arange(1, 1001, dtype=np.float32)
    for share in (90, 99.5):
        observer = observer_of(f"percentile:{share}")()
        observer.observe(x)
        assert observer.range() == (0, pytest.approx(10 * share, abs=1.5))
    observer = observer_of("percentile:100")()
    observer.observe(x)
    assert observer.range() == (0, 1000)


def test_minmax_and_moving_average() -> None:
    x = np.arange(-100, 300, dtype=np.float32)
    assert observed("minmax", x) == (-100, 299)
    parts = np.split(x, 20)
    mean = (np.mean([p.min() for p in parts]), np.mean([p.max() for p in parts]))
    assert observed("moving-average", x) == pytest.approx(mean)
    steady = np.tile(np.array([-1.0, 2.0], np.float32), 300)
    late = np.concatenate([steady, np.array([-1.0, 12.0], np.float32)])
    assert observed("moving-average", late, 301) == pytest.approx((-1.0, 2.1))


def test_percentile_of_a_ramp() -> None:
    """Of 200,000 values evenly spread 20 lie outside, half of them at either end."""
    ramp = np.random.default_rng(1).permutation(np.linspace(-3, 1, 200_001, dtype=np.float32))
    low, high = observed("percentile", ramp)
    assert low == pytest.approx(-3 + 10 * 4 / 2e5, abs=2e-5)
    assert high == pytest.approx(1 - 10 * 4 / 2e5, abs=2e-5)
    low, high = observed("percentile", np.abs(ramp))
    assert low == 0.0
    assert high == pytest.approx(3 - 20 * 4 / 2e5, abs=2e-5)


def test_zeros_count_for_percentiles() -> None:
    """0.005 % of all values lie beyond 1: they are among the 0.01 % that may saturate."""
    x = np.zeros(200_000, np.float32)
    x[:100_000] = 1.0
    x[:10] = 50.0
    assert observed("percentile", x)[1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("name", ["minmax", "percentile", "mse", "entropy"])
def test_an_even_distribution_is_not_clipped(name: str) -> None:
    x = np.random.default_rng(2).uniform(-1, 3, 100_000).astype(np.float32)
    assert observed(name, x) == pytest.approx((-1, 3), abs=0.03)


@pytest.mark.parametrize(("name", "least", "most"), [("percentile", 7, 15), ("mse", 6, 20), ("entropy", 4, 13)])
def test_outliers_are_clipped(name: str, least: float, most: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.laplace(0, 1, 200_000).astype(np.float32)
    x[100_000] = 25.0
    low, high = observed(name, x)
    assert least < high < most
    assert -most < low < -least / 2


def test_mse_finds_the_least_error() -> None:
    """Against the error of the values themselves, for every range of a fine search."""
    x = np.maximum(np.random.default_rng(4).laplace(0, 1, 400_000), 0).astype(np.float32)
    x[0] = 25.0

    def error(high: float) -> float:
        used = grid.affine(0.0, high)
        return float(np.mean((grid.values(grid.codes(x, used), used) - x) ** 2))

    low, high = observed("mse", x)
    assert low == 0.0
    best = min(error(h) for h in np.linspace(0.1, 1, 91) * x.max())
    assert error(high) == pytest.approx(best, rel=0.01)
    assert error(high) < 0.8 * error(float(x.max()))


@pytest.mark.parametrize("name", list(OBSERVERS))
def test_nothing_but_zeros(name: str) -> None:
    low, high = observed(name, np.zeros(100, np.float32))
    assert grid.affine(low, high).scale == (1.0,)
