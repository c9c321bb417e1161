"""Chooses how the model is cut into stages and a kernel for every node: the best within the budget.

Flash: a node adds its constants, and code once for all nodes that share it. Operators share none with each other, so
the sets of variants that an operator may use are tried one by one, each by dynamic programming over its nodes, and the
operators' results (flash, cycles) are added up. What another result beats in both is dropped; nothing else is.
RAM: a step needs the tensors alive in it, less what is written over others, and its kernel's scratch; so a limit only
rules variants out, node by node. The choice of kernels is exact for each of the cuts that ``partition`` proposes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolchain.budget import Budget
from toolchain.errors import TargetError
from toolchain.graph import Array, Graph, Node
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant
from toolchain.options import BASE_FLASH, Option, code_bytes, options_of
from toolchain.partition import Partition, partitions
from toolchain.plan import Stage, Step
from toolchain.stage_options import single_blocks, stage_blocks
from toolchain.target import Target

BALANCED_FLASH, BALANCED_RAM = 1.25, 1.6  # times the smallest plan's
SAME_CYCLES = 1.02  # cycles are predicted: plans closer than this count as equally fast, and the smaller one is taken
RAM_CYCLES = 1.6  # how much slower than the fastest plan the one with the least RAM may be
STAGES_CODE = frozenset({"nn_rows_run"})
# of (flash, cycles) in bounds: cycles alone, with a byte of flash worth more and more cycles, and flash alone
_WEIGHTS = np.array([(0.0, 1.0), *((2.0**n, 1.0) for n in range(-2, 13)), (1.0, 0.0)])
_LARGE = 1e15


@dataclass(frozen=True, eq=False)
class _Problem:
    """The nodes that run code, with their options, and for each option the bytes that are alive in its step."""

    nodes: tuple[int, ...]
    options: tuple[tuple[Option, ...], ...]
    ram: tuple[tuple[int, ...], ...]
    ops: tuple[str, ...]
    stages: tuple[Stage, ...]
    limits: tuple[float, ...]

    def smallest_ram(self) -> int:
        return max((min(of_options) for of_options in self.ram), default=0)


@dataclass(frozen=True, eq=False)
class _Choice:
    """A whole choice for a cut. ``picks`` are positions of nodes and options; ``ram`` is what it needs at least."""

    problem: _Problem
    flash: int
    cycles: float
    picks: tuple[tuple[int, int], ...]

    @cached_property
    def ram(self) -> int:
        return max((self.problem.ram[i][k] for i, k in self.picks), default=0)


def usable_variants(graph: Graph, node: Node, target: Target) -> list[KernelVariant]:
    """Variants that compute this node on this target, cheapest first."""
    return [o.variant for o in sorted(options_of(graph, node, target), key=lambda o: o.cycles)]


@dataclass(frozen=True, eq=False)
class Selection:
    """One step for each node, in order, and the stages. Flash and RAM in bytes and cycles (modelled) are predicted."""

    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]
    flash: int
    ram: int
    cycles: float


def select(graph: Graph, target: Target, budget: Budget | None = None) -> Selection:
    """What serves the budget best. Raises TargetError that names the limit that cannot be kept."""
    return next(ranked(graph, target, budget or Budget()))


def ranked(graph: Graph, target: Target, budget: Budget) -> Iterator[Selection]:
    """What keeps the budget, best first. The graph has passed ``verify.check_supported``.

    Raises TargetError that names the limit that cannot be kept.
    """
    singles, stages = single_blocks(graph, target), tuple(stage_blocks(graph, target))
    cuts = partitions(singles, stages, budget.max_ram)
    for choice in _ranked([_problem(graph, cut) for cut in cuts], budget):
        picked = {choice.problem.nodes[i]: choice.problem.options[i][k] for i, k in choice.picks}
        steps = tuple(_step(graph, node, picked.get(i)) for i, node in enumerate(graph.nodes))
        yield Selection(steps, choice.problem.stages, choice.flash, choice.ram, choice.cycles)


def _step(graph: Graph, node: Node, option: Option | None) -> Step:
    if option is None:
        return Step(node, None, (), 0)
    macs = registry()[node.op].macs(graph, node)
    return Step(node, option.variant, option.calls, macs, option.row_fields, option.cycles)


def _problem(graph: Graph, cut: Partition) -> _Problem:
    nodes = tuple(i for block in cut.blocks for i in block.nodes)
    return _Problem(
        nodes,
        tuple(options for block in cut.blocks for options in block.options),
        tuple(ram for block in cut.blocks for ram in block.ram),
        tuple(graph.nodes[i].op for i in nodes),
        tuple(block.stage for block in cut.blocks if block.stage),
        cut.limits,
    )


def _ranked(problems: Sequence[_Problem], budget: Budget) -> list[_Choice]:
    """The choices within the limits, best for the objective first. Raises TargetError when there is none."""
    least_ram = min(p.smallest_ram() for p in problems)
    if budget.max_ram is not None and least_ram > budget.max_ram:
        raise _impossible("RAM", "bytes", least_ram, budget.max_ram, "the smallest plan")
    choices = _choices(problems)
    least_flash = min(c.flash for c in choices)
    if budget.max_flash is not None:
        if least_flash > budget.max_flash:
            which = _within("the smallest plan", budget.max_ram)
            raise _impossible("flash", "bytes", least_flash, budget.max_flash, which)
        choices = [c for c in choices if c.flash <= budget.max_flash]
    if budget.max_cycles is not None:
        fastest = min(c.cycles for c in choices)
        if fastest > budget.max_cycles:
            which = _within("the fastest plan", budget.max_ram, budget.max_flash)
            raise _impossible("latency", "cycles (modelled)", round(fastest), budget.max_cycles, which)
        choices = [c for c in choices if c.cycles <= budget.max_cycles]
    return _OBJECTIVES[budget.objective](choices, least_flash)


def _balanced(choices: Sequence[_Choice], least_flash: int) -> list[_Choice]:
    """Of the fastest choices that are not much larger than the smallest, the one that is small for both memories.

    The smallest one for RAM is the smallest that keeps every tensor whole.
    """
    least_flash = max(least_flash, min(c.flash for c in choices))
    least_ram = min(c.ram for c in [c for c in choices if not c.problem.stages] or choices)

    def size(choice: _Choice) -> float:
        return choice.flash / least_flash + choice.ram / max(least_ram, 1)

    small = [c for c in choices if c.flash <= BALANCED_FLASH * least_flash and c.ram <= BALANCED_RAM * least_ram]
    small = small or [min(choices, key=size)]
    fast = sorted(_within_cycles(small, SAME_CYCLES), key=lambda c: (size(c), c.cycles))
    return [*fast, *_by_cycles([c for c in small if c not in set(fast)]), *_by_cycles(choices)]


def _least_ram(choices: Sequence[_Choice], least_flash: int) -> list[_Choice]:
    """Of those that are not much larger in flash than the smallest, nor much slower than the fastest of these."""
    least_flash = max(least_flash, min(c.flash for c in choices))
    small = _within_cycles([c for c in choices if c.flash <= BALANCED_FLASH * least_flash], RAM_CYCLES)
    return sorted(small, key=lambda c: (c.ram, c.cycles, c.flash))


def _by_cycles(choices: Sequence[_Choice], _: int = 0) -> list[_Choice]:
    return sorted(choices, key=lambda c: (c.cycles, c.ram, c.flash))


def _by_flash(choices: Sequence[_Choice], _: int) -> list[_Choice]:
    return sorted(choices, key=lambda c: (c.flash, c.cycles, c.ram))


_OBJECTIVES: Mapping[str, Callable[[Sequence[_Choice], int], list[_Choice]]] = {
    "balanced": _balanced,
    "latency": _by_cycles,
    "flash": _by_flash,
    "ram": _least_ram,
}


def _within_cycles(choices: Sequence[_Choice], times: float) -> list[_Choice]:
    fastest = min(c.cycles for c in choices)
    return [c for c in choices if c.cycles <= times * fastest]


def _choices(problems: Sequence[_Problem]) -> list[_Choice]:
    """For every cut and limit on RAM it was found for, the choices that no other one beats in flash and cycles."""
    choices: list[_Choice] = []
    for problem in problems:
        seen: set[tuple[tuple[bool, ...], ...]] = set()
        for limit in problem.limits:
            allowed = tuple(tuple(r <= limit for r in of_node) for of_node in problem.ram)
            if allowed not in seen and all(map(any, allowed)):
                seen.add(allowed)
                choices += _frontier(problem, limit)
    return choices


def _within(plan: str, max_ram: int | None, max_flash: int | None = None) -> str:
    limits = [f"{n:,} bytes of {what}" for n, what in ((max_ram, "RAM"), (max_flash, "flash")) if n is not None]
    return f"{plan} within {' and '.join(limits)}" if limits else plan


def _impossible(what: str, unit: str, needed: int, limit: int, plan: str) -> TargetError:
    return TargetError(
        f"the limit on {what} cannot be kept: {plan} needs {needed:,} {unit}, {needed - limit:,} more than {limit:,}",
        "Raise this limit or another one that binds, or make the model smaller.",
    )


@dataclass(frozen=True, eq=False)
class _Points:
    """Partial choices, smallest first: flash, cycles, and for each node of a list the position of its option."""

    flash: Array
    cycles: Array
    picks: Array

    @staticmethod
    def start(flash: int) -> _Points:
        return _Points(np.array([flash]), np.zeros(1), np.zeros((1, 0), np.int16))

    def times(self, other: _Points) -> _Points:
        """Every choice of both, where each has none that another one beats."""
        a, b = len(self.flash), len(other.flash)
        picks = np.concatenate([np.repeat(self.picks, b, axis=0), np.tile(other.picks, (a, 1))], axis=1)
        flash, cycles = (
            np.add.outer(x, y).reshape(-1) for x, y in ((self.flash, other.flash), (self.cycles, other.cycles))
        )
        product = _Points(flash, cycles, picks)
        return product if min(a, b) == 1 else product.pareto()

    def joined(self, other: _Points) -> _Points:
        """The choices of both lists."""
        pairs = zip((self.flash, self.cycles, self.picks), (other.flash, other.cycles, other.picks), strict=True)
        return _Points(*(np.concatenate(pair) for pair in pairs)).pareto()

    def pareto(self) -> _Points:
        """Without the points that another one beats."""
        order = np.lexsort((self.cycles, self.flash))
        cycles = self.cycles[order]
        before = np.minimum.accumulate(np.concatenate([[np.inf], cycles[:-1]]))
        kept = order[cycles < before]
        return _Points(self.flash[kept], self.cycles[kept], self.picks[kept])


def _frontier(problem: _Problem, max_ram: float) -> Iterator[_Choice]:
    """All choices that no other one beats in flash and cycles, smallest first."""
    total = _Points.start(BASE_FLASH + (code_bytes(STAGES_CODE) if problem.stages else 0))
    nodes: list[int] = []
    for op in dict.fromkeys(problem.ops):
        members = [i for i, name in enumerate(problem.ops) if name == op]
        nodes += members
        total = total.times(_frontier_of_op(problem, members, max_ram))
    for flash, cycles, picks in zip(total.flash.tolist(), total.cycles.tolist(), total.picks.tolist(), strict=True):
        yield _Choice(problem, flash, cycles, tuple(zip(nodes, picks, strict=True)))


def _frontier_of_op(problem: _Problem, members: Sequence[int], max_ram: float) -> _Points:
    allowed = {i: [k for k, ram in enumerate(problem.ram[i]) if ram <= max_ram] for i in members}
    kinds = {problem.options[i][k].code for i in members for k in allowed[i]}
    functions = sorted(frozenset[str]().union(*kinds))
    present = _unions(functions, sorted(kinds, key=sorted))
    bounds = _bounds(problem, allowed, functions, present)
    results = None
    for u in np.argsort(bounds[:, len(_WEIGHTS) // 2], kind="stable").tolist():
        if results is None or _may_be_new(results, bounds[u]):
            code = frozenset(name for name, is_present in zip(functions, present[u], strict=True) if is_present)
            found = _with_code(problem, members, allowed, code)
            if found is not None:
                results = found if results is None else results.joined(found)
    assert results is not None, "every node has an option within the limit"
    return results


def _unions(functions: Sequence[str], kinds: Sequence[frozenset[str]]) -> Array:
    """(unions, functions): which functions each union of some of the kinds has, 1 or 0."""
    unions = {0}
    for kind in kinds:
        mask = sum(1 << i for i, name in enumerate(functions) if name in kind)
        unions |= {union | mask for union in unions}
    size = -(-len(functions) // 8)
    rows = np.frombuffer(b"".join(union.to_bytes(size, "little") for union in sorted(unions - {0})), np.uint8)
    return np.unpackbits(rows.reshape(-1, size), axis=1, count=len(functions), bitorder="little")


def _bounds(problem: _Problem, allowed: Mapping[int, Sequence[int]], functions: Sequence[str], present: Array) -> Array:
    """(unions, weights): what every choice with this code weighs at least; infinite when a node cannot do with it.

    Many kinds of weights in one model make thousands of unions, of which few are worth a closer look.
    """
    sizes = np.array([code_bytes(frozenset({name})) for name in functions])
    total = np.outer(present @ sizes, _WEIGHTS[:, 0])
    for i, positions in allowed.items():
        options = [problem.options[i][k] for k in positions]
        needed = np.array([[name in o.code for name in functions] for o in options], np.float32)
        usable = present.astype(np.float32) @ needed.T == needed.sum(axis=1)  # (unions, options)
        weighs = np.array([(o.flash, o.cycles) for o in options]) @ _WEIGHTS.T
        best = np.full_like(total, np.inf)
        for can, weight in zip(usable.T, weighs, strict=True):
            best[can] = np.minimum(best[can], weight)
        total += best
    return total


def _may_be_new(points: _Points, bound: Array) -> bool:
    """Whether a choice that weighs no less than these bounds may be one that none of the points beats."""
    corners = np.stack([np.append(points.flash - 1, _LARGE), np.append(_LARGE, points.cycles)], axis=1)
    return bool(np.any(np.all(corners @ _WEIGHTS.T >= bound * (1 - 1e-9), axis=1)))


def _with_code(
    problem: _Problem, members: Sequence[int], allowed: dict[int, list[int]], code: frozenset[str]
) -> _Points | None:
    """The best choices that use no other code than this; None when a node cannot do with it."""
    points = _Points.start(code_bytes(code))
    for i in members:
        usable = [k for k in allowed[i] if problem.options[i][k].code <= code]
        if not usable:
            return None
        options = [problem.options[i][k] for k in usable]
        flash, cycles = np.array([o.flash for o in options]), np.array([o.cycles for o in options])
        points = points.times(_Points(flash, cycles, np.array(usable, np.int16)[:, None]).pareto())
    return points
