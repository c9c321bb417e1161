"""A report as tables in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain.report import view
from toolchain.results import MICROJOULES, Report


def print_report(report: Report, console: Console) -> None:
    """Print ``report`` to ``console``."""
    console.print(render(report))


def render(report: Report) -> RenderableType:
    """The tables, from the model to the accuracy; what was not measured is left out."""
    parts: list[RenderableType] = [_model(report), _board(report), _memory(report)]
    if report.latency:
        parts.append(_latency(report))
    if report.energy:
        parts.append(_energy(report))
    if report.layers:
        parts.append(_layers(report))
    if report.accuracy.metric != "none":
        parts.append(_accuracy(report))
    sentence = view.exactness(report)
    if sentence is not None and report.exactness is not None:
        parts.append(Text(sentence, style="green" if report.exactness.differing == 0 else "bold red"))
    parts.extend(Text(f"note: {note}", style="yellow") for note in report.notes)
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    """Text in the first column, numbers right-aligned in the others; a name is folded, never cut."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", overflow="fold")
    return table


def _model(report: Report) -> Text:
    model = report.model
    text = Text("\n")
    text.append(model.name, style="bold")
    text.append(f" on {report.target.name} ({report.target.core})\n")
    text.append(f"{view.count(model.macs)} MACs, {view.count(model.parameters)} parameters, ")
    text.append(f"sha256 {model.sha256[:12]}", style="dim")
    if sentence := view.quantization(report):
        text.append(f"\n{sentence}")
    return text


def _board(report: Report) -> Text:
    return Text(view.board_sentence(report) + "\n", style="yellow" if report.target.virtual else "")


def _memory(report: Report) -> Table:
    memory = report.memory
    table = _table("Memory", "", "bytes")
    table.add_row("flash (image)", view.size(memory.flash_bytes))
    if memory.update_bytes is not None:
        table.add_row("  over the air (gzip)", view.size(memory.update_bytes))
    table.add_row("RAM (.data + .bss)", view.size(memory.ram_bytes))
    table.add_row("  of that the arena", view.size(memory.arena_bytes))
    if memory.arena_lower_bound is not None:
        table.add_row("  lower bound of the arena", view.size(memory.arena_lower_bound))
        table.add_row("  gap", view.arena_gap(memory.arena_bytes, memory.arena_lower_bound))
    if memory.stack_bytes is not None:
        table.add_row("stack, highest use", view.size(memory.stack_bytes))
    if memory.uart_buffer_bytes:
        table.add_row("UART frame buffers", view.size(memory.uart_buffer_bytes))
    return table


def _latency(report: Report) -> RenderableType:
    table = _table("Latency of one inference", "unit", "median", "min to max", "runs", "time")
    rows = view.latency_rows(report)
    for row in rows:
        time = row.milliseconds or ""
        if row.clock:
            time += f" at {row.clock}"
        table.add_row(row.unit, row.median, row.span, str(row.n), time)
    sources = (Text(f"{row.unit}: {row.source}", style="dim") for row in rows)
    return Group(table, *sources, Text())


def _energy(report: Report) -> RenderableType:
    table = _table(f"Energy of one inference, {MICROJOULES}", "", "uJ")
    for row in view.energy_rows(report):
        table.add_row(row.what, row.microjoules)
    sources = (Text(f"{row.what}: {row.source}", style="dim") for row in view.energy_rows(report))
    return Group(table, *sources, Text())


def _layers(report: Report) -> Table:
    unit = view.layer_unit(report)
    head = ["layer", "MACs"]
    if unit is not None:
        head += [view.short_unit(unit), "/ MAC", "share"]
    table = _table("Layers" if unit is None else f"Layers, {unit}", *head, "kernel")
    table.columns[-1].justify = "left"
    if any(len(layer.name) > 1 for layer in report.layers):
        table.caption = "+1: one more layer of the model is fused into it; report.html names all"
    for row in view.layer_rows(report):
        cells = [f"{row.index} {row.short}", view.count(row.macs)]
        if unit is not None:
            value = "" if row.value is None else view.count(row.value)
            per_mac = "" if row.per_mac is None else f"{row.per_mac:.2f}"
            share = "" if row.share is None else view.percent(row.share)
            cells += [value, per_mac, share]
        table.add_row(*cells, Text(row.kernel, style="dim"))
    return table


def _accuracy(report: Report) -> Table:
    table = _table(view.metric_name(report).capitalize(), "", "score", "from float")
    for row in view.score_rows(report):
        table.add_row(row.where, row.text, row.difference)
    return table
