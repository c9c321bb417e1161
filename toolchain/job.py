"""What the user asked for: one model, one target, one data set and where the results go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.budget import Budget
from toolchain.importers.reading import Reading
from toolchain.quantize.recipe import Recipe
from toolchain.target import Target


@dataclass(frozen=True)
class Job:
    """``model`` is a path, ``module:function`` or a Keras model object.

    ``data`` is a path or ``module:function`` with calibration and evaluation samples;
    ``representative`` and ``evaluation`` override one half each. ``port`` is ``auto``, a device or a
    pyserial URL. ``limit`` evaluates the first samples only. ``sanitize`` builds host code with ASan and UBSan.
    ``budget`` says what the kernels may cost and what they should be good at. ``quantizer`` makes integers of a float
    model: ``tflite`` or ``mcuforge``; ``recipe`` is what the latter does, None for its defaults. ``reading`` is what
    the user says of a model file that does not say it itself.
    """

    model: Any
    target: Target
    data: str | None = None
    representative: str | None = None
    evaluation: str | None = None
    name: str | None = None
    out: Path | None = None
    port: str = "auto"
    flasher: str = "auto"
    runs: int = 5
    limit: int | None = None
    sanitize: bool = False
    budget: Budget = field(default_factory=Budget)
    quantizer: str = "tflite"
    recipe: Recipe | None = None
    reading: Reading = field(default_factory=Reading)
