"""Whole models with weights below int8: TFLM runs them to our codes, and each layer has the codes of its format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_kit import Array, images, small_model
from support.oracle import run_tflm
from test_ptq_models import graph_of, normalized, samples

from toolchain import reference
from toolchain.data import dequantize, quantize_input
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.ops.common import constant
from toolchain.quantize import adaround
from toolchain.quantize.formats import WEIGHTS, is_below_int8
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe, layer_name, layers_with_weights, recipe_for, weight_formats

LOW_BITS = [name for name in WEIGHTS if is_below_int8(name)]


def codes_of(graph: Graph) -> dict[str, Array]:
    return {layer_name(n): constant(graph, n.inputs[1]) for n in layers_with_weights(graph)}


def outputs(content: bytes, x: Array) -> Array:
    """Real outputs by the reference, which must be TFLM's."""
    graph = graph_of(content)
    codes = quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]
    ours = reference.run(graph, [codes])[0]
    np.testing.assert_array_equal(ours[:3], run_tflm(content, [codes[:3]])[0])
    return dequantize(ours[:, 0], graph.tensor(graph.outputs[0]))


@pytest.mark.parametrize("name", LOW_BITS)
def test_every_format_is_a_tflite_of_few_codes(name: str) -> None:
    model = load_keras(small_model())
    content = quantize(model, images(40), recipe=recipe_for(name))
    outputs(content, images(6, seed=2))
    graph = graph_of(content)
    formats = weight_formats(recipe_for(name), graph)
    assert formats["conv2d"] == formats["dense_2"] == "int8"
    assert formats["dense_1"] == name
    limits = {"int4": 15, "ternary": 3, "binary": 2, "sparse": 255}
    for layer, codes in codes_of(graph).items():
        if formats[layer] == name:
            assert len(np.unique(codes)) <= limits.get(name, 1 << int(name[-1]) if name[-1].isdigit() else 255)
        else:
            assert np.abs(codes.astype(int)).max() == 127


def test_layers_have_the_formats_of_the_recipe() -> None:
    layers = {"conv2d": LayerRecipe("ternary"), "dense_1": LayerRecipe("kmeans2")}
    recipe = Recipe(weights="int4", keep_ends=False, layers=layers)
    graph = graph_of(quantize(load_keras(small_model()), images(40), recipe=recipe))
    assert weight_formats(recipe, graph) == {
        "conv2d": "ternary",
        "conv2d_1": "int4",
        "dense_1": "kmeans2",
        "dense_2": "int4",
    }
    few = {name: len(np.unique(codes)) for name, codes in codes_of(graph).items()}
    assert few["conv2d"] <= 3
    assert few["dense_1"] <= 4
    assert max(np.abs(codes_of(graph)[n]).max() for n in ("conv2d_1", "dense_2")) <= 7


@pytest.mark.parametrize("rounding", ["nearest", "adaround"])
def test_groups_of_channels_have_codebooks_of_their_own(rounding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four codes for each two channels of the depthwise layer and each three of dense_1; together they have more."""
    monkeypatch.setattr(adaround, "STEPS", 20)
    layers = {"conv2d_1": LayerRecipe("kmeans2:2"), "dense_1": LayerRecipe("kmeans2:3")}
    recipe = Recipe(weights="int8", rounding=rounding, layers=layers)
    content = quantize(load_keras(small_model()), images(40), recipe=recipe)
    outputs(content, images(6, seed=2))
    codes = codes_of(graph_of(content))
    for name, rows, size in (("conv2d_1", codes["conv2d_1"].reshape(-1, 4).T, 2), ("dense_1", codes["dense_1"], 3)):
        groups = [rows[first : first + size] for first in range(0, len(rows), size)]
        assert max(len(np.unique(group)) for group in groups) <= 4 < len(np.unique(rows)), name


def test_rounding_for_the_outputs_is_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearest codes, least squares, and learned rounding on top, which is never worse layer by layer."""
    monkeypatch.setattr(adaround, "STEPS", 60)
    model = load_keras(normalized())
    x = samples(60, channels=2)
    wanted = model.predict(x)
    noise: dict[str, Any] = {}
    for rounding in ("nearest", "least-squares", "adaround"):
        recipe = Recipe(weights="int4", keep_ends=False, rounding=rounding)
        noise[rounding] = ((outputs(quantize(model, x, recipe=recipe), x) - wanted) ** 2).mean()
    assert noise["least-squares"] < 0.7 * noise["nearest"]
    assert noise["adaround"] < 0.8 * noise["nearest"]


def test_equal_inputs_give_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaround, "STEPS", 20)
    model = load_keras(small_model())
    recipe = Recipe(weights="kmeans3", rounding="adaround")
    assert quantize(model, images(40), recipe=recipe) == quantize(model, images(40), recipe=recipe)


@pytest.mark.parametrize("kind", ["none", "analytic"])
def test_other_ways_with_biases(kind: str) -> None:
    model = load_keras(small_model())
    recipe = Recipe(weights="int4", bias_correction=kind, rounding="least-squares")
    x = images(40)
    assert np.abs(outputs(quantize(model, x, recipe=recipe), x) - model.predict(x)).mean() < 0.1
