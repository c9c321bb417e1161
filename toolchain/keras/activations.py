"""Activations with few values: the sign, and the grid of an int8 tensor. Gradients go straight through.

Sources: Rastegari et al., "XNOR-Net", 2016, section 3.2, and Bengio et al. 2013 for the straight-through estimator;
Jacob et al. 2018, section 3, for simulated quantization.
"""

from __future__ import annotations

from typing import Any

from toolchain.importers.tensorflow import keras3

keras = keras3()
ops = keras.ops
Layer: Any = keras.layers.Layer


def straight_through(x: Any, value: Any) -> Any:
    """``value``, with the gradient of ``x``."""
    return ops.add(x, ops.stop_gradient(ops.subtract(value, x)))


def negative(x: Any, training: bool) -> Any:
    """-1.0 where ``x`` is below 0.0 and 0.0 elsewhere: the sign as a tensor that zero padding fills with +1.

    sign(x) = 2 negative(x) + 1. The gradient is that of half the sign: 1/2 for |x| <= 1 and 0 beyond. For inference it
    is written in the two operators that mcuforge looks for in a TFLite file (``passes/fuse_signs.py``).
    """
    value = ops.sign(ops.minimum(x, 0.0))
    if not training:
        return value
    return straight_through(0.5 * (ops.clip(x, -1.0, 1.0) - 1.0), value)


@keras.saving.register_keras_serializable("mcuforge")
class Sign(Layer):  # type: ignore[misc]
    """-1.0 below 0.0 and +1.0 from there on; gradients pass where |x| <= 1."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return 2.0 * negative(inputs, training) + 1.0

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("mcuforge")
class Negative(Layer):  # type: ignore[misc]
    """-1.0 below 0.0 and 0.0 from there on: what ``binary_inputs`` of a layer computes first."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return negative(inputs, training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("mcuforge")
class Threshold(Layer):  # type: ignore[misc]
    """Adds one trained number for a layer that takes signs: these turn where inputs are ``-offset``.

    Training divides by ``reach``, which no sign shows: gradients then pass to inputs that far from the threshold.
    """

    def build(self, input_shape: Any) -> None:
        self.offset = self.add_weight(name="offset", shape=(1,), initializer="zeros")
        self.reach = self.add_weight(name="reach", shape=(1,), initializer="ones", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        shifted = inputs + self.offset
        return shifted / self.reach if training else shifted

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable("mcuforge")
class FakeQuantize(Layer):  # type: ignore[misc]
    """Values on the grid of an int8 tensor, ``scale`` (q - ``zero_point``), saturated at its ends.

    Both are variables that training leaves alone. Gradients pass inside the range.
    """

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)
        self.zero_point = self.add_weight(name="zero_point", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        low, high = ((end - self.zero_point) * self.scale for end in (-128.0, 127.0))
        inside = ops.clip(inputs, low, high)
        return straight_through(inside, ops.round(inside / self.scale) * self.scale)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
