"""The STM32F4's clock set-up on simulated registers, every part broken in turn: it ends, and tells the true clock."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from firmware_kit import HERE

from toolchain.firmware_files import firmware_dir

HSI_HZ, PLL_HZ = 16_000_000, 168_000_000
PLL_ON, HSE_ON = 1 << 24, 1 << 16
FIVE_WAITS_ALL_CACHES = 0x705


@dataclass(frozen=True)
class Outcome:
    clock_hz: int
    timer_unit: int
    brr: int
    cr1: int
    switch: int
    oscillators: int
    flash_acr: int
    touched: int


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("clock") / "clock_sim"
    command = ["gcc", "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{firmware_dir()}"]
    subprocess.run([*command, str(HERE / "clock_sim.c"), "-o", str(program)], check=True)
    return program


def run(simulation: Path, works: str) -> Outcome:
    done = subprocess.run([simulation, works], check=True, capture_output=True, text=True, timeout=30)
    return Outcome(*map(int, done.stdout.split()))


@pytest.mark.parametrize("loader", ["", "b"])
def test_all_works(simulation: Path, loader: str) -> None:
    outcome = run(simulation, "iepswc" + loader)
    assert (outcome.clock_hz, outcome.timer_unit, outcome.switch) == (PLL_HZ, 0, 2)
    assert outcome.oscillators == PLL_ON | HSE_ON
    assert outcome.flash_acr == FIVE_WAITS_ALL_CACHES
    assert outcome.brr == round(84_000_000 / 115200)
    assert outcome.cr1 == 0x202C  # 8N1, transmitter, receiver and its wake-up


@pytest.mark.parametrize("loader", ["", "b"])
@pytest.mark.parametrize("broken", ["".join(c) for n in (1, 2, 5) for c in itertools.combinations("iepsw", n)])
def test_what_is_broken_leaves_it_on_the_internal_oscillator(simulation: Path, broken: str, loader: str) -> None:
    outcome = run(simulation, "".join(set("iepswc") - set(broken)) + loader)
    assert outcome.clock_hz == HSI_HZ
    assert outcome.brr == round(16_000_000 / 115200)
    assert outcome.touched < 500_000  # the waits are bounded
    if "i" not in broken:
        assert (outcome.switch, outcome.oscillators) == (0, 0)


def test_without_a_cycle_counter_timer_2_counts(simulation: Path) -> None:
    assert run(simulation, "iepsw").timer_unit == 1
