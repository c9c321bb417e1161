"""Writes docs/performance.md from the stored figures: python -m benchmarks.performance (``make bench`` does it too)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from benchmarks import arena, tables
from benchmarks.cost_record import load_costs
from benchmarks.models import REFERENCE
from benchmarks.peers import Peers
from benchmarks.record import FLOOR_CYCLES_PER_MAC, Model, Record, load

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

HEAD = """# Performance
Made by `python -m benchmarks.performance` from `benchmarks/results/{set}.json`; do not edit. One inference of the
MLPerf Tiny reference models (github.com/mlcommons/tiny), int8 input to int8 output, softmax and pooling included, on an
emulated {core}: gcc {compiler}, QEMU {qemu}.

## What these numbers are
**Cycles are modelled.** QEMU executes the flashed firmware; a plugin
([m4cycles.c](../firmware_templates/emulator/m4cycles.c)) sees every instruction and adds up what the Cortex-M4 takes
for it by a fixed table: ALU and multiplications 1, loads 2 (1 behind another load), stores 1, taken branches +2, and so
on. Flash wait states, caches, prefetching and interrupts are not modelled, so a board is slower: the flash of an
STM32F405 at 168 MHz has 5 wait states behind a cache. Use the figures to compare kernels and compilers, not to promise
milliseconds; `make deploy` with a board attached measures those.

**Instructions are exact**, as are flash and RAM, which come from the ELF file: the whole firmware with its serial
protocol, UART frame buffers and stack left out. MACs are the nominal ones of the model's file.

**The floor** is {floor} cycles per MAC: SMLAD does two MACs in one cycle, and nothing else is counted. A kernel that
also loads, unpacks and requantizes cannot reach it. Winograd convolutions do fewer multiplications than the nominal
MACs and may lie below it. Layers without MACs have no floor; their cycles per MAC are left out.

Every run compares the board's output codes with TFLM's reference kernels. A model with one wrong code is not stored.

## Whole models
{whole}

{exactness}

{peer}

![Cycles relative to the peer, and cycles per MAC of every layer](../benchmarks/results/{set}.svg)

### Other objectives
[How memory is planned](memory.md) says what each objective takes. The output codes were compared in every row.

{objectives}

### Memory
The lower bound is the most bytes that these kernels' tensors and scratch occupy in any one layer: no placement of the
same buffers can need less.

{memory}

By objective, with proofs by CP-SAT ({solver}), made by `python -m benchmarks.arena`:

{arenas}

{legend}

## Where the cycles go
{operators}

"""

TAIL = """
## What was tried
Kept, because it gained:
- Rounding once where that is proved to give the codes of rounding twice: 3 instructions an output instead of 5.
- One assembly loop that gathers windows, multiplies and requantizes for a run of pixel pairs, entered by a computed
  jump, so that short products (8 channels, 3x3x3) have no loop of their own: first layers from 2.7 to 1.8 cycles per
  MAC, 1x1 from 8 channels from 3.0 to 2.2.
- Stages instead of whole tensors: visual wake words from 74 to 28 KB of RAM for 2 % more cycles.

Left out, because it did not:
- LDRD instead of two LDR: 12 % fewer instructions, 6 % more cycles.
- Winograd with stride 2: the transforms cost more than they save at 16 to 64 channels.
- Copying windows at the border inside the convolution's loop: the loop spills registers. A pair of pixels with one
  outside the image costs 600 to 900 cycles more, which is what a layer without a padded copy pays.
- Depthwise with stride 2 on packed pairs of columns: half of what is packed is not used.
- Stages for keyword spotting: 9.2 instead of 10.2 KB, for 30 % more cycles; `--max-ram` has them.
- Two weights in one word for MUL on a Cortex-M0: sums overflow after 3 to 6 products. Three pixels in two words do not
  ([other cores](other-cores.md)).

## On silicon, by others
For orientation only: these are measured on a board whose flash has wait states, with other runtimes, and so do not
stand beside the modelled cycles above. {source}

{silicon}

## Making them again
```
make bench                 # every set that is there; SET=twins or SET=reference for one
make bench-check           # measure, compare with the stored figures, store nothing
```
The reference models are not part of this repository. `MCUFORGE_REFERENCE` names a folder with
`models/<name>_int8.tflite`; without it the benchmark runs on [twins](../benchmarks/twins.py), the same architectures
with seeded weights, whose figures are in [twins.md](../benchmarks/results/twins.md).

`make bench-check` prints every change of cycles, flash, RAM or kernel and fails when a model became more than 1 %
slower. The test suite does the same with the twins. Both compare only when gcc and QEMU are the versions (major and
minor) of the stored figures, and say so otherwise.

### The peer in the same run
The figures of TFLM + CMSIS-NN are stored in [peers.toml](../benchmarks/peers.toml) with their source. With checkouts of
both at hand, `make bench` builds and measures them itself, with the same compiler, board, inputs and serial firmware:
```
make -f tensorflow/lite/micro/tools/make/Makefile third_party_downloads    # once, in TFLM's checkout
make bench TFLM_DIR=../tflite-micro CMSIS_NN_DIR=../CMSIS-NN
```
Its columns are then those of this run, and say so with both commits. The kernels are compiled at -O2, -O3 and -Os, the
interpreter at -Os; the fastest build gives the cycles, the smallest the flash, and the smallest arena that works, found
on the board by bisection, the RAM. It needs `arm-none-eabi-g++` with newlib (Debian: `libstdc++-arm-none-eabi-newlib`).

**Not yet run on the real thing.** The selection of sources follows TFLM's Makefile of 2025 and CMSIS-NN 7, read file by
file; no whole checkout was at hand. The test suite builds, flashes and measures a stand-in of a few files in the same
layout. A version that is laid out otherwise ends in an error that names the file.

## What the planner expects
Kernels are chosen by predicted cycles, and budgets are checked against predicted flash and RAM.
`python -m benchmarks.costs` runs {layers} layers, those of the five networks and a seeded spread of others, by every
kernel that computes them, and stores the {measurements} figures in
[costs.json](../benchmarks/results/costs.json); with `--fit` it suggests the constants of those costs that are sums of
terms. The test suite predicts each figure anew and allows 10 %, measures one layer of every kernel again, and checks
the plans of the twins: each layer's cycles within 10 %, flash from above by at most 2 %.

What softmax takes depends on its input: the figures are those of random codes. All predictions are for a Cortex-M4;
on other cores they only rank the kernels.
"""


def text(record: Record, peers: Peers) -> str:
    """The page."""
    arenas = arena.load_arenas()
    head = HEAD.format(
        set=record.set,
        core=record.core,
        compiler=record.tools.compiler,
        qemu=record.tools.qemu,
        floor=FLOOR_CYCLES_PER_MAC,
        whole=tables.whole_models(record, peers),
        exactness=tables.exactness(record),
        peer=tables.peer_note(record, peers),
        objectives=tables.objectives(record),
        memory=tables.memory(record),
        solver=arenas.solver,
        arenas=arena.rows(arenas),
        legend=arena.LEGEND,
        operators=_operators(record),
    )
    sections = "\n".join(_model(m) for m in record.models)
    return head + sections + _tail(peers)


def _operators(record: Record) -> str:
    """Share of each operator in the cycles of each model."""
    shares: dict[str, dict[str, int]] = defaultdict(dict)
    for m in record.models:
        for layer in m.layers:
            shares[layer.op][m.name] = shares[layer.op].get(m.name, 0) + layer.cycles
    rows = [
        (op, *(f"{by_model[m.name] / m.cycles:.1%}" if m.name in by_model else "" for m in record.models))
        for op, by_model in sorted(shares.items(), key=lambda item: -sum(item[1].values()))
    ]
    return tables.table(("operator", *(m.name for m in record.models)), rows, left=1)


def _model(model: Model) -> str:
    """One model: the layers farthest from the floor in cycles, then all of them."""
    with_macs = [layer for layer in model.layers if layer.macs]
    far = sorted(with_macs, key=tables.above_floor, reverse=True)[:3]
    left = sum(layer.macs for layer in model.layers)
    lines = [f"### {model.name}"]
    if left < model.macs:
        lines.append(f"{left:,} of {model.macs:,} MACs are left after the exact graph reductions.")
    worst = "; ".join(f"{layer.text} ({tables.above_floor(layer):,})" for layer in far)
    lines += [f"Most cycles above the floor: {worst}.", "", tables.layers(model), ""]
    return "\n".join(lines)


def _tail(peers: Peers) -> str:
    measured = load_costs().cycles
    return TAIL.format(
        source=peers.silicon.source.strip(),
        silicon=_silicon(peers),
        layers=len(measured),
        measurements=sum(map(len, measured.values())),
    )


def _silicon(peers: Peers) -> str:
    rows = [(name, *(f"{value:g}" for value in values)) for name, values in peers.silicon.mcycles.items()]
    return tables.table(("Mcycles", *peers.silicon.models), rows, left=1)


def write_page() -> None:
    record = load(REFERENCE)
    PAGE.write_text(text(record, record.peers), encoding="utf-8")


if __name__ == "__main__":
    write_page()
