"""From a graph to a plan: kernels and stages are chosen, then the arena is laid out."""

from __future__ import annotations

import dataclasses

from toolchain.bodies import bodies_of, ready
from toolchain.budget import OPTIMAL, Budget
from toolchain.errors import TargetError
from toolchain.graph import Graph, Node
from toolchain.lifetimes import buffers_of
from toolchain.memory import plan_memory
from toolchain.plan import Plan
from toolchain.select import Selection, ranked
from toolchain.target import Target

MOST_TRIED = 40  # choices whose arena is laid out


def make_plan(graph: Graph, target: Target, budget: Budget | None = None) -> Plan:
    """Kernels, stages and arena. An arena may need more than what is alive at once; other choices are tried then.

    Raises TargetError for a limit that cannot be kept.
    """
    budget = budget or Budget()
    graph = with_planned_bodies(graph, target, budget)
    best: Plan | None = None
    limit = float("inf")  # on the RAM that is expected of a choice which is worth trying
    tried = 0
    for chosen in ranked(graph, target, budget):
        if chosen.ram >= limit:
            continue
        if tried == MOST_TRIED:
            break
        tried += 1
        if best is not None and _alive(graph, chosen) >= best.memory.arena_bytes:
            continue
        memory = plan_memory(graph, chosen.steps, chosen.stages, budget.arena)
        plan = Plan(graph, chosen.steps, memory, chosen.stages, chosen.flash)
        if best is None or plan.memory.arena_bytes < best.memory.arena_bytes:
            best = plan
        if budget.objective == "ram":
            limit = best.memory.arena_bytes
        elif budget.max_ram is None or plan.memory.arena_bytes <= budget.max_ram:
            return plan
        else:
            limit = chosen.ram
    assert best is not None
    if budget.max_ram is not None and best.memory.arena_bytes > budget.max_ram:
        needed = best.memory.arena_bytes
        advice = "" if budget.arena == OPTIMAL else ", lay the arena out by --arena optimal"
        raise TargetError(
            f"the limit on RAM cannot be kept: the smallest arena found takes {needed:,} bytes, "
            f"{needed - budget.max_ram:,} more than {budget.max_ram:,}",
            f"Raise this limit or another one that binds{advice}, or make the model smaller.",
        )
    return best


def with_planned_bodies(graph: Graph, target: Target, budget: Budget | None = None) -> Graph:
    """The graph with plans of its nodes' bodies, for the objective of the budget; its limits are the whole model's."""
    inner = dataclasses.replace(budget or Budget(), max_flash=None, max_ram=None, max_cycles=None)

    def planned(node: Node) -> Node:
        if not bodies_of(node) or node.attrs.plans:
            return node
        bodies = [ready(body, node.op == "while" and k == 1) for k, body in enumerate(bodies_of(node))]
        plans = tuple(make_plan(body, target, inner) for body in bodies)
        return dataclasses.replace(node, attrs=dataclasses.replace(node.attrs, plans=plans))

    nodes = tuple(map(planned, graph.nodes))
    return graph if nodes == graph.nodes else dataclasses.replace(graph, nodes=nodes)


def _alive(graph: Graph, chosen: Selection) -> int:
    """What every arena for these kernels needs."""
    return buffers_of(graph, chosen.steps, chosen.stages).lower_bound
