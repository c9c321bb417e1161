"""mcuforge: a Keras model becomes measured firmware for a microcontroller.

>>> import toolchain
>>> report = toolchain.deploy("model.keras", "data.npz", target="stm32")  # doctest: +SKIP
>>> report.latency[0].median, report.accuracy.device  # doctest: +SKIP

Every function takes the ``model`` (a path, ``module:function`` or a Keras model object), ``data`` (a path or
``module:function``), the ``target`` (a bundled target's name or the path of a description) and the remaining fields
of ``toolchain.job.Job`` as keywords. What a user can mend is raised as ``toolchain.errors.UserError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolchain.compile import CompileResult
    from toolchain.flashers import FlashResult
    from toolchain.inspection import Inspection
    from toolchain.job import Job
    from toolchain.results import Report

__version__ = "0.1.0"


def deploy(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> Report:
    """Quantize, compile, build, flash, measure."""
    from toolchain import pipeline

    return pipeline.deploy(_job(model, data, target, options))


def measure(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> Report:
    """Measure a board that has the firmware already; ``model`` may be the folder that ``deploy`` wrote."""
    from toolchain import pipeline

    return pipeline.measure(_job(model, data, target, options))


def flash(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> FlashResult:
    """Write the firmware to the board; ``model`` may be the folder that ``deploy`` wrote."""
    from toolchain import pipeline

    return pipeline.flash(_job(model, data, target, options))


def profile(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> Report:
    """Latency on the board, layer by layer."""
    from toolchain import pipeline

    return pipeline.profile(_job(model, data, target, options))


def emulate(model: Any, data: str | None = None, **options: Any) -> Report:
    """Run the generated C as a process of this computer."""
    from toolchain import pipeline

    return pipeline.emulate(_job(model, data, "host", options))


def compile_sources(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> CompileResult:
    """Write the C sources alone to the folder ``out``."""
    from toolchain import pipeline

    return pipeline.compile_sources(_job(model, data, target, options))


def inspect(model: Any, data: str | None = None, target: str = "stm32", **options: Any) -> Inspection:
    """What the model holds and how the target would run it."""
    from toolchain import pipeline

    return pipeline.inspect(_job(model, data, target, options))


def _job(model: Any, data: str | None, target: str, options: dict[str, Any]) -> Job:
    from pathlib import Path

    from toolchain.job import Job
    from toolchain.target import load_target

    if options.get("out") is not None:
        options["out"] = Path(options["out"])
    return Job(model=model, target=load_target(target), data=data, **options)
