"""Results of the smaller commands as Rich tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from toolchain.doctor import Diagnosis, Finding
from toolchain.report import view
from toolchain.target import Target

if TYPE_CHECKING:
    from toolchain.compile import CompileResult
    from toolchain.finetune.run import Tuned
    from toolchain.flashers import FlashResult
    from toolchain.inspection import Inspection


def _table(columns: Iterable[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def flashed(result: FlashResult) -> RenderableType:
    if result.flasher == "emulator":
        return Text(f"{view.size(result.bytes)} handed to the emulator of a virtual board in {result.seconds:.1f} s")
    repeats = f", {result.retries} commands repeated" if result.retries else ""
    return Text(
        f"{view.size(result.bytes)} written and verified by {result.flasher} in {result.seconds:.1f} s{repeats}"
    )


def compiled(result: CompileResult) -> RenderableType:
    arena = _arena(result.arena_bytes, result.arena_lower_bound)
    lines = [Text(f"{result.name}: {arena}, weights {view.size(result.weights_bytes)}")]
    lines += [Text(f"  {result.out / file}") for file in result.files]
    lines += [Text(f"note: {note}", style="yellow") for note in result.notes]
    return Group(*lines)


def tuned(result: Tuned) -> RenderableType:
    lines = [Text(f"{result.trained_with} samples trained with, {result.held_out} held out")]
    if result.binary_inputs:
        lines.append(Text(f"binary inputs: {', '.join(result.binary_inputs)}"))
    if result.best.accuracy is not None:
        start = result.epochs[0].accuracy or 0.0
        lines.append(
            Text(
                f"accuracy on those held out: float {result.float_accuracy:.1%}, start {start:.1%}, "
                f"epoch {result.best.number} {result.best.accuracy:.1%}, its integers {result.integers:.1%}"
            )
        )
    else:
        lines.append(Text(f"loss on those held out: start {result.epochs[0].loss:.4g}, best {result.best.loss:.4g}"))
    lines.append(Text(f"Next: mcuforge deploy {result.model} --recipe {result.recipe} --data ..."))
    return Group(*lines)


def _arena(size: int, lower_bound: int) -> str:
    return f"arena {view.size(size)} (gap: {view.arena_gap(size, lower_bound)})"


def inspection(result: Inspection) -> RenderableType:
    head = Text.assemble((result.name, "bold"), f"  sha256 {result.sha256[:12]}\n")
    head.append(f"{view.count(result.macs)} MACs, {view.count(result.parameters)} parameters")
    if result.arena_bytes is not None and result.arena_lower_bound is not None:
        head.append(f", {_arena(result.arena_bytes, result.arena_lower_bound)}")
    for title, tensors in (("input", result.inputs), ("output", result.outputs)):
        for tensor in tensors:
            head.append(f"\n{title}: {tensor}")
    table = _table(("node", "output", "MACs", "weights", "kernel"), ("MACs", "weights"))
    for node in result.nodes:
        name = Text.assemble(node.name, (f"\n  {node.quant}", "dim") if node.quant else "")
        shape = "x".join(map(str, node.output_shape))
        kernel = f"{node.op}, {node.kernel}" if node.kernel else node.op
        stage = "" if node.stage is None else f"\nstage {node.stage}, {node.turns}"
        cells = (view.count(node.macs), view.count(node.parameters))
        table.add_row(name, shape, *cells, Text.assemble(kernel, (stage, "dim")))
    refused = [Text(f"cannot run: {reason}", style="bold red") for reason in result.refused]
    return Group(head, table, *refused)


def target_json(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "description": target.description,
        "core": target.core,
        "kind": target.kind,
        "features": list(target.features),
        "flash_bytes": target.region("flash").size if target.kind == "mcu" else None,
        "ram_bytes": target.region("ram").size if target.kind == "mcu" else None,
        "virtual_port": f"virtual://{target.emulator.board}" if target.emulator else None,
        "flasher": target.flasher.default if target.flasher else None,
    }


def target_table(targets: list[Target]) -> RenderableType:
    table = _table(("target", "what", "flash", "RAM", "virtual board"), ("flash", "RAM"))
    for target in targets:
        entry = target_json(target)
        sizes = [f"{entry[key] // 1024} KiB" if entry[key] else "" for key in ("flash_bytes", "ram_bytes")]
        table.add_row(target.name, target.description, *sizes, entry["virtual_port"] or "")
    return table


def diagnosis(found: Diagnosis) -> RenderableType:
    parts: list[RenderableType] = [_findings("Python", found.python), _findings("Tools", found.tools)]
    boards = [Text(f"  {board}", style="green") for board in found.boards] or [
        Text("  none on USB; a virtual board it is")
    ]
    parts += [Text("Boards", style="bold"), *boards]
    if found.ports:
        parts += [Text("Other serial ports", style="bold"), *(Text(f"  {port}") for port in found.ports)]
    lines = dict.fromkeys(finding.install for finding in found.missing)
    if lines:
        parts += [Text("\nMissing. To install it:", style="bold red"), *(Text(f"  {line}") for line in lines)]
    else:
        parts.append(Text("\nEverything needed is here.", style="green"))
    return Group(*parts)


def _findings(title: str, findings: tuple[Finding, ...]) -> Table:
    table = _table((title, "version", "for", "to install it"))
    for finding in findings:
        style = "" if finding.found else "dim" if finding.optional else "bold red"
        state = finding.version or ("not installed" if finding.optional else "missing")
        line = "" if finding.found else finding.install
        table.add_row(finding.what, Text(state, style=style), finding.needed_for, line)
    return table
