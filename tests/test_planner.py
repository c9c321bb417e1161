"""Kernels and arena together: how the arena is laid out on request, and what that says of limits on RAM."""

from __future__ import annotations

from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import test_passes_constant_channels
from test_passes_constant_channels import Net

from benchmarks.models import TWIN, model_file
from toolchain.budget import OPTIMAL, Budget
from toolchain.errors import TargetError, ToolError
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import read_tflite
from toolchain.memory import plan_memory
from toolchain.passes import reduce
from toolchain.planner import make_plan
from toolchain.replay import check_plan
from toolchain.select import ranked
from toolchain.target import load_target

M4 = load_target("stm32")


@pytest.fixture
def drifting(monkeypatch: pytest.MonkeyPatch) -> Graph:
    """Its smallest kernels make each output a bit before its input, so that the row needs more than is alive."""
    monkeypatch.setattr(test_passes_constant_channels, "SIDE", 8)
    net = Net(np.random.default_rng(0)).input(1).conv("conv2d", 8, 1, dead=0)
    return net.conv("depthwise_conv2d", 8, 3, dead=0).conv("depthwise_conv2d", 8, 3, dead=0).head(4).graph()


def test_the_arena_is_proven_optimal_on_request(drifting: Graph) -> None:
    plan = make_plan(drifting, M4, Budget("flash"))
    memory = plan.memory
    assert (memory.solver, memory.arena_bytes > memory.lower_bound) == ("", True), "what is alive proves nothing here"
    optimal = make_plan(drifting, M4, Budget("flash", arena=OPTIMAL))
    check_plan(optimal)
    assert optimal.memory.solver.startswith("OR-Tools")
    assert memory.lower_bound < optimal.memory.lower_bound == optimal.memory.arena_bytes <= memory.arena_bytes


def test_the_solver_is_needed_only_where_the_search_proves_nothing(
    drifting: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    plan = make_plan(drifting, M4, Budget("ram", arena=OPTIMAL))
    assert (plan.memory.solver, plan.memory.arena_bytes) == ("", plan.memory.lower_bound)
    with pytest.raises(ToolError, match="OR-Tools, which is not installed"):
        make_plan(drifting, M4, Budget("flash", arena=OPTIMAL))


def test_a_limit_is_kept_by_the_arena_as_it_is_laid_out(drifting: Graph) -> None:
    least = make_plan(drifting, M4, Budget("flash", arena=OPTIMAL)).memory
    assert make_plan(drifting, M4, Budget("latency", max_ram=least.arena_bytes)).memory.arena_bytes <= least.arena_bytes
    with pytest.raises(TargetError, match=f"the smallest arena found takes {least.arena_bytes:,} bytes, 1 more") as e:
        make_plan(drifting, M4, Budget("latency", max_ram=least.arena_bytes - 1))
    assert "--arena optimal" in e.value.hint
    with pytest.raises(TargetError, match="1 more") as e:
        make_plan(drifting, M4, Budget("latency", max_ram=least.arena_bytes - 1, arena=OPTIMAL))
    assert "--arena" not in e.value.hint


def test_the_least_ram_is_that_of_the_arena() -> None:
    """What is alive at once is least for kernels whose arena is not: of several choices the smallest arena is taken."""
    path = Path(model_file(TWIN, "kws_dscnn"))
    graph = reduce(checked_graph(read_tflite(path), path.name))
    budget = Budget("ram")
    choices = list(islice(ranked(graph, M4, budget), 12))
    assert [c.ram for c in choices] == sorted(c.ram for c in choices)
    arenas = [plan_memory(graph, c.steps, c.stages).arena_bytes for c in choices]
    assert arenas[0] > min(arenas)
    plan = make_plan(graph, M4, budget)
    check_plan(plan)
    assert plan.memory.arena_bytes == plan.memory.lower_bound <= min(arenas)
