"""Every case of every operator on each emulated core but the Cortex-M4 equals the reference, bit by bit.

Many cases become one firmware, as many as a board with 16 KB of RAM has room for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import all_cases
from support.case import RANDOM_SETS, Array, Case
from support.cores import OTHER_CORES, need_tools
from support.firmware import build_firmware, merge, planned, repeated, run_on_board, steps_of_rank, strict_target
from support.suite import case_graph, case_inputs, reference_outputs

from toolchain.graph import Graph
from toolchain.link import Link
from toolchain.ports import open_port
from toolchain.select import usable_variants
from toolchain.target import Target

MAX_TENSORS = 250  # the protocol counts inputs and outputs in a byte
MAX_BYTES = 9000


def _batches() -> list[list[Case]]:
    """All cases, in as few groups as the limits allow."""
    batches: list[list[Case]] = [[]]
    tensors = size = 0
    for case in (case for cases in all_cases().values() for case in cases):
        graph = case_graph(case)
        names = {*graph.inputs, *graph.outputs}
        nbytes = sum(graph.tensor(name).nbytes for name in names)
        if tensors + len(names) > MAX_TENSORS or size + nbytes > MAX_BYTES:
            batches.append([])
            tensors = size = 0
        batches[-1].append(case)
        tensors, size = tensors + len(names), size + nbytes
    return batches


BATCHES = _batches()


def _some(x: Array) -> Array:
    """One of the random samples and all the special ones: a slow line takes them to the board."""
    return x[[0, *range(RANDOM_SETS, len(x))]]


def _ranks(graph: Graph, target: Target) -> Iterator[int]:
    """0 for the cheapest variant of each node, then on until every variant has had its turn."""
    return iter(range(max(len(usable_variants(graph, node, target)) for node in graph.nodes)))


@pytest.mark.parametrize("batch", range(len(BATCHES)))
@pytest.mark.parametrize("name", OTHER_CORES)
def test_operator_cases(name: str, batch: int, tmp_path: Path) -> None:
    target, cases = strict_target(name), BATCHES[batch]
    need_tools(target)
    graph = merge({case.id: case_graph(case) for case in cases}, f"batch_{batch}")
    samples = max(len(_some(x)) for case in cases for x in case_inputs(case))
    inputs = [repeated(_some(x), samples) for case in cases for x in case_inputs(case)]
    for rank in _ranks(graph, target):
        firmware = build_firmware(planned(graph, steps_of_rank(graph, target, rank)), target, tmp_path / f"{rank}")
        outputs = run_on_board(firmware, graph, target, inputs)
        wrong = [
            case.id
            for case, got in zip(cases, outputs, strict=True)
            if got.tobytes() != repeated(_some(reference_outputs(case)[0]), samples).tobytes()
        ]
        assert not wrong, f"rank {rank}"
        if target.core == "Cortex-M0":
            _check_alignment(target)


def _check_alignment(target: Target) -> None:
    """The firmware on the board makes no access that crosses a word: the chip could not, though QEMU lets it."""
    assert target.emulator is not None
    with open_port(f"virtual://{target.emulator.board}?count=1") as port:
        Link(port).bench(1)
        (region,) = port.board.regions()
        assert region.crossing == 0
