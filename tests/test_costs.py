"""The cycles that kernels are chosen by are those that they take, within 10 %, on layers of all kinds."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

from benchmarks import costs
from benchmarks.board_run import TARGET
from benchmarks.compare import other_tools
from benchmarks.cost_record import CostRecord, load_costs
from benchmarks.cost_shapes import all_shapes
from benchmarks.costs import Deviation, all_cases, deviations
from benchmarks.layer_run import Case, run_batch
from toolchain.errors import DataError
from toolchain.ops import registry
from toolchain.ops.base import FittedCost
from toolchain.options import CALL_FLASH, flash_bytes, option_of
from toolchain.target import load_target

A_CALL = 12  # cycles by which a call differs among other layers, whose code and data lie elsewhere


@functools.cache
def _cases() -> tuple[Case, ...]:
    return tuple(all_cases())


def _variants() -> Iterator[tuple[str, str]]:
    features = frozenset(load_target(TARGET).features)
    for op in registry().values():
        yield from ((op.name, v.name) for v in op.variants if v.runs_on(features))


def _adds_up(op: str) -> bool:
    """Whether the operator's cost is that of the kernels in its bodies, each of which is measured where it stands.

    What it adds to them decides nothing: it has but one kernel, which is taken whatever it costs.
    """
    variants = registry()[op].variants
    return len(variants) == 1 and not isinstance(variants[0].cost, FittedCost)


@pytest.mark.parametrize(("op", "variant"), list(_variants()))
def test_predicted_cycles_are_within_ten_percent_of_the_measured(op: str, variant: str) -> None:
    """Stored measurements against the cost functions as they are now."""
    cases = [c for c in _cases() if (c.shape.node.op, c.variant.name) == (op, variant)]
    assert cases or _adds_up(op), "no layer of benchmarks/cost_shapes.py is computed by it"
    wrong = [str(d) for d in deviations(load_costs(), cases) if d.too_far]
    assert not wrong, "\n".join(wrong)


def test_what_is_stored_is_what_there_is() -> None:
    wanted: dict[str, set[str]] = {}
    for case in _cases():
        wanted.setdefault(case.shape.name, set()).add(case.variant.name)
    stored = {name: set(cycles) for name, cycles in load_costs().cycles.items()}
    assert stored == wanted, "run: python -m benchmarks.costs"
    assert len(wanted) == len(all_shapes())


def _smallest() -> list[Case]:
    """Of each variant the layer that takes least."""
    stored = load_costs().cycles
    best: dict[tuple[str, str], Case] = {}
    for case in sorted(_cases(), key=lambda c: stored[c.shape.name][c.variant.name]):
        best.setdefault((case.shape.node.op, case.variant.name), case)
    return list(best.values())


def test_one_layer_of_each_variant_on_the_emulated_core() -> None:
    """Stored cycles are not stale, which only another compiler or emulator excuses; flash is predicted too."""
    cases, stored = _smallest(), load_costs()
    batch = run_batch(cases)
    found = batch.cycles
    tolerance = 0.10 if other_tools(stored.tools, batch.tools) else 0.01
    pairs = [(c, n, stored.cycles[c.shape.name][c.variant.name]) for c, n in zip(cases, found, strict=True)]
    wrong = [f"{c.shape.name} by {c.variant.name}: {n}, stored {was}" for c, n, was in pairs]
    stale = [
        line for line, (_, n, was) in zip(wrong, pairs, strict=True) if abs(n - was) > max(tolerance * was, A_CALL)
    ]
    assert not stale, "run: python -m benchmarks.costs\n" + "\n".join(stale)
    options = [option_of(c.shape.graph, c.shape.node, c.variant) for c in cases]
    constants = [o.flash - CALL_FLASH * len(o.calls) for o in options]
    assert constants == pytest.approx(batch.constants, abs=12)
    # From above: shared helpers are counted twice. What the C library adds (divisions of 64 bits, exp) is not counted.
    assert 0.99 * batch.flash <= flash_bytes(options) <= 1.03 * batch.flash


def _deviation(predicted: float, measured: int) -> Deviation:
    return Deviation(_cases()[0], predicted, measured)


@pytest.mark.parametrize(("predicted", "too_far"), [(1099, False), (1101, True), (901, False), (899, True)])
def test_what_is_too_far(predicted: int, too_far: bool) -> None:
    deviation = _deviation(predicted, 1000)
    assert deviation.too_far == too_far
    lines = list(costs.told([deviation]))
    assert any("too far" in line for line in lines) == too_far


def test_a_layer_that_was_never_measured_is_told() -> None:
    nothing = CostRecord(tools=load_costs().tools, cycles={})
    with pytest.raises(DataError, match="was never measured"):
        list(deviations(nothing, _cases()[:1]))


def test_fitting_finds_the_cycles_of_each_term() -> None:
    """From measurements that are exactly a sum of terms, whatever the present constants are."""
    cases = [c for c in _cases() if c.shape.node.op == "add" and c.variant.name == "portable"]
    true = (100.0, 7.0, 33.0)
    found = []
    for case in cases:
        assert isinstance(case.variant.cost, FittedCost)
        terms = case.variant.cost.terms(case.shape.graph, case.shape.node)
        found.append(Deviation(case, 0.0, int(sum(a * b for a, b in zip(true, terms, strict=True)))))
    (line,) = costs.fitted(found)
    assert line.startswith("add, portable: (100, 7, 33), off by 0.0% at most")
