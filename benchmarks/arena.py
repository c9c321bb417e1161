"""How far the arenas are from the smallest possible ones: ``python -m benchmarks.arena``.

Plans the five MLPerf Tiny models for every objective as it is done by default, and lays the same buffers out by CP-SAT
where the default placement is not proven optimal already. Only the class of CP-SAT's time is stored, so that the files
are the same wherever they are made with the same models and the same version of OR-Tools.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmarks.models import NAMES, TWIN, available_sets, model_file
from benchmarks.record import RESULTS
from benchmarks.tables import number, table
from toolchain.budget import OBJECTIVES, Budget
from toolchain.errors import UserError
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import read_tflite
from toolchain.lifetimes import buffers_of
from toolchain.memory_exact import solve
from toolchain.passes import reduce
from toolchain.placement import place
from toolchain.planner import make_plan
from toolchain.target import Target, load_target

TARGET = "stm32"
FILE = RESULTS / "arena.json"
NOT_ASKED = "not asked"
_CLASSES = ((10.0, "under 10 s"), (60.0, "under a minute"))  # the first includes loading OR-Tools
_PAGE = """# Arenas and the smallest possible ones: {what}

Made by `python -m benchmarks.arena`; do not edit. Target `{target}`{solver}. All figures are in bytes,
for the kernels that each objective takes.

{table}

{legend}
"""
LEGEND = """\
*Heuristic* is the placement that is made by default, *alive at once* what some step needs however its buffers are
placed, *optimal* the smallest arena that CP-SAT found for the same buffers, and *lower bound* what is proven that
every placement needs. The gap is the heuristic's. CP-SAT is not asked where what is alive at once is the proof."""


class Arena(BaseModel):
    """One plan; sizes in bytes. ``lower_bound`` is the better of what is alive at once and of the solver's."""

    model_config = ConfigDict(frozen=True)

    model: str
    objective: str
    buffers: int
    heuristic: int
    alive: int
    optimal: int
    lower_bound: int
    solver_time: str = NOT_ASKED

    @property
    def gap(self) -> int:
        """How much the heuristic's arena may be above the smallest possible one."""
        return self.heuristic - self.lower_bound


class Arenas(BaseModel):
    """``solver`` is the name and version of what proved the optima; empty when it was never asked."""

    model_config = ConfigDict(frozen=True)

    format: Literal["mcuforge-arena/1"] = "mcuforge-arena/1"
    set: str
    target: str
    solver: str
    arenas: tuple[Arena, ...]


def measure_model(graph: Graph, name: str, target: Target, objectives: Sequence[str]) -> tuple[list[Arena], str]:
    """One entry for each objective, and the solver's name and version where it was asked."""
    arenas, solver = [], ""
    for objective in objectives:
        plan = make_plan(graph, target, Budget(objective))
        buffers = buffers_of(graph, plan.steps, plan.stages)
        known = place(buffers)
        optimal, bound, spent = known.size, buffers.lower_bound, NOT_ASKED
        if optimal > bound:
            begun = time.monotonic()
            solution = solve(buffers, known)
            spent = _time_class(time.monotonic() - begun)
            optimal, bound, solver = solution.placement.size, solution.lower_bound, solution.solver
        arenas.append(
            Arena(
                model=name,
                objective=objective,
                buffers=len(buffers.all),
                heuristic=known.size,
                alive=buffers.lower_bound,
                optimal=optimal,
                lower_bound=bound,
                solver_time=spent,
            )
        )
    return arenas, solver


def _time_class(seconds: float) -> str:
    return next((text for limit, text in _CLASSES if seconds < limit), "over a minute")


def measure_set(which: str) -> Arenas:
    """All models and objectives. Raises UserError for what is missing on this machine."""
    target, arenas, solvers = load_target(TARGET), [], set()
    for name in NAMES:
        path = model_file(which, name)
        graph = reduce(checked_graph(read_tflite(path), path.name))
        found, solver = measure_model(graph, name, target, OBJECTIVES)
        arenas += found
        solvers.add(solver)
        print(f"{which}: {name}: {', '.join(f'{a.objective} {a.heuristic:,} (gap {a.gap:,})' for a in found)}")
    return Arenas(set=which, target=TARGET, solver=max(solvers), arenas=tuple(arenas))


def rows(record: Arenas) -> str:
    """The table of all plans."""
    head = ("model", "`--optimize`", "buffers", "heuristic", "alive at once", "optimal", "lower bound", "gap", "CP-SAT")
    named = ""
    lines = []
    for a in record.arenas:
        sizes = (a.buffers, a.heuristic, a.alive, a.optimal, a.lower_bound, a.gap)
        lines.append((a.model if a.model != named else "", a.objective, *map(number, sizes), a.solver_time))
        named = a.model
    return table(head, lines, left=2)


def page(record: Arenas) -> str:
    """The file beside the stored figures."""
    return _PAGE.format(
        what="twins of the MLPerf Tiny models" if record.set == TWIN else "the MLPerf Tiny reference models",
        target=record.target,
        solver=f", {record.solver}" if record.solver else "",
        table=rows(record),
        legend=LEGEND,
    )


def load_arenas(path: Path = FILE) -> Arenas:
    """The stored figures."""
    return Arenas.model_validate_json(path.read_text(encoding="utf-8"))


def main() -> None:
    try:
        record = measure_set(available_sets()[0])
    except UserError as e:
        print(f"Error: {e.problem}\n{e.hint}".rstrip(), file=sys.stderr)
        sys.exit(2)
    FILE.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    FILE.with_suffix(".md").write_text(page(record), encoding="utf-8")


if __name__ == "__main__":
    main()
