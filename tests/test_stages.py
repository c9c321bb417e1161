"""Random graphs cut into random stages: the checker passes their plans, and the C gives every code of the reference.

Broken plans of stages are refused. What the device's schedule does is what Python planned, call by call.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import itertools
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.firmware import (
    build_firmware,
    merge,
    planned,
    run_on_board,
    run_on_host,
    strict_target,
    twin_target,
    with_twins,
)
from support.images import random_images

from toolchain import resources
from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.memory import plan_memory
from toolchain.ops import registry
from toolchain.ops.base import Rows
from toolchain.options import options_of
from toolchain.plan import Plan, Stage, Step
from toolchain.reference import run
from toolchain.replay import check_plan
from toolchain.stage_options import MOST_STEPS, Block, RowOptions, is_closed
from toolchain.stages import MOST_ROWS, Call, rows_of, schedule
from toolchain.target import Target
from toolchain.verify import VerificationError

HOST, PLAIN, M4 = twin_target(), strict_target("host"), strict_target("stm32")
TURNS = (1, 1, 2, 3, 4, 7)
RUN, GRAPHS = ((0, HOST), (16, PLAIN)), 16
PART_SIZES = ("in_h", "out_h", "pad_top")
Cut = tuple[tuple[Step, ...], list[Stage]]


def _random_block(graph: Graph, rows: RowOptions, first: int, rng: np.random.Generator) -> Block | None:
    """A stage from this step on, longer ones more often; None where there is none."""
    lasts = []
    for last in range(first, min(first + MOST_STEPS, len(graph.nodes))):
        if rows_of(graph, graph.nodes[last]) is None:
            break
        if is_closed(graph, first, last):
            lasts += [last] * (1 + 2 * (last > first))
    return rows.block(Stage(first, int(rng.choice(lasts)), int(rng.choice(TURNS)))) if lasts else None


def _cut(graph: Graph, target: Target, seed: int) -> Cut:
    """Random kernels for every step, most of them in stages."""
    rng, rows = np.random.default_rng(seed), RowOptions(graph, target)
    steps: list[Step] = []
    stages: list[Stage] = []
    while len(steps) < len(graph.nodes):
        node = graph.nodes[len(steps)]
        if registry()[node.op].view:
            steps.append(Step(node, None, (), 0))
            continue
        block = _random_block(graph, rows, len(steps), rng) if rng.random() < 0.8 else None
        if block is not None and block.stage is not None:
            stages.append(block.stage)
        for options in block.options if block else [options_of(graph, node, target)]:
            option = options[rng.integers(len(options))]
            steps.append(Step(graph.nodes[len(steps)], option.variant, option.calls, 0, option.row_fields))
    return tuple(steps), stages


@functools.cache
def _graph(first: int, count: int) -> Graph:
    return merge({f"g{seed}": random_images(seed) for seed in range(first, first + count)}, "images")


def _inputs(graph: Graph, seed: int) -> list[Array]:
    """Random codes twice, then extremes that alternate."""
    rng = np.random.default_rng(seed)
    inputs = [rng.integers(-128, 128, (3, *graph.tensor(n).shape)).astype(np.int8) for n in graph.inputs]
    for x in inputs:
        x[2] = np.where(rng.random(x.shape[1:]) < 0.5, -128, 127)
    return inputs


def _assert_equal(graph: Graph, outputs: list[Array], inputs: list[Array]) -> None:
    expected = dict(zip(graph.outputs, run(graph, inputs), strict=True))
    wrong = [n for n, got in zip(graph.outputs, outputs, strict=True) if got.tobytes() != expected[n].tobytes()]
    assert not wrong


@pytest.mark.parametrize(("first", "target"), RUN, ids=["dsp", "plain"])
def test_stages_on_this_computer_equal_the_reference(first: int, target: Target, tmp_path: Path) -> None:
    graph = _graph(first, GRAPHS)
    steps, stages = _cut(graph, target, first)
    firmware = build_firmware(planned(graph, with_twins(steps), stages), HOST, tmp_path / "build", sanitize=True)
    inputs = _inputs(graph, first)
    _assert_equal(graph, run_on_host(firmware, graph, HOST, inputs), inputs)


def test_stages_on_the_emulated_cortex_m4_equal_the_reference(tmp_path: Path) -> None:
    graph = _graph(32, 8)
    steps, stages = _cut(graph, M4, 32)
    firmware = build_firmware(planned(graph, steps, stages), M4, tmp_path / "build")
    inputs = [x[1:] for x in _inputs(graph, 32)]
    _assert_equal(graph, run_on_board(firmware, graph, M4, inputs), inputs)


def _over_input(plan: Plan, stage: Stage) -> bool:
    """Whether the stage's output shares bytes with one of its inputs."""
    nodes, offsets = plan.graph.nodes[stage.first : stage.last + 1], plan.memory.offsets
    out = nodes[-1].outputs[0]
    inside = {n.outputs[0] for n in nodes[:-1]}
    spans = {n: (offsets[n], offsets[n] + plan.graph.tensor(n).nbytes) for n in offsets}
    read = {n for node in nodes for n in node.inputs if n in offsets} - inside
    return any(spans[n][0] < spans[out][1] and spans[out][0] < spans[n][1] for n in read)


def test_the_random_graphs_have_what_they_are_to_prove() -> None:
    stages: list[tuple[Plan, Stage]] = []
    for first, target in RUN:
        graph = _graph(first, GRAPHS)
        plan = planned(graph, *_cut(graph, target, first))
        stages += [(plan, stage) for stage in plan.stages]
    long = [(plan, s) for plan, s in stages if s.last > s.first]
    assert len(long) > 20
    assert max(s.last - s.first for _, s in long) > 3
    assert sum(_over_input(plan, s) for plan, s in stages) > 6
    steps = [(plan.graph, step) for plan, s in long for step in plan.steps[s.first : s.last + 1]]
    ops = {"conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d", "add", "relu", "relu6", "quantize"}
    assert {step.node.op for _, step in steps} == ops
    assert len({(step.node.op, step.variant.name) for _, step in steps if step.variant}) > 15
    rows = [r for graph, step in steps if (r := rows_of(graph, step.node))]
    assert any(r.pad_top > 1 for r in rows)
    assert any(r.stride > r.extent for r in rows)
    read = [Counter(n for step in plan.steps[s.first : s.last + 1] for n in set(step.node.inputs)) for plan, s in long]
    assert sum(max(count.values()) > 1 for count in read) > 3, "tensors that several steps of a stage read"


@functools.cache
def _long_stages() -> list[tuple[Plan, Stage]]:
    """Plans of one graph each, with a stage of several steps."""
    found = []
    for seed in range(30):
        graph = random_images(seed)
        steps, stages = _cut(graph, HOST, seed)
        plan = planned(graph, steps, stages)
        found += [(plan, stage) for stage in stages if stage.last > stage.first]
    return found


def _broken(plan: Plan, **changes: object) -> bool:
    try:
        check_plan(dataclasses.replace(plan, **changes))  # type: ignore[arg-type]
    except VerificationError:
        return True
    return False


def _moved(plan: Plan, name: str, by: int) -> Plan:
    memory = dataclasses.replace(plan.memory, offsets={**plan.memory.offsets, name: plan.memory.offsets[name] + by})
    return dataclasses.replace(plan, memory=memory)


def test_strips_for_fewer_rows_than_a_turn_needs_are_found() -> None:
    """Laid out for turns of one row, executed with more."""
    refused = tried = 0
    for plan, stage in _long_stages():
        stages = tuple(dataclasses.replace(s, rows=1) if s == stage else s for s in plan.stages)
        small = plan_memory(plan.graph, plan.steps, stages)
        larger = tuple(dataclasses.replace(s, rows=stage.rows + 3) if s == stage else s for s in plan.stages)
        check_plan(dataclasses.replace(plan, memory=small, stages=stages))
        tried += 1
        refused += _broken(plan, memory=small, stages=larger)
    assert tried > 20
    assert refused > 0.6 * tried  # the others have room behind their strips, or images of few rows


def test_an_output_too_close_to_what_is_still_read_is_found() -> None:
    """Outputs that lie over an input of their stage, up to four bytes further: the alignment of the arena."""
    refused = tried = 0
    for plan, stage in _long_stages():
        if _over_input(plan, stage):
            out = plan.graph.nodes[stage.last].outputs[0]
            refused += any(_broken(_moved(plan, out, by)) for by in range(1, 5))
            tried += 1
    assert tried > 10
    assert refused > 0.4 * tried  # of the others much is read already when outputs are written


def test_steps_in_another_order_are_found() -> None:
    tried = 0
    for plan, stage in _long_stages():
        i = stage.first
        first, second = plan.graph.nodes[i : i + 2]
        if first.outputs[0] not in second.inputs or i + 1 == stage.last:
            continue
        nodes, steps = list(plan.graph.nodes), list(plan.steps)
        nodes[i : i + 2], steps[i : i + 2] = nodes[i : i + 2][::-1], steps[i : i + 2][::-1]
        assert _broken(plan, graph=dataclasses.replace(plan.graph, nodes=tuple(nodes)), steps=tuple(steps))
        tried += 1
    assert tried > 5


class _Part(ctypes.Structure):
    _fields_ = (("inputs", ctypes.c_void_p * 2), ("out", ctypes.c_void_p), *((n, ctypes.c_int32) for n in PART_SIZES))


class _Image(ctypes.Structure):
    _fields_ = (("at", ctypes.c_void_p), ("row_bytes", ctypes.c_int32), ("step", ctypes.c_int32))


_Run = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Part))


class _RowStep(ctypes.Structure):
    """``nn_rows_step``."""

    _fields_ = (
        *(("run", _Run), ("inputs", _Image * 2), ("out", ctypes.c_void_p), ("out_row_bytes", ctypes.c_int32)),
        *((n, ctypes.c_int16) for n in ("in_h", "out_h", "stride", "extent", "pad_top")),
        ("readers", ctypes.c_uint16),
    )


@pytest.fixture(scope="module")
def nn_rows(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("rows") / "rows.so"
    runtime = resources.templates() / "runtime"
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    flags += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    subprocess.run(["gcc", *flags, f"-I{runtime}", str(runtime / "nn_rows.c"), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def _random_rows(rng: np.random.Generator) -> tuple[list[Rows], list[tuple[int, ...]]]:
    """Steps that each read the one before, and sometimes one further back of the same height."""
    height = int(rng.integers(4, 60))
    rows: list[Rows] = []
    readers: list[tuple[int, ...]] = []
    heights = [height]
    for k in range(rng.integers(1, MOST_STEPS + 1)):
        extent, stride = int(rng.integers(1, 6)), int(rng.choice([1, 1, 2, 3]))
        top, bottom = (int(rng.integers(0, extent)) for _ in "ab")
        out_h = (heights[-1] + top + bottom - extent) // stride + 1
        if out_h < 1:
            extent, stride, top, out_h = 1, 1, 0, heights[-1]
        rows.append(Rows(heights[-1], out_h, stride, extent, top))
        also = [i for i, h in enumerate(heights[1:-1]) if h == heights[-1]]
        for i in also[:1]:
            readers[i] += (k,)
        if k:
            readers[k - 1] += (k,)
        readers.append(())
        heights.append(out_h)
    return rows, readers


ROW = 4  # bytes, that hold a row's number


def _traced(nn_rows: ctypes.CDLL, rows: list[Rows], readers: list[tuple[int, ...]], turn: int) -> list[Call]:
    """The calls that nn_rows_run makes; each finds in its strip the rows that it should read."""
    n, calls, made = len(rows), list[Call](), [0] * len(rows)
    plan = schedule(rows, readers, turn)
    strips = [np.full((r, 1), -1, np.int32) for r in (*plan.strips[:-1], rows[-1].out_h)]
    image = np.arange(rows[0].in_h, dtype=np.int32)
    sources = [[i for i in range(n) if k in readers[i]] or [-1] for k in range(n)]

    def run(k: int, part: _Part) -> None:
        for i, source in enumerate(sources[k][:2]):
            got = np.ctypeslib.as_array(ctypes.cast(part.inputs[i], ctypes.POINTER(ctypes.c_int32)), (part.in_h,))
            first = rows[k].first(made[k])
            np.testing.assert_array_equal(got, np.arange(first, first + part.in_h), err_msg=f"{k} reads {source}")
        out = np.ctypeslib.as_array(ctypes.cast(part.out, ctypes.POINTER(ctypes.c_int32)), (part.out_h,))
        out[:] = np.arange(made[k], made[k] + part.out_h)
        first = rows[k].first(made[k])
        calls.append(Call(k, made[k], made[k] + part.out_h, first, first + part.in_h, part.pad_top))
        made[k] += part.out_h

    steps = (_RowStep * n)()
    for k, r in enumerate(rows):

        def of_step(part: object, k: int = k) -> None:
            run(k, part.contents)  # type: ignore[attr-defined]

        steps[k].run = _Run(of_step)
        for i, source in enumerate(sources[k][:2]):
            at = image if source < 0 else strips[source]
            steps[k].inputs[i] = _Image(at.ctypes.data, ROW, source)
        if len(sources[k]) == 1:
            steps[k].inputs[1].step = -1
        steps[k].out, steps[k].out_row_bytes = strips[k].ctypes.data, ROW
        steps[k].in_h, steps[k].out_h, steps[k].stride, steps[k].extent = r.in_h, r.out_h, r.stride, r.extent
        steps[k].pad_top, steps[k].readers = r.pad_top, sum(1 << i for i in readers[k])
    nn_rows.nn_rows_run(steps, n, turn)
    return calls


def test_limits_of_the_device_are_kept() -> None:
    header = (resources.templates() / "runtime" / "nn_rows.h").read_text(encoding="utf-8")
    assert f"NN_ROWS_MOST_STEPS = {MOST_STEPS} " in header
    for height, works in ((MOST_ROWS, True), (MOST_ROWS + 1, False)):
        tensors = {n: Tensor(n, (1, height, 1, 1), "int8", QuantParams((0.1,), (0,))) for n in "xy"}
        node = Node("relu", "relu", ("x",), ("y",))
        assert (rows_of(Graph("tall", tensors, (node,), ("x",), ("y",)), node) is not None) == works


@pytest.mark.parametrize("seed", range(40))
def test_the_device_makes_the_calls_that_were_planned(nn_rows: ctypes.CDLL, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, readers = _random_rows(rng)
    turn = int(rng.choice([1, 2, 3, 5, 64]))
    planned_calls = list(itertools.chain(*schedule(rows, readers, turn).turns))
    assert _traced(nn_rows, rows, readers, turn) == planned_calls
