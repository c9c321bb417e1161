"""The commands. Each one turns its options into a Job, calls the library and prints what comes back.

Nothing beyond Typer is imported at the top, so that ``mcuforge --help`` is there at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolchain.cli import tradeoffs
from toolchain.cli.diff import diff
from toolchain.cli.finetune import finetune
from toolchain.cli.options import (
    DataOption,
    EvaluationOption,
    FlasherName,
    FlasherOption,
    LimitOption,
    Limits,
    ModelArgument,
    ModelReading,
    NameOption,
    OutOption,
    PortOption,
    Quantization,
    RepresentativeOption,
    RunsOption,
    SanitizeOption,
    TargetOption,
    default_out,
    make_job,
    output_of,
    with_common_options,
    with_limits,
    with_quantization,
    with_reading,
)

if TYPE_CHECKING:
    from pathlib import Path

    from toolchain.cli.console import Output
    from toolchain.results import Report

app = typer.Typer(
    name="mcuforge",
    help="Keras models become measured firmware for microcontrollers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
@with_common_options
def _mcuforge() -> None:
    """Keras models become measured firmware for microcontrollers."""


@app.command()
@with_common_options
@with_limits
@with_quantization
@with_reading
def deploy(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    evaluation: EvaluationOption = None,
    target: TargetOption = "stm32",
    port: PortOption = "auto",
    flasher: FlasherOption = FlasherName.auto,
    runs: RunsOption = 5,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Quantize, compile, build, flash, measure and report: the whole way."""
    from toolchain import pipeline

    folder = out or default_out(model, name)
    job = make_job(
        model,
        target,
        quantization,
        limits,
        reading=reading,
        data=data,
        representative=representative,
        evaluation=evaluation,
        port=port,
        flasher=flasher,
        runs=runs,
        limit=limit,
        name=name,
        out=folder,
    )
    output = output_of(ctx)
    _show_report(output, pipeline.deploy(job, output.progress()), folder)


@app.command()
@with_common_options
@with_limits
@with_quantization
@with_reading
def flash(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    target: TargetOption = "stm32",
    port: PortOption = "auto",
    flasher: FlasherOption = FlasherName.auto,
    name: NameOption = None,
) -> None:
    """Build the firmware and write it to the board, no more."""
    from toolchain import pipeline
    from toolchain.cli import tables

    job = make_job(
        model,
        target,
        quantization,
        limits,
        reading=reading,
        data=data,
        representative=representative,
        port=port,
        flasher=flasher,
        name=name,
    )
    output = output_of(ctx)
    result = pipeline.flash(job, output.progress())
    output.result(result, lambda: tables.flashed(result))


@app.command()
@with_common_options
@with_limits
@with_quantization
@with_reading
def measure(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    evaluation: EvaluationOption = None,
    target: TargetOption = "stm32",
    port: PortOption = "auto",
    runs: RunsOption = 5,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Measure a board that has the firmware already, without flashing it."""
    from toolchain import pipeline

    folder = out or default_out(model, name, "measure")
    job = make_job(
        model,
        target,
        quantization,
        limits,
        reading=reading,
        data=data,
        representative=representative,
        evaluation=evaluation,
        port=port,
        runs=runs,
        limit=limit,
        name=name,
        out=folder,
    )
    output = output_of(ctx)
    _show_report(output, pipeline.measure(job, output.progress()), folder)


@app.command("compile")
@with_common_options
@with_limits
@with_quantization
@with_reading
def compile_(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    target: TargetOption = "stm32",
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """C sources only, to be dropped into a firmware of your own."""
    from toolchain import pipeline
    from toolchain.cli import tables

    folder = out or default_out(model, name, "c")
    job = make_job(
        model,
        target,
        quantization,
        limits,
        reading=reading,
        data=data,
        representative=representative,
        name=name,
        out=folder,
    )
    output = output_of(ctx)
    result = pipeline.compile_sources(job, output.progress())
    output.result(result, lambda: tables.compiled(result))


@app.command()
@with_common_options
@with_quantization
@with_reading
def emulate(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    evaluation: EvaluationOption = None,
    sanitize: SanitizeOption = False,
    runs: RunsOption = 5,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Run the same generated C as a process of this computer, behind the same serial protocol."""
    from toolchain import pipeline

    folder = out or default_out(model, name, "emulate")
    job = make_job(
        model,
        "host",
        quantization,
        reading=reading,
        data=data,
        representative=representative,
        evaluation=evaluation,
        sanitize=sanitize,
        runs=runs,
        limit=limit,
        name=name,
        out=folder,
    )
    output = output_of(ctx)
    _show_report(output, pipeline.emulate(job, output.progress()), folder)


@app.command()
@with_common_options
@with_limits
@with_quantization
@with_reading
def profile(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    target: TargetOption = "stm32",
    port: PortOption = "auto",
    flasher: FlasherOption = FlasherName.auto,
    runs: RunsOption = 5,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Latency on the board, layer by layer: MACs, cycles per MAC and share."""
    from toolchain import pipeline

    folder = out or default_out(model, name, "profile")
    job = make_job(
        model,
        target,
        quantization,
        limits,
        reading=reading,
        data=data,
        representative=representative,
        port=port,
        flasher=flasher,
        runs=runs,
        name=name,
        out=folder,
    )
    output = output_of(ctx)
    _show_report(output, pipeline.profile(job, output.progress()), folder)


@app.command()
@with_common_options
@with_limits
@with_quantization
@with_reading
def inspect(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    quantization: Quantization,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    target: TargetOption = "stm32",
    name: NameOption = None,
) -> None:
    """The graph, shapes, MACs, parameters, quantization, and the kernels that a target would use.

    All reasons at once, and exit code 2, when it cannot run."""
    from toolchain import pipeline
    from toolchain.cli import tables

    job = make_job(
        model, target, quantization, limits, reading=reading, data=data, representative=representative, name=name
    )
    output = output_of(ctx)
    result = pipeline.inspect(job, output.progress())
    output.result(result, lambda: tables.inspection(result))
    if result.refused:
        raise typer.Exit(2)


app.command()(diff)
app.command()(finetune)
tradeoffs.add_to(app)


@app.command()
@with_common_options
def targets(ctx: typer.Context) -> None:
    """The targets that come along."""
    from toolchain.cli import tables
    from toolchain.target import bundled_targets, load_target

    found = [load_target(name) for name in bundled_targets()]
    output_of(ctx).result([tables.target_json(t) for t in found], lambda: tables.target_table(found))


@app.command()
@with_common_options
def doctor(
    ctx: typer.Context,
    target: Annotated[
        str | None, typer.Option("--target", metavar="TARGET", help="Look for this target's needs only.")
    ] = None,
) -> None:
    """What is installed, what is missing with the line that installs it, and the boards seen on USB."""
    from toolchain import doctor as checks
    from toolchain.cli import tables
    from toolchain.target import bundled_targets, load_target

    names = [target] if target else bundled_targets()
    diagnosis = checks.diagnose([load_target(name) for name in names])
    output_of(ctx).result(diagnosis.to_json(), lambda: tables.diagnosis(diagnosis))
    if not diagnosis.ready:
        raise typer.Exit(1)


def _show_report(output: Output, report: Report, folder: Path) -> None:
    from rich.console import Group
    from rich.text import Text

    from toolchain.report.terminal import render

    def with_place() -> Group:
        return Group(render(report), Text(f"\nReport: {folder / 'report.html'}"))

    output.result(report.to_json(), with_place)
