"""The placement of buffers as a problem for CP-SAT (OR-Tools): the smallest arena, or a bound on how small it can be.

Buffers begin at multiples of ALIGNMENT. At each time those alive exclude one another, but for the pairs in which an
output may lie over its input: for these, and for all other pairs that no time's constraint has both of, a literal says
on which side the one is of the other. CP-SAT starts from the placement that is known. One worker, a fixed seed and a
limit on its deterministic time make results repeat on every machine with the same version.

It runs in a process of its own (this module as the main one): OR-Tools and TensorFlow, which may have converted the
model, bring incompatible copies of the same C++ libraries, and a process that has loaded both crashes.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import combinations
from typing import TYPE_CHECKING

from toolchain.errors import ToolError
from toolchain.lifetimes import Buffers
from toolchain.placement import Limit, Placement, limits_of
from toolchain.plan import ALIGNMENT, aligned

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

DETERMINISTIC_TIME = 2.0  # of CP-SAT: a minute at most. The five networks of the benchmark take 0.001
INSTALL_HINT = "pip install 'mcuforge[solver]'"


@dataclass(frozen=True)
class Solution:
    """``lower_bound`` bytes are needed by every placement; ``solver`` is the solver's name and version."""

    placement: Placement
    lower_bound: int
    solver: str


def solve(buffers: Buffers, known: Placement, deterministic_time: float = DETERMINISTIC_TIME) -> Solution:
    """The best placement that CP-SAT finds, never worse than ``known``. Raises ToolError without OR-Tools."""
    return solve_all([(buffers, known)], deterministic_time)[0]


def solve_all(
    problems: Sequence[tuple[Buffers, Placement]], deterministic_time: float = DETERMINISTIC_TIME
) -> list[Solution]:
    """``solve`` for each of ``problems``, one after the other in one process. Raises ToolError."""
    try:
        metadata.version("ortools")
    except metadata.PackageNotFoundError as e:
        raise ToolError("--arena optimal needs OR-Tools, which is not installed", INSTALL_HINT) from e
    done = subprocess.run(
        [sys.executable, "-m", "toolchain.memory_exact"],
        input=pickle.dumps((problems, deterministic_time)),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ToolError(f"OR-Tools failed: {why[0]}", f"leave out --arena optimal, or {INSTALL_HINT}")
    solutions: list[Solution] = pickle.loads(done.stdout)  # from our own process
    return solutions


def main() -> None:
    """The process of its own: problems on standard input, solutions on standard output, both pickled."""
    problems, deterministic_time = pickle.load(sys.stdin.buffer)
    # By its name as others import it: pickle would look for the classes of __main__ in the other process.
    from toolchain import memory_exact

    solutions = [memory_exact.solve_here(buffers, known, deterministic_time) for buffers, known in problems]
    sys.stdout.buffer.write(pickle.dumps(solutions))


def solve_here(buffers: Buffers, known: Placement, deterministic_time: float) -> Solution:
    """``solve`` in this process, into which TensorFlow must not be loaded."""
    from ortools.sat.python import cp_model

    bound = buffers.lower_bound
    problem = _Problem(buffers, known, bound)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = deterministic_time
    status = solver.solve(problem.model)
    best = known
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        offsets = tuple(ALIGNMENT * solver.value(start) for start in problem.starts)
        best = Placement(offsets, max(b.size + offset for b, offset in zip(buffers.all, offsets, strict=True)))
    else:
        assert status == cp_model.UNKNOWN, f"there is a placement, but CP-SAT says {solver.status_name(status)}"
    proven = max(bound, math.ceil(solver.best_objective_bound - 1e-6))
    return Solution(best, min(proven, best.size), f"OR-Tools {metadata.version('ortools')}")


class _Problem:
    """The model; ``starts`` are in units of ALIGNMENT, the ``arena`` in bytes."""

    def __init__(self, buffers: Buffers, known: Placement, bound: int) -> None:
        from ortools.sat.python import cp_model

        self.buffers = buffers
        self.model = cp_model.CpModel()
        self.arena = self.model.new_int_var(bound, known.size, "arena")
        self.starts: list[cp_model.IntVar] = []
        for i, (buffer, offset) in enumerate(zip(buffers.all, known.offsets, strict=True)):
            start = self.model.new_int_var(0, (known.size - buffer.size) // ALIGNMENT, f"start_{i}")
            self.model.add(ALIGNMENT * start + buffer.size <= self.arena)
            self.model.add_hint(start, offset // ALIGNMENT)
            self.starts.append(start)
        self.model.add_hint(self.arena, known.size)
        self.model.minimize(self.arena)
        covered = self._exclude()
        for i, limits in enumerate(limits_of(buffers)):
            for limit in limits:
                if i < limit.other and (i, limit.other) not in covered:
                    self._separate(i, limit)

    def _exclude(self) -> set[tuple[int, int]]:
        """What is alive at one time excludes each other; the pairs of buffers for which that is now said."""
        sizes = [aligned(b.size) // ALIGNMENT for b in self.buffers.all]
        intervals = [
            self.model.new_fixed_size_interval_var(start, size, f"buffer_{i}")
            for i, (start, size) in enumerate(zip(self.starts, sizes, strict=True))
        ]
        covered: set[tuple[int, int]] = set()
        for alive in self._cliques():
            self.model.add_no_overlap([intervals[i] for i in sorted(alive)])
            covered.update(combinations(sorted(alive), 2))
        return covered

    def _cliques(self) -> Iterator[frozenset[int]]:
        """Sets of buffers that are alive at one time without an input, or without an output, that may overlap."""
        position = {b: i for i, b in enumerate(self.buffers.all)}
        found: set[frozenset[int]] = set()
        for time in range(self.buffers.times):
            alive = {i for b, i in position.items() if b.first <= time <= b.last}
            pairs = [(position[out], position[source]) for out, source in self.buffers.overlaps]
            here = [pair for pair in pairs if alive.issuperset(pair)]
            for side in (0, 1):
                found.add(frozenset(alive - {pair[side] for pair in here}))
        for alive_once in sorted(found, key=sorted):
            if len(alive_once) > 1 and not any(alive_once < other for other in found):
                yield alive_once

    def _separate(self, i: int, limit: Limit) -> None:
        """Buffer ``i`` lies on one side of the other one or, where that is allowed, exactly where it may overlap."""
        distance = self.starts[i] - self.starts[limit.other]
        below = self.model.new_bool_var("")
        above = self.model.new_bool_var("")
        self.model.add(distance <= limit.low // ALIGNMENT).only_enforce_if(below)
        self.model.add(distance >= limit.high // ALIGNMENT).only_enforce_if(above)
        sides = [below, above]
        if limit.exact is not None:
            sides.append(self.model.new_bool_var(""))
            self.model.add(distance == limit.exact // ALIGNMENT).only_enforce_if(sides[-1])
        self.model.add_bool_or(sides)


if __name__ == "__main__":
    main()
