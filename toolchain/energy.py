"""Modelled energy of one inference, by two models that say different things. Neither is a measurement.

``chip``: cycles times the energy of one cycle, which is the data sheet's typical run current times its supply voltage,
divided by the clock (``[energy]`` of the target). It says what the named chip takes while it computes, if one cycle
costs as much as another: that a multiplication or a load takes more than a branch is not in it, nor are sleep,
peripherals, the regulator or the rest of the board. It compares plans as well as their cycles do.

``operations``: multiplications and additions of the layers with weights, and each byte of weights, inputs and
outputs once, at the energies that Horowitz gives for circuits of 45 nm at 0.9 V ("Computing's Energy Problem", ISSCC
2014; a byte is an eighth of the 10 pJ that 64 bits of an 8 KB cache take). It says what the arithmetic and the data of
a number format cost at least, whichever processor fetches and decodes the instructions, which take most of a
microcontroller's energy. Data that are read again, flash and scratch are not in it. It compares formats, not chips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolchain.graph import Graph
from toolchain.ops.base import Const
from toolchain.plan import Plan, Step
from toolchain.results import CYCLES_MEASURED, CYCLES_MODELLED, Energy, Latency
from toolchain.target import Target

CHIP, OPERATIONS = "chip", "operations"
HOROWITZ = "Horowitz, ISSCC 2014: circuits of 45 nm, an 8 KB cache"

# Picojoules of a multiplication and an addition, by the type of the layer's activations. There is no price for 16 times
# 8 bits: it is two products of 8 bits, and the sum of 64 bits two of 32.
_MAC: Mapping[str, float] = {"int8": 0.2 + 0.1, "int16": 2 * 0.2 + 2 * 0.1, "float32": 3.7 + 0.9}
_BYTE = 10.0 / 8  # a read of 64 bits


def energies(plan: Plan, target: Target, latency: Sequence[Latency]) -> tuple[Energy, ...]:
    """One inference of ``plan`` by each model; ``chip`` only where cycles are known and the target has its current."""
    found = [Energy(CHIP, e, s) for e, s in _chip(target, latency)]
    return (*found, Energy(OPERATIONS, operations_energy(plan), HOROWITZ))


def cycles_energy(target: Target, cycles: float) -> float | None:
    """Microjoules of so many cycles; None where nothing is known of the chip."""
    if target.energy is None or target.board.clock_hz is None:
        return None
    watts = target.energy.run_milliamperes * 1e-3 * target.energy.volts
    return 1e6 * watts * cycles / target.board.clock_hz


def _chip(target: Target, latency: Sequence[Latency]) -> list[tuple[float, str]]:
    timed = next((found for found in latency if found.unit in (CYCLES_MEASURED, CYCLES_MODELLED)), None)
    energy = cycles_energy(target, timed.median) if timed else None
    if timed is None or energy is None or target.energy is None:
        return []
    # A board whose crystal is silent stays on a slower clock, at which the current is another one.
    if timed.clock_hz != target.board.clock_hz:
        return []
    return [(energy, f"{timed.unit} at {target.energy.text}: {target.energy.source}")]


def operations_energy(plan: Plan) -> float:
    """Microjoules of the layers' arithmetic and of moving each of their bytes once."""
    return 1e-6 * sum(_step(plan.graph, step) for step in plan.steps if step.calls)


def _step(graph: Graph, step: Step) -> float:
    """Picojoules."""
    node = step.node
    moved = [graph.tensor(n) for n in (*node.inputs, *node.outputs) if n and not graph.is_constant(n)]
    operands = {n for call in step.calls for n in call.inputs if graph.is_constant(n)}
    nbytes = sum(t.nbytes for t in moved) + sum(graph.tensor(n).nbytes for n in operands)
    # As the kernel stores them: weights of four bits are half as many bytes.
    nbytes += sum(_stored(value) for call in step.calls for _, value in call.params)
    return step.macs * _MAC.get(graph.tensor(node.inputs[0]).dtype, 0.0) + nbytes * _BYTE


def _stored(value: Any) -> int:
    return value.data.nbytes if isinstance(value, Const) else 0
