"""AdaRound: which of its two neighbouring levels each weight takes is learned from the layer's inputs and outputs.

A weight between two levels is lower + h(v) (upper - lower), h a sigmoid that reaches 0 and 1; Adam moves v so that the
layer's outputs behind its activation are the float model's, while a penalty drives every h to one end. The inputs are
the quantized model's, the bias follows from the means. The levels of a codebook are learned with v: the gradient of a
centroid is the sum over all weights that share it (Han et al., "Deep Compression", 2016, section 3.3).
Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020, sections 3.2 and 3.3.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from toolchain.graph import Array
from toolchain.importers.tensorflow import captured, keras3, tensorflow
from toolchain.quantize.layer_inputs import LayerInputs
from toolchain.quantize.least_squares import wanted
from toolchain.quantize.weights import Coded, whole_levels

STEPS, BATCH, RATE = 1000, 512, 0.05
LEVEL_RATE = 0.02  # of centroids, in codes
STRETCH_LOW, STRETCH_HIGH = -0.1, 1.1  # the paper's zeta and gamma
WARM_UP = 0.2  # of the steps without the penalty
BETA_FIRST, BETA_LAST = 20.0, 2.0
LEAN = 0.1  # of the way to what each code alone would best be: all go at once
PENALTY = 200.0  # beside an error that is 1 where the learning starts


def learned(
    start: Coded, rows: Array, bias: Array, seen: LayerInputs, activation: str, free_levels: bool, seed: int = 0
) -> Coded:
    """Codes for the float weights ``rows`` with the scales of ``start``, or ``start`` where its outputs are nearer.

    ``activation`` is the fused one of the layer; with ``free_levels`` the levels are learned too. Equal inputs give
    equal codes.
    """
    target = _activated(_outputs(seen.floats, rows) + bias, activation)
    layer = _Layer(start, rows, bias, seen, target, activation)
    found = _learn(layer, free_levels, seed)
    return min((start, found), key=layer.error)


@dataclasses.dataclass(frozen=True, eq=False)
class _Layer:
    start: Coded
    rows: Array
    bias: Array
    seen: LayerInputs
    target: Array
    activation: str

    def error(self, made: Coded) -> float:
        """The mean squared error of the outputs behind the activation, with a corrected bias."""
        real = made.values
        means = _outputs(self.seen.floats.mean(axis=0, keepdims=True), self.rows)
        means -= _outputs(self.seen.quantized.mean(axis=0, keepdims=True), real)
        found = _activated(_outputs(self.seen.quantized, real) + self.bias + means, self.activation)
        return float(((found - self.target) ** 2).mean())


def _outputs(x: Array, rows: Array) -> Array:
    result: Array = x @ rows.T if x.ndim == 2 else np.einsum("rcn,cn->rc", x, rows)
    return result


def _activated(x: Array, activation: str) -> Array:
    low, high = {"relu": (0.0, np.inf), "relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0)}.get(
        activation, (-np.inf, np.inf)
    )
    return np.clip(x, low, high)


def _learn(layer: _Layer, free_levels: bool, seed: int) -> Coded:
    start = layer.start
    ratio = wanted(start, layer.rows, layer.seen.moments(centered=True))
    lower = np.clip(np.searchsorted(start.levels, ratio, side="right") - 1, 0, max(len(start.levels) - 2, 0))
    upper = np.minimum(lower + 1, len(start.levels) - 1)
    gap = np.maximum(start.levels[upper] - start.levels[lower], 1)
    share = np.clip((start.codes + LEAN * (ratio - start.codes) - start.levels[lower]) / gap, 0.01, 0.99)
    stretched = (share - STRETCH_LOW) / (STRETCH_HIGH - STRETCH_LOW)
    keras = keras3()
    with captured():
        v = keras.Variable(np.log(stretched / (1 - stretched)), dtype="float32")
        levels = keras.Variable(start.levels.astype(np.float32), dtype="float32")
        _descend(layer, v, levels, (lower, upper), free_levels, seed)
    goes_up = np.asarray(v) >= _threshold()
    index = np.where(goes_up, upper, lower)
    trained = np.asarray(levels).astype(np.float64) if free_levels else start.levels
    whole = np.clip(np.rint(trained), -127, 127).astype(np.int64)
    codes = whole[index] if start.kept is None else whole[index] * start.kept
    return dataclasses.replace(start, codes=codes, levels=whole_levels(trained))


def _threshold() -> float:
    """The v of h = 1/2."""
    half = (0.5 - STRETCH_LOW) / (STRETCH_HIGH - STRETCH_LOW)
    return float(np.log(half / (1 - half)))


def _descend(layer: _Layer, v: Any, levels: Any, neighbours: tuple[Array, Array], free: bool, seed: int) -> None:
    """Moves ``v``, and ``levels`` when ``free``, in ``STEPS`` batches drawn by ``seed``."""
    tf = tensorflow()
    constants = {name: tf.constant(value, tf.float32) for name, value in _constants(layer).items()}
    lower, upper = (tf.constant(index) for index in neighbours)
    keras = keras3()
    optimizer = keras.optimizers.Adam(RATE)
    centroid_optimizer = keras.optimizers.Adam(LEVEL_RATE)
    optimizer.build([v])
    centroid_optimizer.build([levels])
    norm = max(layer.error(layer.start), 1e-30)

    def step(batch: Any, beta: Any, weight: Any) -> None:
        with tf.GradientTape() as tape:
            h = tf.clip_by_value(tf.sigmoid(v.value) * (STRETCH_HIGH - STRETCH_LOW) + STRETCH_LOW, 0.0, 1.0)
            low, high = tf.gather(levels.value, lower), tf.gather(levels.value, upper)
            real = (low + h * (high - low)) * constants["scale"] * constants["kept"]
            x, y = (tf.gather(constants[name], batch) for name in ("quantized", "target"))
            bias = constants["bias"] - _tf_outputs(tf, constants["mean"], real)
            found = _tf_activated(tf, _tf_outputs(tf, x, real) + bias, layer.activation)
            loss = tf.reduce_mean((found - y) ** 2) / norm
            loss += weight * tf.reduce_mean(1.0 - tf.abs(2.0 * h - 1.0) ** beta)
        gradients = tape.gradient(loss, [v.value, levels.value])
        optimizer.apply([gradients[0]], [v])
        if free:
            centroid_optimizer.apply([tf.convert_to_tensor(gradients[1])], [levels])

    compiled = tf.function(step, autograph=False)
    rng = np.random.default_rng(seed)
    count = len(layer.target)
    for i in range(STEPS):
        progress = max(0.0, (i / STEPS - WARM_UP) / (1 - WARM_UP))
        beta = BETA_LAST + (BETA_FIRST - BETA_LAST) * 0.5 * (1 + np.cos(np.pi * progress))
        batch = rng.integers(0, count, min(BATCH, count))
        compiled(
            tf.constant(batch), tf.constant(beta, tf.float32), tf.constant(PENALTY if progress else 0.0, tf.float32)
        )


def _constants(layer: _Layer) -> dict[str, Array]:
    kept = layer.start.kept if layer.start.kept is not None else np.ones(1)
    mean = layer.seen.quantized.mean(axis=0, keepdims=True)
    return {
        "scale": layer.start.scale[:, None],
        "kept": kept,
        "quantized": layer.seen.quantized,
        "target": layer.target,
        "mean": mean,
        "bias": layer.bias + _outputs(layer.seen.floats.mean(axis=0, keepdims=True), layer.rows),
    }


def _tf_outputs(tf: Any, x: Any, real: Any) -> Any:
    return tf.matmul(x, real, transpose_b=True) if len(x.shape) == 2 else tf.einsum("rcn,cn->rc", x, real)


def _tf_activated(tf: Any, x: Any, activation: str) -> Any:
    limits = {"relu": (0.0, np.inf), "relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0)}.get(activation)
    return x if limits is None else tf.clip_by_value(x, *limits)
