"""The benchmark of arenas: what is stored is proven, and is what the page shows."""

from __future__ import annotations

import numpy as np
import pytest
import test_passes_constant_channels
from test_passes_constant_channels import Net

from benchmarks import arena
from benchmarks.models import NAMES
from toolchain.budget import OBJECTIVES
from toolchain.target import load_target


def test_every_stored_arena_is_proven() -> None:
    record = arena.load_arenas()
    assert [(a.model, a.objective) for a in record.arenas] == [(name, o) for name in NAMES for o in OBJECTIVES]
    for a in record.arenas:
        assert a.alive <= a.lower_bound == a.optimal <= a.heuristic
        assert (a.solver_time == arena.NOT_ASKED) == (a.alive == a.heuristic)
    assert record.solver.startswith("OR-Tools ")
    assert arena.FILE.with_suffix(".md").read_text(encoding="utf-8") == arena.page(record)


def test_a_model_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_passes_constant_channels, "SIDE", 8)
    net = Net(np.random.default_rng(0)).input(1).conv("conv2d", 8, 1, dead=0)
    graph = net.conv("depthwise_conv2d", 8, 3, dead=0).conv("depthwise_conv2d", 8, 3, dead=0).head(4).graph()
    (flash, ram), solver = arena.measure_model(graph, "net", load_target(arena.TARGET), ("flash", "ram"))
    assert solver.startswith("OR-Tools ")
    assert flash.alive < flash.lower_bound == flash.optimal <= flash.heuristic
    assert flash.solver_time != arena.NOT_ASKED
    assert (ram.gap, ram.solver_time) == (0, arena.NOT_ASKED)
    record = arena.Arenas(set="reference", target="stm32", solver=solver, arenas=(flash, ram))
    assert "| net | flash |" in arena.page(record)
    assert "|  | ram |" in arena.page(record)
