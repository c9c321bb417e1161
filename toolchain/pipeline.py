"""The order of the stages, and nothing else: import, quantize, plan, generate, build, flash, measure, report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolchain import flashers
from toolchain.assess import assess, evaluation_inputs, sample_inputs
from toolchain.build import Firmware, build, sizes_of
from toolchain.codegen import SourceTree, generate
from toolchain.errors import TargetError, UserError
from toolchain.firmware_files import FwModel, FwTensor
from toolchain.front import BUILD_FILE, TFLITE_FILE, Quantized, prepare
from toolchain.graph import Graph
from toolchain.inspection import Inspection, inspect_model, parameter_names
from toolchain.job import Job
from toolchain.link.selftest import selftest_crc, selftest_inputs
from toolchain.measure import Timing, evaluate, time_model
from toolchain.memory import plan_memory
from toolchain.output import whole_folder
from toolchain.plan import Plan
from toolchain.ports import PortChoice, find_port
from toolchain.progress import Progress
from toolchain.reference import run
from toolchain.report.writer import write_report
from toolchain.results import LayerResult, Memory, ModelInfo, Report, TargetInfo
from toolchain.select import select_kernels
from toolchain.verify import check_plan
from toolchain.versions import tool_versions

SELFTEST_SEEDS = (1, 2)


@dataclass(frozen=True)
class CompileResult:
    """What ``compile_sources`` wrote; sizes in bytes."""

    out: Path
    files: tuple[Path, ...]
    name: str
    arena_bytes: int
    weights_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model with its plan and its sources for one target."""

    model: Quantized
    plan: Plan
    tree: SourceTree
    notes: tuple[str, ...] = ()


class _Notes(Progress):
    """Passes everything on and remembers the notes for the report."""

    def __init__(self, inner: Progress) -> None:
        self.inner = inner
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        with self.inner.step(title, total) as advance:
            yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.inner.note(text)


def deploy(job: Job, progress: Progress | None = None) -> Report:
    """Quantize, compile, build, flash, measure, report; the results are in ``job.out`` when it is set."""
    progress = progress or Progress()
    compiled = _compile(job, progress)
    with _output(job) as folder:
        firmware = _build(job, compiled, folder, progress)
        choice = find_port(job.target, job.port)
        _flash(job, firmware, choice, progress)
        return _report(job, compiled, firmware, choice, folder, progress)


def measure(job: Job, progress: Progress | None = None) -> Report:
    """Measure a board that has the firmware already. ``job.model`` is the model or the folder of its build."""
    progress = progress or Progress()
    compiled = _compile(job, progress)
    with _output(job) as folder:
        firmware = _firmware(job, compiled, folder, progress)
        return _report(job, compiled, firmware, find_port(job.target, job.port), folder, progress)


def flash(job: Job, progress: Progress | None = None) -> flashers.FlashResult:
    """Build the firmware, unless ``job.model`` is the folder of a build, and write it to the board."""
    progress = progress or Progress()
    compiled = _compile(job, progress)
    with _output(replace(job, out=None)) as folder:
        firmware = _firmware(job, compiled, folder, progress)
        return _flash(job, firmware, find_port(job.target, job.port), progress)


def profile(job: Job, progress: Progress | None = None) -> Report:
    """Latency on the board, as a whole and layer by layer."""
    progress = progress or Progress()
    compiled = _compile(job, progress)
    with _output(job) as folder:
        firmware = _build(job, compiled, folder, progress)
        choice = find_port(job.target, job.port)
        _flash(job, firmware, choice, progress)
        return _report(job, compiled, firmware, choice, folder, progress, accuracy=False)


def emulate(job: Job, progress: Progress | None = None) -> Report:
    """The generated C as a process of this computer, behind the same protocol as a board."""
    progress = progress or Progress()
    if job.target.kind != "host":
        raise TargetError(f"{job.target.name} is a board", "Emulation runs the target host; boards are deployed to.")
    compiled = _compile(job, progress)
    with _output(job) as folder:
        firmware = _build(job, compiled, folder, progress)
        choice = PortChoice(f"host://{firmware.elf.absolute()}", "a process of this computer", virtual=False)
        return _report(job, compiled, firmware, choice, folder, progress)


def compile_sources(job: Job, progress: Progress | None = None) -> CompileResult:
    """The C files alone, in ``job.out``."""
    compiled = _compile(job, progress or Progress())
    if job.out is None:
        raise UserError("there is no folder for the C files", "Name one: --out DIR")
    with whole_folder(job.out) as folder:
        for name, text in compiled.tree.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    weights = sum(t.nbytes for t in compiled.plan.graph.tensors.values() if t.data is not None)
    files = tuple(Path(f) for f in sorted(compiled.tree.files))
    return CompileResult(
        job.out, files, compiled.tree.c_name, compiled.plan.memory.arena_bytes, weights, compiled.notes
    )


def inspect(job: Job, progress: Progress | None = None) -> Inspection:
    """What the model holds and how the target would run it; an unsupported model is described too."""
    return inspect_model(job, progress or Progress())


def _compile(job: Job, progress: Progress) -> Compiled:
    notes = _Notes(progress)
    model = prepare(job, notes)
    with progress.step("Generating C"):
        steps = select_kernels(model.graph, job.target)
        plan = Plan(model.graph, steps, plan_memory(model.graph, steps))
        check_plan(plan)
        return Compiled(model, plan, generate(plan, model.ident, job.target), tuple(notes.notes))


@contextmanager
def _output(job: Job) -> Iterator[Path]:
    """The folder to work in: the user's, written whole or not at all, or one that goes away afterwards."""
    if job.out is not None:
        with whole_folder(job.out) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as name:
        yield Path(name)


def _build(job: Job, compiled: Compiled, folder: Path, progress: Progress) -> Firmware:
    with progress.step("Building the firmware"):
        model = _fw_model(compiled)
        firmware = build(compiled.tree, compiled.plan, model, job.target, folder, job.sanitize)
        _write_build_file(job, compiled, folder)
    return firmware


def _firmware(job: Job, compiled: Compiled, folder: Path, progress: Progress) -> Firmware:
    """The firmware of the folder that the job names, or a new build."""
    if compiled.model.elf is None:
        return _build(job, compiled, folder, progress)
    return sizes_of(compiled.model.elf, compiled.tree, job.target)


def _write_build_file(job: Job, compiled: Compiled, folder: Path) -> None:
    """What ``flash`` and ``measure`` need to go on from this folder."""
    spec = job.model if isinstance(job.model, (str, Path)) else None
    if spec is not None and Path(spec).exists():
        spec = str(Path(spec).absolute())
    ident = compiled.model.ident
    facts = {"name": ident.name, "source": ident.source, "target": job.target.name, "model": spec}
    (folder / BUILD_FILE).write_text(json.dumps(facts, indent=1) + "\n")
    (folder / TFLITE_FILE).write_bytes(compiled.model.tflite)


def _flash(job: Job, firmware: Firmware, choice: PortChoice, progress: Progress) -> flashers.FlashResult:
    if firmware.image is None or firmware.origin is None:
        raise TargetError(f"{job.target.name} has no flash", "Choose a board: mcuforge targets")
    image = flashers.FlashImage(firmware.image, firmware.origin, firmware.elf)
    return flashers.flash(image, job.target, choice, job.flasher, progress)


def _report(
    job: Job,
    compiled: Compiled,
    firmware: Firmware,
    choice: PortChoice,
    folder: Path,
    progress: Progress,
    accuracy: bool = True,
) -> Report:
    ident, graph = compiled.model.ident, compiled.plan.graph
    inputs = sample_inputs(compiled.model)
    timing = time_model(choice, job.target, ident.sha256, ident.name, inputs, job.runs, progress)
    report = Report(
        model=ModelInfo(ident.name, ident.sha256, sum(s.macs for s in compiled.plan.steps), _parameters(graph)),
        target=TargetInfo(job.target.name, job.target.core, _public_url(choice), choice.virtual),
        memory=Memory(
            flash_bytes=firmware.flash,
            ram_bytes=firmware.ram,
            arena_bytes=compiled.plan.memory.arena_bytes,
            stack_bytes=timing.stack,
            uart_buffer_bytes=firmware.uart_buffer,
        ),
        latency=timing.latency,
        layers=_layers(compiled.plan, firmware, timing),
        tools=tool_versions(job.target, firmware, compiled.model, choice.virtual),
        notes=(*compiled.notes, *timing.notes),
    )
    if accuracy:
        codes = evaluation_inputs(compiled.model, job.limit)
        outputs = evaluate(choice, job.target, ident.sha256, ident.name, codes, progress)
        report = assess(report, compiled.model, codes, outputs, progress)
    if job.out is not None:
        write_report(report, folder)
    return report


def _layers(plan: Plan, firmware: Firmware, timing: Timing) -> tuple[LayerResult, ...]:
    rows = zip(plan.layers, firmware.layer_flash, timing.layers, strict=True)
    return tuple(
        LayerResult(
            name=step.node.layers or (step.node.name,),
            op=step.node.op,
            kernel=step.variant.name if step.variant else "",
            macs=step.macs,
            unit=timing.layer_unit,
            value=value,
            flash_bytes=flash_bytes,
        )
        for step, flash_bytes, value in rows
    )


def _parameters(graph: Graph) -> int:
    return sum(graph.tensor(n).size for node in graph.nodes for n in parameter_names(graph, node))


def _public_url(choice: PortChoice) -> str:
    """The port for the report; a host executable's path is nobody's business."""
    return "host process" if choice.url.startswith("host://") else choice.url


def _fw_model(compiled: Compiled) -> FwModel:
    graph, ident = compiled.plan.graph, compiled.model.ident

    def tensors(names: tuple[str, ...]) -> tuple[FwTensor, ...]:
        return tuple(_fw_tensor(graph, n) for n in names)

    return FwModel(
        name=ident.name,
        c_name=ident.c_name,
        sha256=ident.sha256,
        inputs=tensors(graph.inputs),
        outputs=tensors(graph.outputs),
        n_layers=len(compiled.plan.layers),
        arena_macro=f"{ident.c_name.upper()}_ARENA_BYTES",
        selftests=_selftests(graph),
    )


def _fw_tensor(graph: Graph, name: str) -> FwTensor:
    t = graph.tensor(name)
    scale, zero_point = (t.scale, t.zero_point) if t.quant else (0.0, 0)
    return FwTensor(t.name, t.dtype, t.shape, t.nbytes, scale, zero_point)


def _selftests(graph: Graph) -> tuple[tuple[int, int], ...]:
    """Seeds and the CRC-32 of the reference's outputs; none for float inputs, which random bytes do not make."""
    tensors = [graph.tensor(n) for n in graph.inputs]
    if any(t.dtype == "float32" for t in tensors):
        return ()
    tests = []
    for seed in SELFTEST_SEEDS:
        raw = selftest_inputs(seed, [t.nbytes for t in tensors])
        arrays = [np.frombuffer(data, t.dtype).reshape(1, *t.shape) for data, t in zip(raw, tensors, strict=True)]
        tests.append((seed, selftest_crc(np.ascontiguousarray(out[0]).tobytes() for out in run(graph, arrays))))
    return tuple(tests)
