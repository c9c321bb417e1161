"""A folder of images as a data set: one sub-folder for each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.data.dataset import Dataset
from toolchain.errors import DataError, ToolError
from toolchain.importers.float_model import Port
from toolchain.progress import Progress

Array = npt.NDArray[Any]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CALIBRATION_IMAGES = 100
CALIBRATION_SHARE = 5


def read_folder(folder: Path, inputs: Sequence[Port], use: str, progress: Progress) -> Dataset:
    """Images resized (bilinear) to the model's input, as pixel values 0 to 255.

    Class c is the c-th sub-folder by name. For both uses, one image in five of every class, at most 100 in all
    and evenly spread over the sorted file names, is for calibration and the others for evaluation; for one
    use, all are. Images that lie in the folder itself, without sub-folders, have no class.
    """
    height, width, channels = _input_size(folder, inputs)
    files, labels = _list_images(folder)
    image = _pillow()
    with progress.step(f"Reading {folder.name}", len(files)) as advance:
        pixels = np.empty((len(files), height, width, channels), np.float32)
        for index, file in enumerate(files):
            pixels[index] = _read_image(image, file, (width, height), channels)
            advance(1)
    if use == "representative":
        return Dataset(x_calib=pixels, y_calib=labels)
    if use == "evaluation":
        return Dataset(x_test=pixels, y_test=labels)
    chosen = _calibration_mask(labels if labels is not None else np.zeros(len(files), np.int64))
    y_calib, y_test = (None, None) if labels is None else (labels[chosen], labels[~chosen])
    x_test = pixels[~chosen] if not chosen.all() else None
    return Dataset(pixels[chosen], y_calib, x_test, y_test if x_test is not None else None)


def _input_size(folder: Path, inputs: Sequence[Port]) -> tuple[int, int, int]:
    shape = inputs[0].shape[1:]
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(inputs) != 1 or len(shape) != 3 or shape[2] not in MODES:
        shapes = ", ".join(str(port.shape[1:]) for port in inputs)
        raise DataError(
            f"{folder} is a folder of images, but the model takes {shapes}",
            "images need one input of (height, width, channels) with 1, 3 or 4 channels; give a .npz",
        )
    return shape[0], shape[1], shape[2]


def _list_images(folder: Path) -> tuple[list[Path], Array | None]:
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        files = _images_in(folder)
        if not files:
            raise DataError(f"{folder} holds no images", f"known are {', '.join(SUFFIXES)}")
        return files, None
    files, labels = [], []
    for label, path in enumerate(classes):
        found = _images_in(path)
        if not found:
            raise DataError(f"the class folder {path} holds no images", f"known are {', '.join(SUFFIXES)}")
        files += found
        labels += [label] * len(found)
    return files, np.array(labels, np.int64)


def _images_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _calibration_mask(labels: Array) -> Array:
    """True for the calibration images: spread evenly over each class, so that no order of names biases it."""
    mask = np.zeros(len(labels), bool)
    classes = np.unique(labels)
    for label in classes:
        members = np.flatnonzero(labels == label)
        share = math.ceil(len(members) / CALIBRATION_SHARE)
        count = min(share, math.ceil(CALIBRATION_IMAGES / len(classes)))
        mask[members[np.linspace(0, len(members) - 1, count).round().astype(int)]] = True
    return mask


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ToolError(
            "reading images needs Pillow, which is not installed", "pip install 'mcuforge[images]'"
        ) from error
    return Image


def _read_image(image: Any, file: Path, size: tuple[int, int], channels: int) -> Array:
    try:
        with image.open(file) as opened:
            picture = opened.convert(MODES[channels]).resize(size, image.Resampling.BILINEAR)
    # Pillow's decoders raise OSError, SyntaxError, ValueError or EOFError by format.
    except (OSError, SyntaxError, ValueError, EOFError, image.DecompressionBombError) as error:
        raise DataError(f"{file} is no readable image: {error}", "remove it or write it again") from error
    return np.asarray(picture, np.float32).reshape(size[1], size[0], channels)
