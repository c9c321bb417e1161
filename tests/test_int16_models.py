"""Whole models with int16 activations: TFLM's codes on this computer and on the emulated board."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import URL, small
from model_kit import images
from support.oracle import run_tflm
from test_ptq_models import normalized, samples, tied

from toolchain import reference
from toolchain.front import TFLITE_FILE, checked_graph
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import tensorflow
from toolchain.importers.tflite import parse_tflite
from toolchain.job import Job
from toolchain.pipeline import deploy, emulate
from toolchain.quantize.converter import convert
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe, recipe_for
from toolchain.target import load_target


def _graph(content: bytes) -> Graph:
    return checked_graph(parse_tflite(content, "model", "model"), "model")


def _equals_tflm(content: bytes, seed: int = 3) -> None:
    graph = _graph(content)
    tensor = graph.tensor(graph.inputs[0])
    limits = np.iinfo(tensor.dtype)
    rng = np.random.default_rng(seed)
    x = rng.integers(limits.min, limits.max, (8, *tensor.shape), endpoint=True).astype(tensor.dtype)
    (got,), expected = reference.run(graph, [x]), run_tflm(content, [x])[0]
    assert len(np.unique(got)) > 8
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("make", [normalized, tied])
def test_our_files_equal_tflm(make: Any) -> None:
    _equals_tflm(quantize(load_keras(make()), samples(channels=2), recipe=recipe_for("int16x8")))


def test_files_of_tflite_equal_tflm() -> None:
    """As its converter makes them for 16 bits."""
    tf = tensorflow()
    x = images(20)

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        kind = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [kind]
        converter.inference_input_type = converter.inference_output_type = tf.int16
        converter.representative_dataset = lambda: ({"image": row[None]} for row in x)

    _equals_tflm(convert(load_keras(small() / "small.keras"), configure))


def test_on_the_board(tmp_path: Path) -> None:
    folder, out = small(), tmp_path / "out"
    job = Job(folder / "small.keras", load_target("stm32"), str(folder / "small.npz"), out=out, port=URL)
    report = deploy(dataclasses.replace(job, quantizer="mcuforge", recipe=recipe_for("int16x8")))
    assert report.exactness is not None
    assert (report.exactness.codes, report.exactness.differing) == (24 * 4, 0)
    assert report.accuracy.device == report.accuracy.quantized_host
    assert all(layer.op.endswith("_s16") for layer in report.layers)
    content = (tmp_path / "out" / TFLITE_FILE).read_bytes()
    _equals_tflm(content)
    header = (tmp_path / "out" / "src" / "small.h").read_text()
    assert "int16x8, for stm32" in header
    assert "(q < -32768 ? -32768 : q > 32767 ? 32767 : q)" in header


def test_one_layer_of_16_bits_on_this_computer(tmp_path: Path) -> None:
    """Between QUANTIZE operators from int8 to int16 and back."""
    recipe = Recipe(layers={"conv2d_1": LayerRecipe(activations="int16")})
    content = quantize(load_keras(small() / "small.keras"), images(40), recipe=recipe)
    _equals_tflm(content)
    (tmp_path / "mixed.tflite").write_bytes(content)
    report = emulate(Job(tmp_path / "mixed.tflite", load_target("host")))
    assert report.exactness is not None
    assert report.exactness.differing == 0
    assert {"depthwise_conv2d_s16", "quantize_s16", "conv2d"} <= {layer.op for layer in report.layers}
