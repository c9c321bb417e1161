"""Quantization: what comes out is int8, right, reproducible; what cannot be quantized is refused with the reason."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from model_kit import Array, images, operators, run_codes, small_model, two_inputs

from toolchain import reference
from toolchain.data import dequantize, quantize_input
from toolchain.errors import DataError, ModelError, ToolError
from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.importers.float_model import FloatModel, Port
from toolchain.importers.float_tflite import is_float_tflite, load_float_tflite
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import captured, keras3, tensorflow
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize.check import check_quantized, check_representative
from toolchain.quantize.tflite_float import quantize_tflite
from toolchain.quantize.tflite_ptq import quantize


class Recorder(Progress):
    """Remembers notes, and how far each step came."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: dict[str, tuple[int | None, int]] = {}

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        self.steps[title] = (total, 0)

        def advance(done: int) -> None:
            self.steps[title] = (total, self.steps[title][1] + done)

        yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def model() -> FloatModel:
    return load_keras(small_model())


@pytest.fixture(scope="module")
def content(model: FloatModel) -> bytes:
    return quantize(model, images(40))


@pytest.fixture(scope="module")
def float_content(model: FloatModel) -> bytes:
    with captured():
        made = tensorflow().lite.TFLiteConverter.from_concrete_functions([model.concrete()], model.variables).convert()
    return bytes(made)


def test_all_int8_and_close_to_the_float_model(model: FloatModel, content: bytes) -> None:
    graph = parse_tflite(content, "small", "small")
    check_quantized(graph)
    assert operators(content) == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX",
    ]  # fmt: skip
    source, result = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    assert (source.shape, result.shape) == ((1, 8, 8, 1), (1, 4))
    x = images(30, seed=9)
    found = dequantize(run_codes(content, quantize_input(x, source)), result)
    wanted = model.predict(x)
    assert np.abs(found - wanted).mean() < 0.01
    assert wanted.std(axis=0).min() > 0.03, "the outputs differ from sample to sample"


def test_layer_names_survive(content: bytes) -> None:
    layers = [name for node in parse_tflite(content, "small", "small").nodes for name in node.layers]
    assert layers[:2] == ["conv2d", "conv2d_1"]


def test_equal_inputs_equal_bytes(content: bytes) -> None:
    assert quantize(load_keras(small_model()), images(40)) == content
    assert quantize(load_keras(small_model()), images(40, seed=1)) != content, "the samples set the ranges"


def test_progress_counts_the_samples(model: FloatModel) -> None:
    recorder = Recorder()
    quantize(model, images(5), recorder)
    assert recorder.steps == {"Quantizing": (5, 5)}


def test_two_inputs_get_their_own_samples() -> None:
    """Ranges tell whether b's samples went to b: they are ten times those of a."""
    rng = np.random.default_rng(2)
    b, a = rng.uniform(-10, 10, (40, 3)).astype(np.float32), rng.uniform(-1, 1, (40, 5)).astype(np.float32)
    graph = parse_tflite(quantize(load_keras(two_inputs()), (b, a)), "two", "two")
    check_quantized(graph)
    scales = {graph.tensor(name).shape: graph.tensor(name).scale for name in graph.inputs}
    assert scales[(1, 3)] == pytest.approx(20 / 255, rel=0.1)
    assert scales[(1, 5)] == pytest.approx(2 / 255, rel=0.1)


def test_inputs_and_outputs_keep_their_order() -> None:
    """Eleven of one shape, so that only the numbers tell; output k is k + 1 times input k."""
    keras = keras3()
    inputs = [keras.Input((2,), name=f"port{k}") for k in range(11)]
    layers = [keras.layers.Dense(2, use_bias=False) for _ in inputs]
    network = keras.Model(inputs, [layer(x) for layer, x in zip(layers, inputs, strict=True)])
    for k, layer in enumerate(layers):
        layer.set_weights([np.eye(2, dtype=np.float32) * (k + 1)])
    rng = np.random.default_rng(3)
    samples = [rng.uniform(-1 - k, 1 + k, (40, 2)).astype(np.float32) for k in range(11)]
    graph = parse_tflite(quantize(load_keras(network), samples), "many", "many")
    codes = [quantize_input(x, graph.tensor(n))[:, None] for x, n in zip(samples, graph.inputs, strict=True)]
    results = reference.run(clean(graph), codes)
    for k, (x, got, name) in enumerate(zip(samples, results, graph.outputs, strict=True)):
        np.testing.assert_allclose(dequantize(got[:, 0], graph.tensor(name)), (k + 1) * x, atol=0.02 * (k + 1) ** 2)


def test_reshape_leaves_nothing_dynamic() -> None:
    layers = keras3().layers
    image = keras3().Input((4, 4, 2))
    x = layers.Reshape((8, 4))(layers.Conv2D(2, 1)(image))
    network = keras3().Model(image, layers.Dense(3)(layers.Flatten()(x)))
    x = np.random.default_rng(0).random((33, 4, 4, 2), np.float32)
    assert not {"SHAPE", "STRIDED_SLICE", "PACK"} & set(operators(quantize(load_keras(network), x)))


def test_refusal_names_the_operator() -> None:
    layers = keras3().layers
    image = keras3().Input((8,))
    network = keras3().Model(image, layers.Lambda(lambda x: tensorflow().math.erfinv(x * 0.1))(image))
    x = np.random.default_rng(0).random((33, 8), np.float32)
    with pytest.raises(ModelError, match=r"cannot be quantized: .*Erfinv") as caught:
        quantize(load_keras(network), x)
    assert "\n" not in caught.value.problem
    assert len(caught.value.problem) < 600


def test_float_tflite(float_content: bytes, content: bytes, model: FloatModel, tmp_path: Path) -> None:
    """ai-edge-quantizer is not a dependency of the tests: without it the refusal is what is tested."""
    assert is_float_tflite(float_content)
    assert not is_float_tflite(content)
    found = load_float_tflite(tmp_path / "plain.tflite", float_content)
    x = images(12, seed=4)
    np.testing.assert_allclose(found.predict(x), model.predict(x), rtol=1e-4, atol=1e-5)
    if importlib.util.find_spec("ai_edge_quantizer") is None:
        with pytest.raises(ToolError, match="needs ai-edge-quantizer"):
            quantize_tflite(found, images(40))
        return
    made = quantize_tflite(found, images(40))
    graph = parse_tflite(made, "plain", "plain")
    check_quantized(graph)
    result = graph.tensor(graph.outputs[0])
    codes = run_codes(made, quantize_input(x, graph.tensor(graph.inputs[0])))
    wanted = model.predict(x)
    # Its ranges are moving averages, so the brightest samples are clipped: better than a constant, no more.
    error = np.abs(dequantize(codes, result) - wanted).mean()
    assert error < 0.7 * np.abs(wanted - wanted.mean(axis=0)).mean()


def test_float_tflite_without_the_quantizer(
    float_content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ai_edge_quantizer", "ai_edge_quantizer.quantizer"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError) as caught:
        quantize_tflite(load_float_tflite(tmp_path / "plain.tflite", float_content), images(40))
    assert "pip install ai-edge-quantizer" in caught.value.hint


IMAGE = (Port("image", (1, 8, 8, 1), "float32"),)


def with_value(value: float) -> Array:
    x = images(40)
    x[3, 2, 1, 0] = value
    return x


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((40, 8, 8, 3), np.float32), r"samples of shape \(8, 8, 3\), wanted \(8, 8, 1\)"),
        (with_value(np.nan), "1 values that are NaN or infinite"),
        (with_value(-np.inf), "1 values that are NaN or infinite"),
        (np.full((40, 8, 8, 1), "x"), "wanted numbers"),
        (np.full((40, 8, 8, 1), 0.5, np.float32), r"constant \(every value is 0.5\)"),
        (np.repeat(images(1), 40, axis=0), "repeats one sample 40 times"),
        (images(40)[:0], "empty"),
        (images(1), "one sample"),
        ((images(40), images(40)), "the model has 1 inputs, the representative data has 2"),
    ],
)
def test_representative_data_that_is_refused(samples: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        check_representative(samples, IMAGE, Recorder())
    assert caught.value.hint


def test_few_representative_samples_are_noted() -> None:
    recorder = Recorder()
    check_representative(images(32), IMAGE, recorder)
    assert recorder.notes == []
    check_representative(images(31), IMAGE, recorder)
    assert len(recorder.notes) == 1
    assert "only 31 representative samples" in recorder.notes[0]
    assert "about 100 real inputs" in recorder.notes[0]


def tiny_graph(**changes: Any) -> Graph:
    """input x -> conv with weights w and bias b -> y; ``changes`` replace the fields of one tensor."""
    good = QuantParams((0.5,), (0,))
    tensors = {
        "x": Tensor("x", (1, 4), "int8", good),
        "w": Tensor("w", (3, 4), "int8", QuantParams((0.1, 0.2, 0.3), (0, 0, 0)), np.ones((3, 4), np.int8)),
        "b": Tensor("b", (3,), "int32", QuantParams((0.05, 0.1, 0.15), (0, 0, 0)), np.ones(3, np.int32)),
        "y": Tensor("y", (1, 3), "int8", good),
    }
    for name, fields in changes.items():
        tensors[name] = dataclasses.replace(tensors[name], **fields)
    return Graph("tiny", tensors, (Node("dense_1", "fully_connected", ("x", "w", "b"), ("y",)),), ("x",), ("y",))


def test_good_graph_passes() -> None:
    check_quantized(tiny_graph())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x": {"dtype": "float32", "quant": None}}, "the input x is float32, wanted int8"),
        ({"y": {"dtype": "uint8"}}, r"the output y of fully_connected \(dense_1\) is uint8, wanted int8"),
        ({"w": {"dtype": "float32"}}, r"w of fully_connected \(dense_1\) is float32"),
        ({"w": {"quant": None}}, "int8 without a scale"),
        ({"w": {"quant": QuantParams((0.1, 0.2), (0, 0))}}, r"2 scales for dimension 0 of \(3, 4\)"),
        ({"y": {"quant": QuantParams((0.0,), (0,))}}, "1 scales that are not finite and positive"),
        ({"y": {"quant": QuantParams((float("inf"),), (0,))}}, "1 scales that are not finite and positive"),
        ({"b": {"quant": QuantParams((0.1, float("nan"), 0.1), (0, 0, 0))}}, "1 scales that are not finite"),
        ({"y": {"quant": QuantParams((0.5,), (128,))}}, "a zero point outside -128..127"),
        ({"y": {"dtype": "int16", "quant": QuantParams((0.5,), (1,))}}, "int16 and has a zero point other than 0"),
    ],
)
def test_graphs_that_are_not_fully_quantized(changes: Any, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        check_quantized(tiny_graph(**changes))


def test_all_problems_at_once() -> None:
    with pytest.raises(ModelError) as caught:
        check_quantized(tiny_graph(x={"dtype": "float32"}, w={"dtype": "float32"}, y={"dtype": "uint8"}))
    assert len(caught.value.problem.splitlines()) == 4


def test_codes_round_as_tflite_does() -> None:
    """Against LiteRT's reference QUANTIZE: halves away from zero, float32 quotient, clipped."""
    keras = keras3()
    image = keras.Input((8,))
    network = keras.Model(image, keras.layers.ReLU()(image))
    x = np.random.default_rng(0).uniform(-3, 3, (40, 8)).astype(np.float32)
    tf = tensorflow()
    model = load_keras(network)
    with captured():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([model.concrete()], model.variables)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[np.newaxis]] for row in x)
        content = converter.convert()
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    graph = parse_tflite(content, "relu", "relu")
    first = next(node for node in graph.nodes if node.op.lower() == "quantize")
    tensor = graph.tensor(first.outputs[0])
    index = next(d["index"] for d in interpreter.get_tensor_details() if d["name"] == tensor.name)
    halves = ((np.arange(-130, 130) + 0.5) * np.float32(tensor.scale)).astype(np.float32)
    extremes = np.array([-1e6, -9, 0, 9, 1e6, 0.49999997 * tensor.scale], np.float32)
    spread = np.random.default_rng(1).normal(0, 2, 2000).astype(np.float32)
    values = np.concatenate([halves, extremes, spread])
    values = values[: len(values) // 8 * 8].reshape(-1, 8)
    found = []
    for row in values:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(index)[0].copy())
    np.testing.assert_array_equal(quantize_input(values, tensor), np.stack(found))
