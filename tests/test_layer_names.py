"""Layers go by the same names everywhere: what ``mcuforge inspect`` prints, a recipe takes and a report says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.oracle import run_tflm
from test_ptq_models import MODELS, WIDE, graph_of, samples

from toolchain import reference
from toolchain.cli.options import Quantization, make_job
from toolchain.data import quantize_input
from toolchain.errors import ModelError, UserError
from toolchain.graph import Graph, Node, Tensor
from toolchain.importers.float_tflite import load_float_tflite
from toolchain.importers.keras import load_keras
from toolchain.importers.layer_names import layers_of, own_layers
from toolchain.importers.tflite import parse_tflite
from toolchain.inspection import inspect_model
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize.converter import convert
from toolchain.quantize.methods import method_of
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe, layer_name, layers_with_weights, weight_formats
from toolchain.quantize.ties import tie

FORMATS = ("int4", "kmeans3", "ternary")


def own_names(graph: Graph) -> list[str]:
    """Of all nodes but the QUANTIZE that stand between layers."""
    return [layer_name(node) for node in graph.nodes if node.op not in ("quantize", "quantize_s16")]


@pytest.mark.parametrize("name", WIDE)
def test_what_inspect_prints_a_recipe_takes(name: str) -> None:
    """Each layer alone with int16 activations, and each with other weights: the names stay, and TFLM's codes."""
    build, channels = MODELS[name]
    built = build()
    content = convert(load_keras(built))
    model = load_float_tflite(Path("m.tflite"), content)
    x = samples(2, channels=channels)
    job = make_job(built, "stm32", Quantization())
    printed = [node.name for node in inspect_model(job, Progress()).nodes if node.op != "quantize"]
    floats = clean(parse_tflite(content, "m", "m"))
    weighted = {layer_name(node) for node in layers_with_weights(floats)}
    assert set(printed) <= set(own_names(floats))
    for turn, layer in enumerate(dict.fromkeys(printed)):
        weights = FORMATS[turn % len(FORMATS)] if layer in weighted else None
        for own in (LayerRecipe(activations="int16"), LayerRecipe(weights)):
            recipe = Recipe(calibration="minmax", bias_correction="none", layers={layer: own})
            content = quantize(model, x, recipe=recipe)
            graph = graph_of(content)
            assert own_names(graph) == own_names(floats)
            made = method_of(dataclasses.replace(job, quantizer="mcuforge", recipe=recipe), graph)
            assert {n for n, f in made.weights.items() if f != "int8"} == ({layer} if own.weights else set())
            codes = quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]
            np.testing.assert_array_equal(reference.run(graph, [codes])[0], run_tflm(content, [codes])[0])


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    names = [f"{kind}_{i}" for i in range(6) for kind in ("conv2d", "dense")]
    nodes = [Node(f"relu_{i}", "relu", ("x",), ("y",), layers=(name, f"bn_{i}")) for i, name in enumerate(names)]
    tensors = {name: Tensor(name, (1, 4), "float32") for name in ("x", "y")}
    hints = {}
    for wrong, count in (("conv2d_33", 12), ("dens_1", 4), ("bn_1", 4)):
        graph = Graph("m", tensors, tuple(nodes[:count]), ("x",), ("y",))
        with pytest.raises(UserError, match=f"my.toml: the model has no layer '{wrong}'") as caught:
            weight_formats(Recipe(layers={wrong: LayerRecipe("int4")}), graph, "my.toml")
        hints[wrong] = caught.value.hint
    assert hints["conv2d_33"].startswith("those called nearly so are conv2d_3, ")
    assert hints["conv2d_33"].endswith("mcuforge inspect prints all 12")
    assert hints["conv2d_33"].count(",") < 8
    assert hints["dens_1"] == "its layers are dense_1, dense_0, conv2d_1, conv2d_0"
    assert hints["bn_1"] == "it is computed as a part of 'dense_0': name that one"


def test_names_are_of_one_node_only() -> None:
    """A node without a name of its own does not take that of a layer."""
    nodes = [Node("add_1", "add", ("x", "x"), ("y",)), Node("add_2", "add", ("y", "y"), ("z",), layers=("add_1",))]
    assert [layer_name(node) for node in own_layers(nodes)] == ["add_1#2", "add_1"]
    assert layers_of("model/conv2d/BiasAdd@int16") == ()
    assert layers_of("model/conv2d/BiasAdd") == ("conv2d",)
    assert layers_of("__main__.Net/app.Block_first/torch.nn.modules.conv.Conv2d_conv_1;2") == ("first.conv_1",)


def test_what_has_no_int16_says_so() -> None:
    tensors = {name: Tensor(name, (1, 4), "float32") for name in ("x", "y")}
    graph = Graph("m", tensors, (Node("sign_0", "sign", ("x",), ("y",)),), ("x",), ("y",))
    with pytest.raises(ModelError, match="it has no int16 activations"):
        tie(graph, "m", "int8", {"sign_0": "int16"})
    assert tie(graph, "m").types == {"x": "int8", "y": "int8"}
