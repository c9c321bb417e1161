"""The kernels of the Cortex-M55: ``python -m benchmarks.cores``.

Counts the instructions of the five MLPerf Tiny reference models on the emulated core, beside those of TFLM with
CMSIS-NN's kernels for the same core, and stores them. ``MCUFORGE_REFERENCE`` says where the models are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmarks import tables
from benchmarks.board_run import SAMPLES, version_in
from benchmarks.measure import Measured, measured
from benchmarks.models import NAMES, REFERENCE, model_file
from benchmarks.peers import Helium, load_peers
from benchmarks.program import exit_with
from benchmarks.record import RESULTS
from toolchain.budget import OBJECTIVES
from toolchain.codegen.views import layer_text
from toolchain.errors import UserError
from toolchain.inspection import total_macs
from toolchain.progress import Progress
from toolchain.target import Target, load_target
from toolchain.versions import first_line_of
from toolchain.virtual.qemu import find_qemu

TARGET = "mps3-an547"
FILE = RESULTS / "cores.json"

PAGE = """# Benchmark: Cortex-M55

Made by `python -m benchmarks.cores`; do not edit. One inference of the MLPerf Tiny reference models, int8 in to int8
out, on an emulated {core} (target `{target}`), compiled with the default options, gcc {compiler}, QEMU {qemu}.
Instructions are exact counts, not cycles: an instruction on a vector takes a real core longer than one on a register.
Output codes that differ from TFLM's reference kernels on {samples} random inputs a model: {differing} of {codes:,}.

## Whole models
{whole}

Geometric mean: {mean:.2f} times fewer instructions than {peer}. The predictions are those that kernels are chosen by.
MACs left are those of the layers that run: channels that always hold the same code are removed first, exactly, which
halves vww_mobilenet and is no merit of these kernels.

{peer}: {source}

## Layer by layer
{layers}"""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layer(_Entry):
    """``text`` is the operator with its shapes; ``predicted`` is what its kernel was chosen by."""

    text: str
    kernel: str
    macs: int
    predicted: int
    instructions: int


class Model(_Entry):
    """One inference of the whole model. ``macs`` are the nominal ones of its file; bytes are the whole firmware's."""

    name: str
    sha256: str
    macs: int
    predicted: int
    instructions: int
    flash_bytes: int
    ram_bytes: int
    codes: int
    differing: int
    layers: tuple[Layer, ...]


class Record(_Entry):
    format: Literal["mcuforge-cores/1"] = "mcuforge-cores/1"
    target: str
    core: str
    compiler: str
    qemu: str
    models: tuple[Model, ...]


def measure_model(name: str, path: Path, target: Target, progress: Progress) -> tuple[Model, str]:
    """The model's figures, and the version of the compiler that its firmware names."""
    run = measured(name, path, target, OBJECTIVES[0], progress)
    layers = _layers(run)
    model = Model(
        name=name,
        sha256=run.compiled.model.ident.sha256,
        macs=total_macs(run.compiled.model.graph),
        predicted=sum(layer.predicted for layer in layers),
        instructions=run.regions[0].instructions,
        flash_bytes=run.firmware.flash,
        ram_bytes=run.firmware.ram,
        codes=run.codes,
        differing=run.differing,
        layers=layers,
    )
    return model, version_in(run.firmware.compiler)


def _layers(run: Measured) -> tuple[Layer, ...]:
    plan = run.compiled.plan
    # Segment 0 is the call itself, before the first layer's marker.
    rows = zip(plan.layers, run.regions[0].segments[1:], strict=True)
    return tuple(
        Layer(
            text="; ".join(" ".join(layer_text(plan.graph, step.node).split()) for step in layer.steps),
            kernel=layer.kernel,
            macs=layer.macs,
            predicted=round(
                sum(step.variant.cost(plan.graph, step.node).cycles for step in layer.steps if step.variant)
            ),
            instructions=instructions,
        )
        for layer, (instructions, _) in rows
    )


def measure(progress: Progress) -> Record:
    """All models, one after the other. Raises UserError for what is missing on this machine."""
    target = load_target(TARGET)
    models = []
    compiler = ""
    for name in NAMES:
        model, compiler = measure_model(name, model_file(REFERENCE, name), target, progress)
        models.append(model)
    qemu = version_in(first_line_of([find_qemu(target), "--version"]))
    return Record(target=target.name, core=target.core, compiler=compiler, qemu=qemu, models=tuple(models))


def page(record: Record, peer: Helium) -> str:
    """The tables beside the stored figures."""
    theirs = [peer.instructions[m.name] for m in record.models]
    ratios = [their / m.instructions for their, m in zip(theirs, record.models, strict=True)]
    head = ("model", "MACs", "MACs left", "instructions", "predicted", peer.name, "times fewer", "flash B", "RAM B")
    rows = [
        (m.name, *map(tables.number, (m.macs, sum(la.macs for la in m.layers), m.instructions, m.predicted, their)),
         tables.ratio(ratio), tables.number(m.flash_bytes), tables.number(m.ram_bytes))
        for m, their, ratio in zip(record.models, theirs, ratios, strict=True)
    ]  # fmt: skip
    return PAGE.format(
        core=record.core,
        target=record.target,
        compiler=record.compiler,
        qemu=record.qemu,
        samples=SAMPLES,
        differing=sum(m.differing for m in record.models),
        codes=sum(m.codes for m in record.models),
        whole=tables.table(head, rows, left=1),
        mean=math.exp(sum(map(math.log, ratios)) / len(ratios)),
        peer=peer.name,
        source=peer.source.strip(),
        layers="\n".join(f"### {m.name}\n{_layer_table(m)}\n" for m in record.models),
    )


def _layer_table(model: Model) -> str:
    head = ("layer", "kernel", "MACs", "instructions", "share", "instructions/MAC", "predicted")
    rows = [
        (la.text, la.kernel, tables.number(la.macs), tables.number(la.instructions),
         f"{la.instructions / model.instructions:.1%}", tables.ratio(la.instructions / la.macs if la.macs else None),
         tables.number(la.predicted))
        for la in model.layers
    ]  # fmt: skip
    return tables.table(head, rows, left=2)


def load(file: Path = FILE) -> Record:
    """The stored figures."""
    return Record.model_validate_json(file.read_text(encoding="utf-8"))


def run(arguments: Sequence[str]) -> int:
    """Exit code 0, or 1 when a model is inexact, which is not stored. Raises UserError for what the user can mend."""
    if arguments:
        raise UserError(f"cores takes no arguments: {' '.join(arguments)}", "Run: python -m benchmarks.cores")
    record = measure(Progress())
    for m in record.models:
        print(f"{m.name}: {m.instructions:,} instructions (emulated), {m.differing} of {m.codes} codes differ")
    if any(m.differing for m in record.models):
        return 1
    FILE.write_text(json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    FILE.with_suffix(".md").write_text(page(record, load_peers().helium), encoding="utf-8")
    return 0


if __name__ == "__main__":
    exit_with(run)
