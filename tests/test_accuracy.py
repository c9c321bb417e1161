"""Accuracy of formats below int8, and of int16 activations, on the real data of MLPerf Tiny's networks.

They run where ``MCUFORGE_REFERENCE`` names the folder of models and data (``test_model_reference.py``). The test
images set nothing: ranges, codes and codebooks come from the representative samples alone. What learns for minutes is
marked slow: ``make accuracy`` runs that too.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pytest
from support.oracle import run_tflm

from toolchain import reference
from toolchain.data import Dataset, load_data, quantize_input
from toolchain.graph import Graph
from toolchain.importers.float_model import FloatModel
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.base import Const
from toolchain.ops.common import constant
from toolchain.passes import clean
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe, layer_name, layers_with_weights, recipe_for, weight_formats
from toolchain.target import load_target

REFERENCE = Path(os.environ.get("MCUFORGE_REFERENCE", ""))
if not os.environ.get("MCUFORGE_REFERENCE"):
    pytest.skip("MCUFORGE_REFERENCE is not set: accuracies were not measured", allow_module_level=True)

FILES = {"ic": ("ic_resnet8.h5", "ic_cifar10.npz"), "kws": ("kws_dscnn_savedmodel", "kws_mfcc.npz")}
FLOAT = {"ic": 445, "kws": 456}  # of 500
_loaded: dict[str, tuple[FloatModel, Dataset]] = {}


def loaded(name: str) -> tuple[FloatModel, Dataset]:
    if name not in _loaded:
        file, data = FILES[name]
        model = load_keras(REFERENCE / "models" / file)
        _loaded[name] = model, load_data(str(REFERENCE / "data" / data), model.inputs)
    return _loaded[name]


@functools.cache
def quantized(name: str, format_name: str, rounding: str | None = None) -> bytes:
    model, data = loaded(name)
    assert data.x_calib is not None
    return quantize(model, data.x_calib, recipe=recipe_for(format_name, rounding))


def correct(name: str, content: bytes, by_tflm: bool = False) -> int:
    """Of 500, by the reference, which must be TFLM's on some; by TFLM alone for what the reference does not run."""
    _, data = loaded(name)
    assert isinstance(data.x_test, np.ndarray)
    assert data.y_test is not None
    graph = clean(parse_tflite(content, name, name))
    codes = quantize_input(data.x_test, graph.tensor(graph.inputs[0]))[:, None]
    if by_tflm:
        outputs = run_tflm(content, [codes])[0]
    else:
        outputs = reference.run(graph, [codes])[0]
        np.testing.assert_array_equal(outputs[:10], run_tflm(content, [codes[:10]])[0])
    return int((outputs.reshape(len(outputs), -1).argmax(axis=1) == data.y_test).sum())


def levels(graph: Graph, recipe: Recipe) -> dict[str, int]:
    formats = weight_formats(recipe, graph)
    few = {layer_name(n): len(np.unique(constant(graph, n.inputs[1]))) for n in layers_with_weights(graph)}
    return {name: count for name, count in few.items() if formats[name] != "int8"}


def planned(name: str, format_name: str) -> Plan:
    return make_plan(clean(parse_tflite(quantized(name, format_name), name, name)), load_target("stm32"))


def bytes_of_constants(plan: Plan) -> int:
    """Weights, centroids, biases and what requantization needs."""
    values = (value for step in plan.steps for call in step.calls for _, value in call.params)
    return sum(value.data.nbytes for value in values if isinstance(value, Const))


@pytest.mark.parametrize(
    ("name", "format_name", "lost"),
    [
        ("ic", "int4", 10),
        ("ic", "kmeans4", 10),
        ("kws", "int4", 10),
        pytest.param("ic", "kmeans3", 20, marks=pytest.mark.slow),
        pytest.param("kws", "kmeans4", 15, marks=pytest.mark.slow),
    ],
)
def test_weights_of_few_bits(name: str, format_name: str, lost: int) -> None:
    """At most two points below float for four bits on images, by post-training methods alone."""
    recipe = recipe_for(format_name)
    content = quantized(name, format_name)
    assert correct(name, content) >= FLOAT[name] - lost
    found = levels(clean(parse_tflite(content, name, name)), recipe)
    assert len(found) >= 7
    assert max(found.values()) <= {"int4": 15, "kmeans4": 16, "kmeans3": 8}[format_name]


@pytest.mark.parametrize("format_name", ["int4", "kmeans4"])
def test_four_bits_take_half_the_bytes_and_hardly_more_cycles(format_name: str) -> None:
    """On the Cortex-M4, without limits for either: constants at most 0.55x, predicted cycles at most 1.1x."""
    int8, few = (planned("ic", name) for name in ("int8", format_name))
    assert bytes_of_constants(few) <= 0.55 * bytes_of_constants(int8)
    assert sum(s.cycles for s in few.steps) <= 1.1 * sum(s.cycles for s in int8.steps)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["int4", "kmeans4"])
def test_learned_rounding(format_name: str) -> None:
    content = quantized("ic", format_name, "adaround")
    assert correct("ic", content) >= FLOAT["ic"] - 10


@pytest.mark.parametrize("name", FILES)
def test_int16_activations_lose_nothing(name: str) -> None:
    assert correct(name, quantized(name, "int16x8"), by_tflm=True) >= FLOAT[name] - 2
