"""A small float ``.tflite`` with data, for commands that start from a float model without waiting for TensorFlow."""

from __future__ import annotations

import functools

import numpy as np
from job_kit import new_folder
from model_kit import images, small_model

from toolchain.importers.keras import load_keras
from toolchain.quantize.converter import convert


@functools.cache
def float_files() -> tuple[str, str]:
    """The paths of ``net.tflite`` (8x8x1 to 4 classes) and ``net.npz``, whose labels are the model's own answers."""
    folder = new_folder()
    model = load_keras(small_model())
    (folder / "net.tflite").write_bytes(convert(model))
    calib, test = images(40), images(24, 1)
    answers = [model.predict(x).argmax(axis=1) for x in (calib, test)]
    np.savez(folder / "net.npz", x_calib=calib, y_calib=answers[0], x_test=test, y_test=answers[1])
    return str(folder / "net.tflite"), str(folder / "net.npz")
