"""The samples of a run, and what is checked about them before anything uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.errors import DataError
from toolchain.importers.float_model import Port

Array = npt.NDArray[Any]
Samples = Array | tuple[Array, ...]

KEYS = ("x_calib", "y_calib", "x_test", "y_test")
TRAINING_KEYS = ("x_train", "y_train")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples first. An x is one array, or a tuple of arrays for a model with several inputs; what is absent is None.

    x values are real values as the float model takes them. y holds class labels, 0/1 for anomalies, or values. The
    samples to train with are read by ``load_training`` alone.
    """

    x_calib: Samples | None = None
    y_calib: Array | None = None
    x_test: Samples | None = None
    y_test: Array | None = None
    x_train: Samples | None = None
    y_train: Array | None = None


def checked(data: Dataset, inputs: Sequence[Port], source: str) -> Dataset:
    """``data`` in the shapes and types of ``inputs``; DataError says what was wanted and what was found."""
    x_calib = _fit_all(data.x_calib, inputs, f"{source}, x_calib")
    x_test = _fit_all(data.x_test, inputs, f"{source}, x_test")
    x_train = _fit_all(data.x_train, inputs, f"{source}, x_train")
    return Dataset(
        x_calib,
        _labels(data.y_calib, x_calib, f"{source}, y_calib"),
        x_test,
        _labels(data.y_test, x_test, f"{source}, y_test"),
        x_train,
        _labels(data.y_train, x_train, f"{source}, y_train"),
    )


def _fit_all(x: Samples | None, inputs: Sequence[Port], where: str) -> Samples | None:
    if x is None:
        return None
    columns = list(x) if isinstance(x, (tuple, list)) else [x]
    if len(columns) != len(inputs):
        raise DataError(
            f"{where}: the model has {len(inputs)} inputs ({', '.join(p.name for p in inputs)}), found {len(columns)}",
            "give one array for each input, in this order" if len(inputs) > 1 else "give one array",
        )
    fitted = tuple(fit(np.asarray(c), port, where) for c, port in zip(columns, inputs, strict=True))
    if len({len(column) for column in fitted}) != 1:
        raise DataError(
            f"{where}: the inputs have different numbers of samples: {[len(c) for c in fitted]}",
            "give every input the same number of samples",
        )
    return fitted[0] if len(fitted) == 1 else fitted


def fit(x: Array, port: Port, where: str) -> Array:
    """``x`` as samples of ``port``: dimensions of size 1 (channel, batch) may be absent, numbers are converted."""
    sample = port.shape[1:]
    wanted = f"{port.name} takes {port.dtype} samples of shape {sample}"
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: {wanted}, found values of type {x.dtype}", "store plain numbers, not objects")
    core = _without_ones(sample)
    if x.ndim and _without_ones(x.shape[1:]) == core:
        samples = x.reshape(len(x), *sample)
    elif _without_ones(x.shape) == core:
        samples = x.reshape(1, *sample)
    else:
        raise DataError(
            f"{where}: {wanted}, found {x.dtype} {x.shape}", f"the array must be (samples, {_inner(sample)})"
        )
    if not len(samples):
        raise DataError(f"{where} is empty", "leave it out, or put samples into it")
    return _convert(samples, port, f"{where}: {wanted}")


def _convert(samples: Array, port: Port, complaint: str) -> Array:
    kind = np.dtype(port.dtype).kind
    if samples.dtype.kind == "f":
        bad = ~np.isfinite(samples)
        if bad.any():
            first = int(np.argwhere(bad)[0][0])
            raise DataError(
                f"{complaint}, found {int(bad.sum())} values that are NaN or infinite (first in sample {first})",
                "leave out or mend these samples: np.isfinite(x) shows which they are",
            )
        if kind in "iu" and (samples != np.rint(samples)).any():
            raise DataError(f"{complaint}, found fractions ({samples.dtype})", f"round them: x.astype({port.dtype!r})")
    if kind in "iu":
        limits = np.iinfo(port.dtype)
        if samples.min() < limits.min or samples.max() > limits.max:
            raise DataError(
                f"{complaint}, found values from {samples.min()} to {samples.max()}",
                f"the values must lie between {limits.min} and {limits.max}",
            )
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(samples, dtype=port.dtype)
    if kind == "f" and not np.isfinite(converted).all():
        raise DataError(f"{complaint}, found values too large for it", "scale the samples as for training")
    return converted


def _labels(y: Array | None, x: Samples | None, where: str) -> Array | None:
    if y is None or x is None:
        return None
    y = np.asarray(y)
    if y.dtype.kind not in "biuf":
        raise DataError(f"{where}: labels are numbers, found values of type {y.dtype}", "store class indices from 0")
    count = len(x[0]) if isinstance(x, tuple) else len(x)
    if y.ndim == 0 or len(y) != count:
        raise DataError(
            f"{where}: {count} samples need {count} labels, found an array of shape {y.shape}",
            "store one label for each sample",
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(f"{where} holds NaN or infinite values", "leave out these samples and their labels")
    return y


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _inner(shape: Sequence[int]) -> str:
    return ", ".join(str(size) for size in shape)
