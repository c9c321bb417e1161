"""The digits example keeps its promises: small, accurate, quick to find again."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from model_kit import operators, run_codes, trained_digits

from toolchain import reference
from toolchain.cli import run
from toolchain.data import Dataset, dequantize, load_data, load_training, quantize_input
from toolchain.front import checked_graph
from toolchain.importers.float_model import FloatModel
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.metrics import score
from toolchain.quantize.check import check_quantized, check_representative
from toolchain.quantize.ptq import quantize as quantize_ourselves
from toolchain.quantize.recipe import Recipe, read_recipe, recipe_for
from toolchain.quantize.tflite_ptq import quantize

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "digits"
TRAIN = [sys.executable, str(EXAMPLE / "train.py")]


@pytest.fixture(scope="module")
def digits() -> tuple[FloatModel, Dataset]:
    """Trained here unless it already was."""
    build = trained_digits()
    model = load_keras(build / "digits.keras")
    return model, load_data(str(build / "digits.npz"), model.inputs)


def test_accuracy_in_float_and_int8(digits: tuple[FloatModel, Dataset]) -> None:
    model, data = digits
    assert isinstance(data.x_calib, np.ndarray)
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_calib.shape == (100, 8, 8, 1)
    assert data.x_test.shape == (360, 8, 8, 1)
    check_representative(data.x_calib, model.inputs)
    in_float = score("accuracy", model.predict(data.x_test), data.y_test)
    assert in_float is not None
    assert in_float.correct is not None
    assert in_float.correct > 0.97 * 360
    content = quantize(model, data.x_calib)
    graph = parse_tflite(content, "digits", "digits")
    check_quantized(graph)
    codes = run_codes(content, quantize_input(data.x_test, graph.tensor(graph.inputs[0])))
    in_int8 = score("accuracy", dequantize(codes, graph.tensor(graph.outputs[0])), data.y_test)
    assert in_int8 is not None
    assert in_int8.correct is not None
    assert abs(in_int8.correct - in_float.correct) <= 3
    used = {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "ADD", "MEAN", "FULLY_CONNECTED", "SOFTMAX"}
    assert set(operators(content)) == used


def _right(model: FloatModel, data: Dataset, recipe: Recipe) -> int:
    """Test images that the integers get right."""
    assert isinstance(data.x_calib, np.ndarray)
    assert isinstance(data.x_test, np.ndarray)
    content = quantize_ourselves(model, data.x_calib, None, recipe)
    graph = checked_graph(parse_tflite(content, "digits", "digits"), "digits")
    codes = quantize_input(data.x_test, graph.tensor(graph.inputs[0]))[:, None]
    outputs = dequantize(reference.run(graph, [codes])[0], graph.tensor(graph.outputs[0]))
    found = score("accuracy", outputs, data.y_test)
    assert found is not None
    assert found.correct is not None
    return found.correct


def _right_in_float(model: FloatModel, data: Dataset) -> int:
    assert isinstance(data.x_test, np.ndarray)
    return int((model.predict(data.x_test).argmax(axis=1) == data.y_test).sum())


@pytest.mark.parametrize(("name", "points"), [("int8", 0.5), ("int4", 1.0), ("kmeans4", 1.0)])
def test_accuracy_without_training(digits: tuple[FloatModel, Dataset], name: str, points: float) -> None:
    model, data = digits
    assert _right(model, data, recipe_for(name)) >= _right_in_float(model, data) - points / 100 * 360


@pytest.mark.slow
@pytest.mark.parametrize("name", ["int4", "kmeans4", "kmeans2", "ternary", "binary"])
def test_accuracy_after_fine_tuning(digits: tuple[FloatModel, Dataset], name: str, tmp_path: Path) -> None:
    """At most 1 point below float with 4 bits, at most 3 with fewer."""
    model, data = digits
    files = [str(EXAMPLE / "build" / file) for file in ("digits.keras", "digits.npz")]
    assert run(["finetune", files[0], "--data", files[1], "--format", name, "--out", str(tmp_path / "out")]) == 0
    tuned = load_keras(tmp_path / "out" / "digits.keras")
    points = 1.0 if name.endswith("4") else 3.0
    found = _right(tuned, data, read_recipe(tmp_path / "out" / "recipe.toml"))
    print(f"{name}: {found} of 360")
    assert found >= _right_in_float(model, data) - points / 100 * 360


def _wide(data: Dataset, path: Path) -> None:
    """A trained network of ordinary convolutions, whose sums are of 64 to 576 products."""
    keras = keras3()
    keras.utils.set_random_seed(1)
    layers, image = keras.layers, keras.Input((8, 8, 1))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(32, 3, padding="same", use_bias=False)(image)))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x)))
    x = layers.MaxPooling2D()(x)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x)))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(128, 1, use_bias=False)(x)))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    rate = keras.optimizers.schedules.CosineDecay(0.003, 20 * 45)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(data.x_train, data.y_train, epochs=20, batch_size=32, verbose=0)
    model.save(path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "epochs", "points"), [("digits", 60, 6.0), ("wide", 40, 1.5)])
def test_accuracy_with_binary_inputs(
    digits: tuple[FloatModel, Dataset], name: str, epochs: int, points: float, tmp_path: Path
) -> None:
    """Of sums of 16 and 32 signs, as in the example, some 4 points are lost; of many, hardly any."""
    file, samples = EXAMPLE / "build" / f"{name}.keras", EXAMPLE / "build" / "digits.npz"
    if name == "wide":
        file = tmp_path / "wide.keras"
        _wide(load_training(str(samples), digits[0].inputs), file)
    options = ["--format", "binary", "--binary-inputs", "--epochs", str(epochs), "--out", str(tmp_path / "out")]
    assert run(["finetune", str(file), "--data", str(samples), *options]) == 0
    found = _right(load_keras(tmp_path / "out" / file.name), digits[1], read_recipe(tmp_path / "out" / "recipe.toml"))
    print(f"{name}, binary inputs: {found} of 360")
    assert found >= _right_in_float(load_keras(file), digits[1]) - points / 100 * 360


def test_test_images_are_not_trained_or_calibrated_with(digits: tuple[FloatModel, Dataset]) -> None:
    spec = importlib.util.spec_from_file_location("train", EXAMPLE / "train.py")
    assert spec is not None
    assert spec.loader is not None
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    x_train, _, x_test, _ = train.load_digits()
    assert (len(x_train), len(x_test)) == (1437, 360)
    np.testing.assert_array_equal(digits[1].x_test, x_test)
    np.testing.assert_array_equal(digits[1].x_calib, x_train[:100])
    assert not {row.tobytes() for row in x_train} & {row.tobytes() for row in x_test}


def test_second_run_does_nothing(digits: tuple[FloatModel, Dataset]) -> None:
    files = [EXAMPLE / "build" / name for name in ("digits.keras", "digits.npz")]
    before = [file.stat().st_mtime_ns for file in files]
    done = subprocess.run(TRAIN, check=True, timeout=30, capture_output=True, text=True)
    assert "up to date" in done.stdout
    assert [file.stat().st_mtime_ns for file in files] == before
