"""Fine-tuning whole models: from the command line to the codes that are deployed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import small
from model_kit import images, save_quietly
from support.oracle import run_tflm

from toolchain import reference
from toolchain.cli import run
from toolchain.code_sets import ALL, SIGNS, codes_of
from toolchain.data import dequantize, quantize_input
from toolchain.errors import DataError
from toolchain.finetune import training
from toolchain.finetune.network import build_network
from toolchain.finetune.training import Samples, split, targets_of
from toolchain.front import checked_graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.conv2d_xnor import XNOR
from toolchain.passes import clean, reduce
from toolchain.quantize.converter import convert
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe, layers_with_weights, read_recipe, weight_formats
from toolchain.quantize.ties import tie
from toolchain.select import usable_variants
from toolchain.target import load_target


def bright_or_dark(count: int, seed: int) -> tuple[Any, Any]:
    """Images of four classes that differ in where they are bright."""
    labels = np.random.default_rng(seed).integers(0, 4, count)
    x = images(count, seed) * 0.2
    for image, label in zip(x, labels, strict=True):
        image[4 * (label // 2) :][:4, 4 * (label % 2) :][:, :4] += 1.0
    return x, labels


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``finetune`` writes for a model with ends of int8 and two layers of four values between them."""
    folder = tmp_path_factory.mktemp("tuned")
    layers, image = keras3().layers, keras3().Input((8, 8, 1), name="image")
    keras3().utils.set_random_seed(2)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="first")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="middle")(x)
    x = layers.DepthwiseConv2D(3, name="last_but_one")(x)
    x = layers.Dense(4, activation="softmax", name="scores")(layers.Flatten()(x))
    model = keras3().Model(image, x)
    model.compile(keras3().optimizers.Adam(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    x_train, y_train = bright_or_dark(240, 1)
    model.fit(x_train, y_train, epochs=4, verbose=0)
    save_quietly(model, folder / "corners.keras")
    np.savez(folder / "data.npz", x_train=x_train, y_train=y_train, x_calib=x_train[:40])
    options = ["--format", "kmeans2", "--epochs", "3", "--seed", "5", "--out", str(folder / "out"), "--quiet"]
    assert run(["finetune", str(folder / "corners.keras"), "--data", str(folder / "data.npz"), *options]) == 0
    return folder / "out"


def test_the_folder_holds_a_model_its_recipe_and_the_facts(tuned: Path) -> None:
    files = {path.name for path in tuned.iterdir() if not path.name.startswith(".")}
    assert files == {"corners.keras", "recipe.toml", "finetune.json"}
    facts = json.loads((tuned / "finetune.json").read_text())
    assert facts["weights"]["middle"] == "kmeans2"
    assert [epoch["number"] for epoch in facts["epochs"]] == [0, 1, 2, 3]
    assert facts["best"]["loss"] == min(epoch["loss"] for epoch in facts["epochs"])
    assert facts["trained_with"] + facts["held_out"] == 240
    assert facts["float_accuracy"] > 0.9
    assert facts["best"]["accuracy"] >= facts["float_accuracy"] - 0.05
    assert facts["integers"] == pytest.approx(facts["best"]["accuracy"], abs=0.03)


def test_what_is_deployed_is_what_was_trained(tuned: Path) -> None:
    model = load_keras(tuned / "corners.keras")
    x, labels = bright_or_dark(100, 9)
    content = quantize(model, bright_or_dark(240, 1)[0][:40], None, read_recipe(tuned / "recipe.toml"))
    graph = checked_graph(parse_tflite(content, "corners", "corners"), "corners")
    found = [graph.tensor(node.inputs[1]).data for node in layers_with_weights(graph)]
    for data, codes in zip(found, model.codes, strict=True):
        np.testing.assert_array_equal(data, codes)
    assert [len(np.unique(data)) <= 4 for data in found] == [False, True, True, False]
    codes = reference.run(graph, [quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]])[0][:, 0]
    outputs = dequantize(codes, graph.tensor(graph.outputs[0]))
    assert (outputs.argmax(axis=1) == labels).mean() > 0.9
    assert np.abs(outputs - model.predict(x)).mean() < 0.03


def test_layers_of_signs_are_trained_and_deployed(tuned: Path, tmp_path: Path) -> None:
    """A layer behind a ReLU reads signs, in TFLM and by the kernel for bits; the depthwise one behind it does not."""
    corners = tuned.parent
    options = ["--format", "binary", "--binary-inputs", "--epochs", "3", "--out", str(tmp_path / "out"), "--quiet"]
    assert run(["finetune", str(corners / "corners.keras"), "--data", str(corners / "data.npz"), *options]) == 0
    facts = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert facts["binary_inputs"] == ["middle"]
    assert facts["integers"] > 0.6
    model = load_keras(tmp_path / "out" / "corners.keras")
    samples = bright_or_dark(240, 1)[0]
    content = quantize(model, samples[:40], None, read_recipe(tmp_path / "out" / "recipe.toml"))
    graph = checked_graph(parse_tflite(content, "corners", "corners"), "corners")
    codes = quantize_input(samples[:9], graph.tensor(graph.inputs[0]))[:, None]
    np.testing.assert_array_equal(reference.run(graph, [codes])[0], run_tflm(content, [codes])[0])
    reduced = reduce(graph)
    middle, depthwise = (node for node in layers_with_weights(reduced) if len(codes_of(reduced, node.inputs[1])) == 2)
    assert codes_of(reduced, middle.inputs[0]) == SIGNS
    assert XNOR.name in {v.name for v in usable_variants(reduced, middle, load_target("stm32"))}
    assert depthwise.op == "depthwise_conv2d"
    assert codes_of(reduced, depthwise.inputs[0]) == ALL


def everything() -> Any:
    """Every operator that can be trained; see ``network._MAKERS``."""
    layers, ops, image = keras3().layers, keras3().ops, keras3().Input((9, 9, 2), name="image")
    x = layers.ZeroPadding2D(((0, 1), (1, 0)))(image)
    x = layers.ReLU(max_value=6.0)(layers.Conv2D(4, 3, strides=2, padding="same")(x))
    y = layers.MaxPooling2D(2, strides=1, padding="same")(layers.Conv2D(4, 1)(x))
    x = layers.Concatenate()([layers.AveragePooling2D(2, strides=1, padding="same")(x), y])
    x = layers.Multiply()([x, layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)])
    x = ops.add(x, np.linspace(-1, 1, 8, dtype=np.float32))
    x = layers.ReLU()(x)
    y = layers.Softmax()(layers.Dense(3)(layers.Reshape((200,))(x)))
    z = layers.Concatenate()([y, layers.GlobalAveragePooling2D()(x)])
    return keras3().Model(image, layers.Dense(3)(z))


def test_the_network_computes_what_the_model_does() -> None:
    model = load_keras(everything())
    graph = clean(parse_tflite(convert(model), "all", "all"))
    formats = weight_formats(Recipe(), graph)
    network = build_network(tie(graph, "all"), formats, "all")
    x = np.random.default_rng(4).normal(size=(7, 9, 9, 2)).astype(np.float32)
    wanted = model.predict(x)
    found = np.asarray(network.deployed([x]))
    assert np.abs(found - wanted).max() < 0.03 * np.abs(wanted).max()
    assert {n.op for n in graph.nodes} >= {"pad", "max_pool2d", "average_pool2d", "mul", "concatenate", "add", "mean"}


def test_targets_lie_between_the_labels_and_the_float_model() -> None:
    outputs = np.array([[0.5, 0.3, 0.2]], np.float32)
    np.testing.assert_allclose(targets_of(outputs, np.array([1])), [[0.25, 0.65, 0.1]])
    assert targets_of(outputs, None) is outputs


def test_held_out_samples_are_not_trained_with() -> None:
    samples = Samples([np.arange(50)], np.arange(50), None)
    train, held = split(samples, 3)
    assert (len(train), len(held)) == (38, 12)
    assert sorted([*train.targets, *held.targets]) == list(range(50))
    assert not np.array_equal(held.targets, split(samples, 4)[1].targets)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any, *rest: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.Training, "_judged", interrupt)
    arguments = ["finetune", str(small() / "small.keras"), "--data", str(small() / "small.npz"), "--format", "binary"]
    assert run([*arguments, "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["small.keras", "--format", "binary"], "there is nothing to train with"),
        (["small.keras", "--format", "sparse", "--data", "small.npz"], "weights of the format sparse are not trained"),
        (["small.keras", "--format", "int16x8", "--data", "small.npz"], "activations of the type int16"),
        (["small.tflite", "--format", "int4", "--data", "small.npz"], "is quantized already"),
        (["small.keras", "--format", "int4", "--data", "few.npz"], "has 8 samples to train with"),
        (["small.keras", "--format", "int4", "--data", "labels.npz"], "labels run from 0 to 9"),
        (
            ["small.keras", "--format", "int4", "--binary-inputs", "--data", "small.npz"],
            "no layer whose inputs",
        ),
        (["small.keras", "--format", "int3", "--data", "small.npz"], "there is no format 'int3'"),
    ],
)
def test_refusals(
    arguments: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for name in ("small.keras", "small.tflite", "small.npz"):
        (tmp_path / name).write_bytes((small() / name).read_bytes())
    np.savez(tmp_path / "few.npz", x_calib=images(8))
    np.savez(tmp_path / "labels.npz", x_calib=images(40), y_calib=np.arange(40) % 10)
    monkeypatch.chdir(tmp_path)
    assert run(["finetune", *arguments]) == 2
    told = capsys.readouterr().err
    assert problem in " ".join(told.split())
    assert "hint: " in told


def test_training_samples_are_read_for_training_alone(tmp_path: Path) -> None:
    from toolchain.data import load_data, load_training

    inputs = load_keras(small() / "small.keras").inputs
    np.savez(tmp_path / "all.npz", x_train=images(30), y_train=np.arange(30), x_calib=images(20), x_test=images(5))
    assert load_data(str(tmp_path / "all.npz"), inputs).x_train is None
    found = load_training(str(tmp_path / "all.npz"), inputs)
    assert [len(np.asarray(x)) for x in (found.x_train, found.y_train, found.x_calib)] == [30, 30, 20]
    np.savez(tmp_path / "calib.npz", x_calib=images(20), y_calib=np.arange(20))
    found = load_training(str(tmp_path / "calib.npz"), inputs)
    assert [len(np.asarray(x)) for x in (found.x_train, found.y_train)] == [20, 20]
    np.savez(tmp_path / "test.npz", x_test=images(20))
    with pytest.raises(DataError, match="has neither x_train nor x_calib to train with"):
        load_training(str(tmp_path / "test.npz"), inputs)
