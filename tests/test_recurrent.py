"""Recurrent Keras layers on the device: as fused operators or unrolled, each inference by itself or one stream."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import recurrent
from support.case import Array
from support.firmware import build_firmware, checked_plan, run_on_board, run_on_host, strict_target
from support.oracle import run_tflm
from support.suite import case_graph, case_inputs

from toolchain.errors import ModelError
from toolchain.exporters.tflite import export_tflite
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.float_model import FloatModel
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.quantize import ptq, tflite_ptq
from toolchain.quantize.recipe import recipe_for
from toolchain.reference import run

STEPS, FEATURES = 5, 3


def _model(*layers: Any, stateful: bool = False) -> FloatModel:
    keras = keras3()
    keras.utils.set_random_seed(5)
    start = keras.Input((STEPS, FEATURES), batch_size=1 if stateful else None)
    return load_keras(keras.Sequential([start, *layers, keras.layers.Dense(3)]))


def _samples() -> Array:
    return np.random.default_rng(3).normal(size=(24, STEPS, FEATURES)).astype(np.float32)


def _quantized(model: FloatModel) -> tuple[bytes, Graph, Array]:
    """The file, the graph, and codes of samples."""
    content = tflite_ptq.quantize(model, _samples())
    graph = checked_graph(parse_tflite(content, "m", "m"), "m")
    x = graph.tensor(graph.inputs[0])
    codes = np.clip(np.round(_samples() / x.scale) + x.zero_point, -128, 127)
    return content, graph, codes.astype(np.int8).reshape(-1, *x.shape)


def _real(graph: Graph, codes: Array) -> Array:
    out = graph.tensor(graph.outputs[0])
    real: Array = (codes.reshape(len(codes), -1).astype(np.float32) - out.zero_point) * np.float32(out.scale)
    return real


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_classifiers_run_as_in_tflm(kind: str, tmp_path: Path) -> None:
    """On this computer and on the emulated Cortex-M4; TFLM is reset before each inference."""
    model = _model(getattr(keras3().layers, kind)(6))
    content, graph, codes = _quantized(model)
    assert ("lstm" in [node.op for node in graph.nodes]) == (kind == "LSTM")
    expected = run(graph, [codes])[0]
    assert np.array_equal(expected, run_tflm(content, [codes], fresh=True)[0])
    assert np.abs(_real(graph, expected) - model.predict(_samples())).max() < 0.1
    for name, runs in (("host", run_on_host), ("stm32", run_on_board)):
        target = strict_target(name)
        firmware = build_firmware(checked_plan(graph, target), target, tmp_path / name)
        assert np.array_equal(runs(firmware, graph, target, [codes[:6]])[0], expected[:6])


def test_other_quantizers_have_them_unrolled() -> None:
    model = _model(keras3().layers.LSTM(3))
    graph = checked_graph(parse_tflite(ptq.quantize(model, _samples()), "m", "m"), "m")
    assert not graph.states
    x = graph.tensor(graph.inputs[0])
    codes = np.clip(np.round(_samples() / x.scale) + x.zero_point, -128, 127).astype(np.int8)
    real = _real(graph, run(graph, [codes.reshape(-1, *x.shape)])[0])
    assert np.abs(real - model.predict(_samples())).max() < 0.1


def test_float_firmware_has_the_fused_operator() -> None:
    model = _model(keras3().layers.LSTM(3))
    content = ptq.quantize(model, _samples(), recipe=recipe_for("float32"))
    graph = checked_graph(parse_tflite(content, "m", "m"), "m")
    assert graph.states
    assert not graph.lasting
    (got,) = run(graph, [_samples().reshape(-1, 1, STEPS, FEATURES)])
    np.testing.assert_allclose(got.reshape(len(got), -1), model.predict(_samples()), atol=1e-5)


def test_stateful_layers_go_on() -> None:
    model = _model(keras3().layers.LSTM(4, stateful=True), stateful=True)
    content, graph, codes = _quantized(model)
    assert len(graph.lasting) == 2
    expected = run(graph, [codes])[0]
    assert np.array_equal(expected, run_tflm(content, [codes])[0])
    assert not np.array_equal(expected[1:], run(graph, [codes[1:]])[0])
    for _ in range(2):  # a stream of its own each time
        assert np.abs(_real(graph, expected) - model.predict(_samples())).max() < 0.1


def test_stateful_layers_that_cannot_go_on_are_named() -> None:
    layers = keras3().layers
    with pytest.raises(ModelError, match=r"lasting is stateful.*plain LSTMs, which lasting, other is not"):
        _model(
            layers.GRU(4, stateful=True, return_sequences=True, name="lasting"),
            layers.LSTM(4, name="other"),
            stateful=True,
        )


def test_layers_are_left_as_they_were() -> None:
    keras = keras3()
    layers = [keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True)), keras.layers.GRU(2)]
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    before = model.predict(_samples(), verbose=0)
    _, graph, _ = _quantized(load_keras(model))
    assert [node.op for node in graph.nodes].count("lstm") == 2
    assert not layers[1].unroll
    assert "call" not in layers[0].forward_layer.__dict__
    assert np.array_equal(model.predict(_samples(), verbose=0), before)


def test_fresh_states_are_told_by_the_file() -> None:
    case = next(case for case in recurrent.CASES if case.id == "lstm_usual")
    graph, (x,) = case_graph(case), case_inputs(case)
    fresh = {n: dataclasses.replace(t, fresh=t.initial is not None) for n, t in graph.tensors.items()}
    again = parse_tflite(export_tflite(dataclasses.replace(graph, tensors=fresh)), "m", "m")
    assert again.states
    assert not again.lasting
    assert parse_tflite(export_tflite(graph), "m", "m").lasting == again.states
    expected = np.concatenate([run(graph, [x[i : i + 1]])[0] for i in range(len(x))])
    assert np.array_equal(run(again, [x])[0], expected)
    assert not np.array_equal(run(graph, [x])[0], expected)
