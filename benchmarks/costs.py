"""Predicted against measured cycles of every kernel variant: ``python -m benchmarks.costs``.

Runs the layers of ``cost_shapes`` by every variant that can compute them on the emulated Cortex-M4, many in one
firmware, stores the modelled cycles in ``benchmarks/results/costs.json``, and says how far the predictions that
kernels are chosen by are off. ``--missing`` measures only what was never measured, for new layers; ``--stored``
predicts anew without measuring; ``--fit`` prints, for every variant whose cost is a sum of fitted terms, what least
squares of the relative error would make of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.board_run import TARGET
from benchmarks.cost_record import CostRecord, load_costs, store_costs
from benchmarks.cost_shapes import all_shapes
from benchmarks.layer_run import Case, measure
from benchmarks.performance import write_page
from benchmarks.program import exit_with
from toolchain.errors import DataError
from toolchain.graph import Array
from toolchain.ops import registry
from toolchain.ops.base import FittedCost, KernelVariant
from toolchain.options import options_of
from toolchain.target import load_target

TOLERANCE = 0.10


@dataclass(frozen=True, eq=False)
class Deviation:
    """A prediction beside what was measured."""

    case: Case
    predicted: float
    measured: int

    @property
    def relative(self) -> float:
        return (self.predicted - self.measured) / self.measured

    @property
    def too_far(self) -> bool:
        return abs(self.relative) > TOLERANCE

    def __str__(self) -> str:
        name = f"{self.case.shape.name} by {self.case.variant.name}"
        return f"{name}: {self.predicted:,.0f} predicted, {self.measured:,} measured ({self.relative:+.1%})"


def all_cases() -> list[Case]:
    """Every layer by every variant that computes it on the target."""
    target = load_target(TARGET)
    return [Case(s, o.variant) for s in all_shapes() for o in options_of(s.graph, s.node, target)]


def measure_all(cases: Sequence[Case]) -> CostRecord:
    counts, tools = measure(cases)
    cycles: dict[str, dict[str, int]] = {}
    for case, count in zip(cases, counts, strict=True):
        cycles.setdefault(case.shape.name, {})[case.variant.name] = count
    return CostRecord(tools=tools, cycles=cycles)


def measure_missing(stored: CostRecord, cases: Sequence[Case]) -> CostRecord:
    """What is stored of ``cases``, and the rest measured. Raises DataError where other tools measured that."""
    missing = [c for c in cases if c.variant.name not in stored.cycles.get(c.shape.name, {})]
    if not missing:
        return CostRecord(tools=stored.tools, cycles=_cycles_of(stored, cases))
    found = measure_all(missing)
    if found.tools != stored.tools:
        raise DataError(f"what is stored was measured with {stored.tools}", "Measure all: python -m benchmarks.costs")
    names = [*stored.cycles, *found.cycles]
    both = {name: {**stored.cycles.get(name, {}), **found.cycles.get(name, {})} for name in names}
    return CostRecord(tools=stored.tools, cycles=_cycles_of(CostRecord(tools=stored.tools, cycles=both), cases))


def _cycles_of(record: CostRecord, cases: Iterable[Case]) -> dict[str, dict[str, int]]:
    """In the order of ``cases``, and of nothing else."""
    cycles: dict[str, dict[str, int]] = {}
    for case in cases:
        cycles.setdefault(case.shape.name, {})[case.variant.name] = record.cycles[case.shape.name][case.variant.name]
    return cycles


def deviations(measured: CostRecord, cases: Iterable[Case]) -> Iterator[Deviation]:
    """Raises DataError for a layer or variant that was never measured."""
    for case in cases:
        found = measured.cycles.get(case.shape.name, {}).get(case.variant.name)
        if found is None:
            raise DataError(
                f"{case.shape.name} by {case.variant.name} was never measured", "Run python -m benchmarks.costs."
            )
        yield Deviation(case, case.variant.cost(case.shape.graph, case.shape.node).cycles, found)


def _by_variant(found: Iterable[Deviation]) -> dict[tuple[str, str], list[Deviation]]:
    groups: dict[tuple[str, str], list[Deviation]] = {}
    for deviation in found:
        groups.setdefault((deviation.case.shape.node.op, deviation.case.variant.name), []).append(deviation)
    return groups


def told(found: Sequence[Deviation]) -> Iterator[str]:
    """A line for each variant, and one for each prediction that is too far off."""
    for (op, variant), group in _by_variant(found).items():
        worst = max(group, key=lambda d: abs(d.relative))
        mean = float(np.mean([abs(d.relative) for d in group]))
        yield f"{op}, {variant}: {len(group)} layers, off by {mean:.1%} on average, {worst.relative:+.1%} at most"
        yield from (f"    too far: {d}" for d in sorted(group, key=lambda d: -abs(d.relative)) if d.too_far)


def _terms(variant: KernelVariant, group: Sequence[Deviation]) -> Array:
    assert isinstance(variant.cost, FittedCost)
    return np.array([variant.cost.terms(d.case.shape.graph, d.case.shape.node) for d in group], np.float64)


def fitted(found: Sequence[Deviation]) -> Iterator[str]:
    """For each variant with a fitted cost: the cycles of its terms by least squares, and the largest error left."""
    for (op, name), group in _by_variant(found).items():
        variant = next(v for v in registry()[op].variants if v.name == name)
        if not isinstance(variant.cost, FittedCost):
            continue
        terms, cycles = _terms(variant, group), np.array([d.measured for d in group], np.float64)
        weight = 1.0 / cycles
        used = terms.any(axis=0)
        solution = np.array(variant.cost.cycles)
        solution[used] = np.linalg.lstsq(terms[:, used] * weight[:, None], cycles * weight, rcond=None)[0]
        left = float(np.max(np.abs(terms @ solution - cycles) * weight))
        numbers = ", ".join(f"{x:.4g}" for x in solution)
        yield f"{op}, {name}: ({numbers}), off by {left:.1%} at most; now {variant.cost.cycles}"


def _measured(options: argparse.Namespace, cases: Sequence[Case]) -> CostRecord:
    """As the options want it; stored, too, if it is of all layers."""
    if options.stored or options.fit:
        return load_costs()
    measured = measure_missing(load_costs(), cases) if options.missing else measure_all(cases)
    if not options.only:
        store_costs(measured)
        write_page()
    return measured


def run(arguments: Sequence[str]) -> int:
    """Exit code 0, or 1 when a prediction is too far off."""
    parser = argparse.ArgumentParser(prog="costs", description="Compare predicted with measured cycles.")
    parser.add_argument("--stored", action="store_true", help="take the stored cycles instead of measuring")
    parser.add_argument("--missing", action="store_true", help="measure and store only what was never measured")
    parser.add_argument("--fit", action="store_true", help="suggest fitted constants from the stored cycles")
    parser.add_argument("--only", default="", help="operators whose name contains this; nothing is stored then")
    options = parser.parse_args(arguments)
    cases = [c for c in all_cases() if options.only in c.shape.node.op]
    found = list(deviations(_measured(options, cases), cases))
    print("\n".join(fitted(found) if options.fit else told(found)))
    return int(any(d.too_far for d in found))


if __name__ == "__main__":
    exit_with(run)
