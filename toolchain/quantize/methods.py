"""The quantizers that a user can choose: TFLiteConverter (for a float ``.tflite``, ai-edge-quantizer) and our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy.typing as npt

from toolchain.errors import UserError
from toolchain.importers.float_model import FloatModel
from toolchain.importers.float_tflite import FloatTflite
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.quantize.observers import OBSERVERS

Array = npt.NDArray[Any]
Quantizer = Callable[[Any, Sequence[Array], Progress], bytes]

TFLITE, MCUFORGE = "tflite", "mcuforge"


def check_choice(job: Job) -> None:
    """UserError when the job's quantizer or calibration is none, or they do not go together."""
    if job.quantizer not in (TFLITE, MCUFORGE):
        raise UserError(f"there is no quantizer {job.quantizer}", f"choose {TFLITE} or {MCUFORGE}")
    if job.calibration is not None and job.calibration not in OBSERVERS:
        raise UserError(f"there is no calibration {job.calibration}", f"choose one of {', '.join(OBSERVERS)}")
    if job.quantizer != MCUFORGE and (job.calibration is not None or job.bias_correction is not None):
        raise UserError(
            f"the quantizer {job.quantizer} takes neither a calibration nor bias correction",
            f"add --quantizer {MCUFORGE}, or leave these out",
        )


def quantizer_of(model: FloatModel | FloatTflite, job: Job) -> Quantizer:
    """The function that turns ``model`` and representative samples into a full-integer ``.tflite``."""
    if job.quantizer == MCUFORGE:
        from toolchain.quantize.ptq import DEFAULT_CALIBRATION, quantize

        return partial(
            quantize,
            calibration=job.calibration or DEFAULT_CALIBRATION,
            bias_correction=job.bias_correction is not False,
        )
    if isinstance(model, FloatTflite):
        from toolchain.quantize.tflite_float import quantize_tflite

        return quantize_tflite
    from toolchain.quantize.tflite_ptq import quantize as quantize_by_converter

    return quantize_by_converter
