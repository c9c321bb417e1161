"""A comparison as a table in the terminal, as JSON and CSV, as pictures and as one self-contained page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain import metrics
from toolchain.compare.results import Comparison, Measured, Row, short_reason, to_csv
from toolchain.output import KeptFolder
from toolchain.progress import Progress
from toolchain.report import picture, view
from toolchain.report.html import environment
from toolchain.report.scatter import Point, Scatter, scatter

HTML_NAME, JSON_NAME, CSV_NAME = "compare.html", "compare.json", "compare.csv"
SVG_TEMPLATE = "scatter.svg.j2"
_MERITS = {  # short, and as the title of an axis
    metrics.ACCURACY: ("accuracy", "accuracy, % with 95 % interval (log scale of errors)"),
    metrics.AUC: ("AUC", "area under the ROC curve"),
    metrics.MSE: ("MSE", "minus the mean squared error"),
}


@dataclass(frozen=True)
class Line:
    """A row as text. ``front`` names the plots whose Pareto front it is on."""

    name: str
    merit: str = ""
    interval: str = ""
    drop: str = ""
    flash: str = ""
    ram: str = ""
    latency: str = ""
    time: str = ""
    chip: str = ""
    operations: str = ""
    verified: str = ""
    differs: bool = False
    front: str = ""
    reason: str = ""


def lines(found: Comparison) -> list[Line]:
    fronts = {"latency": found.front("latency"), "flash": found.front("flash_bytes")}
    return [_line(found, row, [title for title, names in fronts.items() if row.name in names]) for row in found.rows]


def _line(found: Comparison, row: Row, fronts: list[str]) -> Line:
    m = row.measured
    if m is None:
        return Line(name=row.name, reason=short_reason(row.reason))
    merit, interval = m.merit(found.metric), m.interval
    drop = None if merit is None or found.float_merit is None else merit - found.float_merit
    joules = {e.model: view.microjoules(e.microjoules) for e in m.energy}
    time = m.milliseconds
    return Line(
        name=row.name,
        merit=_number(merit, found.metric),
        interval=f"{100 * interval[0]:.1f}-{100 * interval[1]:.1f}" if interval else "",
        drop="" if drop is None else f"{drop:+.2f}" if found.metric == metrics.ACCURACY else f"{drop:+.4g}",
        flash=view.count(m.flash_bytes),
        ram=view.count(m.ram_bytes),
        latency=view.count(m.latency),
        time="" if time is None else f"{time:.3g}",
        chip=joules.get("chip", ""),
        operations=joules.get("operations", ""),
        verified=_verified(m),
        differs=m.verified.differing > 0,
        front=", ".join(fronts),
        reason="",
    )


def _number(merit: float | None, metric: str) -> str:
    if merit is None:
        return ""
    return f"{merit:.2f}" if metric == metrics.ACCURACY else f"{merit:.4g}"


def _verified(m: Measured) -> str:
    v = m.verified
    return f"{v.differing} of {v.codes} differ" if v.differing else f"{v.codes} equal"


def unit_of(found: Comparison) -> str:
    """The latencies' unit, that of the first row which has one."""
    return next((row.measured.unit for row in found.rows if row.measured), "")


def sentences(found: Comparison) -> tuple[str, ...]:
    """Where each number comes from."""
    board = "virtual board" if found.virtual else "board"
    samples = next(row.measured.verified.samples for row in found.rows if row.measured)
    energy = dict.fromkeys(e.source for row in found.rows if row.measured for e in row.measured.energy)
    return (
        f"Flash, RAM and latency in {unit_of(found)}: each format's firmware on the {board} ({found.core}, "
        f"{found.port}).",
        f"Verified: the outputs of {samples} samples on the {board}, compared one by one with those of the same "
        "generated C on this computer (integers exactly, floats within 1e-4).",
        f"Accuracy: {found.samples} samples run by the generated C on this computer; the interval is Wilson's, of one "
        "row by itself.",
        "Energy: uJ (modelled), never measured; chip: cycles times run current times voltage; operations: arithmetic "
        "and bytes alone. " + "; ".join(energy) + ".",
    )


def render(found: Comparison) -> RenderableType:
    """The table for the terminal, and where its numbers come from. The page has more columns."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=f"{found.model} on {found.target}", title_justify="left")
    unit, texts = view.short_unit(unit_of(found)), lines(found)
    heads = (
        "format",
        "score" if found.metric == metrics.ACCURACY else found.metric,
        "95 %",
        "KiB\nflash",
        "KiB\nRAM",
        f"M\n{unit}",
        "uJ\nchip" if any(line.chip for line in texts) else "uJ\nops",
        "on",
    )
    for i, head in enumerate(heads):
        justify: JustifyMethod = "right" if 0 < i < len(heads) - 1 else "left"
        table.add_column(head, justify=justify, overflow="fold", no_wrap=True)
    for row, line in zip(found.rows, texts, strict=True):
        if row.measured is not None:
            sizes = (f"{n / 1024:.1f}" for n in (row.measured.flash_bytes, row.measured.ram_bytes))
            cells = (line.name, line.merit, line.interval, *sizes, f"{row.measured.latency / 1e6:.3f}")
            front = " ".join(name[0].upper() for name in line.front.split(", ") if name)
            table.add_row(*cells, line.chip or line.operations, front)
    parts: list[RenderableType] = [table]
    if found.float_merit is not None:
        parts.append(Text(f"Float model: {_number(found.float_merit, found.metric)}"))
    parts += [Text.assemble((f"{line.name}: ", "bold"), line.reason, style="yellow") for line in texts if line.reason]
    wrong = [f"{line.name}: on the board {line.verified}" for line in texts if line.differs]
    parts += [Text(text, style="bold red") for text in wrong]
    parts.append(Text(f"On: the Pareto front of {found.metric} against (L)atency, against (F)lash.", style="dim"))
    return Group(*parts, *(Text(sentence, style="dim") for sentence in sentences(found)))


def plots(found: Comparison) -> dict[str, Scatter]:
    """Merit against latency and against flash, by the names of their files; none without labels."""
    if found.metric not in _MERITS:
        return {}
    clock = next((row.measured.clock_hz for row in found.rows if row.measured), None)
    at = f", {clock / 1e6:g} MHz" if clock else ""
    latency = (f"latency, million {unit_of(found)}{at}", 1e-6, "latency")
    return {
        f"compare-{name}": _plot(found, f"{_MERITS[found.metric][0]} against {name}", *axis)
        for name, axis in {"latency": latency, "flash": ("flash, KiB", 1 / 1024, "flash_bytes")}.items()
    }


def _plot(found: Comparison, title: str, x_title: str, factor: float, cost: str) -> Scatter:
    front = found.front(cost)
    intervals = {row.name: row.measured.interval for row in found.rows if row.measured}
    points = []
    for name, x, y in found.points(cost):
        interval = intervals[name]
        low, high = (100 * interval[0], 100 * interval[1]) if interval else (y, y)
        points.append(Point(name, factor * x, y, low, high, name in front))
    return scatter(points, title, x_title, _MERITS[found.metric][1], found.metric == metrics.ACCURACY)


def html(found: Comparison) -> str:
    """The page, which fetches nothing."""
    pictures = [(plot.title, picture.svg(SVG_TEMPLATE, plot=plot)) for plot in plots(found).values()]
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            found=found,
            lines=lines(found),
            unit=unit_of(found),
            sentences=sentences(found),
            pictures=pictures,
            reached="" if found.float_merit is None else _number(found.float_merit, found.metric),
        )
    )


def write(found: Comparison, folder: KeptFolder, progress: Progress) -> list[Path]:
    """Every form of the comparison, in ``folder``. Without vl-convert the pictures are in the page alone."""
    document = json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    written = [folder.write(JSON_NAME, document), folder.write(CSV_NAME, to_csv(found))]
    written.append(folder.write(HTML_NAME, html(found)))
    for name, plot in plots(found).items():
        content = picture.png(SVG_TEMPLATE, plot=plot)
        if content is None:
            progress.note(f"no PNG files, the page has the plots: vl-convert is missing ({picture.INSTALL})")
            break
        written.append(folder.write(f"{name}.png", content))
    return written
