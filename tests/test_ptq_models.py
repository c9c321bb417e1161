"""mcuforge's own quantizer on whole models: TFLite's parameters with min-max, TFLM's codes always, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import small
from model_kit import Array, images, small_model, two_inputs
from support.oracle import run_tflm

from toolchain import reference
from toolchain.budget import Budget
from toolchain.cli.options import Quantization, QuantizerName, make_job
from toolchain.data import dequantize, quantize_input
from toolchain.errors import DataError, ModelError, UserError
from toolchain.front import Quantized, checked_graph, prepare
from toolchain.graph import Graph
from toolchain.importers.float_model import FloatModel
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.job import Job
from toolchain.ops.common import constant
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize.bias_correction import InputMeans, mean_sums
from toolchain.quantize.check import check_quantized
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import run_samples
from toolchain.quantize.observers import OBSERVERS
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe
from toolchain.quantize.tflite_ptq import quantize as quantize_by_converter
from toolchain.target import load_target


def _image() -> Any:
    keras3().utils.set_random_seed(6)
    return keras3().Input((8, 8, 2), name="image")


def normalized() -> Any:
    """Batch normalization to be folded, ReLU6, strides, both paddings, a depth multiplier, pooling, a plain Flatten."""
    layers, image = keras3().layers, _image()
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(2, depth_multiplier=2, padding="valid")(x)
    x = layers.AveragePooling2D(2, strides=1, padding="same")(x)
    x = layers.Dense(3)(layers.Flatten()(x))
    model = keras3().Model(image, x)
    normalization = next(layer for layer in model.layers if layer.name.startswith("batch"))
    rng = np.random.default_rng(7)
    normalization.set_weights([rng.uniform(0.5, 2, 6), rng.normal(0, 1, 6), rng.normal(0, 1, 6), rng.uniform(1, 9, 6)])
    return model


def tied() -> Any:
    """Softmax, whose parameters are fixed, concatenated with other ranges; padding, multiplication, maximum pooling."""
    layers, image = keras3().layers, _image()
    x = layers.ZeroPadding2D(1)(image)
    a = layers.Softmax()(layers.Conv2D(4, 3)(x))
    b = layers.MaxPooling2D(2, strides=1, padding="same")(layers.Conv2D(4, 1)(image))
    x = layers.Concatenate()([a, b])
    x = layers.Multiply()([x, layers.Conv2D(8, 1, activation="relu")(x)])
    return keras3().Model(image, layers.GlobalAveragePooling2D()(x))


def shared() -> Any:
    """One layer with two inputs of other scales: its weights are stored once, its biases are two."""
    layers, image = keras3().layers, _image()
    layer = layers.Conv2D(2, 1, bias_initializer="ones")
    x = layer(layer(image))
    return keras3().Model(image, layers.Dense(3)(layers.Flatten()(x)))


def transposed() -> Any:
    """Transposed convolutions, of images and of a line, with strides that kernels cover, overlap and leave gaps in.

    Last a product of two tensors.
    """
    layers, image = keras3().layers, _image()
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", bias_initializer="ones")(image)
    x = layers.Conv2DTranspose(4, (2, 1), strides=2, padding="valid", activation="relu")(x)
    x = layers.Conv1DTranspose(2, 5, strides=2, padding="same")(layers.Reshape((64, 64))(x))
    return keras3().Model(image, layers.Dot(axes=1)([x, layers.ReLU()(x)]))


def reduced() -> Any:
    """Images of another size, their extremes, sums and means over axes apart; logarithms of probabilities."""
    layers, image = keras3().layers, _image()
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(4, 3)(image))
    ops = keras3().ops
    sums, means = ops.mean(ops.sum(x, 3), 2), ops.mean(x, (1, 3))
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), ops.min(x, (1, 2)), sums, means])
    x = layers.Dense(3, kernel_initializer=keras3().initializers.RandomNormal(0, 1))(x)
    return keras3().Model(image, layers.Activation("log_softmax")(x))


def samples(count: int = 40, seed: int = 0, channels: int = 2) -> Array:
    return np.concatenate([images(count, seed + i) - i for i in range(channels)], axis=3)


def graph_of(content: bytes) -> Graph:
    graph = checked_graph(parse_tflite(content, "m", "m"), "m")
    check_quantized(graph)
    return graph


MODELS: dict[str, tuple[Callable[[], Any], int]] = {
    "small": (small_model, 1),
    "normalized": (normalized, 2),
    "tied": (tied, 2),
    "shared": (shared, 2),
    "transposed": (transposed, 2),
    "reduced": (reduced, 2),
}
WIDE = [name for name in MODELS if name != "reduced"]  # whose operators all have int16 activations


@pytest.mark.parametrize("name", MODELS)
def test_tflm_runs_it_to_our_codes_near_the_float_model(name: str) -> None:
    build, channels = MODELS[name]
    model = load_keras(build())
    content = quantize(model, samples(channels=channels))
    graph = graph_of(content)
    x = samples(12, seed=20, channels=channels)
    codes = quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]
    ours = reference.run(graph, [codes])[0]
    np.testing.assert_array_equal(ours, run_tflm(content, [codes])[0])
    wanted = model.predict(x)
    found = dequantize(ours[:, 0], graph.tensor(graph.outputs[0]))
    assert np.abs(found - wanted).mean() < 0.01 * np.ptp(wanted)


MINMAX = Recipe(calibration="minmax", bias_correction="none")


def _facts(graph: Graph) -> list[tuple[Any, ...]]:
    """What the nodes compute with, in an order of their own: converters may order branches as they like."""
    # see test_an_inner_tensor_is_read_before_it_is_overwritten
    overwritten = {n for node in graph.nodes if node.op == "add" for n in node.inputs}
    facts: list[tuple[Any, ...]] = []
    for node in graph.nodes:
        if node.op == "reshape":
            continue
        tensors = [graph.tensor(n) for n in (*node.inputs, *node.outputs) if n and n not in overwritten]
        quants = [t.quant for t in tensors if t.quant]
        scales = np.concatenate([np.array(q.scale) for q in quants])
        zeros = [set(q.zero_point) for q in quants]
        data = [t.data.astype(int) for t in tensors if t.data is not None and t.quant]
        facts.append((node.op, str(node.attrs), graph.tensor(node.outputs[0]).shape, scales, zeros, data))
    return sorted(facts, key=lambda fact: (*map(str, fact[:3]), float(fact[3][0])))


@pytest.mark.parametrize("name", ["small", "normalized"])
def test_minmax_is_what_the_converter_does(name: str) -> None:
    """Scales to the last bit but one: the converter's calibrator may add in another order."""
    build, channels = MODELS[name]
    model, x = load_keras(build()), samples(channels=channels)
    ours, theirs = (_facts(graph_of(q(model, x))) for q in (_minmax, quantize_by_converter))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one[:3] == other[:3]
        np.testing.assert_allclose(one[3], other[3], rtol=5e-7)
        assert one[4] == other[4]
        for data, expected in zip(one[5], other[5], strict=True):
            assert np.abs(data - expected).max() <= 1


def _minmax(model: Any, x: Any) -> bytes:
    return quantize(model, x, recipe=MINMAX)


def test_an_inner_tensor_is_read_before_it_is_overwritten() -> None:
    """The converter's calibrator reads an ADD's first input when the ADD has written its sum over it."""
    model = load_keras(small_model())
    ours, theirs = (graph_of(q(model, images(40))) for q in (_minmax, quantize_by_converter))
    (wide,) = (n for n in theirs.nodes if n.op == "depthwise_conv2d")
    (add,) = (n for n in theirs.nodes if n.op == "add")
    (tight,) = (n for n in ours.nodes if n.op == "depthwise_conv2d")
    high = [_highest(g, n) for g, n in ((ours, tight), (theirs, wide), (theirs, add))]
    assert high[1] == pytest.approx(high[2], rel=0.01)
    assert high[0] < 0.5 * high[1]


def _highest(graph: Graph, node: Any) -> float:
    tensor = graph.tensor(node.outputs[0])
    return tensor.scale * (127 - tensor.zero_point)


@pytest.mark.parametrize("calibration", OBSERVERS)
def test_every_calibration_keeps_the_model(calibration: str) -> None:
    model = load_keras(small_model())
    graph = graph_of(quantize(model, images(40), recipe=Recipe(calibration=calibration)))
    x = images(30, seed=9)
    codes = reference.run(graph, [quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]])[0]
    found = dequantize(codes[:, 0], graph.tensor(graph.outputs[0]))
    wanted = model.predict(x)
    # averaged ranges clip the brightest samples
    assert np.abs(found - wanted).mean() < (0.06 if calibration == "moving-average" else 0.02)


def test_parameters_that_must_agree_do() -> None:
    graph = graph_of(quantize(load_keras(tied()), samples()))
    (softmax,) = (n for n in graph.nodes if n.op == "softmax")
    assert (graph.tensor(softmax.outputs[0]).scale, graph.tensor(softmax.outputs[0]).zero_point) == (1 / 256, -128)
    (requantize,) = (n for n in graph.nodes if n.op == "quantize")
    assert requantize.inputs == softmax.outputs
    (joined,) = (n for n in graph.nodes if n.op == "concatenate")
    assert requantize.outputs[0] in joined.inputs
    assert len({graph.tensor(n).quant for n in (*joined.inputs, *joined.outputs)}) == 1


def test_shared_weights_are_stored_once_and_biases_twice() -> None:
    graph = graph_of(quantize(load_keras(shared()), samples(), recipe=MINMAX))
    first, second = (n for n in graph.nodes if n.op == "conv2d")
    assert first.inputs[1] == second.inputs[1]
    assert first.inputs[2] != second.inputs[2]
    for node in (first, second):
        x, w, b = (graph.tensor(n) for n in node.inputs)
        assert w.quant is not None
        assert b.quant is not None
        assert b.quant.scale == tuple(float(np.float32(x.scale) * np.float32(s)) for s in w.quant.scale)


def means_of(model: FloatModel, content: bytes, x: Array) -> Array:
    """How far the mean of each output is from the float model's, in steps of the output's codes."""
    graph = graph_of(content)
    out = graph.tensor(graph.outputs[0])
    codes = reference.run(graph, [quantize_input(x, graph.tensor(graph.inputs[0]))[:, None]])[0][:, 0]
    shift: Array = np.abs(dequantize(codes, out).mean(axis=0) - model.predict(x).mean(axis=0)) / out.scale
    return shift


def test_bias_correction_takes_shifts_out() -> None:
    """Weights that all round up by 0.45 steps shift the sums of positive inputs; the layer has no bias of its own."""
    layers, image = keras3().layers, keras3().Input((16,))
    network = keras3().Model(image, layers.Dense(3, use_bias=False)(image))
    rng = np.random.default_rng(8)
    weights = (rng.integers(-20, 20, (16, 3)) + 0.55) / 100
    weights[0] = 1.27
    network.layers[-1].set_weights([weights.astype(np.float32)])
    model = load_keras(network)
    x = rng.uniform(0, 1, (60, 16)).astype(np.float32)
    plain, corrected = (quantize(model, x, recipe=Recipe(bias_correction=b)) for b in ("none", "empirical"))
    assert means_of(model, plain, x).min() > 1
    assert means_of(model, corrected, x).max() < 0.2
    assert [len(graph_of(content).nodes[-1].inputs) for content in (plain, corrected)] == [2, 3]


@pytest.mark.parametrize("name", ["small", "normalized", "shared", "transposed"])
def test_means_are_those_of_the_layers_sums(name: str) -> None:
    """Of convolutions with both paddings, depthwise and fully connected ones, against LiteRT's own outputs."""
    build, channels = MODELS[name]
    model, x = load_keras(build()), samples(channels=channels)
    content = convert(model)
    parsed = parse_tflite(content, name, name)
    graph = clean(parsed)
    means = InputMeans(graph)
    outputs: dict[str, list[Array]] = {}
    for fetch in run_samples(content, parsed, [x], name):
        means.observe(fetch)
        for node in means.layers:
            outputs.setdefault(node.name, []).append(fetch(node.outputs[0]).astype(np.float64))
    linear = [n for n in means.layers if n.attrs.activation == "none"]
    assert linear
    for node in linear:
        weights = constant(graph, node.inputs[1]).astype(np.float64)
        wanted = np.concatenate(outputs[node.name]).reshape(-1, outputs[node.name][0].shape[-1]).mean(axis=0)
        bias = constant(graph, node.inputs[2]) if any(node.inputs[2:]) else np.zeros_like(wanted)
        found = mean_sums(node, weights, bias, means.means()[node.name])
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_two_inputs_get_their_own_samples_and_equal_inputs_equal_bytes() -> None:
    rng = np.random.default_rng(2)
    b, a = rng.uniform(-10, 10, (40, 3)).astype(np.float32), rng.uniform(-1, 1, (40, 5)).astype(np.float32)
    model = load_keras(two_inputs())
    content = quantize(model, (b, a), recipe=MINMAX)
    assert content == quantize(model, (b, a), recipe=MINMAX)
    graph = graph_of(content)
    scales = [graph.tensor(name).scale for name in graph.inputs]
    assert scales == pytest.approx([20 / 255, 2 / 255], rel=0.1)


def test_what_cannot_be_quantized_is_named() -> None:
    layers, image = keras3().layers, _image()
    x = layers.Conv3D(2, 1, name="volume")(layers.Reshape((8, 8, 2, 1))(image))
    with pytest.raises(ModelError, match=r"2 of 3 operators cannot be quantized\n.*volume.*CONV_3D") as caught:
        quantize(load_keras(keras3().Model(image, layers.Conv3D(2, 1)(x))), samples())
    assert "this operator is not supported" in caught.value.problem
    assert caught.value.hint


def test_values_that_are_not_finite() -> None:
    layers, image = keras3().layers, _image()
    huge = layers.Conv2D(2, 1, kernel_initializer=keras3().initializers.Constant(3e38))
    model = keras3().Model(image, layers.Conv2D(2, 1)(huge(image)))
    with pytest.raises(ModelError, match="NaN or infinite for representative sample"):
        quantize(load_keras(model), samples() * 100)


def prepared(**changes: Any) -> Quantized:
    options: dict[str, Any] = {
        "model": small() / "small.keras",
        "data": str(small() / "small.npz"),
        "quantizer": "mcuforge",
        "budget": Budget(),
    }
    options |= changes
    return prepare(Job(target=load_target("host"), **options), Progress())


def test_jobs_choose_the_quantizer() -> None:
    by_default = prepared()
    assert by_default.tflite == prepared(recipe=Recipe(calibration="percentile:99.99")).tflite
    assert by_default.tflite == quantize(load_keras(small() / "small.keras"), images(40))
    assert by_default.tflite != prepared(recipe=Recipe(calibration="moving-average")).tflite
    assert prepared(quantizer="tflite").tflite == (small() / "small.tflite").read_bytes()


def test_a_float_tflite_is_quantized_like_the_model_it_was_made_from(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(convert(load_keras(small() / "small.keras")))
    np.savez(tmp_path / "data.npz", x_calib=images(40))
    assert prepared(model=path, data=str(tmp_path / "data.npz")).tflite == prepared().tflite


def test_the_command_line_sets_the_job() -> None:
    typed = Quantization(QuantizerName.mcuforge, calibration="moving-average", bias_correction=False)
    job = make_job("m.keras", "host", typed)
    assert job.quantizer == "mcuforge"
    assert job.recipe == Recipe(calibration="moving-average", bias_correction="none")
    for typed in (Quantization(), Quantization(format="int8")):
        job = make_job("m.keras", "host", typed)
        assert (job.quantizer, job.recipe) == ("tflite", None)
    job = make_job("m.keras", "host", Quantization(format="kmeans4"))
    assert (job.quantizer, job.recipe) == ("mcuforge", Recipe(weights="kmeans4", rounding="least-squares"))
    job = make_job("m.keras", "host", Quantization(format="int16x8"))
    assert job.recipe == Recipe(activations="int16")


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"quantizer": "other"}, UserError, "there is no quantizer other"),
        ({"recipe": Recipe(calibration="guess")}, UserError, "there is no calibration 'guess'"),
        ({"recipe": Recipe(weights="int3")}, UserError, "there is no weight format 'int3'"),
        ({"recipe": Recipe(layers={"no": LayerRecipe("int4")})}, UserError, "the model has no layer 'no'"),
        ({"quantizer": "tflite", "recipe": Recipe()}, UserError, "takes no recipe"),
        ({"model": "small.tflite"}, ModelError, "is quantized already"),
        ({"data": None}, DataError, "needs representative samples and there are none"),
        ({"data": "nan.npz"}, DataError, "NaN or infinite"),
    ],
)
def test_refusals(
    changes: dict[str, Any], kind: type[UserError], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = images(40)
    x[3] = np.nan
    np.savez(tmp_path / "nan.npz", x_calib=x)
    (tmp_path / "small.tflite").write_bytes((small() / "small.tflite").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=reason) as caught:
        prepared(**changes)
    assert caught.value.hint
