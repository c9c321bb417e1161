"""Measures one model: compiled, built, flashed to the virtual board and run there under the cycle model."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from benchmarks.models import NAMES, TWIN, model_file
from benchmarks.record import Layer, Model, Objective, Record, Tools
from toolchain import flashers
from toolchain.assess import random_codes
from toolchain.budget import OBJECTIVES, Budget
from toolchain.build import Firmware
from toolchain.codegen.views import layer_text
from toolchain.compile import Compiled, compile_model
from toolchain.errors import ToolError
from toolchain.firmware import build_firmware
from toolchain.graph import Array
from toolchain.inspection import total_macs
from toolchain.job import Job
from toolchain.measuring import linked, with_query
from toolchain.options import Option, flash_bytes, option_of
from toolchain.plan import Plan, Step
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.target import Target, load_target
from toolchain.versions import first_line_of
from toolchain.virtual import RegionCounts
from toolchain.virtual.qemu import find_qemu

TARGET = "stm32"
SAMPLES = 3
SEED = 7
_TFLM_ARENA = 1 << 20
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, eq=False)
class _Measured:
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
    default, *others = (_measured(name, path, target, o, progress) for o in (OBJECTIVES[0], *objectives))
    first, plan = default.regions[0], default.compiled.plan
    model = Model(
        name=name,
        sha256=default.compiled.model.ident.sha256,
        macs=total_macs(default.compiled.model.graph),
        cycles=_known(first.cycles),
        instructions=first.instructions,
        flash_bytes=default.firmware.flash,
        ram_bytes=default.firmware.ram,
        arena_bytes=plan.memory.arena_bytes,
        arena_lower_bound=plan.memory.lower_bound,
        samples=SAMPLES,
        slowest_cycles=max(_known(r.cycles) for r in default.regions),
        codes=default.codes,
        differing=default.differing,
        predicted_flash=flash_bytes(_options(plan)),
        layers=_layers(plan, default.firmware, first),
        objectives=tuple(
            Objective(
                name=objective,
                cycles=_known(other.regions[0].cycles),
                flash_bytes=other.firmware.flash,
                ram_bytes=other.firmware.ram,
                arena_bytes=other.compiled.plan.memory.arena_bytes,
                differing=other.differing,
            )
            for objective, other in zip(objectives, others, strict=True)
        ),
    )
    return model, version_in(default.firmware.compiler)


def _measured(name: str, path: Path, target: Target, objective: str, progress: Progress) -> _Measured:
    assert target.emulator is not None
    choice = PortChoice(f"virtual://{target.emulator.board}", "the virtual board", virtual=True, bootloader=True)
    job = Job(str(path), target, name=name, port=choice.url, budget=Budget(objective))
    compiled = compile_model(job, progress)
    with tempfile.TemporaryDirectory(prefix="mcuforge-bench-") as folder:
        firmware = build_firmware(job, compiled, Path(folder), progress)
        assert firmware.image is not None
        assert firmware.origin is not None
        image = flashers.FlashImage(firmware.image, firmware.origin, firmware.elf)
        flashers.flash(image, target, choice, progress=progress)
    codes = random_codes(compiled.model.graph, SAMPLES, SEED)
    outputs, regions = _run(choice, job, compiled, codes)
    expected = _tflm(compiled.model.tflite, codes, len(outputs[0]))
    pairs = [pair for rows in zip(outputs, expected, strict=True) for pair in zip(*rows, strict=True)]
    return _Measured(
        compiled,
        firmware,
        tuple(regions),
        codes=sum(theirs.size for _, theirs in pairs),
        differing=sum(int((ours.ravel() != theirs.ravel()).sum()) for ours, theirs in pairs),
    )


def _run(
    choice: PortChoice, job: Job, compiled: Compiled, codes: Sequence[Array]
) -> tuple[list[list[Array]], list[RegionCounts]]:
    """The board's outputs for each sample, and what the emulator counted during each."""
    ident = compiled.model.ident
    with linked(with_query(choice.url, "count=1"), job.target, ident.sha256, ident.name) as (link, port):
        if port.board.no_cycles:
            raise ToolError(
                f"there are no modelled cycles: {port.board.no_cycles}",
                "Install a host compiler and QEMU with plugins.",
            )
        port.board.clear()
        outputs = [link.infer([x[i] for x in codes]) for i in range(SAMPLES)]
        regions = port.board.regions()
    if len(regions) != SAMPLES:
        raise ToolError(f"{ident.name}: {len(regions)} runs counted instead of {SAMPLES}", "Run it again.")
    return outputs, regions


def _tflm(content: bytes, codes: Sequence[Array], outputs: int) -> list[list[Array]]:
    """What TFLM's reference kernels make of the same inputs; every output without its batch dimension."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=_TFLM_ARENA)
    rows = []
    for sample in range(SAMPLES):
        for index, x in enumerate(codes):
            interpreter.set_input(np.ascontiguousarray(x[sample]), index)
        interpreter.invoke()
        rows.append([np.array(interpreter.get_output(i)) for i in range(outputs)])
    return rows


def _known(cycles: int | None) -> int:
    """The target has a cycle model, so its regions have cycles."""
    assert cycles is not None
    return cycles


def _options(plan: Plan) -> list[Option]:
    """What the plan's layers were expected to cost."""
    return [option_of(plan.graph, s.node, s.variant) for s in plan.layers if s.variant]


def _layers(plan: Plan, firmware: Firmware, region: RegionCounts) -> tuple[Layer, ...]:
    # Segment 0 is the call itself, before the first layer's marker.
    rows = zip(plan.layers, firmware.layer_flash, _options(plan), region.segments[1:], strict=True)
    return tuple(
        Layer(
            name=" + ".join(step.node.layers) or step.node.name,
            text=" ".join(layer_text(plan.graph, step.node).split()),
            op=step.node.op,
            kernel=step.variant.name if step.variant else "",
            macs=step.macs,
            cycles=_known(cycles),
            instructions=instructions,
            flash_bytes=flash,
            ram_bytes=_touched(plan, step),
            predicted_cycles=option.cycles,
        )
        for step, flash, option, (instructions, cycles) in rows
    )


def _touched(plan: Plan, step: Step) -> int:
    """Bytes of the arena that hold the layer's inputs, outputs or scratch."""
    memory, node = plan.memory, step.node
    spans = [
        (memory.offsets[n], plan.graph.tensor(n).nbytes) for n in (*node.inputs, *node.outputs) if n in memory.offsets
    ]
    if node.name in memory.scratch:
        spans.append((memory.scratch[node.name], step.scratch_bytes))
    total = end = 0
    for start, size in sorted(spans):
        total += max(0, start + size - max(start, end))
        end = max(end, start + size)
    return total


def version_in(text: str) -> str:
    """The last x.y.z of a line: compilers put the version of their package before their own."""
    found = _VERSION.findall(text)
    return found[-1] if found else text
