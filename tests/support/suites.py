"""The cases as suites: those of one module on the kernels of one rank, as one graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from cases import all_cases

from support.case import Array, Case
from support.firmware import merge, steps_of_rank, steps_of_variant, strict_target, twin_target
from support.suite import case_graph, case_inputs, expected_outputs, repeated, same
from toolchain.graph import Graph
from toolchain.ops.base import KernelVariant
from toolchain.options import variants_for
from toolchain.plan import Step
from toolchain.planner import with_planned_bodies
from toolchain.select import usable_variants
from toolchain.target import Target

COMPRESSED = "compressed"  # ends the names of modules of cases whose weights take fewer bits, is in those of variants
Rank = int | str  # so many places behind the cheapest variant, or the name of one
HOST, PLAIN, M4 = twin_target(), strict_target("host"), strict_target("stm32")


def ranks(case: Case, target: Target) -> int:
    """How many variants the case has on the target; 1 for a view."""
    return max(map(len, usable(case, target))) or 1


_known: dict[tuple[str, str], list[list[KernelVariant]]] = {}


def usable(case: Case, target: Target) -> list[list[KernelVariant]]:
    """The variants of each node of the case, cheapest first; none for a view."""
    key = case.id, target.name
    if key not in _known:
        graph = with_planned_bodies(case_graph(case), target)
        _known[key] = [usable_variants(graph, node, target) for node in graph.nodes]
    return _known[key]


def suites(target: Target) -> list[tuple[str, Rank]]:
    """Of each module; of cases for compressed weights by the names of the variants that these are for."""
    result: list[tuple[str, Rank]] = []
    for name, cases in all_cases().items():
        if name.endswith(COMPRESSED):
            found = {v.name for case in cases for of_node in usable(case, target) for v in of_node}
            result += ((name, variant) for variant in sorted(found) if COMPRESSED in variant)
        else:
            result += ((name, rank) for rank in range(max(ranks(case, target) for case in cases)))
    return result


def has(case: Case, target: Target, rank: Rank) -> bool:
    if isinstance(rank, int):
        return ranks(case, target) > rank
    return any(v.name == rank for of_node in usable(case, target) for v in of_node)


def variant_at(variants: Sequence[KernelVariant], rank: Rank) -> KernelVariant:
    if isinstance(rank, int):
        return variants[min(rank, len(variants) - 1)]
    return next(v for v in variants if v.name == rank)


def steps_at(graph: Graph, target: Target, rank: Rank) -> tuple[Step, ...]:
    return steps_of_rank(graph, target, rank) if isinstance(rank, int) else steps_of_variant(graph, target, rank)


def withheld(case: Case) -> set[str]:
    """Variants of the case that a core with M4's features does without."""
    graph, m4 = case_graph(case), frozenset(M4.features)
    variants = [(v, node) for node in graph.nodes for v in variants_for(node, PLAIN) if not v.runs_on(m4)]
    return {v.name for v, node in variants if v.supports(graph, node)}


def withheld_suites() -> list[tuple[str, str]]:
    found = {(module, name) for module, cases in all_cases().items() for case in cases for name in withheld(case)}
    return sorted(found)


def withheld_cases(module: str, variant: str) -> list[Case]:
    return [case for case in all_cases()[module] if variant in withheld(case)]


@functools.cache
def cases_of(module: str, rank: Rank, target_name: str) -> tuple[Case, ...]:
    target = HOST if target_name == HOST.name else M4
    return tuple(case for case in all_cases()[module] if has(case, target, rank))


Chosen = Callable[[Array], Array]


def merged(cases: Sequence[Case], name: str, chosen: Chosen = np.asarray) -> tuple[Graph, list[Array]]:
    """One graph of all cases, and its inputs: as many samples as the longest case has among those ``chosen``."""
    graph = merge({case.id: case_graph(case) for case in cases}, name)
    samples = max(len(chosen(x)) for case in cases for x in case_inputs(case))
    return graph, [repeated(chosen(x), samples) for case in cases for x in case_inputs(case)]


def differences(
    cases: Sequence[Case], outputs: Sequence[Array], chosen: Chosen = np.asarray
) -> dict[Case, tuple[int, int]]:
    """How many of each case's codes there are, and how many are not the reference's, bit by bit."""
    counts = dict.fromkeys(cases, (0, 0))
    samples = len(outputs[0])
    all_expected = [(case, expected) for case in cases for expected in expected_outputs(case, samples, chosen)]
    for (case, expected), got in zip(all_expected, outputs, strict=True):
        wrong = 0 if same(got, expected) else int((got != expected).sum()) or got.size
        codes, differing = counts[case]
        counts[case] = codes + got.size, differing + wrong
    return counts


def assert_equal(cases: Sequence[Case], outputs: Sequence[Array]) -> None:
    assert_none_differ(differences(cases, outputs))


def assert_none_differ(counts: Mapping[Case, tuple[int, int]]) -> None:
    """All cases that differ are named."""
    wrong = [f"{case.id}: {n} of {codes} codes differ" for case, (codes, n) in counts.items() if n]
    assert not wrong, "\n".join(wrong)
