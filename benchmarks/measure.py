"""Measures one model: compiled, built, flashed to the virtual board and run there under the cycle model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.board_run import (
    SAMPLES,
    SEED,
    TARGET,
    count_codes,
    known,
    run_counted,
    tflm_outputs,
    version_in,
    virtual_port,
)
from benchmarks.models import NAMES, TWIN, model_file
from benchmarks.record import Layer, Model, Objective, Record, Tools
from toolchain import flashers
from toolchain.assess import random_codes
from toolchain.budget import OBJECTIVES, Budget
from toolchain.build import Firmware
from toolchain.codegen.views import layer_text
from toolchain.compile import Compiled, compile_model
from toolchain.firmware import build_firmware
from toolchain.inspection import total_macs
from toolchain.job import Job
from toolchain.plan import Layer as PlanLayer
from toolchain.plan import Plan
from toolchain.progress import Progress
from toolchain.stages import stage_memory
from toolchain.target import Target, load_target
from toolchain.versions import first_line_of
from toolchain.virtual import RegionCounts
from toolchain.virtual.qemu import find_qemu


@dataclass(frozen=True, eq=False)
class Measured:
    """One build on the board. ``regions`` are what the emulator counted, one for each sample."""

    compiled: Compiled
    firmware: Firmware
    regions: tuple[RegionCounts, ...]
    codes: int
    differing: int


def measure_set(which: str, progress: Progress, objectives: Sequence[str] = OBJECTIVES[1:]) -> Record:
    """All models of a set by the default options and by ``objectives``, one after the other.

    Raises UserError for what is missing on this machine.
    """
    target = load_target(TARGET)
    models = []
    with progress.step(f"Measuring the {which} set", len(NAMES)) as advance:
        for name in NAMES:
            model, compiler = measure_model(name, model_file(which, name), target, progress, objectives)
            models.append(model)
            progress.info(f"{which}: {name}: {model.cycles:,} cycles (modelled)")
            advance(1)
    return Record(
        set=which,
        target=target.name,
        core=target.core,
        tools=Tools(
            compiler=compiler,
            qemu=version_in(first_line_of([find_qemu(target), "--version"])),
            tensorflow=version("tensorflow") if which == TWIN else None,
        ),
        models=tuple(models),
    )


def measure_model(
    name: str, path: Path, target: Target, progress: Progress, objectives: Sequence[str]
) -> tuple[Model, str]:
    """The model's figures, and the version of the compiler that its firmware names."""
    default, *others = (measured(name, path, target, o, progress) for o in (OBJECTIVES[0], *objectives))
    first, plan = default.regions[0], default.compiled.plan
    model = Model(
        name=name,
        sha256=default.compiled.model.ident.sha256,
        macs=total_macs(default.compiled.model.graph),
        cycles=known(first.cycles),
        instructions=first.instructions,
        flash_bytes=default.firmware.flash,
        ram_bytes=default.firmware.ram,
        arena_bytes=plan.memory.arena_bytes,
        arena_lower_bound=plan.memory.lower_bound,
        samples=SAMPLES,
        slowest_cycles=max(known(r.cycles) for r in default.regions),
        codes=default.codes,
        differing=default.differing,
        predicted_flash=plan.predicted_flash,
        layers=_layers(plan, default.firmware, first),
        objectives=tuple(
            Objective(
                name=objective,
                cycles=known(other.regions[0].cycles),
                flash_bytes=other.firmware.flash,
                ram_bytes=other.firmware.ram,
                arena_bytes=other.compiled.plan.memory.arena_bytes,
                differing=other.differing,
            )
            for objective, other in zip(objectives, others, strict=True)
        ),
    )
    return model, version_in(default.firmware.compiler)


def measured(name: str, path: Path, target: Target, objective: str, progress: Progress) -> Measured:
    """Builds the model for the target and runs it on its virtual board, beside TFLM's reference kernels."""
    choice = virtual_port(target)
    job = Job(str(path), target, name=name, port=choice.url, budget=Budget(objective))
    compiled = compile_model(job, progress)
    with tempfile.TemporaryDirectory(prefix="mcuforge-bench-") as folder:
        firmware = build_firmware(job, compiled, Path(folder), progress)
        assert firmware.image is not None
        assert firmware.origin is not None
        image = flashers.FlashImage(firmware.image, firmware.origin, firmware.elf)
        flashers.flash(image, target, choice, progress=progress)
    codes = random_codes(compiled.model.graph, SAMPLES, SEED)
    outputs, regions = run_counted(choice, target, compiled.model.ident, codes)
    expected = tflm_outputs(compiled.model.tflite, codes, len(outputs[0]))
    count, differing = count_codes(outputs, expected)
    return Measured(compiled, firmware, tuple(regions), count, differing)


def _layers(plan: Plan, firmware: Firmware, region: RegionCounts) -> tuple[Layer, ...]:
    # Segment 0 is the call itself, before the first layer's marker.
    rows = zip(plan.layers, firmware.layer_flash, region.segments[1:], strict=True)
    return tuple(
        Layer(
            name=" + ".join(layer.names),
            text="; ".join(" ".join(layer_text(plan.graph, step.node).split()) for step in layer.steps),
            op=layer.op,
            kernel=layer.kernel,
            macs=layer.macs,
            cycles=known(cycles),
            instructions=instructions,
            flash_bytes=flash,
            ram_bytes=_touched(plan, layer),
            predicted_cycles=layer.cycles,
        )
        for layer, flash, (instructions, cycles) in rows
    )


def _touched(plan: Plan, layer: PlanLayer) -> int:
    """Bytes of the arena that hold the layer's inputs, outputs, strips or scratch."""
    memory = plan.memory
    strips: dict[str, int] = {}
    if layer.stage is not None:
        strips = dict(stage_memory(plan.graph, layer.stage, None).strips)
    spans = []
    for step in layer.steps:
        names = [n for n in (*step.node.inputs, *step.node.outputs) if n in memory.offsets]
        spans += [(memory.offsets[n], strips.get(n, plan.graph.tensor(n).nbytes)) for n in names]
        if step.node.name in memory.scratch:
            spans.append((memory.scratch[step.node.name], step.scratch_bytes))
    total = end = 0
    for start, size in sorted(spans):
        total += max(0, start + size - max(start, end))
        end = max(end, start + size)
    return total
