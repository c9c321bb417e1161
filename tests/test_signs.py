"""Binary inputs: from Keras layers to codes that are only -1 and 1, in operators that TFLM runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_kit import images, operators, save_quietly
from support.firmware import checked_plan
from support.oracle import run_tflm

from toolchain import keras as layers
from toolchain import reference
from toolchain.data import dequantize, quantize_input
from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.common import constant
from toolchain.passes import reduce
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import layers_with_weights, recipe_for
from toolchain.target import load_target


def xnor(seed: int = 5) -> Any:
    """A stem of int8, then two convolutions and a dense layer of which both inputs and weights are signs."""
    keras = keras3()
    keras.utils.set_random_seed(seed)
    options: dict[str, Any] = {"weight_format": "binary", "binary_inputs": True, "use_bias": False}
    normal = keras.layers.BatchNormalization
    image = keras.Input((8, 8, 1), name="image")
    x = normal()(keras.layers.Conv2D(40, 3, padding="same", name="stem")(image))
    x = normal()(layers.QuantConv2D(16, 3, padding="same", name="xnor", **options)(x))
    x = keras.layers.MaxPooling2D(2)(x)
    x = normal()(layers.QuantConv2D(8, 1, strides=2, name="pointwise", **options)(x))
    x = layers.QuantDense(12, name="dense", **options)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(4, activation="softmax", name="scores")(x)
    model = keras.Model(image, x, name="xnor")
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(images(64), np.eye(4)[np.arange(64) % 4], epochs=1, verbose=0)
    return model


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    model = load_keras(save_quietly(xnor(), tmp_path_factory.mktemp("xnor") / "xnor.keras"))
    return model, quantize(model, images(40), None, recipe_for("binary", "nearest"))


def graph_of(content: bytes) -> Graph:
    return checked_graph(parse_tflite(content, "xnor", "xnor"), "xnor")


def test_signs_are_quantize_operators_of_two_codes(content: tuple[Any, bytes]) -> None:
    assert operators(content[1]).count("QUANTIZE") == 6
    graph = graph_of(content[1])
    x = quantize_input(images(20, seed=3), graph.tensor(graph.inputs[0]))[:, None]
    weighted = layers_with_weights(graph)
    read = [node.inputs[0] for node in weighted[1:4]]
    for codes in reference.run(graph, [x], read)[1:]:
        np.testing.assert_array_equal(np.unique(codes), [-1, 1])
    assert [graph.tensor(name).zero_point for name in read] == [1, 1, 1]
    for node in weighted[1:4]:
        low, high = np.unique(constant(graph, node.inputs[1]))
        assert low == -high


def test_tflm_runs_them_to_our_codes(content: tuple[Any, bytes]) -> None:
    graph = graph_of(content[1])
    x = images(12, seed=20)
    codes = quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]
    ours = reference.run(graph, [codes])[0]
    np.testing.assert_array_equal(ours, run_tflm(content[1], [codes])[0])
    np.testing.assert_array_equal(ours, reference.run(reduce(graph), [codes])[0])


def test_products_of_signs_are_computed_in_bits(content: tuple[Any, bytes]) -> None:
    """After the reductions, which make tables of the QUANTIZE operators."""
    plan = checked_plan(reduce(graph_of(content[1])), load_target("stm32"))
    kernels = [
        step.variant.name for step in plan.steps if step.variant and step.node.op in ("conv2d", "fully_connected")
    ]
    assert kernels.count("xnor") >= 2, "a dense layer may be too small for code of its own"


def test_a_sign_of_its_own_is_deployed_too() -> None:
    image = keras3().Input((8, 8, 1))
    x = layers.Sign()(keras3().layers.Conv2D(3, 3)(image))
    network = load_keras(keras3().Model(image, keras3().layers.Dense(2)(keras3().layers.Flatten()(x))))
    graph = graph_of(quantize(network, images(40)))
    x = images(9, seed=4)
    codes = reference.run(graph, [quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]])[0]
    found, wanted = dequantize(codes[:, 0], graph.tensor(graph.outputs[0])), network.predict(x)
    assert np.abs(found - wanted).mean() < 0.1 * np.ptp(wanted)


def test_signs_turn_where_a_threshold_says() -> None:
    """Also where it lies between two codes of the input; on their steps alone some signs would be others."""
    image = keras3().Input((8, 8, 1))
    threshold = layers.Threshold()
    x = layers.QuantConv2D(1, 1, weight_format="binary", binary_inputs=True, use_bias=False)(threshold(image))
    model = keras3().Model(image, x)
    samples = np.random.default_rng(3).normal(0.5, 0.2, (200, 8, 8, 1)).astype(np.float32)
    for wanted in (0.5, 0.613, 0.2749):
        threshold.offset.assign([-wanted])
        graph = graph_of(quantize(load_keras(model), samples[:60]))
        port = graph.tensor(graph.inputs[0])
        codes = quantize_input(samples, port)[:, None]
        above = dequantize(codes[:, 0], port) >= wanted
        outputs = dequantize(reference.run(graph, [codes])[0][:, 0], graph.tensor(graph.outputs[0]))
        wrong = np.mean((outputs > 0) != above)
        assert min(wrong, 1 - wrong) < 1e-4, "the weight is one sign"


def test_signs_that_are_added_are_refused() -> None:
    image = keras3().Input((8, 8, 1))
    x = layers.Negative()(keras3().layers.Conv2D(3, 3)(image))
    y = keras3().layers.Add()([x, keras3().layers.Conv2D(3, 3)(image)])
    with pytest.raises(ModelError, match=r"is read by add_0 \(add\)") as caught:
        quantize(load_keras(keras3().Model(image, y)), images(40))
    assert "binary_inputs=True" in caught.value.hint


def test_inputs_of_any_scale_give_the_signs() -> None:
    """Also where they are tiny or huge."""
    for factor in (1e-4, 1.0, 3e4):
        image = keras3().Input((6, 6, 4))
        conv = layers.QuantConv2D(8, 3, padding="same", weight_format="binary", binary_inputs=True)
        network = load_keras(keras3().Model(image, conv(image)))
        x = np.random.default_rng(2).normal(size=(60, 6, 6, 4)).astype(np.float32) * np.float32(factor)
        content = quantize(network, x)
        graph = graph_of(content)
        codes = quantize_input(x[:20], graph.tensor(graph.inputs[0]))[:, None]
        ours = reference.run(graph, [codes])[0]
        np.testing.assert_array_equal(ours, run_tflm(content, [codes])[0])
        found, wanted = dequantize(ours[:, 0], graph.tensor(graph.outputs[0])), network.predict(x[:20])
        assert np.abs(found - wanted).mean() < 0.02 * np.ptp(wanted)
