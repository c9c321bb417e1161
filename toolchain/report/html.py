"""A report as one self-contained page: no script, no font, no image, no address is fetched."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toolchain.report import view
from toolchain.results import Report


def environment() -> Environment:
    """Templates of this folder, with the filters that format numbers."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(
        count=view.count,
        size=view.size,
        percent=view.percent,
        short_unit=view.short_unit,
        gap=view.arena_gap,
        px=lambda value: f"{value:.1f}",
    )
    return found


def render_html(report: Report) -> str:
    """The page's text (UTF-8). Same report, same bytes."""
    rows = view.layer_rows(report)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            latency=view.latency_rows(report),
            layers=rows,
            energy=view.energy_rows(report),
            chip=view.chip_energy(report),
            longest=max((row.value for row in rows if row.value is not None), default=0),
            unit=view.layer_unit(report),
            metric=view.metric_name(report),
            scores=view.score_rows(report),
            exactness=view.exactness(report),
            quantization=view.quantization(report),
            board=view.board_sentence(report),
            methods=view.METHODS,
        )
    )
