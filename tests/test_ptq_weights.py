"""Weights below int8: k-means, scales and codes on known numbers, and layers whose outputs are kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from test_ptq_grid import LECTURE

from toolchain.quantize import grid
from toolchain.quantize.formats import WEIGHTS, channel_groups, is_below_int8
from toolchain.quantize.least_squares import Moments, error, fitted
from toolchain.quantize.lloyd import grouped_means, kmeans, nearest, squared_error
from toolchain.quantize.pruning import pruned_rows
from toolchain.quantize.weights import Coded, as_rows, coded, from_rows, joined, masked

Floats = npt.NDArray[np.float64]
LOW_BITS = [name for name in WEIGHTS if is_below_int8(name)]


def test_the_lectures_codebook() -> None:
    """2 bits: four centroids, of which the lecture shows two decimals, and 4 + 16 bytes instead of 64."""
    centroids = kmeans(LECTURE, 4)
    np.testing.assert_allclose(centroids, [-1.0, 0.0, 1.5, 2.0], atol=0.005)
    index = nearest(LECTURE, centroids)
    np.testing.assert_array_equal(index, [[3, 0, 2, 1], [1, 1, 0, 3], [0, 3, 1, 0], [3, 1, 2, 2]])
    stored = LECTURE.size * 2 // 8, len(centroids) * 4
    assert stored == (4, 16)
    assert LECTURE.nbytes / sum(stored) == pytest.approx(3.2)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6])
def test_a_large_codebook_layer_is_stored_in_a_fraction_of_n_in_32(bits: int) -> None:
    """32 M bits become N M + 32 2^N: for many weights 32 / N times less."""
    count = 1 << 20
    index, table = count * WEIGHTS[f"kmeans{bits}"].bits, 32 * 2**bits
    assert 32 * count / (index + table) == pytest.approx(32 / bits, rel=1e-3)


def test_the_lectures_linear_codes() -> None:
    used = grid.affine(float(LECTURE.min()), float(LECTURE.max()), -2, 1)
    q = grid.codes(LECTURE, used, low=-2, high=1)
    np.testing.assert_array_equal(q, [[1, -2, 0, -1], [-1, -1, -2, 1], [-2, 1, -1, -2], [1, -1, 0, 0]])


def test_kmeans_finds_groups_and_weighs() -> None:
    rng = np.random.default_rng(0)
    groups = np.array([-7.0, -1.0, 0.5, 3.0])
    values = groups[rng.integers(0, 4, 500)] + rng.normal(0, 0.01, 500)
    np.testing.assert_allclose(kmeans(values, 4), groups, atol=0.01)
    assert kmeans(values, 2, weights=np.where(values < 0, 0.0, 1.0)) == pytest.approx([0.5, 3.0], abs=0.01)
    few = np.array([1.0, 1.0, 2.0])
    assert squared_error(few, kmeans(few, 4)) == 0.0
    x = rng.normal(0, 1, 2000)
    errors = [squared_error(x, kmeans(x, 1 << bits)) for bits in range(1, 5)]
    # Lloyd and Max: 0.3634, 0.1175, 0.03454, 0.009497 for a normal distribution
    np.testing.assert_allclose(np.array(errors) / x.size, [0.3634, 0.1175, 0.03454, 0.0095], rtol=0.15)


def test_centroids_are_means_of_their_values() -> None:
    values, masses = np.array([1.0, 2.0, 10.0]), np.array([1.0, 3.0, 1.0])
    means = grouped_means(values, np.array([0, 0, 1]), np.array([0.0, 0.0, 7.0]), masses)
    np.testing.assert_array_equal(means, [1.75, 10.0, 7.0])


def rows_of(seed: int = 1, shape: tuple[int, int] = (6, 36)) -> Floats:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, shape) * rng.uniform(0.1, 4, (shape[0], 1))
    rows[2] = 0.0
    return rows


@pytest.mark.parametrize("name", LOW_BITS)
def test_codes_are_those_of_the_format(name: str) -> None:
    rows = rows_of()
    made = coded(rows, name, np.ones(1))
    used = np.unique(made.codes)
    assert set(used) <= {*made.levels, 0} if name == "sparse" else set(used) <= set(made.levels)
    allowed = {"int4": range(-7, 8), "ternary": (-1, 0, 1), "binary": (-1, 1)}.get(name, range(-127, 128))
    assert set(used) <= set(allowed)
    if name.startswith("kmeans"):
        assert len(made.levels) <= 1 << int(name[-1])
    assert (made.scale > 0).all()
    noise = np.sqrt(((made.values - rows) ** 2).mean(axis=1) / np.maximum((rows**2).mean(axis=1), 1e-30))
    bound = {"int4": 0.15, "ternary": 0.55, "binary": 0.7, "sparse": 0.6, "kmeans2": 0.45, "kmeans3": 0.3}
    assert noise[[0, 1, 3, 4, 5]].max() < bound.get(name, 0.16)
    assert np.abs(made.values[2]).max() < 1e-4  # a dead channel stays dead


@pytest.mark.parametrize("own_inputs", [False, True], ids=["convolution", "depthwise"])
def test_codebooks_of_groups_keep_more(own_inputs: bool) -> None:
    """Of weights and of outputs, where the groups' weights are not alike; each group as if it were alone."""
    rows = np.random.default_rng(6).normal(0, 1, (6, 36))
    rows[:3] = np.abs(rows[:3])
    x, q = _inputs(6 if own_inputs else None)
    moments = _moments(x, q)
    groups = channel_groups("kmeans2:3", 6)
    whole = fitted(coded(rows, "kmeans2", np.ones(1)), rows, moments, True)
    parts = [fitted(coded(rows[g], "kmeans2", np.ones(1)), rows[g], moments.of(g), True) for g in groups]
    made = joined(parts)
    assert [len(np.unique(made.codes[g])) for g in groups] == [4, 4]
    assert _loss(made, rows, x, q) < 0.85 * _loss(whole, rows, x, q)
    assert joined(parts[:1]) is parts[0]


def test_binary_and_ternary_scales_are_the_papers() -> None:
    rows = rows_of()[[0, 1, 3]]
    np.testing.assert_allclose(coded(rows, "binary", np.ones(1)).scale, np.abs(rows).mean(axis=1))
    for row, made in zip(rows, (coded(r[None], "ternary", np.ones(1)) for r in rows), strict=True):
        magnitudes = np.sort(np.abs(row))[::-1]
        best = max(magnitudes[:k].sum() ** 2 / k for k in range(1, len(row) + 1))
        kept = made.codes[0] != 0
        assert np.abs(row[kept]).sum() ** 2 / kept.sum() == pytest.approx(best, rel=2e-3)
        assert made.scale[0] == pytest.approx(np.abs(row[kept]).mean())


@pytest.mark.parametrize(("axis", "fraction"), [(1, 0.5), (1, 0.75), (0, 0.25)])
def test_the_smallest_blocks_are_pruned(axis: int, fraction: float) -> None:
    rows = rows_of(shape=(8, 40))
    made = coded(rows, f"sparse:{fraction}", np.ones(1), memory_axis=axis)
    rows = rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-30)
    lines, codes = (rows, made.codes) if axis == 1 else (rows.T, made.codes.T)
    blocks = (lines.reshape(len(lines), -1, 4) ** 2).sum(axis=2)
    pruned = (codes.reshape(len(codes), -1, 4) == 0).all(axis=2)
    assert pruned.sum() >= fraction * pruned.size
    assert blocks[pruned].max() <= blocks[~pruned].min()


def test_importance_draws_the_error_elsewhere() -> None:
    rows = rows_of()
    importance = np.where(np.arange(36) < 6, 100.0, 1.0)
    for name in ("int4", "kmeans3", "ternary"):
        plain, weighted = (coded(rows, name, i) for i in (np.ones(1), importance))
        losses = [(importance * (made.values - rows) ** 2).sum() for made in (plain, weighted)]
        assert losses[1] < losses[0]


def test_rows_and_back() -> None:
    w = np.arange(24.0).reshape(1, 2, 3, 4)
    for axis in (0, 3):
        np.testing.assert_array_equal(from_rows(as_rows(w, axis), w.shape, axis), w)


def _inputs(channels: int | None = None, seed: int = 3) -> tuple[Floats, Floats]:
    """Correlated inputs of a float layer, and those with the noise of quantized layers before it."""
    rng = np.random.default_rng(seed)
    shape = (2000, 36) if channels is None else (2000, channels, 36)
    x = rng.normal(0, 1, shape) @ (rng.normal(0, 1, (36, 36)) * 0.4 + np.eye(36))
    return x, x + rng.normal(0, 0.02, shape)


@pytest.mark.parametrize("own_inputs", [False, True], ids=["convolution", "depthwise"])
@pytest.mark.parametrize("name", LOW_BITS)
def test_outputs_are_kept_rather_than_weights(name: str, own_inputs: bool) -> None:
    rows = rows_of()
    x, q = _inputs(6 if own_inputs else None)
    moments = _moments(x, q)
    start = coded(rows, name, np.ones(1))
    made = fitted(start, rows, moments, name.startswith("kmeans"))
    targets = moments.targets(rows)
    losses = [_loss(c, rows, x, q) for c in (start, made)]
    assert losses[1] < 0.93 * losses[0]
    # The quadratic form is that loss, but for a constant.
    forms = [error(c, targets, moments) * len(x) for c in (start, made)]
    assert forms[0] - forms[1] == pytest.approx(losses[0] - losses[1], rel=1e-6)
    if start.kept is not None:
        assert not made.codes[~start.kept].any()
    assert set(np.unique(made.codes)) <= {*made.levels, 0}


def _moments(x: Floats, q: Floats) -> Moments:
    if x.ndim == 2:
        return Moments(q.T @ q / len(q), q.T @ x / len(q))
    return Moments(np.einsum("rci,rcj->cij", q, q) / len(q), np.einsum("rci,rcj->cij", q, x) / len(q))


def _loss(made: Coded, rows: Floats, x: Floats, q: Floats) -> float:
    form = "rn,cn->rc" if x.ndim == 2 else "rcn,cn->rc"
    return float(((np.einsum(form, x, rows) - np.einsum(form, q, made.values)) ** 2).sum())


def test_no_single_code_could_be_better() -> None:
    """Coordinate descent ends where it should."""
    rows = rows_of()[:2]
    x, q = _inputs()
    moments = _moments(x, q)
    made = fitted(coded(rows, "int4", np.ones(1)), rows, moments, False)
    moments = moments.damped()
    targets = moments.targets(rows)
    least = error(made, targets, moments)
    for j in range(0, 36, 5):
        for change in (-1, 1):
            codes = made.codes.copy()
            codes[1, j] += change
            assert error(dataclasses.replace(made, codes=codes), targets, moments) > least - 1e-3 * abs(least)


@pytest.mark.parametrize("own_inputs", [False, True], ids=["convolution", "depthwise"])
def test_pruning_by_outputs_is_better_than_by_magnitude(own_inputs: bool) -> None:
    """Both are refitted afterwards; the blocks are what differs."""
    rows = np.random.default_rng(4).normal(0, 1, (8, 36))
    x, q = _inputs(8 if own_inputs else None)
    moments, axis = _moments(x, q), 0 if own_inputs else 1
    adapted, kept = pruned_rows(rows, moments, 0.5, axis)
    blocks = (kept if axis == 1 else kept.T).reshape(-1, 4)
    assert (blocks.all(axis=1) | ~blocks.any(axis=1)).all()
    assert (~blocks[:, 0]).mean() == 0.5
    assert not adapted[~kept].any()
    starts = (coded(rows, "sparse", np.ones(1), axis), masked(adapted, kept))
    losses = [_loss(fitted(start, rows, moments, False), rows, x, q) for start in starts]
    assert losses[1] < 0.8 * losses[0]
