"""int16 activations, for a whole model and for single layers: TFLM runs them, and near the float model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_kit import Array, images, small_model
from support.oracle import run_tflm
from test_ptq_models import MODELS, WIDE, samples

from toolchain.data import dequantize, quantize_input
from toolchain.errors import UserError
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.quantize import grid
from toolchain.quantize.check import check_quantized
from toolchain.quantize.converter import convert
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe, recipe_for


def graph_of(content: bytes) -> Graph:
    graph = clean(parse_tflite(content, "m", "m"))
    check_quantized(graph)
    return graph


def tflm_outputs(content: bytes, x: Array) -> Array:
    graph = graph_of(content)
    codes = quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]
    return dequantize(run_tflm(content, [codes])[0][:, 0], graph.tensor(graph.outputs[0]))


def noise(model: Any, recipe: Recipe, x: Array, y: Array) -> float:
    return float(np.abs(tflm_outputs(quantize(model, x, recipe=recipe), y) - model.predict(y)).mean())


@pytest.mark.parametrize("name", WIDE)
def test_tflm_runs_int16x8_near_the_float_model(name: str) -> None:
    """What is left is the error of the int8 weights: less than with int8 activations."""
    build, channels = MODELS[name]
    model = load_keras(build())
    x, y = samples(channels=channels), samples(12, seed=20, channels=channels)
    wide = Recipe(activations="int16", calibration="minmax")
    assert noise(model, wide, x, y) < noise(model, Recipe(calibration="minmax"), x, y)
    graph = graph_of(quantize(model, x, recipe=wide))
    for node in graph.nodes:
        assert {graph.tensor(n).dtype for n in (node.inputs[0], *node.outputs)} == {"int16"}
    quants = [t.quant for t in graph.tensors.values() if t.dtype == "int16" and t.quant is not None]
    assert quants
    assert not any(any(q.zero_point) for q in quants)
    assert {t.dtype for t in graph.tensors.values() if t.data is not None and t.quant} <= {"int8", "int64", "int16"}


def test_a_layer_of_its_own_type_stands_between_quantize_operators() -> None:
    model = load_keras(small_model())
    recipe = Recipe(layers={"conv2d_1": LayerRecipe(activations="int16")})
    content = quantize(model, images(40), recipe=recipe)
    graph = graph_of(content)
    kinds = [(n.op, graph.tensor(n.outputs[0]).dtype) for n in graph.nodes]
    assert kinds[:5] == [
        ("conv2d", "int8"),
        ("quantize", "int16"),
        ("depthwise_conv2d", "int16"),
        ("quantize", "int8"),
        ("add", "int8"),
    ]
    x = images(30, seed=9)
    assert np.abs(tflm_outputs(content, x) - model.predict(x)).mean() < 0.02


def test_int16_is_symmetric() -> None:
    assert grid.symmetric16(-1.0, 4.0).scale == (float(np.float32(4 / 32767)),)
    assert grid.symmetric16(-5.0, 4.0).scale == (float(np.float32(5 / 32767)),)
    assert grid.symmetric16(0.0, 0.0).scale == (1.0,)
    with pytest.raises(ValueError, match="not finite"):
        grid.symmetric16(0.0, float("inf"))
    used = grid.with_room_for_bias(grid.symmetric(np.ones((1, 1)) * 1e-9, 0), np.ones(1), 1e-6, "int64")
    codes = grid.bias_codes(np.ones(1), grid.bias_grid(used, 1e-6), "int64")
    assert codes.dtype == np.int64
    assert 1 << 45 < codes[0] <= 1 << 46


def test_weights_below_int8_need_int8_activations() -> None:
    model = load_keras(small_model())
    recipe = Recipe(weights="int4", layers={"dense_1": LayerRecipe(activations="int16")})
    with pytest.raises(UserError, match="'dense_1' has int4 weights and int16 activations"):
        quantize(model, images(40), recipe=recipe)
    quantize(model, images(40), recipe=Recipe(weights="int4", layers={"dense_1": LayerRecipe("int8", "int16")}))
    assert recipe_for("int16x8").activations == "int16"


def test_layers_beside_int16_ones_are_rounded_for_their_outputs() -> None:
    """Integers of both types are run to see what the layers below int8 really read."""
    build, channels = MODELS["normalized"]
    model = load_keras(build())
    x, y = samples(channels=channels), samples(12, seed=20, channels=channels)
    last = clean(parse_tflite(convert(model), "m", "m")).nodes[-1].layers[0]
    wide = {last: LayerRecipe("int8", "int16")}
    errors = [
        noise(model, Recipe(weights="kmeans2", keep_ends=False, rounding=rounding, layers=wide), x, y)
        for rounding in ("nearest", "least-squares")
    ]
    assert errors[1] < 0.8 * errors[0]
