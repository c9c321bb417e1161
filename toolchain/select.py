"""Chooses a kernel variant for every node: the best set for the whole model within the budget, by exact search.

RAM: a step needs the tensors alive in it, less what is written in place, and its kernel's scratch; so a limit only
rules variants out, node by node.
Flash: a node adds its constants, and code once for all nodes that share it. Operators share none with each other, so
the sets of variants that an operator may use are tried one by one, each by dynamic programming over its nodes, and the
operators' results (flash, cycles) are added up. What another result beats in both is dropped; nothing else is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolchain.budget import Budget
from toolchain.errors import TargetError
from toolchain.graph import Graph, Node
from toolchain.memory import Lifetimes, live_bytes, saved_in_place
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant
from toolchain.options import BASE_FLASH, Option, code_bytes, options_of
from toolchain.plan import Step
from toolchain.target import Target

BALANCED_FLASH, BALANCED_RAM = 1.25, 1.6  # times the smallest plan's


@dataclass(frozen=True, eq=False)
class _Point:
    """A partial choice: ``picks`` are positions in the nodes' lists of options."""

    flash: int
    cycles: float
    picks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class _Problem:
    """The nodes that run code, with their options, and for each option the bytes that are alive in its step."""

    nodes: tuple[int, ...]
    options: tuple[tuple[Option, ...], ...]
    ram: tuple[tuple[int, ...], ...]
    ops: tuple[str, ...]

    def smallest_ram(self) -> int:
        return max((min(of_options) for of_options in self.ram), default=0)


def usable_variants(graph: Graph, node: Node, target: Target) -> list[KernelVariant]:
    """Variants that compute this node on this target, cheapest first."""
    return [o.variant for o in sorted(options_of(graph, node, target), key=lambda o: o.cycles)]


def select_kernels(graph: Graph, target: Target, budget: Budget | None = None) -> tuple[Step, ...]:
    """One step for each node, in order. The graph has passed ``verify.check_supported``.

    Raises TargetError that names the limit that cannot be kept.
    """
    problem = _problem(graph, target)
    best = _solve(problem, budget or Budget())
    picked = {problem.nodes[i]: problem.options[i][k] for i, k in best.picks}
    steps = []
    for i, node in enumerate(graph.nodes):
        option = picked.get(i)
        macs = registry()[node.op].macs(graph, node)
        steps.append(Step(node, option.variant, option.calls, macs) if option else Step(node, None, (), 0))
    return tuple(steps)


def _problem(graph: Graph, target: Target) -> _Problem:
    live, lives = live_bytes(graph), Lifetimes(graph)
    indices = [i for i, node in enumerate(graph.nodes) if not registry()[node.op].view]
    options = tuple(tuple(options_of(graph, graph.nodes[i], target)) for i in indices)
    ram = tuple(
        tuple(live[i] - saved_in_place(graph, lives, i, o.in_place) + o.scratch for o in of_node)
        for i, of_node in zip(indices, options, strict=True)
    )
    return _Problem(tuple(indices), options, ram, tuple(graph.nodes[i].op for i in indices))


def _solve(problem: _Problem, budget: Budget) -> _Point:
    ram = problem.smallest_ram()
    if budget.max_ram is not None and ram > budget.max_ram:
        raise _impossible("RAM", "bytes", ram, budget.max_ram, "the smallest plan")
    limit = budget.max_ram
    if budget.objective == "ram":
        limit = ram
    points = _frontier(problem, limit)
    smallest = points[0].flash
    if budget.max_flash is not None and smallest > budget.max_flash:
        raise _impossible("flash", "bytes", smallest, budget.max_flash, _within("the smallest plan", budget.max_ram))
    allowed = budget.max_flash
    if budget.objective == "balanced":
        balanced_ram = max(int(BALANCED_RAM * ram), ram)
        points = _frontier(problem, balanced_ram if limit is None else min(limit, balanced_ram))
        balanced_flash = int(BALANCED_FLASH * smallest)
        allowed = balanced_flash if allowed is None else min(allowed, balanced_flash)
    fitting = [p for p in points if allowed is None or p.flash <= allowed] or points[:1]
    fastest = fitting[-1]
    if budget.max_cycles is not None and fastest.cycles > budget.max_cycles:
        fastest = _fastest_within(problem, budget)
    if budget.objective != "flash":
        return fastest
    return next(p for p in fitting if budget.max_cycles is None or p.cycles <= budget.max_cycles)


def _fastest_within(problem: _Problem, budget: Budget) -> _Point:
    """When the objective's own limits are too slow, the hard ones decide. Raises TargetError when they are too."""
    points = [p for p in _frontier(problem, budget.max_ram) if budget.max_flash is None or p.flash <= budget.max_flash]
    fast = [p for p in points if budget.max_cycles is None or p.cycles <= budget.max_cycles]
    if not fast:
        which = _within("the fastest plan", budget.max_ram, budget.max_flash)
        assert budget.max_cycles is not None
        raise _impossible("latency", "cycles (modelled)", round(points[-1].cycles), budget.max_cycles, which)
    return fast[0]


def _within(plan: str, max_ram: int | None, max_flash: int | None = None) -> str:
    limits = [f"{n:,} bytes of {what}" for n, what in ((max_ram, "RAM"), (max_flash, "flash")) if n is not None]
    return f"{plan} within {' and '.join(limits)}" if limits else plan


def _impossible(what: str, unit: str, needed: int, limit: int, plan: str) -> TargetError:
    return TargetError(
        f"the limit on {what} cannot be kept: {plan} needs {needed:,} {unit}, {needed - limit:,} more than {limit:,}",
        "Raise this limit or another one that binds, or make the model smaller.",
    )


def _frontier(problem: _Problem, max_ram: int | None) -> list[_Point]:
    """All choices that no other one beats in flash and cycles, smallest first."""
    total = [_Point(BASE_FLASH, 0.0, ())]
    for op in dict.fromkeys(problem.ops):
        members = [i for i, name in enumerate(problem.ops) if name == op]
        total = _pareto(
            _Point(a.flash + b.flash, a.cycles + b.cycles, a.picks + b.picks)
            for a, b in itertools.product(total, _frontier_of_op(problem, members, max_ram))
        )
    return total


def _frontier_of_op(problem: _Problem, members: Sequence[int], max_ram: int | None) -> list[_Point]:
    allowed = {
        i: [k for k in range(len(problem.options[i])) if max_ram is None or problem.ram[i][k] <= max_ram]
        for i in members
    }
    kinds = sorted({problem.options[i][k].code for i in members for k in allowed[i]}, key=sorted)
    results: list[_Point] = []
    for size in range(1, len(kinds) + 1):
        for chosen in itertools.combinations(kinds, size):
            results = _pareto([*results, *_with_code(problem, members, allowed, chosen)])
    return results


def _with_code(
    problem: _Problem, members: Sequence[int], allowed: dict[int, list[int]], chosen: Sequence[frozenset[str]]
) -> list[_Point]:
    """The best choices that use no other code than ``chosen``; none when a node cannot do with it."""
    points = [_Point(code_bytes(frozenset().union(*chosen)), 0.0, ())]
    for i in members:
        usable = [k for k in allowed[i] if problem.options[i][k].code in chosen]
        points = _pareto(
            _Point(p.flash + problem.options[i][k].flash, p.cycles + problem.options[i][k].cycles, (*p.picks, (i, k)))
            for p in points
            for k in usable
        )
    return points


def _pareto(points: Iterable[_Point]) -> list[_Point]:
    """Without the points that another one beats, by flash."""
    kept: list[_Point] = []
    for point in sorted(points, key=lambda p: (p.flash, p.cycles)):
        if not kept or point.cycles < kept[-1].cycles:
            kept.append(point)
    return kept
