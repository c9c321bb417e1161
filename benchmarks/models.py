"""Which models are measured, and where their files are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.twins import TWINS, twin_tflite
from toolchain.errors import DataError
from toolchain.virtual.folders import cache_folder

REFERENCE, TWIN = "reference", "twins"
SETS = (REFERENCE, TWIN)
VARIABLE = "MCUFORGE_REFERENCE"
NAMES = tuple(TWINS)


def available_sets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The twins always; before them the reference models where ``MCUFORGE_REFERENCE`` says that they are."""
    return SETS if environment.get(VARIABLE) else (TWIN,)


def model_file(which: str, name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The int8 ``.tflite`` of a model; a twin is made when it is first asked for. Raises DataError."""
    if which == TWIN:
        return twin_tflite(name, cache_folder())
    folder = environment.get(VARIABLE)
    if not folder:
        raise DataError(
            f"{VARIABLE} is not set", "Name the folder that has the reference models in models/, or use the twins."
        )
    path = Path(folder) / "models" / f"{name}_int8.tflite"
    if not path.is_file():
        raise DataError(f"{VARIABLE}: there is no {path}", "Put the model's int8 file there, or use the twins.")
    return path
