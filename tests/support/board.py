"""Cases on the virtual board of a target, against the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from support.case import Case
from support.firmware import build_firmware, differing_on_board, run_on_board
from support.suite import case_graph, case_inputs, expected_outputs, reference_outputs
from support.suites import Chosen, assert_none_differ, differences, merged
from toolchain.graph import Graph
from toolchain.plan import Plan
from toolchain.target import Target

Planned = Callable[[Graph], Plan]


def assert_equal_on_board(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen = np.asarray
) -> None:
    """Every sample of every case gives the reference's outputs on the target's virtual board."""
    assert_none_differ(differences_on_board(cases, name, target, planned, folder, chosen))


def differences_on_board(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen = np.asarray
) -> dict[Case, tuple[int, int]]:
    """How many of each case's codes there are, and how many are not the reference's on the target's virtual board.

    What has one right answer bit by bit is known by the CRC-32 of the outputs, computed on the board; only if one
    differs do the outputs come over the line, to be counted. So do those of cases with answers that are not a number,
    and of those with state, whose samples follow one another.
    """
    plain = [case for case in cases if _stands_alone(case)]
    others = [case for case in cases if case not in plain]
    counts = {}
    if plain:
        wrong = _wrong_samples(plain, name, target, planned, folder / "plain", chosen)
        samples = max(len(chosen(x)) for case in plain for x in case_inputs(case))
        counts = {case: (sum(x.size for x in expected_outputs(case, samples, chosen)), 0) for case in plain}
        if wrong:
            counts = _by_line(plain, name, target, planned, folder / "again", chosen)
            assert any(n for _, n in counts.values()), f"the CRC-32 of the outputs differs for samples {wrong}"
    if others:
        counts |= _by_line(others, name, target, planned, folder / "others", chosen)
    return counts


def _wrong_samples(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen
) -> list[int]:
    graph, inputs = merged(cases, name, chosen)
    expected = [out for case in cases for out in expected_outputs(case, len(inputs[0]), chosen)]
    return differing_on_board(planned(graph), target, folder, inputs, expected)


def _by_line(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen
) -> dict[Case, tuple[int, int]]:
    graph, inputs = merged(cases, name, chosen)
    firmware = build_firmware(planned(graph), target, folder)
    return differences(cases, run_on_board(firmware, graph, target, inputs), chosen)


def _stands_alone(case: Case) -> bool:
    """Whether each sample has one right answer, bit by bit, whatever came before."""
    if case_graph(case).states:
        return False
    return not any(out.dtype == np.float32 and np.isnan(out).any() for out in reference_outputs(case))
