"""``mcuforge diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from toolchain.cli.options import (
    DataOption,
    EvaluationOption,
    FlasherName,
    FlasherOption,
    Limits,
    ModelArgument,
    ModelReading,
    NameOption,
    PortOption,
    Quantization,
    RepresentativeOption,
    TargetOption,
    make_job,
    output_of,
    with_common_options,
    with_limits,
    with_quantization,
    with_reading,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from toolchain.diff.results import Diff, Row


@with_common_options
@with_limits
@with_quantization
@with_reading
def diff(
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
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Compare the first N samples; default: 4.")
    ] = None,
    name: NameOption = None,
) -> None:
    """Layer by layer: float model, oracle, C on this computer and on the board. Names the first layer that departs.

    Ends with 1 when one does. `--target host` leaves the board out."""
    from toolchain.diff import run

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
        limit=limit,
        name=name,
    )
    output = output_of(ctx)
    found = run.diff(job, output.progress())
    output.result(found.to_json(), lambda: _render(found))
    if found.departs:
        raise typer.Exit(1)


def _render(found: Diff) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("operator", overflow="fold")
    for title in ("float, dB", *found.places):
        table.add_column(title, justify="right")
    for row in found.rows:
        noise = "-" if row.sqnr is None else f"{row.sqnr:.1f}"
        table.add_row(row.layer, row.op, noise, *(_cell(row, place) for place in found.places))
    head = Text(f"{found.name}: codes that differ from the reference's, {found.samples} samples; float: SQNR")
    lines = [Text(line) for line in found.verdicts()]
    return Group(head, table, *lines, *(Text(f"note: {note}", style="yellow") for note in found.notes))


def _cell(row: Row, place: str) -> RenderableType:
    from rich.text import Text

    if place not in row.departures:
        return Text("-", style="dim")
    found = row.departures[place]
    if found is None:
        return "0"
    return Text(f"{found.differing:,} (by {found.largest:g})", style="bold red")
