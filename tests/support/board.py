"""Cases on the virtual board of a target, against the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from support.case import Case
from support.firmware import build_firmware, differing_on_board, run_on_board
from support.suite import case_graph, expected_outputs, reference_outputs
from support.suites import Chosen, assert_equal, merged
from toolchain.graph import Graph
from toolchain.plan import Plan
from toolchain.target import Target

Planned = Callable[[Graph], Plan]


def assert_equal_on_board(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen = np.asarray
) -> None:
    """Every sample of every case gives the reference's outputs on the target's virtual board.

    What has one right answer bit by bit is known by the CRC-32 of the outputs, computed on the board; only if one
    differs do the outputs come over the line, to be named. So do those of cases with answers that are not a number, and
    of those with state, whose samples follow one another.
    """
    plain = [case for case in cases if _stands_alone(case)]
    others = [case for case in cases if case not in plain]
    if plain and (wrong := _wrong_samples(plain, name, target, planned, folder / "plain", chosen)):
        _compare_by_line(plain, name, target, planned, folder / "again", chosen)
        raise AssertionError(f"the CRC-32 of the outputs differs for samples {wrong}")
    if others:
        _compare_by_line(others, name, target, planned, folder / "others", chosen)


def _wrong_samples(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen
) -> list[int]:
    graph, inputs = merged(cases, name, chosen)
    expected = [out for case in cases for out in expected_outputs(case, len(inputs[0]), chosen)]
    return differing_on_board(planned(graph), target, folder, inputs, expected)


def _compare_by_line(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen
) -> None:
    graph, inputs = merged(cases, name, chosen)
    firmware = build_firmware(planned(graph), target, folder)
    assert_equal(cases, run_on_board(firmware, graph, target, inputs), chosen)


def _stands_alone(case: Case) -> bool:
    """Whether each sample has one right answer, bit by bit, whatever came before."""
    if case_graph(case).states:
        return False
    return not any(out.dtype == np.float32 and np.isnan(out).any() for out in reference_outputs(case))
