"""Every case on every kernel variant, as C on this computer and on the emulated Cortex-M4, equals the reference.

All cases of one module of operators become one firmware, which runs all their input sets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cases import all_cases
from support.board import assert_equal_on_board, differences, merged
from support.case import Array, Case
from support.firmware import (
    build_firmware,
    by_rows,
    planned,
    planned_apart,
    planned_over,
    run_on_host,
    steps_of_rank,
    steps_of_variant,
    strict_target,
    twin_target,
    with_twins,
)
from support.suite import case_graph

from toolchain.errors import BoardError
from toolchain.graph import Graph
from toolchain.ops.base import KernelVariant
from toolchain.options import variants_for
from toolchain.plan import Plan, Step
from toolchain.select import usable_variants
from toolchain.target import Target

COMPRESSED = "compressed"  # ends the names of modules of cases whose weights take fewer bits, is in those of variants
Rank = int | str  # so many places behind the cheapest variant, or the name of one
HOST, PLAIN, M4 = twin_target(), strict_target("host"), strict_target("stm32")


def _ranks(case: Case, target: Target) -> int:
    """How many variants the case has on the target; 1 for a view."""
    return max(map(len, _usable(case, target))) or 1


_known: dict[tuple[str, str], list[list[KernelVariant]]] = {}


def _usable(case: Case, target: Target) -> list[list[KernelVariant]]:
    """The variants of each node of the case, cheapest first; none for a view."""
    key = case.id, target.name
    if key not in _known:
        graph = case_graph(case)
        _known[key] = [usable_variants(graph, node, target) for node in graph.nodes]
    return _known[key]


def _suites(target: Target) -> list[tuple[str, Rank]]:
    """Of each module; of cases for compressed weights by the names of the variants that these are for."""
    suites: list[tuple[str, Rank]] = []
    for name, cases in all_cases().items():
        if name.endswith(COMPRESSED):
            found = {v.name for case in cases for of_node in _usable(case, target) for v in of_node}
            suites += ((name, variant) for variant in sorted(found) if COMPRESSED in variant)
        else:
            suites += ((name, rank) for rank in range(max(_ranks(case, target) for case in cases)))
    return suites


def _has(case: Case, target: Target, rank: Rank) -> bool:
    if isinstance(rank, int):
        return _ranks(case, target) > rank
    return any(v.name == rank for of_node in _usable(case, target) for v in of_node)


def _variant(usable: Sequence[KernelVariant], rank: Rank) -> KernelVariant:
    if isinstance(rank, int):
        return usable[min(rank, len(usable) - 1)]
    return next(v for v in usable if v.name == rank)


def _steps(graph: Graph, target: Target, rank: Rank) -> tuple[Step, ...]:
    return steps_of_rank(graph, target, rank) if isinstance(rank, int) else steps_of_variant(graph, target, rank)


def _withheld(case: Case) -> set[str]:
    """Variants of the case that a core with M4's features does without."""
    graph, m4 = case_graph(case), frozenset(M4.features)
    variants = [(v, node) for node in graph.nodes for v in variants_for(node, PLAIN) if not v.runs_on(m4)]
    return {v.name for v, node in variants if v.supports(graph, node)}


def _withheld_suites() -> list[tuple[str, str]]:
    suites = {(module, name) for module, cases in all_cases().items() for case in cases for name in _withheld(case)}
    return sorted(suites)


def _withheld_cases(module: str, variant: str) -> list[Case]:
    return [case for case in all_cases()[module] if variant in _withheld(case)]


@functools.cache
def _cases(module: str, rank: Rank, target_name: str) -> tuple[Case, ...]:
    target = HOST if target_name == HOST.name else M4
    return tuple(case for case in all_cases()[module] if _has(case, target, rank))


def _assert_equal(cases: Sequence[Case], outputs: Sequence[Array]) -> None:
    """The outputs are the reference's, bit by bit; all cases that differ are named."""
    wrong = differences(cases, outputs)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("module", "rank"), _suites(HOST))
def test_c_on_this_computer_equals_the_reference(module: str, rank: Rank, tmp_path: Path) -> None:
    """With AddressSanitizer and UndefinedBehaviorSanitizer; between all tensors lies poisoned memory.

    Kernels for the Cortex-M4 run as their twins.
    """
    cases = _cases(module, rank, HOST.name)
    graph, inputs = merged(cases, f"{module}_{rank}")
    plan, gaps = planned_apart(graph, with_twins(_steps(graph, HOST, rank)))
    firmware = build_firmware(plan, HOST, tmp_path / "build", sanitize=True, gaps=gaps)
    _assert_equal(cases, run_on_host(firmware, graph, HOST, inputs))


@pytest.mark.parametrize(("module", "variant"), _withheld_suites())
def test_c_for_plain_cores_equals_the_reference(module: str, variant: str, tmp_path: Path) -> None:
    """The same for the kernels of cores without the DSP extension."""
    cases = _withheld_cases(module, variant)
    graph, inputs = merged(cases, f"{module}_{variant}")
    plan, gaps = planned_apart(graph, steps_of_variant(graph, PLAIN, variant))
    firmware = build_firmware(plan, PLAIN, tmp_path / "build", sanitize=True, gaps=gaps)
    _assert_equal(cases, run_on_host(firmware, graph, PLAIN, inputs))


@pytest.mark.parametrize(("module", "variant"), _withheld_suites())
def test_kernels_for_plain_cores_over_inputs_and_by_rows(module: str, variant: str, tmp_path: Path) -> None:
    """Outputs over inputs as far as the kernel allows; then each operator as a stage of its own."""
    cases = _withheld_cases(module, variant)
    graph, inputs = merged(cases, f"{module}_{variant}_over")
    steps = steps_of_variant(graph, PLAIN, variant)
    plans = [planned_over(graph, steps)]
    by_rows_steps, stages = by_rows(graph, steps, PLAIN, (1, 3, 2))
    plans += [planned(graph, by_rows_steps, stages)] if stages else []
    assert len(plans) == (1 if variant == "fours" and module == "fully_connected" else 2)
    for i, plan in enumerate(plans):
        firmware = build_firmware(plan, PLAIN, tmp_path / f"build_{i}")
        _assert_equal(cases, run_on_host(firmware, graph, PLAIN, inputs))


@pytest.mark.parametrize(("module", "rank"), _suites(M4))
def test_emulated_cortex_m4_equals_the_reference(module: str, rank: Rank, tmp_path: Path) -> None:
    """In the arena as it is planned, with tensors that share memory where operators work in place."""

    def as_planned(graph: Graph) -> Plan:
        return planned(graph, _steps(graph, M4, rank))

    assert_equal_on_board(_cases(module, rank, M4.name), f"{module}_{rank}", M4, as_planned, tmp_path)


def _with(target: Target, has: Callable[[KernelVariant], bool]) -> list[tuple[str, Rank]]:
    """The suites where a kernel of this kind runs."""
    chosen = []
    for name, rank in _suites(target):
        cases = _cases(name, rank, target.name)
        usable = [variants for case in cases for variants in _usable(case, target)]
        if any(has(_variant(variants, rank)) for variants in usable if variants):
            chosen.append((name, rank))
    return chosen


def _overlaps(variant: KernelVariant) -> bool:
    return variant.overlap is not KernelVariant.overlap


def _works_by_rows(variant: KernelVariant) -> bool:
    """But for schedules of Winograd with compressed weights that save memory: a few rows need no less by them."""
    return variant.rows is not KernelVariant.rows and not variant.name.startswith("winograd_compressed_")


@pytest.mark.parametrize(("module", "rank"), _with(HOST, _overlaps))
def test_outputs_over_inputs_as_far_as_kernels_allow(module: str, rank: Rank, tmp_path: Path) -> None:
    cases = _cases(module, rank, HOST.name)
    graph, inputs = merged(cases, f"{module}_{rank}_over")
    plan = planned_over(graph, with_twins(_steps(graph, HOST, rank)))
    firmware = build_firmware(plan, HOST, tmp_path / "build")
    _assert_equal(cases, run_on_host(firmware, graph, HOST, inputs))


@pytest.mark.parametrize(("module", "rank"), _with(HOST, _works_by_rows))
def test_kernels_by_rows_on_this_computer(module: str, rank: Rank, tmp_path: Path) -> None:
    """Every operator as a stage of its own, its output over its input where that is allowed."""
    cases = _cases(module, rank, HOST.name)
    graph, inputs = merged(cases, f"{module}_{rank}_rows")
    steps, stages = by_rows(graph, _steps(graph, HOST, rank), HOST, (1, 3, 2))
    assert stages
    firmware = build_firmware(planned(graph, with_twins(steps), stages), HOST, tmp_path / "build")
    _assert_equal(cases, run_on_host(firmware, graph, HOST, inputs))


@pytest.mark.parametrize(("module", "rank"), _with(M4, _works_by_rows))
def test_kernels_by_rows_on_the_emulated_cortex_m4(module: str, rank: Rank, tmp_path: Path) -> None:
    """Some of the cases: what works by rows here is what the twins do."""
    cases = _cases(module, rank, M4.name)[:: 1 + len(_cases(module, rank, M4.name)) // 8]

    def as_planned(graph: Graph) -> Plan:
        return planned(graph, *by_rows(graph, _steps(graph, M4, rank), M4, (2, 1)))

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
