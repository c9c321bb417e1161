"""Markdown tables of a record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks.models import TWIN
from benchmarks.peers import Peers
from benchmarks.record import FLOOR_CYCLES_PER_MAC, Layer, Model, Record

NONE = "-"


PAGE = """# Benchmark: {what}

Made by `make bench`; do not edit. One inference, int8 in to int8 out, on an emulated {core} (target `{target}`), gcc
{compiler}, QEMU {qemu}. Cycles are modelled, not measured: [docs/performance.md](../../docs/performance.md) says what
that means.

## Whole models
{whole}

{exactness}

{peer}

![Cycles relative to the peer, and cycles per MAC of every layer]({set}.svg)

## Other objectives
{objectives}

## Memory
{memory}

## Layer by layer
{layers}"""


def page(record: Record, peers: Peers) -> str:
    """The file beside the stored figures."""
    return PAGE.format(
        what="twins of the MLPerf Tiny models" if record.set == TWIN else "the MLPerf Tiny reference models",
        core=record.core,
        target=record.target,
        compiler=record.tools.compiler,
        qemu=record.tools.qemu,
        whole=whole_models(record, peers),
        exactness=exactness(record),
        peer=peer_note(record, peers),
        set=record.set,
        objectives=objectives(record),
        memory=memory(record),
        layers="\n".join(f"### {m.name}\n{layers(m)}\n" for m in record.models),
    )


def whole_models(record: Record, peers: Peers) -> str:
    """Cycles, flash and RAM beside the peer's."""
    name = peers.peer.name
    head = (
        "model", "MACs", "instructions", "cycles", "cycles/MAC", f"cycles, {name}", "times faster",
        "flash B", f"flash B, {name}", "RAM B", f"RAM B, {name}",
    )  # fmt: skip
    rows = []
    for m in record.models:
        peer = peers.peer.models.get(m.name)
        theirs = (
            (number(peer.cycles), f"{peer.cycles / m.cycles:.2f}", number(peer.flash_bytes), number(peer.ram_bytes))
            if peer
            else (NONE,) * 4
        )
        rows.append(
            (
                m.name, number(m.macs), number(m.instructions), number(m.cycles), ratio(m.cycles_per_mac), theirs[0],
                theirs[1], number(m.flash_bytes), theirs[2], number(m.ram_bytes), theirs[3],
            )
        )  # fmt: skip
    return (
        table(head, rows, left=1) + f"\n\nGeometric mean: {mean_speedup(record, peers):.2f} times faster than {name}."
    )


def mean_speedup(record: Record, peers: Peers) -> float:
    """The geometric mean of the peer's cycles over ours, for the models that the peer has."""
    pairs = [(peers.peer.models[m.name].cycles, m.cycles) for m in record.models if m.name in peers.peer.models]
    return math.exp(sum(math.log(theirs / ours) for theirs, ours in pairs) / len(pairs)) if pairs else math.nan


def exactness(record: Record) -> str:
    codes, differing = sum(m.codes for m in record.models), sum(m.differing for m in record.models)
    slower = max(m.slowest_cycles / m.cycles - 1 for m in record.models)
    return (
        f"Output codes that differ from TFLM's reference kernels on {record.models[0].samples} random inputs a model:"
        f" {differing} of {codes:,}. The tables show the first input; the slowest takes {slower:.2%} more at most."
    )


def objectives(record: Record) -> str:
    """What else the planner offers for the same models; empty when only the default was measured."""
    if not any(m.objectives for m in record.models):
        return ""
    rows = []
    for m in record.models:
        rows.append((m.name, "balanced (default)", number(m.cycles), number(m.flash_bytes), number(m.ram_bytes)))
        rows += [("", o.name, number(o.cycles), number(o.flash_bytes), number(o.ram_bytes)) for o in m.objectives]
    return table(("model", "`--optimize`", "cycles", "flash B", "RAM B"), rows, left=2)


def memory(record: Record) -> str:
    """The arena against the least that any placement of these kernels' buffers needs."""
    rows = [
        (
            m.name,
            number(m.arena_bytes),
            number(m.arena_lower_bound),
            f"{m.arena_bytes / m.arena_lower_bound - 1:.1%}",
            number(m.ram_bytes),
        )
        for m in record.models
    ]
    return table(("model", "arena B", "lower bound B", "gap", "RAM B"), rows, left=1)


def peer_note(record: Record, peers: Peers) -> str:
    """Where the other figures come from, and what is not alike."""
    note = f"{peers.peer.name}: {peers.peer.source.strip()}"
    if record.set == TWIN:
        note += (
            " The twins have the layers and shapes of the reference models with other weights, so its cycles and bytes"
            " stand beside theirs; the twin of vww_mobilenet has no constant channels to remove."
        )
    return note


def layers(model: Model) -> str:
    """Every layer with its distance from the floor."""
    head = (
        "layer", "kernel", "MACs", "cycles", "share", "cycles/MAC", "x floor",
        "instructions", "constants B", "arena B",
    )  # fmt: skip
    rows = [
        (
            layer.text, layer.kernel, number(layer.macs), number(layer.cycles), f"{layer.cycles / model.cycles:.1%}",
            ratio(layer.cycles_per_mac), ratio(layer.times_floor), number(layer.instructions),
            number(layer.flash_bytes), number(layer.ram_bytes),
        )
        for layer in model.layers
    ]  # fmt: skip
    return table(head, rows, left=2)


def above_floor(layer: Layer) -> int:
    """Cycles beyond those that SMLAD needs for the layer's MACs alone; negative where Winograd leaves MACs out."""
    return layer.cycles - round(FLOOR_CYCLES_PER_MAC * layer.macs)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """The first ``left`` columns are text, the others numbers."""
    marks = ["--" if i < left else "--:" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))


def number(value: int) -> str:
    return f"{value:,}"


def ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"
