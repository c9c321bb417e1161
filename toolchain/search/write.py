"""What a search found: a table, ``search.json``, and the recipe that ``deploy --recipe`` takes."""

from __future__ import annotations

import json
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain import metrics
from toolchain.output import KeptFolder
from toolchain.quantize.recipe import recipe_text
from toolchain.search.run import Final, Found, Mixture, plain

RECIPE_NAME, JSON_NAME, STUDY_NAME = "recipe.toml", "search.json", "study.journal"


def render(found: Found) -> RenderableType:
    """The Pareto set, the choice, and the test set's word."""
    title = f"{found.model} on {found.target}: the Pareto set of {found.trials} trials"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for i, head in enumerate(("trial", "flash B", "RAM B", "M cycles", "drop", "changed", "formats")):
        table.add_column(head, justify="left" if i == 6 else "right", overflow="fold")
    for mixture in found.front:
        style = "bold green" if mixture.number == found.best.number else ""
        table.add_row(*_cells(mixture), style=style)
    best = found.best.outcome
    lines = [
        Text(f"Chosen: trial {found.best.number}"),
        *(Text(f"  {name}: {', '.join(layers)}") for name, layers in _by_format(found.best).items()),
        Text(
            f"Predicted: {best.flash:,} B flash, {best.ram:,} B RAM, {best.cycles:,.0f} cycles (modelled). Judged by "
            f"{found.judged} representative samples; the test set was not used for any choice.",
            style="dim",
        ),
    ]
    lines.append(Text("A recipe holds no limits: give deploy the same ones for the same kernels.", style="dim"))
    if found.final is not None:
        lines.append(Text(final_sentence(found.final), style="bold"))
    return Group(table, *lines)


def _cells(mixture: Mixture) -> tuple[str, ...]:
    o = mixture.outcome
    numbers = (str(mixture.number), f"{o.flash:,}", f"{o.ram:,}", f"{o.cycles / 1e6:.3f}", f"{o.drop:+.2f}")
    return (*numbers, f"{100 * o.changed:.1f} %", _formats(mixture))


def _by_format(mixture: Mixture) -> dict[str, list[str]]:
    """The layers of each format, in the order of the model; the format of most layers first."""
    found: dict[str, list[str]] = {}
    for layer, name in mixture.layers.items():
        found.setdefault(name, []).append(layer)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _formats(mixture: Mixture) -> str:
    """ "int4 x5, int8 x3" """
    return ", ".join(f"{name} x{len(layers)}" for name, layers in _by_format(mixture).items())


def final_sentence(final: Final) -> str:
    """What the chosen recipe reaches where nothing was chosen by."""
    if final.recipe is None or final.float_model is None:
        return ""
    if final.metric != metrics.ACCURACY or final.interval is None:
        numbers = f"{final.recipe:.4g}, float model {final.float_model:.4g}"
        return f"Test set, {final.samples} samples, {final.metric}: {numbers}."
    low, high = (100 * end for end in final.interval)
    return (
        f"Test set, {final.samples} samples: {final.recipe:.2f} % ({low:.1f} to {high:.1f} with 95 %), float model "
        f"{final.float_model:.2f} %: {final.recipe - final.float_model:+.2f} points."
    )


def write(found: Found, folder: KeptFolder) -> list[Path]:
    """The recipe and the JSON document."""
    head = f"# {found.model} for {found.target}, by mcuforge search: trial {found.best.number} of {found.trials}.\n"
    document = json.dumps(plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return [folder.write(RECIPE_NAME, head + recipe_text(found.recipe)), folder.write(JSON_NAME, document)]
