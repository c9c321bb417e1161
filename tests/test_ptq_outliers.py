"""Clipping is told: which channels of which layers, and how far beyond the grid they reach."""

from __future__ import annotations

import re

import numpy as np
from model_kit import Array

from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.progress import Progress
from toolchain.quantize.outliers import Clipped
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe


class Told(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)


def told(x: Array, weights: Array, recipe: Recipe) -> list[str]:
    layers, image = keras3().layers, keras3().Input((16,))
    network = keras3().Model(image, layers.Dense(weights.shape[1], use_bias=False)(image))
    network.layers[-1].set_weights([weights.astype(np.float32)])
    progress = Told()
    quantize(load_keras(network), x.astype(np.float32), progress, recipe)
    return progress.lines


def test_outliers_of_weights_and_activations_are_named() -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.uniform(-1, 1, (400, 16)), rng.uniform(-1, 1, (16, 3))
    plain = Recipe(weights="int4", keep_ends=False, calibration="minmax", rounding="nearest")
    assert told(x, weights, plain) == []
    weights[0] = 0.1
    weights[0, 1] = 20
    x[:, 0] *= 1e-3  # so that the large weight hardly counts
    (line,) = told(x, weights, plain)
    assert re.fullmatch(r"Clipped weights of \w+: channel \(1\), up to \d+\.\d times the grid", line)
    assert told(x, weights, Recipe(weights="ternary", keep_ends=False, calibration="minmax")) == []
    x[7, 0] = 50  # the output of channel 1 is 1000 for this sample, and below 10 for all others
    (line,) = told(x, weights, Recipe(calibration="percentile:99"))
    assert re.fullmatch(r"Clipped activations of \w+: channel \(1\), up to \d+\.\d times the grid", line)


def test_many_channels_are_counted() -> None:
    text = Clipped("conv", "weights", tuple(range(20)), 2.345).text
    assert text == "Clipped weights of conv: 20 channels (0, 1, 2, 3, 4, 5, 6, 7, ...), up to 2.3 times the grid"
