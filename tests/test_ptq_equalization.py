"""Cross-layer equalization: the same function, equal ranges, and better codes where ranges were far apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_kit import Array, small_model
from test_ptq_formats import outputs
from test_ptq_models import normalized, samples

from toolchain.exporters.tflite import export_tflite
from toolchain.graph import Graph
from toolchain.importers.float_tflite import load_float_tflite
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.common import constant
from toolchain.passes import clean
from toolchain.quantize.converter import convert
from toolchain.quantize.equalization import equalized, pairs
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe


def uneven(depth_multiplier: int = 1) -> Any:
    """Convolution, depthwise, convolution, dense; the channels of the first have ranges from 0.01 to 10."""
    keras = keras3()
    keras.utils.set_random_seed(5)
    layers, image = keras.layers, keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(6, 3, activation="relu")(image)
    x = layers.DepthwiseConv2D(3, depth_multiplier=depth_multiplier, activation="relu", padding="same")(x)
    x = layers.Conv2D(5, 6)(x)
    x = layers.Dense(3)(layers.Reshape((5,))(x))
    model = keras.Model(image, x)
    first, second = model.layers[1:3]
    spread = np.logspace(-2, 1, 6)
    kernel, bias = first.get_weights()
    first.set_weights([kernel * spread, (bias + 0.1) * spread])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / spread[:, None], bias])
    return model


def floats_of(model: Any) -> Graph:
    return clean(parse_tflite(convert(load_keras(model)), "m", "m"))


@pytest.mark.parametrize("multiplier", [1, 2])
def test_the_function_is_the_same_and_the_ranges_are_equal(multiplier: int, tmp_path: Any) -> None:
    graph = floats_of(uneven(multiplier))
    made = equalized(graph)
    found = pairs(made)
    assert [(p.first.op, p.second.op) for p in found] == [
        ("conv2d", "depthwise_conv2d"),
        ("depthwise_conv2d", "conv2d"),
        ("conv2d", "fully_connected"),
    ]
    for pair in found:
        w1, w2 = (np.abs(constant(made, n.inputs[1])) for n in (pair.first, pair.second))
        out = w1.reshape(-1, w1.shape[-1]).max(axis=0) if pair.first.op != "conv2d" else w1.max(axis=(1, 2, 3))
        into = w2.reshape(-1, w2.shape[-1]).max(axis=0)
        np.testing.assert_allclose(out, into.reshape(len(out), -1).max(axis=1), rtol=2e-3)
    results = []
    for g in (graph, made):
        content = export_tflite(g)
        path = tmp_path / "m.tflite"
        path.write_bytes(content)
        results.append(load_float_tflite(path, content).predict(samples(8)))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_int8_is_nearer_after_it() -> None:
    model, x = load_keras(uneven()), samples(60)
    wanted = model.predict(x)
    errors = [_error(model, x, wanted, equalization) for equalization in (False, True)]
    assert errors[1] < 0.5 * errors[0]


def _error(model: Any, x: Array, wanted: Array, equalization: bool) -> float:
    recipe = Recipe(calibration="minmax", bias_correction="none", equalization=equalization)
    return float(np.abs(outputs(quantize(model, x, recipe=recipe), x) - wanted).mean())


def test_what_is_not_a_pair() -> None:
    """ReLU6 does not keep a factor, and in the small model the first layer is read by two operators."""
    assert pairs(floats_of(normalized())) == []
    assert [(p.first.op, p.second.op) for p in pairs(floats_of(small_model()))] == [
        ("fully_connected", "fully_connected")
    ]
