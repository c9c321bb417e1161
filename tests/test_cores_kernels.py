"""Every case of every operator on each emulated core but the Cortex-M4 equals the reference, bit by bit.

Many cases become one firmware, as many as the board has room for.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import all_cases
from support.board import assert_equal_on_board
from support.case import Case
from support.cores import OTHER_CORES, need_tools
from support.firmware import planned, steps_of_rank, strict_target
from support.suite import case_graph

from toolchain.graph import Graph
from toolchain.link import Link
from toolchain.ops import registry
from toolchain.plan import Plan
from toolchain.planner import with_planned_bodies
from toolchain.ports import open_port
from toolchain.select import usable_variants
from toolchain.target import Target, load_target

SHARED = "conv2d_compressed"  # of this suite, too, each case runs on one of the cores
# Both run the Cortex-M4's kernels, all of which run on that one: each runs every other of the rarer variants.
SAME = ("mps2-an500", "mps2-an505")
MAX_TENSORS = 250  # the protocol counts inputs and outputs in a byte
SMALL_RAM = 64 << 10  # boards with less than that have room for
SMALL_BYTES, SMALL_SCRATCH = 9000, 2000  # inputs and outputs of all cases, and the scratch of one


def _variants(case: Case, target: Target) -> int:
    """How many kernel variants the case has on the target; 1 for a view."""
    graph, features = case_graph(case), frozenset(target.features)
    counts = [
        sum(v.runs_on(features) and v.supports(graph, node) for v in registry()[node.op].variants)
        for node in graph.nodes
    ]
    return max(counts) or 1


def _fits(case: Case, target: Target, rank: int) -> bool:
    if target.region("ram").size >= SMALL_RAM:
        return True
    return max(step.scratch_bytes for step in steps_of_rank(case_graph(case), target, rank)) <= SMALL_SCRATCH


def _share(target: Target) -> list[Case]:
    """The cases that are the target's to run: all that have kernels for some cores only.

    What needs the same portable C everywhere runs on one of the cores.
    """
    own: list[Case] = []
    others: list[Case] = []
    for suite, cases in all_cases().items():
        for case in cases:
            (own if suite != SHARED and _is_special(case) else others).append(case)
    return own + others[OTHER_CORES.index(target.name) :: len(OTHER_CORES)]


def _is_special(case: Case) -> bool:
    """Whether some cores have kernels of their own for the case's operators."""
    variants = [v for node in case_graph(case).nodes for v in registry()[node.op].variants]
    return any(v.features or v.without for v in variants)


def _cases(target: Target) -> list[tuple[Case, ...]]:
    """For each rank the cases that have so many variants, but for those that the board has no room for."""
    ranked = [(case, _variants(case, target)) for case in _share(target)]
    ranks = range(max(variants for _, variants in ranked))
    return [tuple(case for case, n in ranked if n > rank and _fits(case, target, rank)) for rank in ranks]


def _batches(target: Target) -> list[tuple[int, tuple[Case, ...]]]:
    """(rank, cases): the cases in as few groups as the limits allow."""
    room = min(target.region("ram").size // 4, target.region("flash").size // 10)  # which holds the samples, too
    max_bytes = SMALL_BYTES if target.region("ram").size < SMALL_RAM else room
    batches: list[tuple[int, tuple[Case, ...]]] = []
    for rank, cases in enumerate(_cases(target)):
        if rank > 1 and target.name in SAME and SAME.index(target.name) != rank % 2:
            continue
        batch: list[Case] = []
        tensors = size = 0
        for case in cases:
            graph = case_graph(case)
            names = {*graph.inputs, *graph.outputs}
            nbytes = sum(graph.tensor(name).nbytes for name in names)
            if tensors + len(names) > MAX_TENSORS or size + nbytes > max_bytes:
                batches.append((rank, tuple(batch)))
                batch, tensors, size = [], 0, 0
            batch.append(case)
            tensors, size = tensors + len(names), size + nbytes
        batches.append((rank, tuple(batch)))
    return batches


BATCHES = {name: _batches(load_target(name)) for name in OTHER_CORES}


def test_only_a_board_of_little_ram_leaves_cases_out() -> None:
    """Wide windows, whose columns alone take much of the micro:bit's RAM; their other variant runs there."""
    tried = {
        name: [{c.id for r, cases in batches if r == rank for c in cases} for rank in (0, 1)]
        for name, batches in BATCHES.items()
    }
    left_out = {name: {case.id for case in _share(load_target(name))} - ranks[0] for name, ranks in tried.items()}
    assert {name for name, ids in left_out.items() if ids} == {"microbit"}
    assert len(left_out["microbit"]) == 7  # of its share, which other cases change
    assert left_out["microbit"] <= tried["microbit"][1]


@pytest.mark.parametrize(("name", "batch"), [(name, i) for name in OTHER_CORES for i in range(len(BATCHES[name]))])
def test_operator_cases(name: str, batch: int, tmp_path: Path) -> None:
    """The cheapest variant of each node, then the next, until every variant has had its turn."""
    target, (rank, cases) = strict_target(name), BATCHES[name][batch]
    need_tools(target)

    def as_planned(graph: Graph) -> Plan:
        return planned(graph, steps_of_rank(graph, target, rank))

    assert_equal_on_board(cases, f"batch_{batch}", target, as_planned, tmp_path)
    if target.core == "Cortex-M0":
        _check_alignment(target)


def test_every_helium_kernel_has_cases() -> None:
    """Both forms of each: with an output zero point of -128 and without."""
    target = strict_target("mps3-an547")
    missing = {
        (op.name, v.name, relu)
        for op in registry().values()
        for v in op.variants
        if "mve" in v.features
        for relu in (0, 1)
    }
    for case in (case for cases in all_cases().values() for case in cases):
        graph = with_planned_bodies(case_graph(case), target)
        for node in (node for node in graph.nodes if node.outputs):
            out = graph.tensor(node.outputs[0])
            relu = int(out.quant is not None and out.zero_point == -128)
            missing -= {(node.op, v.name, relu) for v in usable_variants(graph, node, target)}
    assert not missing


def _check_alignment(target: Target) -> None:
    """The firmware on the board makes no access that crosses a word: the chip could not, though QEMU lets it."""
    assert target.emulator is not None
    with open_port(f"virtual://{target.emulator.board}?count=1") as port:
        Link(port).bench(1)
        (region,) = port.board.regions()
        assert region.crossing == 0
