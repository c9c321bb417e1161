"""Twins of the five MLPerf Tiny networks: the same architectures with seeded weights.

The reference models (github.com/mlcommons/tiny) are not part of this repository. Exactness and speed depend on
shapes, not on training, so these stand in for them everywhere. Every operator has the shape that it has in the
reference int8 files; only the RESHAPE before the last FULLY_CONNECTED is absent, since today's converter drops it.
Weights come from a seeded generator, batch normalization has the statistics of seeded inputs, and the last layer is
scaled so that different inputs reach different classes.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import captured, keras3
from toolchain.quantize import tflite_ptq

Array = npt.NDArray[Any]

SEED = 20
CALIBRATION_SAMPLES = 64
LOGIT_SPREAD = 2.0


@dataclass(frozen=True)
class Twin:
    """``low`` and ``high`` are the range of the real inputs, ``build`` makes the network from its input tensor."""

    shape: tuple[int, ...]
    low: float
    high: float
    build: Callable[[Any, Any], Any]


def _dense_block(layers: Any, x: Any, units: int) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(x)))


def _conv_block(layers: Any, x: Any, filters: int, kernel: Any, strides: Any = 1, relu: bool = True) -> Any:
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same")(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def _separable_block(layers: Any, x: Any, filters: int, strides: int = 1) -> Any:
    x = layers.DepthwiseConv2D(3, strides=strides, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return _conv_block(layers, x, filters, 1)


def _pooled_classes(layers: Any, x: Any, classes: int) -> Any:
    x = layers.AveragePooling2D(pool_size=tuple(x.shape[1:3]))(x)
    return layers.Dense(classes, activation="softmax")(layers.Flatten()(x))


def _ad_autoencoder(layers: Any, x: Any) -> Any:
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = _dense_block(layers, x, units)
    return layers.Dense(640)(x)


def _kws_dscnn(layers: Any, x: Any) -> Any:
    x = _conv_block(layers, x, 64, (10, 4), 2)
    for _ in range(4):
        x = _separable_block(layers, x, 64)
    return _pooled_classes(layers, x, 12)


def _ic_resnet8(layers: Any, x: Any) -> Any:
    x = _conv_block(layers, x, 16, 3)
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        y = _conv_block(layers, x, filters, 3, strides)
        y = _conv_block(layers, y, filters, 3, relu=False)
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides=strides, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    return _pooled_classes(layers, x, 10)


def _sww_dscnn(layers: Any, x: Any) -> Any:
    for taps, filters in ((3, 128), (5, 128), (10, 128), (15, 32)):
        x = layers.DepthwiseConv2D((taps, 1), padding="valid")(x)
        x = layers.Conv2D(filters, 1, use_bias=False, padding="valid")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Dense(3, activation="softmax")(layers.Flatten()(x))


def _vww_mobilenet(layers: Any, x: Any) -> Any:
    x = _conv_block(layers, x, 8, 3, 2)
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    for filters, strides in blocks:
        x = _separable_block(layers, x, filters, strides)
    return _pooled_classes(layers, x, 2)


TWINS = {
    "ad_autoencoder": Twin((640,), -65.0, 2.0, _ad_autoencoder),
    "kws_dscnn": Twin((49, 10, 1), -120.0, 25.0, _kws_dscnn),
    "ic_resnet8": Twin((32, 32, 3), 0.0, 255.0, _ic_resnet8),
    "sww_dscnn": Twin((30, 1, 40), 0.0, 1.0, _sww_dscnn),
    "vww_mobilenet": Twin((96, 96, 3), 0.0, 1.0, _vww_mobilenet),
}


def twin_inputs(name: str, count: int, seed: int = 0) -> Array:
    """``count`` seeded float32 inputs of the network's shape and range.

    Each is a mixture of a few waves with noise, so that samples differ as real ones do: white noise alone looks
    the same to every pooling layer.
    """
    spec = TWINS[name]
    rng = np.random.default_rng([SEED, seed, len(name)])
    size = int(np.prod(spec.shape))
    position = np.linspace(0, 1, size, dtype=np.float64)
    waves = np.zeros((count, size))
    for _ in range(6):
        # From a few periods in the whole input up to a few in one row of it.
        period = 2 ** rng.uniform(0, np.log2(size / 2), (count, 1))
        waves += rng.normal(size=(count, 1)) * np.sin(2 * np.pi * (period * position + rng.random((count, 1))))
    waves += rng.normal(scale=0.4, size=(count, size)) + rng.normal(scale=0.7, size=(count, 1))
    middle, half = (spec.low + spec.high) / 2, (spec.high - spec.low) / 2
    values = np.clip(middle + half * waves / 3, spec.low, spec.high)
    return values.astype(np.float32).reshape(count, *spec.shape)


def twin(name: str) -> Any:
    """The Keras model ``name``, one of ``TWINS``, with its seeded weights."""
    spec = TWINS[name]
    keras = keras3()
    with captured():
        # Layer names count from the first layer of the process otherwise.
        keras.utils.clear_session(free_memory=False)
        image = keras.Input(spec.shape, name="input_1")
        model = keras.Model(image, spec.build(keras.layers, image), name=name)
        _seed_weights(model)
        inputs = twin_inputs(name, CALIBRATION_SAMPLES, seed=1)
        set_statistics(model, inputs)
        _spread_outputs(keras, model, inputs)
    return model


def _seed_weights(model: Any) -> None:
    """He's normal distribution for kernels, so that no layer blows up or dies; small biases; gamma around 1."""
    rng = np.random.default_rng(SEED)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            shape = tuple(weight.shape)
            kind = weight.name
            if kind == "kernel":
                is_depthwise = "Depthwise" in type(layer).__name__
                fan_in = np.prod(shape[:2] if is_depthwise else shape[:-1])
                values.append(rng.normal(scale=np.sqrt(2 / fan_in), size=shape))
            elif kind == "gamma":
                values.append(rng.uniform(0.6, 1.4, shape))
            elif kind == "moving_variance":
                values.append(np.ones(shape))
            else:
                values.append(rng.normal(scale=0.2, size=shape))
        layer.set_weights(values)


def set_statistics(model: Any, inputs: Array) -> None:
    """Give every batch normalization the mean and variance of its inputs: one training pass without momentum."""
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in norms:
        layer.momentum = 0.0
    model(inputs, training=True)
    for layer in norms:
        layer.momentum = 0.99


def _spread_outputs(keras: Any, model: Any, inputs: Array) -> None:
    """Centre and scale the last layer so that its outputs vary over the samples by ``LOGIT_SPREAD``."""
    last = model.layers[-1]
    features = np.asarray(keras.Model(model.input, last.input)(inputs, training=False), np.float64)
    kernel, bias = (np.asarray(value, np.float64) for value in last.get_weights())
    logits = features @ kernel
    spread = LOGIT_SPREAD / np.maximum(logits.std(axis=0), 1e-3)
    last.set_weights([kernel * spread, bias - logits.mean(axis=0) * spread])


def twin_tflite(name: str, cache_dir: Path) -> Path:
    """The int8 ``.tflite`` of a twin; made once for each version of what makes it, then found in ``cache_dir``."""
    made_by = hashlib.sha256()
    for source in (Path(__file__), Path(tflite_ptq.__file__)):
        made_by.update(source.read_bytes())
    made_by.update(importlib.metadata.version("tensorflow").encode())
    path = cache_dir / f"twins-{made_by.hexdigest()[:12]}" / f"{name}.tflite"
    if not path.is_file():
        content = tflite_ptq.quantize(load_keras(twin(name)), twin_inputs(name, CALIBRATION_SAMPLES, seed=1))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the int8 twins of the MLPerf Tiny networks.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name in TWINS:
        print(twin_tflite(name, folder))


if __name__ == "__main__":
    main()
