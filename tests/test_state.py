"""What lasts between inferences: its memory is its own, passes leave its order alone, and streams begin afresh."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.firmware import build_firmware, checked_plan, run_on_board, run_on_host, strict_target

from toolchain.errors import ModelError
from toolchain.graph import Graph, Node, Tensor
from toolchain.lifetimes import buffers_of
from toolchain.passes import reduce
from toolchain.passes.order import least_memory_order
from toolchain.passes.read_in_place import read_in_place
from toolchain.passes.rewriting import alive
from toolchain.passes.share_results import share_results
from toolchain.reference import run
from toolchain.replay import check_plan
from toolchain.target import load_target
from toolchain.verify import VerificationError, check_graph, check_supported

HOST = load_target("host")


def _graph(nodes: Sequence[Node], inputs: Sequence[str] = ("x",), outputs: Sequence[str] = ("y",)) -> Graph:
    """int8 tensors of four elements; the state ``s`` begins with 1, 2, 3, 4."""
    names = {n for node in nodes for n in (*node.inputs, *node.outputs)} | {*inputs, *outputs}
    tensors = {n: Tensor(n, (4,), "int8") for n in names}
    tensors["s"] = dataclasses.replace(tensors["s"], initial=np.arange(1, 5, dtype=np.int8))
    return Graph("g", tensors, tuple(nodes), tuple(inputs), tuple(outputs))


def _read(name: str, out: str) -> Node:
    return Node(name, "read_variable", ("s",), (out,))


def _assign(name: str, value: str) -> Node:
    return Node(name, "assign_variable", ("s", value), ())


EXCHANGE = _graph([_read("r", "y"), _assign("a", "x")])


def test_samples_are_one_stream_however_many_there_are() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (70, 4)).astype(np.int8)  # more than a chunk
    assert np.array_equal(run(EXCHANGE, [x])[0], [[1, 2, 3, 4], *x[:-1]])
    assert np.array_equal(run(EXCHANGE, [x[:3]])[0], [[1, 2, 3, 4], *x[:2]])  # and afresh


def test_nothing_else_ever_lies_where_a_state_lies() -> None:
    graph = _graph([_read("r", "a"), _assign("w", "x"), Node("m", "maximum", ("a", "x"), ("b",))], outputs=("b",))
    plan = checked_plan(graph, HOST)
    offsets = plan.memory.offsets
    assert all(abs(offsets["s"] - offsets[n]) >= 4 for n in offsets if n != "s")
    assert plan.memory.lower_bound == buffers_of(graph, plan.steps).lower_bound >= 12  # counted like any tensor
    for name in offsets.keys() - {"s"}:
        wrong = dataclasses.replace(plan.memory, offsets={**offsets, name: offsets["s"]})
        with pytest.raises(VerificationError):
            check_plan(dataclasses.replace(plan, memory=wrong))


def test_a_state_that_is_written_over_at_the_end_is_found() -> None:
    """By nobody who reads it later in this inference."""
    graph = _graph([_read("r", "a"), Node("m", "maximum", ("a", "x"), ("y",))])
    plan = checked_plan(graph, HOST)
    wrong = {**plan.memory.offsets, "y": plan.memory.offsets["s"]}
    with pytest.raises(VerificationError, match="the next inference reads s"):
        check_plan(dataclasses.replace(plan, memory=dataclasses.replace(plan.memory, offsets=wrong)))


def test_updates_stay_where_they_are_among_the_readers() -> None:
    """Sharing the reads, or another order, would give other values."""
    graph = _graph([_read("r0", "a"), _assign("w", "x"), _read("r1", "b"), Node("m", "maximum", ("a", "b"), ("y",))])
    assert share_results(graph) is graph
    x = np.arange(8, dtype=np.int8).reshape(2, 4)
    for changed, left in ((least_memory_order(graph), ["r0", "w", "r1"]), (reduce(graph), ["r0", "w"])):
        assert [n.name for n in changed.nodes if n.name != "m"] == left
        assert np.array_equal(run(changed, [x])[0], run(graph, [x])[0])


def test_an_update_is_needed_by_who_reads_in_the_next_inference() -> None:
    nodes = EXCHANGE.nodes
    assert alive(["y"], nodes) == list(nodes)
    assert alive(["x"], nodes) == []  # an update that nobody reads
    late = (nodes[1], nodes[0])
    assert alive(["y"], late) == list(late)


@pytest.mark.parametrize(
    "graph",
    [
        dataclasses.replace(EXCHANGE, outputs=("s",)),
        dataclasses.replace(EXCHANGE, inputs=("x", "s")),
        _graph([_read("r", "y"), Node("w", "assign_variable", ("y", "x"), ())]),
        _graph([Node("v", "reshape", ("s",), ("y",))]),
    ],
)
def test_what_is_no_state_is_not_used_as_one(graph: Graph) -> None:
    with pytest.raises(VerificationError):
        check_graph(graph)


def test_an_output_that_is_a_state_is_refused() -> None:
    with pytest.raises(ModelError, match="is a state, which lasts between inferences"):
        check_supported(dataclasses.replace(EXCHANGE, outputs=("s", "y")), "model.tflite")


@pytest.mark.parametrize("target", ["host", "stm32"])
def test_first_values_come_from_flash_where_they_differ(target: str, tmp_path: Path) -> None:
    board = strict_target(target)
    firmware = build_firmware(checked_plan(EXCHANGE, board), board, tmp_path / "build")
    source = (tmp_path / "build" / "src" / "g.c").read_text()
    assert "memcpy(arena + " in source
    assert "void g_reset(void)" in source
    x = np.random.default_rng(1).integers(-128, 128, (5, 4)).astype(np.int8)
    run_on = run_on_host if target == "host" else run_on_board
    for _ in range(2):  # each stream begins afresh
        assert np.array_equal(run_on(firmware, EXCHANGE, board, [x])[0], run(EXCHANGE, [x])[0])


@pytest.mark.parametrize(
    ("nodes", "copies"),
    [
        ((_read("r", "a"), Node("m", "maximum", ("a", "x"), ("y",)), _assign("w", "x")), 0),
        ((_read("r", "a"), _assign("w", "x"), Node("m", "maximum", ("a", "x"), ("y",))), 1),  # read after the update
        ((_assign("w", "x"), _read("r", "a"), Node("m", "maximum", ("a", "x"), ("y",))), 0),
        ((_read("r", "y"), _assign("w", "x")), 1),  # the caller reads it
        ((_read("r", "a"), _assign("w", "a"), Node("m", "maximum", ("x", "x"), ("y",))), 1),  # its reader updates it
    ],
)
def test_variables_are_read_where_they_lie_until_they_change(nodes: Sequence[Node], copies: int) -> None:
    graph = _graph(nodes)
    changed = read_in_place(graph)
    check_graph(changed)
    assert [n.op for n in changed.nodes].count("read_variable") == copies
    assert (changed is graph) == bool(copies)
    x = np.random.default_rng(3).integers(-128, 128, (6, 4)).astype(np.int8)
    for again in (changed, least_memory_order(changed)):
        assert np.array_equal(run(again, [x])[0], run(graph, [x])[0])
    checked_plan(changed, HOST)
