"""The sensitivity of a model's layers as a table, JSON, a heat map and one self-contained page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain.output import KeptFolder
from toolchain.progress import Progress
from toolchain.report import picture
from toolchain.report.html import environment
from toolchain.sensitivity.measure import Cell, LayerRow, Sensitivity

HTML_NAME, JSON_NAME, PNG_NAME = "sensitivity.html", "sensitivity.json", "sensitivity.png"
SVG_TEMPLATE = "heat.svg.j2"
_HIGH_DB, _LOW_DB = 40.0, 0.0  # of the model's output: as good as nothing changed, and all noise
_TOP, _CELL_W, _CELL_H = 34, 92, 40
_LETTER = 7  # the width of one, about
ACTIVATIONS = "outputs int8"
_NARROW = {"ternary": "tern", "binary": "bin", ACTIVATIONS: "out"}  # heads for a terminal of 80 columns


@dataclass(frozen=True)
class Square:
    """A cell of the heat map. ``strength`` is from 0, harmless, to 1."""

    x: int
    y: int
    strength: float
    text: str
    below: str
    width: int = _CELL_W
    height: int = _CELL_H

    @property
    def colour(self) -> str:
        """From green over yellow to red, light enough for black letters."""
        hue = 135 * (1 - self.strength)
        return f"hsl({hue:.0f}, 62%, 72%)"


@dataclass(frozen=True)
class Heat:
    """``legend`` stands below the squares where the picture is a file of its own; the page has it as text."""

    title: str
    legend: str
    width: int
    height: int
    squares: tuple[Square, ...]
    columns: tuple[tuple[int, str], ...]
    rows: tuple[tuple[int, str], ...]


def sentence(found: Sensitivity) -> str:
    """What was done, and by which samples it is judged."""
    reached = "" if found.accuracy is None else f" (float accuracy on them {found.accuracy:.1f} %)"
    return (
        "One layer's weights at a time in the format, rounded to the nearest, all else float; judged by "
        f"{found.samples} representative "
        f"samples{reached}; the test set was not used."
    )


def legend(found: Sensitivity) -> str:
    """What the two numbers of a cell are."""
    first = "answers that change, %" if _classifies(found) else "SQNR of the model's output, dB"
    last = " / points of accuracy lost" if found.accuracy is not None else ""
    outputs = "Last column: the layer's outputs as int8, its weights float"
    return f"{first}{last}; below it the SQNR of the layer's own output, dB. {outputs}"


def _classifies(found: Sensitivity) -> bool:
    return any(cell.changed is not None for row in found.rows for cell in row.cells.values())


def _first(cell: Cell) -> str:
    if cell.changed is None:
        return _db(cell.output_sqnr)
    lost = "" if cell.lost is None else f" / {cell.lost:+.1f}"
    return f"{100 * cell.changed:.1f}{lost}"


def _narrow(cell: Cell) -> str:
    return _db(cell.output_sqnr).replace(" dB", "") if cell.changed is None else f"{100 * cell.changed:.1f}"


def _db(value: float | None) -> str:
    return "exact" if value is None else f"{value:.0f} dB"


def strength(cell: Cell) -> float:
    """How harmful, from 0 to 1: the changed answers up to a half, on a root scale, else the output's noise."""
    if cell.changed is not None:
        return min(1.0, math.sqrt(2 * cell.changed))
    if cell.output_sqnr is None:
        return 0.0
    return min(1.0, max(0.0, (_HIGH_DB - cell.output_sqnr) / (_HIGH_DB - _LOW_DB)))


def heat(found: Sensitivity) -> Heat:
    """The heat map: a row for each layer, a column for each format."""
    left = _LETTER * max(len(_short(row.name)) for row in found.rows) + 14
    squares = tuple(
        Square(left + _CELL_W * j, _TOP + _CELL_H * i, strength(cell), _first(cell), _db(cell.sqnr))
        for i, row in enumerate(found.rows)
        for j, cell in enumerate(_columns(row, found.formats).values())
    )
    names = list(_columns(found.rows[0], found.formats))
    return Heat(
        f"{found.model}: what each layer bears",
        legend(found),
        left + _CELL_W * len(names) + 8,
        _TOP + _CELL_H * len(found.rows) + 8,
        squares,
        tuple((left + _CELL_W * j + _CELL_W // 2, name) for j, name in enumerate(names)),
        tuple((_TOP + _CELL_H * i + _CELL_H // 2 + 4, _short(row.name)) for i, row in enumerate(found.rows)),
    )


def _columns(row: LayerRow, formats: Sequence[str]) -> dict[str, Cell]:
    """The cells of a row by their headings."""
    cells = {name: row.cells[name] for name in formats}
    return cells if row.activations is None else {**cells, ACTIVATIONS: row.activations}


def _short(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"{name[: most - 12]}..{name[-10:]}"


def render(found: Sensitivity) -> RenderableType:
    """The table for the terminal, and the advice below it."""
    what = "answers that change, %" if _classifies(found) else "SQNR of the model's output, dB"
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=f"{found.model}: {what}", title_justify="left"
    )
    table.add_column("layer", overflow="fold")
    names = list(_columns(found.rows[0], found.formats))
    for name in names:
        table.add_column(_NARROW.get(name, name.replace("kmeans", "k")), justify="right", no_wrap=True)
    for row in found.rows:
        cells = []
        for cell in _columns(row, found.formats).values():
            harm = strength(cell)
            style = "green" if harm < 0.15 else "yellow" if harm < 0.45 else "red"
            cells.append(Text(_narrow(cell), style=style))
        table.add_row(row.name, *cells)
    words = [Text.assemble((f"{row.name}: ", "bold"), " ".join(row.advice)) for row in found.rows]
    refused = [Text(f"{name}: {why}", style="yellow") for name, why in found.refused.items()]
    last = [Text("out: the layer's outputs alone as int8.", style="dim")] if ACTIVATIONS in names else []
    return Group(table, *last, *words, *refused, Text(sentence(found), style="dim"))


def html(found: Sensitivity) -> str:
    """The page, which fetches nothing."""
    return (
        environment()
        .get_template("sensitivity.html.j2")
        .render(
            found=found,
            heat=picture.svg(SVG_TEMPLATE, plot=heat(found)),
            sentence=sentence(found),
            legend=legend(found),
        )
    )


def write(found: Sensitivity, folder: KeptFolder, progress: Progress) -> list[Path]:
    """JSON, the page, and the heat map where vl-convert can draw it."""
    document = json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    written = [folder.write(JSON_NAME, document), folder.write(HTML_NAME, html(found))]
    content = picture.png(SVG_TEMPLATE, plot=heat(found))
    if content is None:
        progress.note(f"no PNG file, the page has the heat map: vl-convert is missing ({picture.INSTALL})")
    else:
        written.append(folder.write(PNG_NAME, content))
    return written
