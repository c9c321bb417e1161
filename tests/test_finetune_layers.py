"""Layers of few weight values: what they compute, which gradients they get, and that the device gets their codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_kit import images, save_quietly
from support.oracle import run_tflm

from toolchain import keras as layers
from toolchain import reference
from toolchain.data import quantize_input
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3, tensorflow
from toolchain.importers.tflite import parse_tflite
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe, layers_with_weights
from toolchain.quantize.trained import fits

Array = Any


def built(weight_format: str, kernel: Array, **options: Any) -> Any:
    """A dense layer that holds ``kernel``."""
    layer = layers.QuantDense(kernel.shape[1], weight_format=weight_format, **options)
    layer.build((None, kernel.shape[0]))
    layer.kernel.assign(kernel)
    return layer


def kernel_of(layer: Any) -> Array:
    codes, scales = layer.codes()
    return (codes * scales[:, None]).T


W = np.array([[0.9, -0.2], [-0.3, 0.1], [0.05, -0.6], [-0.6, 0.4]], np.float32)


def test_binary_is_the_sign_times_the_mean_magnitude() -> None:
    np.testing.assert_allclose(kernel_of(built("binary", W)), np.sign(W) * np.abs(W).mean(axis=0), rtol=1e-6)


def test_ternary_leaves_out_what_is_below_a_share_of_the_mean() -> None:
    """Thresholds 0.7 * 0.4625 = 0.32 and 0.7 * 0.325 = 0.23."""
    wanted = np.array([[0.75, 0], [0, 0], [0, -0.5], [-0.75, 0.5]])
    np.testing.assert_allclose(kernel_of(built("ternary", W)), wanted, rtol=1e-6)


def test_linear_formats_round_to_steps_of_the_largest() -> None:
    for name, high in (("int8", 127), ("int4", 7)):
        codes, scales = built(name, W).codes()
        np.testing.assert_allclose(scales, [0.9 / high, 0.6 / high], rtol=1e-6)
        np.testing.assert_array_equal(codes.T, np.rint(W / scales))


@pytest.mark.parametrize("weight_format", ["int4", "kmeans3", "ternary", "binary"])
def test_formats_keep_their_codes_and_train(weight_format: str) -> None:
    """A training step moves what is trained, and the codes stay codes of the format."""
    keras3().utils.set_random_seed(4)
    rng = np.random.default_rng(5)
    image = keras3().Input((6, 6, 3))
    x = layers.QuantConv2D(8, 3, weight_format=weight_format, activation="relu")(image)
    x = keras3().layers.GlobalAveragePooling2D()(x)
    model = keras3().Model(image, layers.QuantDense(2, weight_format=weight_format, normalized=True)(x))
    model.compile(keras3().optimizers.Adam(0.02), "mse", run_eagerly=True)
    samples = rng.normal(size=(64, 6, 6, 3)).astype(np.float32)
    targets = np.stack([samples.mean(axis=(1, 2, 3)), np.abs(samples).mean(axis=(1, 2, 3))], axis=1)
    losses = [model.train_on_batch(samples, targets) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    for layer in model.layers:
        if hasattr(layer, "codes"):
            codes, scales = layer.codes()
            assert fits(codes, weight_format)
            assert (scales > 0).all()
            assert np.isfinite(scales).all()


def test_a_centroids_gradient_is_the_sum_over_its_weights() -> None:
    """Han et al. 2016, section 3.3, equation 3; a centroid counts in units of 1/127 codes of the channel's largest."""
    tf = tensorflow()
    layer = built("kmeans2", W)
    layer.indices.assign([[3, 1], [0, 2], [2, 0], [1, 3]])
    x = tf.constant(np.random.default_rng(3).normal(size=(5, 4)).astype(np.float32))
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * y)
    (found,) = tape.gradient(loss, [layer.codebook.value])
    to_weights = 2 * x.numpy().T @ y.numpy()
    wanted = np.zeros(4)
    np.add.at(wanted, layer.indices.numpy(), to_weights * np.abs(W).max(axis=0))
    np.testing.assert_allclose(np.asarray(tf.convert_to_tensor(found)), wanted, rtol=1e-4)


def test_the_lectures_fine_tuning_step() -> None:
    """A centroid moves by the sum of the gradients of all weights that share it, as MIT 6.5940 has it on 4x4 weights.

    Centroids are trained in units of their channel's largest weight, here 2, so steps of the rate 1 are of 1/4.
    """
    tf = tensorflow()
    gradient = np.array(
        [[-0.03, -0.01, 0.03, 0.02], [-0.01, 0.01, -0.02, 0.12], [-0.01, 0.02, 0.04, 0.01], [-0.07, -0.02, 0.01, -0.02]]
    )
    layer = built("kmeans2", np.full((4, 4), 2.0, np.float32))
    layer.codebook.assign(np.array([-1.0, 0.0, 1.5, 2.0]) / 2)
    layer.indices.assign([[3, 0, 2, 1], [1, 1, 0, 3], [0, 3, 1, 0], [3, 1, 2, 2]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.eye(4), training=True) * tf.constant(gradient, tf.float32))
    found = tape.gradient(loss, [layer.codebook.value])
    keras3().optimizers.SGD(1 / 4).apply(found, [layer.codebook])
    np.testing.assert_allclose(2 * layer.codebook.numpy(), [-1 + 0.03, 0 - 0.04, 1.5 - 0.02, 2 - 0.04], atol=1e-6)


def test_signs_turn_at_a_trained_threshold() -> None:
    """Gradients pass to inputs that are at most ``reach`` away from it."""
    tf = tensorflow()
    threshold = layers.Threshold()
    threshold.build((None, 5))
    threshold.offset.assign([-1.0])
    threshold.reach.assign([0.5])
    x = tf.constant([-2.0, 0.6, 0.9, 1.0, 1.6])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.Sign()(threshold(x, training=True), training=True)
    np.testing.assert_array_equal(y.numpy(), [-1, -1, -1, 1, 1])
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [0, 2, 2, 2, 0])
    np.testing.assert_allclose(threshold(x).numpy(), x.numpy() - 1)


def test_gradients_of_signs_pass_where_inputs_are_small() -> None:
    tf = tensorflow()
    x = tf.constant([-2.0, -0.5, 0.0, 0.7, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layers.Sign()(x, training=True)
    np.testing.assert_array_equal(y.numpy(), [-1, -1, 1, 1, 1])
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(layers.Sign()(x).numpy(), [-1, -1, 1, 1, 1])


def test_binary_inputs_are_signs_with_ones_around() -> None:
    """The same as a convolution of signs that are padded with +1."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2, 5, 5, 3)).astype(np.float32)
    layer = layers.QuantConv2D(4, 3, padding="same", weight_format="binary", binary_inputs=True)
    found = layer(x).numpy()
    codes, scales = layer.codes()
    signs = np.pad(np.where(x < 0, -1.0, 1.0), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1)
    kernel = (codes * scales[:, None, None, None]).transpose(1, 2, 3, 0)
    wanted = tensorflow().nn.conv2d(signs.astype(np.float32), kernel, 1, "VALID").numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(x, training=True).numpy(), found, rtol=1e-4, atol=1e-5)


def network() -> Any:
    """One layer of each kind, batch normalization with negative factors behind them, trained means and variances."""
    keras = keras3()
    keras.utils.set_random_seed(7)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.QuantConv2D(8, 3, padding="same", weight_format="int4", name="first")(image)
    x = keras.layers.BatchNormalization(gamma_initializer=keras.initializers.RandomUniform(-1.5, 1.5, 1))(x)
    x = keras.layers.ReLU()(x)
    x = layers.QuantDepthwiseConv2D(3, weight_format="ternary", name="second", normalized=True)(x)
    x = layers.QuantConv2D(8, 1, weight_format="binary", use_bias=False, name="third")(x)
    x = keras.layers.BatchNormalization(gamma_initializer=keras.initializers.RandomUniform(-1.5, 1.5, 2))(x)
    x = layers.QuantConv2D(6, 1, weight_format="kmeans3", activation="relu", name="fourth")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = layers.QuantDense(4, weight_format="kmeans2", name="fifth")(x)
    model = keras.Model(image, keras.layers.Softmax()(x), name="few")
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(images(64), np.eye(4)[np.arange(64) % 4], epochs=1, verbose=0)
    return model


def test_the_device_gets_the_trained_codes(tmp_path: Path) -> None:
    """Also through a saved file, and with batch normalization folded, whose negative factors turn the signs."""
    model = network()
    loaded = load_keras(save_quietly(model, tmp_path / "few.keras"))
    np.testing.assert_allclose(loaded.predict(images(9)), model.predict(images(9), verbose=0), rtol=1e-5)
    recipe = Recipe(weights="kmeans4", keep_ends=False)
    content = quantize(loaded, images(40), None, recipe)
    graph = checked_graph(parse_tflite(content, "few", "few"), "few")
    for node, name in zip(layers_with_weights(graph), ("first", "second", "third", "fourth", "fifth"), strict=True):
        found = graph.tensor(node.inputs[1]).data
        assert found is not None
        codes, _ = model.get_layer(name).codes()
        axis = 3 if node.op == "depthwise_conv2d" else 0
        rows = [np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1).astype(int) for a in (found, codes)]
        signs = np.sign((rows[0] * rows[1]).sum(axis=1))
        factor = np.abs(rows[0]).max() // np.abs(rows[1]).max()  # of quantize/multipliers.py
        np.testing.assert_array_equal(rows[0], factor * rows[1] * signs[:, None], err_msg=name)
        if name in ("second", "fourth", "fifth"):
            assert (signs >= 0).all()
        if name in ("first", "third"):
            assert (signs < 0).any()
    x = quantize_input(images(6, seed=2), graph.tensor(graph.inputs[0]))[:, None]
    np.testing.assert_array_equal(reference.run(graph, [x])[0], run_tflm(content, [x])[0])


def test_codes_of_another_format_are_not_kept(tmp_path: Path) -> None:
    loaded = load_keras(save_quietly(network(), tmp_path / "few.keras"))
    graph = checked_graph(parse_tflite(quantize(loaded, images(40)), "few", "few"), "few")
    assert _levels(graph)[1:4:2] == [3, 8]  # int8 takes what was trained
    kept = checked_graph(
        parse_tflite(quantize(loaded, images(40), None, Recipe(weights="ternary", keep_ends=False)), "few", "few"),
        "few",
    )
    assert _levels(kept)[1] == 3
    assert _levels(kept)[2] == 2


def _levels(graph: Graph) -> list[int]:
    return [len(np.unique(graph.tensor(n.inputs[1]).data)) for n in layers_with_weights(graph)]


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="weight_format is 'sparse', not one of int8"):
        layers.QuantDense(3, weight_format="sparse")
