"""mcuforge sensitivity: one layer at a time, figures of what makes it sensitive, and words that follow from them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from float_kit import float_files
from job_kit import document, refused

from toolchain.progress import Progress
from toolchain.sensitivity.advice import advice, layer_facts
from toolchain.sensitivity.floats import FloatNetwork, sqnr
from toolchain.sensitivity.load import load_network
from toolchain.sensitivity.measure import Cell, sensitivity
from toolchain.sensitivity.write import heat, html


@pytest.fixture(scope="module")
def net() -> FloatNetwork:
    model, data = float_files()
    return load_network(model, data, None, None, None, Progress())


def test_only_the_named_layer_changes(net: FloatNetwork) -> None:
    first, *_, last = net.layers
    doubled = {last: 2 * net.weights(last)}
    inner = net.layers[first].outputs[0]
    outputs = (inner, net.graph.outputs[0])
    before, after = net.values({}, outputs), net.values(doubled, outputs)
    np.testing.assert_array_equal(before[inner], after[inner])
    assert (before[outputs[1]] != after[outputs[1]]).any()
    np.testing.assert_allclose(net.predict({})[:16], before[outputs[1]].reshape(16, -1), atol=1e-6)


def test_noise_falls_by_six_decibels_a_bit(net: FloatNetwork) -> None:
    """Of codes that are evenly spread; and fewer levels never do better than more."""
    found = sensitivity(net, ("int8", "int4", "binary"), Progress())
    assert found.accuracy == 100, "the labels are the model's own answers"
    for row in found.rows:
        noise = [row.cells[name].sqnr or 0 for name in ("int8", "int4", "binary")]
        assert 16 < noise[0] - noise[1] < 32, row.name
        assert noise[1] > noise[2], row.name
        assert all(row.cells[n].changed == pytest.approx((row.cells[n].lost or 0) / 100) for n in row.cells), row.name
    assert len(heat(found).squares) == 4 * len(net.layers)
    assert all(row.name in html(found) for row in found.rows)


def test_the_figures_of_a_layer() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 3, 3, 16)).astype(np.float32)
    activations = rng.normal(size=(4, 8, 8, 8)).astype(np.float32)
    plain = layer_facts("conv2d", weights, 0, activations)
    assert plain.kurtosis == pytest.approx(3, abs=0.5)
    assert (plain.channels, plain.dead, plain.per_channel) == (8, 0, 144)
    assert plain.outliers < 2
    weights[2], weights[5] = 0, 40 * weights[5]
    weights[0, 0, 0, 0], activations[0, 0, 0, 0] = 500, 90
    odd = layer_facts("conv2d", weights, 0, activations)
    assert (odd.dead, odd.high) == (1, 500)
    assert odd.kurtosis > 100
    assert odd.spread > 20
    assert odd.activation_outliers > 10
    words = " ".join(advice(odd, {"int8": Cell(40, 40, 0, 0), "int4": Cell(8, 3, 4, 0.3)}))
    for reason in ("keep it int8", "far out", "Channels differ", "1 of 8 channels are dead", "int16 activations"):
        assert reason in words
    few = dataclasses.replace(plain, per_channel=9)
    uneven = {"int8": Cell(40, 35, 0, 0), "int4": Cell(9, 4, 4, 0.3), "kmeans4": Cell(15, 10, 2, 0.05)}
    words = " ".join(advice(plain, uneven, Cell(30, 30, 2, 0.03)))
    assert "keep it int8; with kmeans4, 5.0 % of the answers change" in words
    assert "16 centroids leave 15 dB, the 15 steps of int4 9 dB" in words
    assert "grows by 5 dB" in words
    assert "outputs suffer as int8 (3.0 % of the answers change)" in words
    one_answer = {"int8": Cell(40, 35, 2, 0.02), "int4": Cell(30, 35, 2, 0.02)}
    assert "int4 costs next to nothing" in advice(plain, one_answer, None, 100)[0], "two of 100 answers are no evidence"
    assert "Sensitive: int8 does least" in advice(plain, one_answer, None, 1000)[0]
    words = " ".join(advice(few, {"int8": Cell(40, 40, 0, 0), "int4": Cell(30, 40, 0, 0)}))
    assert "int4 costs next to nothing here and saves 576 bytes" in words
    assert "Only 9 weights a channel" in words


def test_noise_in_decibels() -> None:
    a = np.ones((2, 50), np.float32)
    assert sqnr(a, 1.1 * a) == pytest.approx(20, abs=0.01)
    assert sqnr(a, a) is None


def test_the_command(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model, data = float_files()
    job = ("sensitivity", model, "--data", data, "--out", str(tmp_path / "out"))
    found = document(capfd, *job, "--formats", "int8,ternary", "--limit", "20")
    assert found["formats"] == ["int8", "ternary"]
    assert found["samples"] == 20
    assert {p.suffix for p in (tmp_path / "out").glob("sensitivity.*")} == {".json", ".html", ".png"}
    assert "no format" in refused(capfd, *job, "--formats", "int3").problem
    assert "no samples to judge by" in refused(capfd, "sensitivity", model, "--out", str(tmp_path / "x")).problem
