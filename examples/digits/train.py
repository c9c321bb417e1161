"""Train a small network on handwritten digits and save it for mcuforge.

    python examples/digits/train.py

writes ``build/digits.keras`` (the model) and ``build/digits.npz`` (the data to calibrate and judge it with)
beside this file. A second run finds them and does nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
MODEL = HERE / "build" / "digits.keras"
DATA = HERE / "build" / "digits.npz"

SEED = 1
TEST_IMAGES = 360
CALIBRATION_IMAGES = 100
EPOCHS = 40
BATCH = 32


def load_digits() -> tuple[Any, Any, Any, Any]:
    """Step 1: the data. 1,797 images of 8x8 pixels that come with scikit-learn, so nothing is downloaded."""
    from sklearn import datasets, model_selection

    digits = datasets.load_digits()
    # Pixels are 0 to 16. Scale them to 0..1 and add the channel dimension that a convolution wants.
    images = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    # The test images are put aside before anything else: neither training nor calibration sees them.
    x_train, x_test, y_train, y_test = model_selection.train_test_split(
        images, digits.target, test_size=TEST_IMAGES, stratify=digits.target, random_state=SEED
    )
    return x_train, y_train, x_test, y_test


def build_model(keras: Any) -> Any:
    """Step 2: the network, 5,002 parameters. Any Keras layers will do as long as TFLite has int8 operators for them.

    Depthwise-separable convolutions do most of the work: they need a fraction of the multiplications of ordinary
    ones. Batch normalization costs nothing on the board, since the converter folds it into the convolutions.
    """
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)

    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="wide_depthwise")(x)
    x = layers.BatchNormalization(name="wide_depthwise_norm")(x)
    x = layers.ReLU(name="wide_depthwise_relu")(x)
    x = layers.Conv2D(32, 1, use_bias=False, name="wide_pointwise")(x)
    x = layers.BatchNormalization(name="wide_pointwise_norm")(x)
    x = layers.ReLU(name="wide_pointwise_relu")(x)
    x = layers.MaxPooling2D(name="pool")(x)

    shortcut = x
    x = layers.SeparableConv2D(32, 3, padding="same", use_bias=False, name="residual")(x)
    x = layers.BatchNormalization(name="residual_norm")(x)
    x = layers.Add(name="residual_add")([shortcut, x])
    x = layers.ReLU(name="residual_relu")(x)

    x = layers.SeparableConv2D(48, 3, padding="same", use_bias=False, name="deep")(x)
    x = layers.BatchNormalization(name="deep_norm")(x)
    x = layers.ReLU(name="deep_relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    scores = layers.Dense(10, activation="softmax", name="digit")(x)
    return keras.Model(image, scores, name="digits")


def train(keras: Any, x_train: Any, y_train: Any) -> Any:
    """Step 3: training, half a minute on two cores. Seeded: the same versions give everybody the same weights."""
    keras.utils.set_random_seed(SEED)
    model = build_model(keras)
    schedule = keras.optimizers.schedules.CosineDecay(0.01, EPOCHS * len(x_train) // BATCH)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def save(model: Any, x_train: Any, y_train: Any, x_test: Any, y_test: Any) -> None:
    """Step 4: what mcuforge needs. The model file, and one ``.npz`` with up to six arrays.

    ``x_calib`` is the representative data set: ordinary inputs from which quantization learns the range of values
    in every layer. ``x_test`` and ``y_test`` are sent to the board to see how well it does. ``x_train`` and ``y_train``
    are for ``mcuforge finetune`` alone.
    """
    MODEL.parent.mkdir(exist_ok=True)
    # Under another name first: an interrupted run leaves no half-written file behind that looks finished.
    half_model, half_data = (file.with_name(f"half-{os.getpid()}{file.suffix}") for file in (MODEL, DATA))
    np.savez_compressed(
        half_data,
        x_calib=x_train[:CALIBRATION_IMAGES],
        y_calib=y_train[:CALIBRATION_IMAGES],
        x_test=x_test,
        y_test=y_test,
        x_train=x_train,
        y_train=y_train,
    )
    model.save(half_model)
    half_data.replace(DATA)
    half_model.replace(MODEL)


def is_cached() -> bool:
    """Both files are there and newer than this script."""
    script = Path(__file__).stat().st_mtime
    return all(file.is_file() and file.stat().st_mtime > script for file in (MODEL, DATA))


def main() -> None:
    if is_cached():
        print(f"{MODEL.name} and {DATA.name} are up to date")
        return
    # The same as "import keras", but without TensorFlow's messages about missing GPUs.
    from toolchain.importers.tensorflow import keras3

    keras = keras3()
    print(f"Training on scikit-learn's digits, {EPOCHS} epochs ...", flush=True)
    x_train, y_train, x_test, y_test = load_digits()
    model = train(keras, x_train, y_train)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    save(model, x_train, y_train, x_test, y_test)
    size = f"{model.count_params():,} parameters"
    print(f"{accuracy:.1%} of {len(x_test)} test images, {size}, saved in {MODEL.parent.name}/")


if __name__ == "__main__":
    main()
