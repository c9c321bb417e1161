"""Cases on the virtual board of a target, against the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from support.case import Array, Case
from support.firmware import build_firmware, differing_on_board, merge, run_on_board
from support.suite import case_graph, case_inputs, expected_outputs, reference_outputs, repeated, same
from toolchain.graph import Graph
from toolchain.plan import Plan
from toolchain.target import Target

Planned = Callable[[Graph], Plan]
Chosen = Callable[[Array], Array]


def merged(cases: Sequence[Case], name: str, chosen: Chosen = np.asarray) -> tuple[Graph, list[Array]]:
    """One graph of all cases, and its inputs: as many samples as the longest case has among those ``chosen``."""
    graph = merge({case.id: case_graph(case) for case in cases}, name)
    samples = max(len(chosen(x)) for case in cases for x in case_inputs(case))
    return graph, [repeated(chosen(x), samples) for case in cases for x in case_inputs(case)]


def differences(cases: Sequence[Case], outputs: Sequence[Array], chosen: Chosen = np.asarray) -> list[str]:
    """A line for each case whose outputs are not the reference's, bit by bit."""
    wrong = []
    samples = len(outputs[0])
    all_expected = [(case, expected) for case in cases for expected in expected_outputs(case, samples, chosen)]
    for (case, expected), got in zip(all_expected, outputs, strict=True):
        if not same(got, expected):
            wrong.append(f"{case.id}: {(got != expected).sum()} of {got.size} codes differ")
    return wrong


def assert_equal_on_board(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen = np.asarray
) -> None:
    """Every sample of every case gives the reference's outputs on the target's virtual board.

    What has one right answer bit by bit is known by the CRC-32 of the outputs, computed on the board; only if one
    differs do the outputs come over the line, to be named. So do those of cases with answers that are not a number, and
    of those with state, whose samples follow one another.
    """
    plain = [case for case in cases if _stands_alone(case)]
    if plain:
        graph, inputs = merged(plain, name, chosen)
        samples = len(inputs[0])
        expected = [out for case in plain for out in expected_outputs(case, samples, chosen)]
        wrong = differing_on_board(planned(graph), target, folder / "plain", inputs, expected)
        if wrong:
            found = _differences_by_line(plain, name, target, planned, folder / "again", chosen)
            raise AssertionError("\n".join(found) or f"the CRC-32 of the outputs differs for samples {wrong}")
    others = [case for case in cases if case not in plain]
    if others:
        found = _differences_by_line(others, name, target, planned, folder / "others", chosen)
        assert not found, "\n".join(found)


def _differences_by_line(
    cases: Sequence[Case], name: str, target: Target, planned: Planned, folder: Path, chosen: Chosen
) -> list[str]:
    graph, inputs = merged(cases, name, chosen)
    firmware = build_firmware(planned(graph), target, folder)
    return differences(cases, run_on_board(firmware, graph, target, inputs), chosen)


def _stands_alone(case: Case) -> bool:
    """Whether each sample has one right answer, bit by bit, whatever came before."""
    if case_graph(case).states:
        return False
    return not any(out.dtype == np.float32 and np.isnan(out).any() for out in reference_outputs(case))
