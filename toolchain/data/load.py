"""Where samples come from: ``.npz``, ``.npy``, a folder of images, ``module:function``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from toolchain.data.dataset import KEYS, TRAINING_KEYS, Dataset, Samples, checked
from toolchain.data.images import read_folder
from toolchain.errors import DataError
from toolchain.importers.float_model import Port
from toolchain.importers.python_object import call_object, is_object_spec
from toolchain.progress import Progress

Array = npt.NDArray[Any]
Use = Literal["both", "representative", "evaluation", "training"]

FORMATS = "data is .npz, .npy, a folder of images in class sub-folders, or module:function"
_SAVE_HINT = "np.savez(path, x_calib=..., y_calib=..., x_test=..., y_test=...); all are optional"


def load_data(
    data: str | None,
    inputs: Sequence[Port],
    representative: str | None = None,
    evaluation: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The calibration and evaluation samples for a model with these ``inputs``.

    ``representative`` replaces the calibration half of ``data`` and ``evaluation`` the other. Samples come back
    in the inputs' shapes and types. DataError when something is missing, damaged or does not fit.
    """
    progress = progress or Progress()
    both = _load(data, inputs, "both", progress) if data is not None else Dataset()
    calib = _load(representative, inputs, "representative", progress) if representative is not None else both
    test = _load(evaluation, inputs, "evaluation", progress) if evaluation is not None else both
    return Dataset(calib.x_calib, calib.y_calib, test.x_test, test.y_test)


def load_training(
    data: str, inputs: Sequence[Port], representative: str | None = None, progress: Progress | None = None
) -> Dataset:
    """``data`` with its x_train and y_train, which nothing but training reads; without them these are the calibration
    samples. DataError when there are neither.
    """
    progress = progress or Progress()
    found = _load(data, inputs, "training", progress)
    calib = found if representative is None else _load(representative, inputs, "representative", progress)
    x, y = (found.x_train, found.y_train) if found.x_train is not None else (found.x_calib, found.y_calib)
    if x is None:
        raise DataError(
            f"{data} has neither x_train nor x_calib to train with", "np.savez(path, x_train=..., y_train=...)"
        )
    return Dataset(x if calib.x_calib is None else calib.x_calib, x_train=x, y_train=y)


def _load(spec: str, inputs: Sequence[Port], use: Use, progress: Progress) -> Dataset:
    raw = _read(spec, inputs, use, progress)
    data = checked(raw, inputs, str(spec))
    if (use == "representative" and data.x_calib is None) or (use == "evaluation" and data.x_test is None):
        wanted = "x_calib" if use == "representative" else "x_test"
        raise DataError(f"{spec} has no {wanted}, which --{use} needs", _SAVE_HINT)
    return data


def _read(spec: str, inputs: Sequence[Port], use: Use, progress: Progress) -> Dataset:
    if is_object_spec(spec):
        return _from_object(call_object(spec, DataError), spec, use)
    path = Path(spec)
    if path.is_dir():
        return read_folder(path, inputs, use, progress)
    if not path.is_file():
        raise DataError(f"there is no data at {path}", FORMATS)
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        raise DataError(f"{path} is of no known kind", FORMATS)
    try:
        return _from_npz(path, len(inputs), use) if suffix == ".npz" else _samples_only(_from_npy(path), use)
    except (OSError, EOFError, KeyError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        if not _is_numpy(path):
            raise DataError(f"{path} is damaged, or no NumPy file by its content", _SAVE_HINT) from error
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            problem = f"{path} holds Python objects, which are not loaded"
            raise DataError(problem, "store plain numbers: np.asarray(values, dtype=np.float32)") from error
        raise DataError(f"{path} is damaged or truncated: {error}", "write the file again") from error


def _is_numpy(path: Path) -> bool:
    """NumPy takes whatever does not start like its own files for a pickle."""
    with path.open("rb") as file:
        return file.read(6).startswith((b"PK\x03\x04", b"\x93NUMPY"))


def _from_npy(path: Path) -> Array:
    loaded = np.load(path, allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise DataError(f"{path} is a .npz archive by its content", "name it .npz")
    return loaded


def _from_npz(path: Path, count: int, use: Use) -> Dataset:
    archive = np.load(path, allow_pickle=False)
    if isinstance(archive, np.ndarray):
        raise DataError(f"{path} is a single array by its content", "name it .npy")
    with archive:
        names = set(archive.files)
        keys = (*KEYS, *TRAINING_KEYS) if use == "training" else KEYS
        found: dict[str, Any] = {key: archive[key] for key in keys if key in names}
        for key in ("x_calib", "x_test", "x_train"):
            if key not in keys:
                continue
            parts = [f"{key}_{index}" for index in range(count)]
            if key not in found and names.issuperset(parts):
                found[key] = tuple(archive[part] for part in parts)
    if not found.keys() & {"x_calib", "x_test", "x_train"}:
        raise DataError(
            f"{path} has neither x_calib nor x_test (found: {', '.join(sorted(names)) or 'nothing'})", _SAVE_HINT
        )
    return Dataset(**found)


def _samples_only(x: Samples, use: Use) -> Dataset:
    """Samples without a role: what they were given for, calibration when given for both."""
    return Dataset(x_test=x) if use == "evaluation" else Dataset(x_calib=x)


def _from_object(made: Any, spec: str, use: Use) -> Dataset:
    if isinstance(made, Dataset):
        return made
    if isinstance(made, Mapping):
        known = (*KEYS, *TRAINING_KEYS)
        if set(made) - set(known) or not made:
            found = ", ".join(sorted(map(str, made))) or "nothing"
            raise DataError(f"{spec} returned a dictionary with the keys {found}", f"known keys are {', '.join(known)}")
        return Dataset(**made)
    if isinstance(made, np.ndarray):
        return _samples_only(made, use)
    if isinstance(made, (tuple, list)) and len(made) == 4:
        return Dataset(*made)
    if isinstance(made, (tuple, list)) and len(made) == 2 and use != "both":
        x, y = made
        return Dataset(x_calib=x, y_calib=y) if use == "representative" else Dataset(x_test=x, y_test=y)
    raise DataError(
        f"{spec} returned {type(made).__name__}", f"return an array, a dictionary or a tuple with {', '.join(KEYS)}"
    )
