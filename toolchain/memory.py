"""Plans the arena: every tensor and scratch buffer gets an offset so that what is alive at once does not overlap.

Tensors that share all their memory (views, outputs computed in place) become one buffer. An output may also begin some
bytes before an input that its kernel reads for the last time and lie over the rest of it. ``placement`` says where the
buffers go. Where that is not the least that any placement can need, CP-SAT improves it when it is asked to.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.budget import HEURISTIC, OPTIMAL
from toolchain.graph import Graph
from toolchain.lifetimes import buffers_of
from toolchain.placement import place
from toolchain.plan import MemoryPlan, Stage, Step


def plan_memory(
    graph: Graph, steps: Sequence[Step], stages: Sequence[Stage] = (), arena: str = HEURISTIC
) -> MemoryPlan:
    """Offsets for all variables of the graph and all scratch.

    Raises ToolError when ``arena`` is "optimal", the fast search left a gap, and OR-Tools is not installed.
    """
    buffers = buffers_of(graph, steps, stages)
    placement, bound, solver = place(buffers), buffers.lower_bound, ""
    if arena == OPTIMAL and placement.size > bound:
        from toolchain.memory_exact import solve

        solution = solve(buffers, placement)
        placement, bound, solver = solution.placement, solution.lower_bound, solution.solver
    offsets = list(zip(buffers.all, placement.offsets, strict=True))
    return MemoryPlan(
        offsets={t: offset for b, offset in offsets for t in b.tensors},
        scratch={name: offset for b, offset in offsets for name in b.scratch_of},
        arena_bytes=placement.size,
        lower_bound=bound,
        solver=solver,
    )
