"""Placement of buffers: the fast search and CP-SAT against a search of all placements, and what each may claim."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import pytest

from toolchain.errors import ToolError
from toolchain.lifetimes import Buffer, Buffers
from toolchain.memory_exact import INSTALL_HINT, Solution, solve, solve_all
from toolchain.ops.base import Overlap
from toolchain.placement import Placement, place
from toolchain.plan import ALIGNMENT


def _buffers(seed: int, steps: int, unit: int) -> Buffers:
    """A row of outputs, some of which may lie over their inputs, some that live longer, and scratch."""
    rng = random.Random(seed)
    found: list[Buffer] = []
    overlaps: dict[tuple[Buffer, Buffer], Overlap] = {}
    source: Buffer | None = None
    for time in range(steps):
        size = rng.choice((rng.randint(1, 3 * unit), unit, 2 * unit))
        out = Buffer((f"t{time}",), size, time, time + 1 + (rng.random() < 0.2) * rng.randint(1, 5))
        if source is not None and source.last == time and rng.random() < 0.7:
            lead = rng.choice((0, unit, rng.randint(-unit, 2 * unit)))
            overlaps[out, source] = Overlap(lead, exact=rng.random() < 0.3)
        found.append(out)
        source = out
        if rng.random() < 0.4:
            found.append(Buffer((), rng.randint(1, unit), time, time, (f"n{time}",)))
    return Buffers(tuple(found), overlaps, steps + 7)


def _apart(buffers: Buffers, a: Buffer, start: int, b: Buffer, other: int) -> bool:
    """Whether two buffers may begin there, said in bytes."""
    if a.first > b.last or b.first > a.last or start + a.size <= other or other + b.size <= start:
        return True
    for overlap, distance in (
        (buffers.overlaps.get((a, b)), other - start),
        (buffers.overlaps.get((b, a)), start - other),
    ):
        if overlap is not None:
            return distance == overlap.lead if overlap.exact else distance >= overlap.lead
    return False


def _check(buffers: Buffers, placement: Placement) -> None:
    placed = list(zip(buffers.all, placement.offsets, strict=True))
    assert placement.size == max(b.size + offset for b, offset in placed)
    assert all(offset >= 0 and offset % ALIGNMENT == 0 for _, offset in placed)
    assert all(_apart(buffers, a, x, b, y) for a, x in placed for b, y in placed if a is not b)


def _smallest(buffers: Buffers, below: int) -> int:
    """The least that any placement needs, by trying all that need less than ``below``."""
    best = below

    def place_rest(placed: list[tuple[Buffer, int]], end: int) -> None:
        nonlocal best
        if len(placed) == len(buffers.all):
            best = min(best, end)
            return
        buffer = buffers.all[len(placed)]
        for start in range(0, best - buffer.size, ALIGNMENT):
            ends = max(end, start + buffer.size)
            if ends < best and all(_apart(buffers, buffer, start, b, at) for b, at in placed):
                place_rest([*placed, (buffer, start)], ends)

    place_rest([], 0)
    return best


def _solved(problems: Sequence[Buffers]) -> Iterator[tuple[Buffers, Placement, Solution]]:
    """Each with the placements of the search and of CP-SAT, both checked."""
    placed = [place(buffers) for buffers in problems]
    solutions = solve_all(list(zip(problems, placed, strict=True)))
    for buffers, found, solution in zip(problems, placed, solutions, strict=True):
        _check(buffers, found)
        _check(buffers, solution.placement)
        yield buffers, found, solution


def test_small_problems_are_solved_as_by_trying_everything() -> None:
    drawn = [_buffers(seed, steps=3, unit=12) for seed in range(150)]
    for buffers, found, solution in _solved([Buffers(b.all[:5], b.overlaps, b.times) for b in drawn]):
        least = _smallest(buffers, sum(b.size + ALIGNMENT for b in buffers.all) + 1)
        assert solution.placement.size == solution.lower_bound == least
        assert buffers.lower_bound <= least <= found.size


def test_cp_sat_is_never_worse_than_the_search() -> None:
    for buffers, found, solution in _solved([_buffers(seed, steps=12, unit=500) for seed in range(100, 160)]):
        assert buffers.lower_bound <= solution.lower_bound <= solution.placement.size <= found.size


def _problems() -> Iterator[Buffers]:
    return (_buffers(seed, steps=20, unit=300) for seed in range(40))


def test_the_search_finds_the_optimum_nearly_always() -> None:
    gaps = []
    for _, found, solution in _solved(list(_problems())):
        assert solution.lower_bound == solution.placement.size, "proven"
        gaps.append(found.size / solution.lower_bound - 1)
    assert sum(gap > 0 for gap in gaps) <= 1
    assert max(gaps) < 0.02


def _lies_over_input(buffers: Buffers, placement: Placement) -> bool:
    at = dict(zip(buffers.all, placement.offsets, strict=True))
    pairs = buffers.overlaps
    return any(at[out] < at[source] + source.size and at[source] < at[out] + out.size for out, source in pairs)


def test_the_problems_have_what_they_are_to_prove() -> None:
    problems = list(_problems())
    placed = [place(b) for b in problems]
    assert sum(_lies_over_input(b, p) for b, p in zip(problems, placed, strict=True)) > 30
    assert sum(p.size > b.lower_bound for b, p in zip(problems, placed, strict=True)) >= 3, "what is alive is no proof"
    assert any(o.exact and o.lead % ALIGNMENT for b in problems for o in b.overlaps.values())


def _row() -> Buffers:
    """Each of three outputs lies over its input, a bit before it: more is needed than what is alive at once."""
    row = [Buffer((f"t{i}",), 20, i, i + 1) for i in range(4)]
    # This one is there all the time, so that the row cannot go round it.
    held = Buffer(("held",), 20, 0, 4)
    overlaps = {(row[i + 1], row[i]): Overlap(ALIGNMENT) for i in range(3)}
    return Buffers((*row, held), overlaps, 5)


def test_a_drifting_row_needs_more_than_what_is_alive_at_once() -> None:
    buffers = _row()
    found = place(buffers)
    assert buffers.lower_bound == 40 + ALIGNMENT
    solution = solve(buffers, found)
    assert solution.lower_bound == solution.placement.size == _smallest(buffers, found.size + 1) > buffers.lower_bound
    assert solution.solver.startswith("OR-Tools ")


def test_what_the_solver_says_is_the_same_every_time() -> None:
    problems = [(b, place(b)) for b in [_row(), *list(_problems())[:3]]]
    assert problems == [(b, place(b)) for b, _ in problems]
    assert solve_all(problems) == solve_all(problems)


def test_without_time_the_known_placement_stays() -> None:
    buffers = _row()
    found = place(buffers)
    solution = solve(buffers, found, deterministic_time=0.0)
    assert solution.placement.size <= found.size
    assert buffers.lower_bound <= solution.lower_bound <= solution.placement.size


def test_a_poor_placement_is_improved() -> None:
    buffers = _row()
    offsets = [0]
    for buffer in buffers.all:
        offsets.append(offsets[-1] + buffer.size)
    poor = Placement(tuple(offsets[:-1]), offsets[-1])
    _check(buffers, poor)
    assert solve(buffers, poor).placement.size == solve(buffers, place(buffers)).placement.size < poor.size


def _take_away_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)


def test_without_the_solver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    buffers = _row()
    _take_away_solver(monkeypatch)
    with pytest.raises(ToolError, match="OR-Tools, which is not installed") as caught:
        solve(buffers, place(buffers))
    assert caught.value.hint == INSTALL_HINT
    assert caught.value.exit_code == 2


def test_a_solver_that_dies_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    buffers = _row()
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(ToolError, match="OR-Tools failed: exit code 1") as caught:
        solve(buffers, place(buffers))
    assert "--arena optimal" in caught.value.hint


def test_the_solver_runs_beside_tensorflow() -> None:
    """Both in one process crash it."""
    code = "import tensorflow; from test_placement import _row; from toolchain.placement import place"
    code += "; from toolchain.memory_exact import solve; print(solve(_row(), place(_row())).placement.size)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == solve(_row(), place(_row())).placement.size
