"""The commands that show what formats cost and find a mixture of them: they join the others in ``app``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    RoundingName,
    RunsOption,
    TargetOption,
    default_out,
    make_job,
    output_of,
    reading_of,
    with_common_options,
    with_group,
    with_limits,
    with_reading,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

FormatsOption = Annotated[
    str | None, typer.Option("--formats", metavar="A,B,C", help="Formats, separated by commas; default: all of them.")
]


def add_to(app: typer.Typer) -> None:
    """Make the commands known to ``app``."""
    for command in (compare, sensitivity, search):
        app.command()(with_common_options(command))


@with_limits
@with_reading
def compare(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    evaluation: EvaluationOption = None,
    target: TargetOption = "stm32",
    port: PortOption = "auto",
    flasher: FlasherOption = FlasherName.auto,
    formats: FormatsOption = None,
    tuned: Annotated[
        list[str] | None,
        typer.Option("--tuned", metavar="FORMAT=MODEL", help="A model trained for a format, as a row of its own."),
    ] = None,
    verify: Annotated[
        int, typer.Option("--verify", metavar="N", min=1, help="Samples whose outputs the board must give too.")
    ] = 4,
    runs: RunsOption = 2,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Deploy the model in every number format: accuracy, flash, RAM, latency and modelled energy side by side."""
    from toolchain.compare import candidates, run, write
    from toolchain.output import KeptFolder

    chosen = candidates.candidates(_names(formats) or candidates.DEFAULT_FORMATS, candidates.parse_tuned(tuned or ()))
    job = make_job(
        model,
        target,
        Quantization(),
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
    )
    folder = KeptFolder(out or default_out(model, name, "compare"))
    output = output_of(ctx)
    progress = output.progress()
    found = run.compare(job, chosen, folder, progress, verify)
    written = write.write(found, folder, progress)
    output.result(found.to_json(), lambda: _with_files(write.render(found), written))


@with_reading
def sensitivity(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    formats: FormatsOption = None,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """What each layer bears, format by format: noise, accuracy lost, why, and what to do."""
    from toolchain.output import KeptFolder
    from toolchain.sensitivity import measure, write
    from toolchain.sensitivity.load import load_network

    folder = KeptFolder(out or default_out(model, name, "sensitivity"))
    output = output_of(ctx)
    progress = output.progress()
    chosen = _names(formats) or measure.DEFAULT_FORMATS
    net = load_network(model, data, representative, limit, name, progress, reading_of(reading))
    found = measure.sensitivity(net, chosen, progress)
    written = write.write(found, folder, progress)
    output.result(found.to_json(), lambda: _with_files(write.render(found), written))


@dataclass(frozen=True)
class Searching:
    """How mixtures are tried and judged; the command takes it from eight options."""

    validation: str | None = None
    max_drop: float = 0.5
    rounding: RoundingName = RoundingName.least_squares
    trials: int = 40
    seed: int = 0
    jobs: int = 1
    scheduler: str | None = None
    study: Path | None = None


_SEARCHING = {
    "validation": Annotated[
        str | None,
        typer.Option(
            "--validation", metavar="DATA", help="Samples (x_test, y_test) to choose by, instead of the calibration's."
        ),
    ],
    "max_drop": Annotated[
        float,
        typer.Option("--max-drop", metavar="POINTS", min=0.0, help="Expected accuracy that may be lost, in points."),
    ],
    "rounding": Annotated[
        RoundingName,
        typer.Option("--rounding", metavar="HOW", help="Of weights below int8: nearest, least-squares or adaround."),
    ],
    "trials": Annotated[int, typer.Option("--trials", metavar="N", min=1, help="Mixtures to try in all.")],
    "seed": Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of what is drawn.")],
    "jobs": Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes to try mixtures in.")],
    "scheduler": Annotated[
        str | None, typer.Option("--scheduler", metavar="URL", help="Dask scheduler (tcp://...) with workers to use.")
    ],
    "study": Annotated[
        Path | None, typer.Option("--study", metavar="FILE", help="Journal to keep and go on with; default: in --out.")
    ],
}


def _with_searching(function: Callable[..., None]) -> Callable[..., None]:
    return with_group(function, "searching", Searching, _SEARCHING)


@with_limits
@_with_searching
@with_reading
def search(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    limits: Limits,
    searching: Searching,
    data: DataOption = None,
    representative: RepresentativeOption = None,
    evaluation: EvaluationOption = None,
    target: TargetOption = "stm32",
    formats: FormatsOption = None,
    limit: LimitOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Find a format for each layer within limits on flash, RAM, latency and accuracy lost; writes a recipe."""
    from toolchain.output import KeptFolder
    from toolchain.search import run, write

    job = make_job(
        model,
        target,
        Quantization(),
        limits,
        reading=reading,
        data=data,
        representative=representative,
        evaluation=evaluation,
        limit=limit,
        name=name,
    )
    folder = KeptFolder(out or default_out(model, name, "search"))
    typed = {f.name: getattr(searching, f.name) for f in fields(searching)}
    typed["study"] = searching.study or folder.own(write.STUDY_NAME)
    typed["rounding"] = searching.rounding.value
    options = run.Options(formats=_names(formats) or run.DEFAULT_FORMATS, **typed)
    output = output_of(ctx)
    found = run.search(job, options, output.progress())
    written = write.write(found, folder)
    output.result(run.plain(found), lambda: _with_files(write.render(found), written))


def _names(formats: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (formats or "").split(",") if name.strip())


def _with_files(result: RenderableType, written: list[Path]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(result, Text("\n" + "\n".join(f"{_shown(path)}" for path in written)))


def _shown(path: Path) -> Path:
    """Below the working folder, where it is."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
