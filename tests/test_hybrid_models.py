"""Float ``.tflite`` files whose weights are stored in fewer bits: what they stand for is the float model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from model_kit import Array, operators
from test_ptq_models import samples

from toolchain.cli.options import Quantization, QuantizerName, make_job
from toolchain.data import dequantize
from toolchain.errors import ModelError
from toolchain.exporters.tflite import pack
from toolchain.front import open_source, prepare
from toolchain.importers.float_tflite import is_float_tflite
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3, tensorflow
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize.converter import convert
from toolchain.quantize.recipe import layers_with_weights
from toolchain.reference import run
from toolchain.sensitivity.floats import network

INT8, INT4 = schema.TensorType.INT8, schema.TensorType.INT4


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@functools.cache
def files() -> dict[str, bytes]:
    """One model as float32, with float16 weights, and in the converter's dynamic range: 8x8x2 to 5 classes.

    The converter leaves constants of less than 1024 numbers alone.
    """
    keras = keras3()
    keras.utils.set_random_seed(8)
    image = keras.Input((8, 8, 2), name="image")
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(image)
    x = keras.layers.DepthwiseConv2D(3, strides=2)(x)
    x = keras.layers.Conv2D(24, 1, activation="relu")(x)
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    model = load_keras(keras.Model(image, x))
    lite = tensorflow().lite

    def dynamic(converter: Any) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]

    def halves(converter: Any) -> None:
        converter.optimizations = [lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow().float16]

    return {"float": convert(model), "dynamic": convert(model, dynamic), "float16": convert(model, halves)}


def changed(change: Callable[[Any], None], name: str = "dynamic") -> bytes:
    model = schema.ModelT.InitFromPackedBuf(files()[name], 0)
    change(model)
    return pack(model)


def stored(model: Any) -> list[Any]:
    """The tensors with int8 weights."""
    return [t for t in model.subgraphs[0].tensors if t.type == INT8]


def opened(content: bytes, folder: Path) -> tuple[Any, list[str]]:
    path, progress = folder / "net.tflite", Notes()
    path.write_bytes(content)
    return open_source(path, progress).float_model, progress.notes


def by_litert(content: bytes, x: Array) -> Array:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    rows = []
    for sample in x:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy())
    return np.array(rows)


def with_zero_points(model: Any) -> None:
    """A zero point for each channel; weights by layers at the end, as older converters have them."""
    for tensor in stored(model):
        q = tensor.quantization
        q.zeroPoint = np.arange(len(q.scale)) % 7 - 3
    last = stored(model)[-1].quantization
    last.scale, last.zeroPoint = last.scale[:1], [5]


@pytest.mark.parametrize("change", [lambda model: None, with_zero_points])
def test_int8_weights_become_what_they_stand_for(change: Callable[[Any], None], tmp_path: Path) -> None:
    content = changed(change)
    assert is_float_tflite(content)
    model, notes = opened(content, tmp_path)
    assert model.stored == ("int8",)
    assert len(notes) == 1
    assert "its weights are stored as int8" in notes[0]
    raw = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = parse_tflite(model.content, "m", "m")
    assert len(stored(raw)) == 3
    for tensor in stored(raw):
        q, shape = tensor.quantization, [1] * len(tensor.shape)
        shape[q.quantizedDimension] = len(q.scale)
        codes = np.array(raw.buffers[tensor.buffer].data).view(np.int8).reshape(tensor.shape)
        wanted = (codes - np.reshape(q.zeroPoint, shape)).astype(np.float32) * np.reshape(q.scale, shape)
        np.testing.assert_array_equal(graph.tensor(tensor.name.decode()).data, wanted.astype(np.float32))
    assert {t.dtype for t in graph.tensors.values()} <= {"float32", "int32"}


def test_the_float_model_is_near_the_hybrid_kernels(tmp_path: Path) -> None:
    """LiteRT rounds the activations of each layer to 8 bits; that is all that is between them."""
    x = samples(8)
    model, _ = opened(files()["dynamic"], tmp_path)
    found, hybrid = model.predict(x), by_litert(files()["dynamic"], x)
    assert 0 < np.abs(found - hybrid).max() < 0.03 * np.ptp(found)
    assert np.abs(found - by_litert(files()["float"], x)).max() < 0.03 * np.ptp(found)


def test_float16_constants_are_folded(tmp_path: Path) -> None:
    x = samples(8)
    content = files()["float16"]
    assert "DEQUANTIZE" in operators(content)
    model, notes = opened(content, tmp_path)
    assert (model.stored, notes) == (("float16",), [])
    assert operators(model.content) == operators(files()["float"])
    np.testing.assert_array_equal(model.predict(x), by_litert(content, x))


def test_int4_weights(tmp_path: Path) -> None:
    """Two codes in a byte, the first in its lower half, and alone in the last byte of an odd number."""

    def packed(model: Any) -> None:
        for tensor in stored(model):
            buffer = model.buffers[tensor.buffer]
            codes = np.array(buffer.data).view(np.int8) >> 4
            nibbles = np.resize(codes & 15, len(codes) + len(codes) % 2).astype(np.uint8)
            buffer.data = nibbles[::2] | nibbles[1::2] << 4
            tensor.quantization.scale = 16 * tensor.quantization.scale
            tensor.type = INT4

    def rounded(model: Any) -> None:
        for tensor in stored(model):
            buffer = model.buffers[tensor.buffer]
            buffer.data = (np.array(buffer.data).view(np.int8) & -16).view(np.uint8)

    x = samples(4)
    model, notes = opened(changed(packed), tmp_path)
    assert "stored as int4" in notes[0]
    np.testing.assert_array_equal(model.predict(x), opened(changed(rounded), tmp_path)[0].predict(x))


@pytest.mark.parametrize("quantizer", ["mcuforge", "float32"])
def test_it_is_quantized_like_the_float_model(quantizer: str, tmp_path: Path) -> None:
    x, y = samples(40), samples(12, seed=20)
    path = tmp_path / "net.tflite"
    path.write_bytes(files()["dynamic"])
    np.savez(tmp_path / "data.npz", x_calib=x, x_test=y)
    typed = Quantization(format="float32") if quantizer == "float32" else Quantization(QuantizerName.mcuforge)
    progress = Notes()
    made = prepare(make_job(path, "stm32", typed, data=str(tmp_path / "data.npz")), progress)
    assert "stored as int8" in progress.notes[0]
    assert made.float_model is not None
    wanted = made.float_model.predict(y)
    source, result = made.graph.tensor(made.graph.inputs[0]), made.graph.tensor(made.graph.outputs[0])
    if quantizer == "float32":
        np.testing.assert_allclose(run(made.graph, [y[:, None]])[0][:, 0], wanted, rtol=1e-5, atol=1e-5)
        return
    assert source.quant is not None
    codes = np.clip(np.round(y / source.scale) + source.zero_point, -128, 127).astype(np.int8)
    assert np.abs(dequantize(run(made.graph, [codes[:, None]])[0][:, 0], result) - wanted).mean() < 0.02 * np.ptp(
        wanted
    )


def test_what_looks_at_weights_sees_floats(tmp_path: Path) -> None:
    """sensitivity, search and finetune start from this."""
    model, _ = opened(files()["dynamic"], tmp_path)
    net = network(model, [samples(4)], None, None)
    plain = clean(parse_tflite(files()["float"], "m", "m"))
    assert len(net.layers) == 4
    for node in layers_with_weights(plain):
        data = plain.tensor(node.inputs[1]).data
        assert data is not None
        assert np.abs(net.weights(node.layers[0]) - data).max() < np.abs(data).max() / 127


def _blocks(model: Any) -> None:
    stored(model)[0].quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    stored(model)[0].quantization.details = schema.BlockwiseQuantizationT()


def _scales(model: Any) -> None:
    stored(model)[0].quantization.scale = stored(model)[0].quantization.scale[:3]
    stored(model)[0].quantization.zeroPoint = [0, 0, 0]


def _no_scale(model: Any) -> None:
    stored(model)[0].quantization = None


def _zero(model: Any) -> None:
    stored(model)[0].quantization.scale = 0 * stored(model)[0].quantization.scale


def _short(model: Any) -> None:
    stored(model)[0].type = INT4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_blocks, "scales for blocks"),
        (_scales, "3 scales for dimension 0"),
        (_no_scale, "no scale"),
        (_zero, "scales that are not finite and positive"),
        (_short, "needs .* bytes, its buffer has"),
    ],
)
def test_what_is_refused(change: Callable[[Any], None], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        opened(changed(change), tmp_path)
    assert caught.value.hint
