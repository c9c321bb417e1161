"""Where samples come from: ``.npz``, ``.npy``, a folder of images, ``module:function``."""

from __future__ import annotations

import re
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
        return _from_object(call_object(spec, DataError), spec, use, inputs)
    path = Path(spec)
    if path.is_dir():
        return read_folder(path, inputs, use, progress)
    if not path.is_file():
        raise DataError(f"there is no data at {path}", FORMATS)
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        raise DataError(f"{path} is of no known kind", FORMATS)
    try:
        return _from_npz(path, inputs, use) if suffix == ".npz" else _samples_only(_from_npy(path), use)
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


def _from_npz(path: Path, inputs: Sequence[Port], use: Use) -> Dataset:
    """Several inputs are x_calib_0, x_calib_1 and so on, or x_calib_<input's name>; in a file for one use the names
    alone will do."""
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
            for parts in _parts(key, inputs, use):
                if key not in found and names.issuperset(parts):
                    found[key] = tuple(archive[part] for part in parts)
    if not found.keys() & {"x_calib", "x_test", "x_train"}:
        raise DataError(
            f"{path} has neither x_calib nor x_test (found: {', '.join(sorted(names)) or 'nothing'})", _SAVE_HINT
        )
    return Dataset(**found)


def _parts(key: str, inputs: Sequence[Port], use: Use) -> list[list[str]]:
    """The sets of array names that together are the samples ``key``, an array for each input."""
    named = [_short(port.name) for port in inputs]
    sets = [[f"{key}_{index}" for index in range(len(inputs))], [f"{key}_{name}" for name in named]]
    alone = {"representative": "x_calib", "evaluation": "x_test"}
    return [*sets, named] if alone.get(use) == key else sets


def _short(name: str) -> str:
    """An input's name as the model's author wrote it: the converter adds something in front and behind."""
    return re.sub(r":\d+$", "", name.removeprefix("serving_default_"))


def _in_order(x: Any, inputs: Sequence[Port], spec: str) -> Any:
    """A dictionary with an array for each input, by its name, as a tuple; everything else as it is."""
    if not isinstance(x, Mapping):
        return x
    named = [_short(port.name) for port in inputs]
    if set(x) != set(named):
        raise DataError(
            f"{spec} returned samples for {', '.join(map(str, x))}; the inputs are {', '.join(named)}",
            "give an array for each input, by its name",
        )
    return tuple(np.asarray(x[name]) for name in named)


def _samples_only(x: Samples, use: Use) -> Dataset:
    """Samples without a role: what they were given for, calibration when given for both."""
    return Dataset(x_test=x) if use == "evaluation" else Dataset(x_calib=x)


def _from_object(made: Any, spec: str, use: Use, inputs: Sequence[Port]) -> Dataset:
    if isinstance(made, Dataset):
        return made
    if isinstance(made, Mapping):
        if set(made) == {_short(port.name) for port in inputs}:
            return _samples_only(_in_order(made, inputs, spec), use)
        known = (*KEYS, *TRAINING_KEYS)
        if set(made) - set(known) or not made:
            found = ", ".join(sorted(map(str, made))) or "nothing"
            raise DataError(f"{spec} returned a dictionary with the keys {found}", f"known keys are {', '.join(known)}")
        return Dataset(**{key: _in_order(value, inputs, spec) for key, value in made.items()})
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
