"""Every case on every kernel variant, as C on this computer and on the emulated Cortex-M4, equals the reference.

On this computer kernels are called one by one; for boards all cases of one module of operators become one firmware,
which runs all their input sets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import all_cases
from support.board import assert_equal_on_board
from support.examine import on_kernels, variants_of
from support.firmware import (
    build_firmware,
    by_rows,
    planned,
    planned_apart,
    planned_over,
    run_on_host,
    steps_of_rank,
    steps_of_variant,
    with_twins,
)
from support.suite import case_graph, case_inputs, reference_outputs
from support.suites import (
    HOST,
    M4,
    PLAIN,
    Rank,
    assert_equal,
    cases_of,
    merged,
    steps_at,
    suites,
    usable,
    variant_at,
    withheld_cases,
    withheld_suites,
)

from toolchain.errors import BoardError
from toolchain.graph import Graph
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant
from toolchain.plan import Plan
from toolchain.target import Target


def test_every_kernel_has_a_case() -> None:
    graphs = [case_graph(case) for cases in all_cases().values() for case in cases]
    reached = {(node.op, v.name) for graph in graphs for node in graph.nodes for v in variants_of(graph, node)}
    kernels = {
        (op.name, v.name) for op in registry().values() if op.tflite or op.typed or op.instead for v in op.variants
    }
    assert reached == {(op, name) for op, name in kernels if name != "xnor"}, "signs are in test_ops_xnor.py"


@pytest.mark.parametrize("module", all_cases())
def test_c_on_this_computer_equals_the_reference(module: str) -> None:
    """Every kernel that some core uses, under sanitizers; those for the Cortex-M4 and for Helium as their twins.

    Each tensor has memory of its own, then outputs lie over inputs as far as the kernel allows.
    """
    wrong = [
        f"{case.id}, {found.way}: {found.detail}"
        for case in all_cases()[module]
        for found in on_kernels(case_graph(case), case_inputs(case), reference_outputs(case))
        if found.differing
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("module", "variant"), withheld_suites())
def test_kernels_for_plain_cores_over_inputs_and_by_rows(module: str, variant: str, tmp_path: Path) -> None:
    """Outputs over inputs as far as the kernel allows; then each operator as a stage of its own."""
    cases = withheld_cases(module, variant)
    graph, inputs = merged(cases, f"{module}_{variant}_over")
    steps = steps_of_variant(graph, PLAIN, variant)
    plans = [planned_over(graph, steps)]
    by_rows_steps, stages = by_rows(graph, steps, PLAIN, (1, 3, 2))
    plans += [planned(graph, by_rows_steps, stages)] if stages else []
    assert len(plans) == (1 if variant == "fours" and module == "fully_connected" else 2)
    for i, plan in enumerate(plans):
        firmware = build_firmware(plan, PLAIN, tmp_path / f"build_{i}")
        assert_equal(cases, run_on_host(firmware, graph, PLAIN, inputs))


@pytest.mark.parametrize(("module", "rank"), suites(M4))
def test_emulated_cortex_m4_equals_the_reference(module: str, rank: Rank, tmp_path: Path) -> None:
    """In the arena as it is planned, with tensors that share memory where operators work in place."""

    def as_planned(graph: Graph) -> Plan:
        return planned(graph, steps_at(graph, M4, rank))

    assert_equal_on_board(cases_of(module, rank, M4.name), f"{module}_{rank}", M4, as_planned, tmp_path)


def _with(target: Target, has: Callable[[KernelVariant], bool]) -> list[tuple[str, Rank]]:
    """The suites where a kernel of this kind runs."""
    chosen = []
    for name, rank in suites(target):
        cases = cases_of(name, rank, target.name)
        found = [variants for case in cases for variants in usable(case, target)]
        if any(has(variant_at(variants, rank)) for variants in found if variants):
            chosen.append((name, rank))
    return chosen


def _overlaps(variant: KernelVariant) -> bool:
    return variant.overlap is not KernelVariant.overlap


def _works_by_rows(variant: KernelVariant) -> bool:
    """But for schedules of Winograd with compressed weights that save memory: a few rows need no less by them."""
    return variant.rows is not KernelVariant.rows and not variant.name.startswith("winograd_compressed_")


@pytest.mark.parametrize(("module", "rank"), _with(HOST, _overlaps))
def test_plans_with_outputs_over_inputs_overwrite_nothing_that_is_needed(module: str, rank: Rank) -> None:
    """As far as kernels allow; they run so above."""
    graph, _ = merged(cases_of(module, rank, HOST.name), f"{module}_{rank}_over")
    planned_over(graph, steps_at(graph, HOST, rank))


@pytest.mark.parametrize(("module", "rank"), _with(HOST, _works_by_rows))
def test_kernels_by_rows_on_this_computer(module: str, rank: Rank, tmp_path: Path) -> None:
    """Every operator as a stage of its own, its output over its input where that is allowed."""
    cases = cases_of(module, rank, HOST.name)
    graph, inputs = merged(cases, f"{module}_{rank}_rows")
    steps, stages = by_rows(graph, steps_at(graph, HOST, rank), HOST, (1, 3, 2))
    assert stages
    firmware = build_firmware(planned(graph, with_twins(steps), stages), HOST, tmp_path / "build")
    assert_equal(cases, run_on_host(firmware, graph, HOST, inputs))


@pytest.mark.parametrize(("module", "rank"), _with(M4, _works_by_rows))
def test_kernels_by_rows_on_the_emulated_cortex_m4(module: str, rank: Rank, tmp_path: Path) -> None:
    """Some of the cases: what works by rows here is what the twins do."""
    cases = cases_of(module, rank, M4.name)[:: 1 + len(cases_of(module, rank, M4.name)) // 8]

    def as_planned(graph: Graph) -> Plan:
        return planned(graph, *by_rows(graph, steps_at(graph, M4, rank), M4, (2, 1)))

    assert_equal_on_board(cases, f"{module}_{rank}_rows", M4, as_planned, tmp_path, lambda x: x[:2])


def test_a_kernel_that_reads_too_far_is_caught(tmp_path: Path) -> None:
    """The proof that the poisoned memory works: an input one byte shorter than the kernel believes."""
    cases = [case for case in all_cases()["relu"] if case.id == "relu_same"]
    graph, inputs = merged(cases, "too_far")
    plan, gaps = planned_apart(graph, steps_of_rank(graph, HOST, 0))
    start = plan.memory.offsets[graph.inputs[0]] + graph.tensor(graph.inputs[0]).nbytes - 1
    firmware = build_firmware(plan, HOST, tmp_path / "build", sanitize=True, gaps=[*gaps, (start, start + 1)])
    with pytest.raises(BoardError, match="AddressSanitizer"):
        run_on_host(firmware, graph, HOST, inputs)
