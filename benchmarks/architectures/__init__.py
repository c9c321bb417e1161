"""Architectures that people bring, small, with seeded random weights and inputs: what must convert, run and be exact.

None of them is trained: exactness depends on shapes and grids. Batch normalization has the statistics of the inputs,
so that no layer dies or blows up.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.architectures import images, sequences
from benchmarks.twins import set_statistics
from toolchain.importers.tensorflow import captured, keras3

Array = npt.NDArray[Any]

ARCHITECTURES: dict[str, Callable[[Any], Any]] = {
    "mobilenet": images.mobilenet,
    "mobilenet_v2": images.mobilenet_v2,
    "mobilenet_v3_small": images.mobilenet_v3_small,
    "efficientnet": images.efficientnet,
    "densenet": images.densenet,
    "resnet": images.resnet,
    "unet": images.unet,
    "super_resolution": images.super_resolution,
    "transformer": sequences.transformer,
    "lstm": sequences.lstm,
    "gru": sequences.gru,
    "autoencoder": sequences.autoencoder,
}


def architecture(name: str) -> Any:
    """The Keras model ``name``, one of ``ARCHITECTURES``."""
    keras = keras3()
    with captured():
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(_seed(name))
        model = ARCHITECTURES[name](keras)
        rng = np.random.default_rng(_seed(name))
        for weight in model.weights:
            if weight.name in ("bias", "beta"):
                weight.assign(rng.normal(scale=0.2, size=weight.shape))
            elif weight.name == "gamma":
                weight.assign(rng.uniform(0.6, 1.4, weight.shape))
        set_statistics(model, samples(model, 32, seed=1))
    return model


def samples(model: Any, count: int, seed: int = 0) -> Array:
    """``count`` seeded float32 inputs: smooth in their first dimension, and noise of each sample's own strength."""
    rng = np.random.default_rng([seed, 7])
    shape = (count, *model.input.shape[1:])
    walk = np.cumsum(rng.normal(size=shape), axis=1) / np.sqrt(shape[1])
    strength = rng.uniform(0.1, 1.0, (count, *[1] * (len(shape) - 1)))
    values = walk + strength * rng.normal(size=shape)
    high = 255.0 if any(type(layer).__name__ == "Rescaling" for layer in model.layers) else 1.0
    result: Array = (np.clip(values, -2, 2) * high).astype(np.float32)
    return result


def _seed(name: str) -> int:
    return zlib.crc32(name.encode()) % (1 << 31)
