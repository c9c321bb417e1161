"""Conv2D, DepthwiseConv2D and Dense with weights ``scale[channel] * code``, where codes are int8 and only a few occur.

| format | codes | trained are |
|--|--|--|
| int8, int4 | -127..127, -7..7 | weights, rounded to steps of the channel's largest |
| kmeans2 to kmeans6 | 4 to 64 of a layer's own | the codebook, by the summed gradients of an entry's weights |
| ternary | -1, 0, 1 | weights; 0 where \\|w\\| is below 0.7 of the channel's mean |
| binary | -1, 1 | weights, by their sign |

In every format each channel's scale is trained too, from where the format's own rule puts it (ternary, binary: the mean
\\|w\\| of the codes that are not 0). Batch normalization may follow: it only changes scales.
Sources: Jacob et al. 2018 (int8); Han et al., "Deep Compression", 2016, section 3 (codebooks); Li et al., "Ternary
Weight Networks", 2016, and Zhu et al., "Trained Ternary Quantization", 2017, of whose two scales for a layer there is
one for a channel here; Rastegari et al., "XNOR-Net", 2016, sections 3.1 and 3.2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.importers.tensorflow import keras3
from toolchain.keras.activations import negative, straight_through
from toolchain.quantize.formats import codebook_bits

keras = keras3()
ops = keras.ops
Layer: Any = keras.layers.Layer
Conv2D: Any = keras.layers.Conv2D
DepthwiseConv2D: Any = keras.layers.DepthwiseConv2D
Dense: Any = keras.layers.Dense
Array = npt.NDArray[Any]

_HIGH = {"int8": 127, "int4": 7}
_CODE_HIGH = 127.0
_EPSILON = 1e-5  # added to variances
MOMENTUM = 0.9  # of the averages of means and variances
TERNARY_THRESHOLD = 0.7  # of the mean magnitude, Li et al. 2016
WEIGHT_FORMATS = ("int8", "int4", "kmeans2", "kmeans3", "kmeans4", "kmeans5", "kmeans6", "ternary", "binary")


class _Coded(Layer):  # type: ignore[misc]
    """What the three layers share. ``summed`` are the kernel's axes that one output channel's weights fill."""

    summed: tuple[int, ...]

    momentum = MOMENTUM
    constants: tuple[Array, Array] | None = None

    def __init__(
        self,
        *args: Any,
        weight_format: str = "int8",
        binary_inputs: bool = False,
        normalized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if weight_format not in WEIGHT_FORMATS:
            raise ValueError(f"weight_format is {weight_format!r}, not one of {', '.join(WEIGHT_FORMATS)}")
        self.weight_format = weight_format
        self.binary_inputs = binary_inputs
        self.normalized = normalized

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        shape = tuple(self.kernel.shape)
        self.log_scale = self.add_weight(name="log_scale", shape=shape[len(self.summed) :], initializer="zeros")
        if self.normalized:
            channels = (int(np.prod(shape[len(self.summed) :])),)
            self.mean = self.add_weight(name="mean", shape=channels, initializer="zeros", trainable=False)
            self.variance = self.add_weight(name="variance", shape=channels, initializer="ones", trainable=False)
        bits = codebook_bits(self.weight_format)
        if bits:
            # Quantiles of a normal distribution would be as good a start: training from nothing finds its own.
            start = np.linspace(-1.0, 1.0, 1 << bits, dtype=np.float32)
            self.codebook = self.add_weight(
                name="codebook", shape=start.shape, initializer=lambda shape, dtype: ops.convert_to_tensor(start, dtype)
            )
            self.indices = self.add_weight(
                name="indices", shape=shape, initializer=self._nearest, dtype="int32", trainable=False, autocast=False
            )
            self.kernel.trainable = False

    def _nearest(self, shape: Any, dtype: Any) -> Any:
        """The first indices: of the codebook's entries nearest to the kernel, in steps of the channel's largest."""
        kernel = np.asarray(ops.convert_to_numpy(self.kernel))
        fraction = kernel / np.maximum(np.abs(kernel).max(axis=self.summed, keepdims=True), 1e-12)
        distance = np.abs(fraction[..., None] - ops.convert_to_numpy(self.codebook))
        return ops.convert_to_tensor(distance.argmin(axis=-1), dtype)

    def raw_kernel(self, training: bool) -> tuple[Any, Any]:
        """(codes in the kernel's shape, scales in the shape of its channels), normalization left out."""
        factor = ops.ones_like(self.log_scale) if self.normalized else ops.exp(self.log_scale)
        if codebook_bits(self.weight_format):
            entries = self._passed(ops.clip(self.codebook, -1.0, 1.0) * _CODE_HIGH, ops.round, training)
            peak = ops.stop_gradient(ops.max(ops.absolute(self.kernel), axis=self.summed))
            return ops.take(entries, self.indices, axis=0), factor * _positive(peak) / _CODE_HIGH
        kernel, magnitude = self.kernel, ops.absolute(self.kernel)
        if self.weight_format in _HIGH:
            peak = ops.max(magnitude, axis=self.summed)
            step = ops.stop_gradient(_positive(peak)) / _HIGH[self.weight_format]
            return self._passed(kernel / step, ops.round, training), factor * step
        if self.weight_format == "binary":
            step = _positive(ops.mean(magnitude, axis=self.summed))
            return self._passed(kernel / step, lambda x: ops.where(x < 0.0, -1.0, 1.0), training), factor * step
        threshold = TERNARY_THRESHOLD * ops.mean(magnitude, axis=self.summed)
        kept = ops.cast(magnitude > threshold, magnitude.dtype)
        count = ops.maximum(ops.sum(kept, axis=self.summed), 1.0)
        step = _positive(ops.sum(magnitude * kept, axis=self.summed) / count)
        return self._passed(kernel / step, lambda x: ops.sign(x) * kept, training), factor * step

    def _passed(self, x: Any, function: Any, training: bool) -> Any:
        value = function(x)
        return straight_through(x, value) if training else value

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            weights, offset = self.constants or self._deployed()
            x = negative(inputs, False) if self.binary_inputs else inputs
            return self._activated(self.linear(x, weights) + offset)
        codes, scale = self.raw_kernel(True)
        sums = self.products(inputs, codes * scale, True)
        if self.normalized:
            sums = self._standardized(sums)
        return self._activated(sums + self.bias if self.use_bias else sums)

    def products(self, inputs: Any, weights: Any, training: bool) -> Any:
        """The sums of products of ``weights`` with the inputs, or with their signs.

        sign(x) W = negative(x) 2W + sum(W): zero padding then adds +1 W at the border, as the device does.
        """
        if not self.binary_inputs:
            return self.linear(inputs, weights)
        below = self.linear(negative(inputs, training), 2.0 * weights)
        return below + ops.reshape(ops.sum(weights, axis=self.summed), (-1,))

    def _deployed(self) -> tuple[Any, Any]:
        """What is left for inference: the kernel, doubled for binary inputs, and what is added to its products."""
        codes, scale = self.coded_kernel()
        kernel = codes * scale
        offset = self.bias if self.use_bias else 0.0
        if self.normalized:
            offset = offset - self.mean * ops.reshape(self._factor(), (-1,))
        if not self.binary_inputs:
            return kernel, offset
        return 2.0 * kernel, offset + ops.reshape(ops.sum(kernel, axis=self.summed), (-1,))

    @contextlib.contextmanager
    def as_constants(self) -> Iterator[None]:
        """Kernel and offset as numbers instead of formulas, for a tracer that should not see how they came about."""
        self.constants = tuple(ops.convert_to_numpy(t) for t in self._deployed())
        try:
            yield
        finally:
            self.constants = None

    def _factor(self) -> Any:
        """What normalization multiplies each channel by, in the shape of ``log_scale``."""
        deviation = ops.reshape(ops.sqrt(self.variance + _EPSILON), self.log_scale.shape)
        return ops.exp(self.log_scale) / deviation

    def _standardized(self, sums: Any) -> Any:
        """``sums`` with the deviation exp(log_scale) and the mean 0 in this batch, which moves the averages."""
        mean, variance = ops.moments(sums, axes=tuple(range(len(sums.shape) - 1)))
        for average, now in ((self.mean, mean), (self.variance, variance)):
            average.assign(average + (now - average) * (1.0 - self.momentum))
        return (sums - mean) / ops.sqrt(variance + _EPSILON) * ops.reshape(ops.exp(self.log_scale), (-1,))

    def _activated(self, outputs: Any) -> Any:
        return outputs if self.activation is None else self.activation(outputs)

    def coded_kernel(self) -> tuple[Any, Any]:
        """(codes in the kernel's shape, scales in the shape of its channels): the kernel is their product."""
        codes, scale = self.raw_kernel(False)
        return codes, scale * self._factor() if self.normalized else scale

    def codes(self) -> tuple[Array, Array]:
        """(int8 codes, float32 scale of each output channel) as trained, in TFLite's layout of the weights."""
        codes, scale = (ops.convert_to_numpy(t) for t in self.coded_kernel())
        return self._to_tflite(np.rint(codes).astype(np.int8)), scale.astype(np.float32).reshape(-1)

    def save_own_variables(self, store: Any) -> None:
        """All variables: Keras's own layers store none but kernel and bias."""
        Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        Layer.load_own_variables(self, store)

    def get_config(self) -> dict[str, Any]:
        own = {
            "weight_format": self.weight_format,
            "binary_inputs": self.binary_inputs,
            "normalized": self.normalized,
        }
        return {**super().get_config(), **own}


def _positive(x: Any) -> Any:
    """Magnitudes with 1.0 for those of channels that hold nothing but 0.0."""
    return ops.where(x > 0.0, x, ops.ones_like(x))


@keras.saving.register_keras_serializable("mcuforge")
class QuantConv2D(_Coded, Conv2D):  # type: ignore[misc]
    """Conv2D with ``weight_format``. ``binary_inputs`` takes the sign of its inputs and pads with +1."""

    summed = (0, 1, 2)

    def linear(self, inputs: Any, weights: Any) -> Any:
        return self.convolution_op(inputs, weights)

    def _to_tflite(self, codes: Array) -> Array:
        moved: Array = codes.transpose(3, 0, 1, 2)
        return moved


@keras.saving.register_keras_serializable("mcuforge")
class QuantDepthwiseConv2D(_Coded, DepthwiseConv2D):  # type: ignore[misc]
    """DepthwiseConv2D with ``weight_format``. ``binary_inputs`` takes the sign of its inputs and pads with +1."""

    summed = (0, 1)

    def linear(self, inputs: Any, weights: Any) -> Any:
        return ops.depthwise_conv(
            inputs,
            weights,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )

    def _to_tflite(self, codes: Array) -> Array:
        return codes.reshape(1, *codes.shape[:2], -1)


@keras.saving.register_keras_serializable("mcuforge")
class QuantDense(_Coded, Dense):  # type: ignore[misc]
    """Dense with ``weight_format``. ``binary_inputs`` takes the sign of its inputs."""

    summed = (0,)

    def linear(self, inputs: Any, weights: Any) -> Any:
        return ops.matmul(inputs, weights)

    def _to_tflite(self, codes: Array) -> Array:
        moved: Array = codes.T
        return moved
