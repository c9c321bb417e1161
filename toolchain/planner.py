"""From a graph to a plan: kernels and stages are chosen, then the arena is laid out."""

from __future__ import annotations

import dataclasses

from toolchain.budget import Budget
from toolchain.errors import TargetError
from toolchain.graph import Graph
from toolchain.memory import plan_memory
from toolchain.plan import Plan
from toolchain.select import select
from toolchain.target import Target


def make_plan(graph: Graph, target: Target, budget: Budget | None = None) -> Plan:
    """Kernels and arena. Where the arena needs more than what is alive at once, kernels with less scratch are taken.

    Raises TargetError for a limit that cannot be kept.
    """
    budget = budget or Budget()
    plan = _plan_once(graph, target, budget)
    limit, needed = budget.max_ram, plan.memory.arena_bytes
    while limit is not None and plan.memory.arena_bytes > limit:
        try:
            plan = _plan_once(graph, target, dataclasses.replace(budget, max_ram=plan.memory.lower_bound - 1))
        except TargetError as e:
            raise TargetError(
                f"the limit on RAM cannot be kept: the smallest arena found takes {needed:,} bytes, "
                f"{needed - limit:,} more than {limit:,}",
                "Raise this limit or another one that binds, or make the model smaller.",
            ) from e
        needed = min(needed, plan.memory.arena_bytes)
    return plan


def _plan_once(graph: Graph, target: Target, budget: Budget) -> Plan:
    chosen = select(graph, target, budget)
    memory = plan_memory(graph, chosen.steps, chosen.stages)
    return Plan(graph, chosen.steps, memory, chosen.stages, chosen.flash)
