"""Kernels are chosen exactly: no other choice within the limits is better, and a limit that cannot be kept is named."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import test_passes_constant_channels
from test_passes_constant_channels import Net

from toolchain.budget import Budget, parse_latency, parse_size
from toolchain.errors import TargetError, UserError
from toolchain.graph import Graph
from toolchain.lifetimes import Lifetimes, live_bytes, saved_bytes
from toolchain.ops import registry
from toolchain.options import BASE_FLASH, Option, code_bytes, options_of
from toolchain.select import BALANCED_FLASH, BALANCED_RAM, RAM_CYCLES, SAME_CYCLES, select
from toolchain.target import Target, load_target

M4 = load_target("stm32")


def _graph(seed: int) -> Graph:
    """Six nodes that share code, small enough to try every choice."""
    net = Net(np.random.default_rng(seed)).input(4)
    net.conv("conv2d", 8, 3, dead=0).conv("depthwise_conv2d", 8, 3, dead=0).conv("conv2d", 16, 1, dead=0)
    return net.conv("conv2d", 8, 3, dead=0).head(8).graph()


def _all(graph: Graph, target: Target) -> list[tuple[int, float, int]]:
    """(flash, cycles, RAM) of every choice there is."""
    coded = [i for i, n in enumerate(graph.nodes) if not registry()[n.op].view]
    choices = [[(_alive(graph, i, o), o) for o in options_of(graph, graph.nodes[i], target)] for i in coded]
    return [_cost(choice) for choice in itertools.product(*choices)]


def _alive(graph: Graph, i: int, option: Option) -> int:
    return live_bytes(graph)[i] - saved_bytes(Lifetimes(graph), i, option.in_place, option.overlap)


def _cost(choice: tuple[tuple[int, Option], ...]) -> tuple[int, float, int]:
    code: frozenset[str] = frozenset().union(*(o.code for _, o in choice))
    flash = BASE_FLASH + code_bytes(code) + sum(o.flash for _, o in choice)
    return flash, sum(o.cycles for _, o in choice), max(live + o.scratch for live, o in choice)


def _chosen(graph: Graph, budget: Budget) -> tuple[int, float, int]:
    """(flash, cycles, RAM) of what is chosen, predicted anew where no step is in a stage."""
    selection = select(graph, M4, budget)
    if not selection.stages:
        chosen = []
        for i, step in enumerate(selection.steps):
            if step.variant is not None:
                found = [o for o in options_of(graph, step.node, M4) if o.variant is step.variant]
                chosen.append((_alive(graph, i, found[0]), found[0]))
        assert _cost(tuple(chosen)) == pytest.approx((selection.flash, selection.cycles, selection.ram))
    return selection.flash, selection.cycles, selection.ram


@pytest.mark.parametrize("seed", range(3))
def test_nothing_within_the_limits_is_better(seed: int) -> None:
    """Than what is chosen; stages may beat every choice that keeps tensors whole."""
    graph = _graph(seed)
    every = _all(graph, M4)
    assert len({r for _, _, r in every}) > 1, "scratch makes a difference"
    assert len(every) > 50
    flashes, rams = sorted({f for f, _, _ in every}), sorted({r for _, _, r in every})
    for max_flash in (None, flashes[0], flashes[len(flashes) // 3], flashes[-1]):
        for max_ram in (None, 100, rams[0], rams[len(rams) // 2]):
            within = [p for p in every if max_flash is None or p[0] <= max_flash]
            within = [p for p in within if max_ram is None or p[2] <= max_ram]
            budget = Budget("latency", max_flash, max_ram)
            if max_ram == 100:
                with pytest.raises(TargetError, match="the limit on RAM cannot be kept"):
                    select(graph, M4, budget)
                continue
            flash, cycles, ram = _chosen(graph, budget)
            assert max_flash is None or flash <= max_flash
            assert max_ram is None or ram <= max_ram
            assert cycles <= min((c for _, c, _ in within), default=np.inf) * 1.000001


@pytest.mark.parametrize("seed", range(3))
def test_objectives_are_what_they_say(seed: int) -> None:
    graph = _graph(seed)
    every = _all(graph, M4)
    flash, cycles, ram = _chosen(graph, Budget("flash"))
    assert flash == min(f for f, _, _ in every)
    small = BALANCED_FLASH * flash
    least_ram = min(r for _, _, r in every)

    flash, cycles, ram = _chosen(graph, Budget("ram"))
    fastest = min(c for f, c, _ in every if f <= small)
    assert flash <= small
    assert cycles <= RAM_CYCLES * fastest
    assert ram <= min(r for f, c, r in every if f <= small and c <= RAM_CYCLES * fastest)

    flash, cycles, ram = _chosen(graph, Budget("balanced"))
    assert flash <= small
    assert ram <= BALANCED_RAM * least_ram
    assert cycles <= SAME_CYCLES * min(c for f, c, r in every if f <= small and r <= BALANCED_RAM * least_ram)


def test_a_latency_limit_overrules_the_objective_and_is_refused_when_nothing_keeps_it() -> None:
    graph = _graph(0)
    every = _all(graph, M4)
    fastest = min(c for _, c, _ in every)
    limit = int(fastest) + 1
    _, cycles, _ = _chosen(graph, Budget("flash", max_cycles=limit))
    assert cycles <= limit
    with pytest.raises(TargetError, match="the limit on latency cannot be kept: the fastest plan needs") as refused:
        select(graph, M4, Budget("balanced", max_cycles=limit // 2))
    assert "more than" in refused.value.problem


def test_stages_keep_limits_that_whole_tensors_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_passes_constant_channels, "SIDE", 24)
    net = Net(np.random.default_rng(0)).input(4)
    net.conv("conv2d", 32, 3, dead=0).conv("depthwise_conv2d", 32, 3, dead=0).conv("conv2d", 4, 1, dead=0)
    graph = net.graph()
    least = min(r for _, _, r in _all(graph, M4))
    selection = select(graph, M4, Budget("latency", max_ram=int(0.7 * least)))
    assert selection.stages
    assert selection.ram <= 0.7 * least


def test_limits_that_bind_are_named() -> None:
    graph = _graph(0)
    with pytest.raises(TargetError, match="the limit on RAM cannot be kept"):
        select(graph, M4, Budget(max_ram=100))
    with pytest.raises(TargetError, match="the limit on flash cannot be kept"):
        select(graph, M4, Budget(max_flash=BASE_FLASH))


@pytest.mark.parametrize(
    ("text", "size"), [("64000", 64000), ("64k", 64_000), ("64Ki", 65_536), ("1.5M", 1_500_000), ("1MiB", 1 << 20)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "cycles"), [("9.2Mcycles", 9_200_000), ("500kcycles", 500_000), ("20ms", 3_360_000), ("50us", 8_400)]
)
def test_latencies_at_the_clock_of_the_target(text: str, cycles: int) -> None:
    assert parse_latency(text, M4) == cycles


@pytest.mark.parametrize("text", ["", "abc", "-5k", "0", "64 kilo", "5ms"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UserError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "fast", "0ms", "5", "5Mms", "-1ms"])
def test_what_is_no_latency(text: str) -> None:
    with pytest.raises(UserError, match="not a latency"):
        parse_latency(text, M4)


def test_stored_code_sizes_name_every_function(tmp_path: Path) -> None:
    """Made by scripts/code_sizes.py; the sizes themselves depend on the compiler's version."""
    import json
    import runpy

    root = Path(__file__).resolve().parent.parent
    measured = runpy.run_path(str(root / "scripts" / "code_sizes.py"))["measure"]()
    stored = json.loads((root / "toolchain" / "code_sizes.json").read_text(encoding="utf-8"))
    assert {n: f["calls"] for n, f in stored.items()} == {n: f["calls"] for n, f in measured.items()}
