"""From a job to C sources: import, quantize, choose kernels, plan the arena, generate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain.budget import Budget
from toolchain.codegen import SourceTree, generate
from toolchain.errors import UserError
from toolchain.front import Quantized, prepare
from toolchain.graph import Graph
from toolchain.inspection import total_macs
from toolchain.job import Job
from toolchain.output import whole_folder
from toolchain.passes import reduce
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.progress import Progress
from toolchain.replay import check_plan
from toolchain.target import Target


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model with its plan and its sources for one target, and what the user was warned of on the way."""

    model: Quantized
    plan: Plan
    tree: SourceTree
    budget: Budget
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompileResult:
    """What ``write_sources`` wrote; sizes in bytes."""

    out: Path
    files: tuple[Path, ...]
    name: str
    arena_bytes: int
    arena_lower_bound: int
    weights_bytes: int
    notes: tuple[str, ...] = ()


class _Notes(Progress):
    """Passes everything on and remembers the notes for the report."""

    def __init__(self, inner: Progress) -> None:
        self.inner = inner
        self.ask = inner.ask
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        with self.inner.step(title, total) as advance:
            yield advance

    def info(self, text: str) -> None:
        self.inner.info(text)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.inner.note(text)


def compile_model(job: Job, progress: Progress) -> Compiled:
    """Raises ModelError, DataError or ToolError."""
    notes = _Notes(progress)
    model = prepare(job, notes)
    return compiled_for(job.target, model, model.budget or job.budget, progress, tuple(notes.notes))


def compiled_for(
    target: Target, model: Quantized, budget: Budget, progress: Progress, notes: tuple[str, ...] = ()
) -> Compiled:
    """A model that is ready, for one target. Raises TargetError when it cannot keep the budget."""
    with progress.step("Generating C"):
        graph = _reduced(model.graph, progress)
        plan = make_plan(graph, target, budget)
        check_plan(plan)
        return Compiled(model, plan, generate(plan, model.ident, target), budget, notes)


def _reduced(graph: Graph, progress: Progress) -> Graph:
    reduced = reduce(graph, progress)
    before, after = total_macs(graph), total_macs(reduced)
    if after < before:
        progress.info(f"{after:,} of {before:,} MACs are left after the exact reductions")
    return reduced


def write_sources(compiled: Compiled, out: Path | None) -> CompileResult:
    """The C files alone, in the folder ``out``. Raises UserError when it cannot be written."""
    if out is None:
        raise UserError("there is no folder for the C files", "Name one: --out DIR")
    with whole_folder(out) as folder:
        for name, text in compiled.tree.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    return CompileResult(
        out=out,
        files=tuple(Path(f) for f in sorted(compiled.tree.files)),
        name=compiled.tree.c_name,
        arena_bytes=compiled.plan.memory.arena_bytes,
        arena_lower_bound=compiled.plan.memory.lower_bound,
        weights_bytes=sum(t.nbytes for t in compiled.plan.graph.tensors.values() if t.data is not None),
        notes=compiled.notes,
    )
