"""What exact reductions make of a model as Keras and its converter write it, and of the reference models' twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.case import input_sets
from support.oracle import run_tflm

from benchmarks.twins import TWINS, twin_tflite
from toolchain.budget import Budget
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import reduce
from toolchain.progress import Progress
from toolchain.quantize.tflite_ptq import quantize
from toolchain.reference import run
from toolchain.select import select
from toolchain.target import load_target
from toolchain.verify import check_graph, refusals
from toolchain.virtual.folders import cache_folder


class Recorder(Progress):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.facts: list[str] = []

    def info(self, text: str) -> None:
        self.facts.append(text)


def _padded_model() -> Any:
    """The habits of keras.applications in a small network: ResNet's stem, MobileNet's strided layers, preprocessing."""
    keras = keras3()
    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(image)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(8, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ReLU(name="conv1_relu")(layers.BatchNormalization(name="conv1_bn")(x))
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    x = layers.ZeroPadding2D(1, name="dw_pad")(x)
    x = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name="dw")(x)
    x = layers.ReLU(6.0, name="dw_relu")(layers.BatchNormalization(name="dw_bn")(x))
    x = layers.Conv2D(12, 1, name="pw")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="gap")(x)
    x = layers.Flatten(name="flatten")(layers.Reshape((3, 4), name="reshape")(x))
    return keras.Model(image, layers.Dense(5, name="dense")(x), name="padded")


def test_a_padded_network_as_keras_makes_it() -> None:
    rng = np.random.default_rng(1)
    content = quantize(load_keras(_padded_model()), (rng.random((16, 16, 16, 3)) * 255).astype(np.float32))
    graph = checked_graph(parse_tflite(content, "padded", "padded"), "padded")
    told = Recorder()
    reduced = reduce(graph, told)
    check_graph(reduced)
    assert refusals(reduced) == []
    assert [n.op for n in graph.nodes if n.op in ("pad", "mul")] == ["mul", "pad", "pad", "pad"]
    assert not [n.op for n in reduced.nodes if n.op in ("pad", "mul", "add")]
    layers = {layer: node.op for node in reduced.nodes for layer in node.layers}
    assert layers["conv1_conv"] == layers["conv1_pad"] == "conv2d"
    assert layers["pool1_pool"] == layers["pool1_pad"] == "max_pool2d"
    assert layers["dw"] == layers["dw_pad"] == "depthwise_conv2d"
    main = [node.layers[0] for node in reduced.nodes if node.op in ("max_pool2d", "depthwise_conv2d")]
    assert main == ["pool1_pool", "dw"], "a layer is called after what it computes"
    assert told.facts == ["Paddings folded into what reads them: 3", "Rescalings merged with their neighbours: 1"]
    inputs = input_sets(graph, "padded")
    expected = run_tflm(content, inputs)[0]
    assert len(np.unique(expected)) > 20
    assert np.array_equal(run(graph, inputs)[0], expected)
    assert np.array_equal(run(reduced, inputs)[0], expected)
    assert _cycles(reduced) < 0.6 * _cycles(graph)


def _cycles(graph: Graph) -> float:
    """Predicted for the Cortex-M4F, with the fastest kernels: a network as small as this has few bytes to trade."""
    return select(graph, load_target("stm32"), Budget(objective="latency")).cycles


@pytest.mark.parametrize("name", TWINS)
def test_twins_stay_what_they_are(name: str) -> None:
    content = twin_tflite(name, cache_folder()).read_bytes()
    graph = checked_graph(parse_tflite(content, name, name), name)
    reduced = reduce(graph)
    check_graph(reduced)
    assert len(reduced.nodes) <= len(graph.nodes)
    inputs = input_sets(graph, name)
    assert np.array_equal(run(graph, inputs)[0], run(reduced, inputs)[0])
