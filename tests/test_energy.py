"""Modelled energy: cycles at the chip's price, and operations and bytes counted by hand at a paper's."""

from __future__ import annotations

import dataclasses

import pytest
from job_kit import URL, document, is_valid, small
from support import make
from support.case import Case
from support.flatbuffer import case_model

from toolchain.energy import cycles_energy, energies, operations_energy
from toolchain.front import checked_graph
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.base import Const
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.results import CYCLES_MEASURED, CYCLES_MODELLED, INSTRUCTIONS, Latency
from toolchain.target import load_target

M4, M3 = load_target("stm32"), load_target("mps2-an385")
CLOCK = 168_000_000
POOL = make.pool("pool", (4, 4, 8), (2, 2), quant=(0.05, -3))
DENSE = make.fully_connected("dense", (1, 240), 60)


def plan_of(case: Case) -> Plan:
    graph = checked_graph(parse_tflite(case_model(case), "case", "case"), "case")
    return make_plan(graph, load_target("host"))


def test_a_cycle_takes_current_times_voltage() -> None:
    assert M4.energy is not None
    second = cycles_energy(M4, CLOCK)
    assert second == pytest.approx(40e-3 * 3.3 * 1e6), "a second of 40 mA at 3.3 V"
    assert cycles_energy(M3, CLOCK) is None, "nothing is known of this board's current"


def test_bytes_are_counted_once() -> None:
    nbytes = 4 * 4 * 8 + 3 * 3 * 8
    assert operations_energy(plan_of(POOL)) == pytest.approx(1e-6 * 1.25 * nbytes)


def test_multiplications_are_counted_at_the_price_of_their_type() -> None:
    found = operations_energy(plan_of(DENSE))
    macs = weights = 240 * 60
    least = 1e-6 * (0.3 * macs + 1.25 * (weights + 240 + 60))
    tables = 1e-6 * 1.25 * 60 * (4 + 4 + 4)  # biases, multipliers and shifts of the channels at most
    assert least < found <= least + tables


def test_weights_in_fewer_bytes_take_less() -> None:
    """What counts is how the chosen kernel stores them."""
    plan = plan_of(DENSE)
    (step,) = plan.steps
    (call,) = step.calls
    params = tuple(
        (name, dataclasses.replace(value, data=value.data.reshape(-1)[::2]) if isinstance(value, Const) else value)
        for name, value in call.params
    )
    before = sum(value.data.nbytes for _, value in call.params if isinstance(value, Const))
    fewer = dataclasses.replace(step, calls=(dataclasses.replace(call, params=params),))
    saved = operations_energy(plan) - operations_energy(dataclasses.replace(plan, steps=(fewer,)))
    assert before >= 240 * 60
    assert saved == pytest.approx(1e-6 * 1.25 * before / 2)


def test_the_chip_is_priced_by_cycles_only() -> None:
    plan = plan_of(POOL)
    modelled = Latency(CYCLES_MODELLED, (1000, 1200, 1300), CLOCK)
    counted = Latency(INSTRUCTIONS, (900, 900, 900))
    chip, operations = energies(plan, M4, (modelled, counted))
    assert (chip.model, operations.model) == ("chip", "operations")
    assert chip.microjoules == pytest.approx(40e-3 * 3.3 * 1e6 * 1200 / CLOCK)
    assert "DS8626" in chip.source
    assert "Horowitz" in operations.source
    slow = Latency(CYCLES_MEASURED, (1000,), 16_000_000)
    for target, latency in ((M4, (counted,)), (M4, ()), (M3, (modelled,)), (M4, (slow,))):
        assert [e.model for e in energies(plan, target, latency)] == ["operations"]


def test_a_deployment_reports_both(capfd: pytest.CaptureFixture[str]) -> None:
    report = document(capfd, "profile", str(small() / "small.tflite"), "--port", URL, "--out", str(small() / "p"))
    is_valid(report)
    chip, operations = report["energy"]
    cycles = next(e for e in report["latency"] if e["unit"] == CYCLES_MODELLED)["median"]
    assert chip["microjoules"] == pytest.approx(1e6 * 40e-3 * 3.3 * cycles / CLOCK)
    assert chip["unit"] == operations["unit"] == "uJ (modelled)"
    assert 0 < operations["microjoules"] < chip["microjoules"]
