"""Files with one operator of each kind, damaged: they compile or are refused with a reason, and soon."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import all_cases
from support.firmware import identity
from support.flatbuffer import edited
from support.suite import case_content

from toolchain.codegen import generate
from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.importers.tflite import parse_tflite
from toolchain.planner import make_plan
from toolchain.replay import check_plan
from toolchain.target import load_target

TARGET = load_target("stm32")
FLIPS = 8
CASES = {case.operator.builtin: case for cases in all_cases().values() for case in cases}
BY_ID = {case.id: case for cases in all_cases().values() for case in cases}
HUGE = 2**31 - 1
SOON = 5.0  # seconds of this process


@pytest.fixture(autouse=True)
def _limited_memory() -> Iterator[None]:
    """An allocation that a file's numbers talk the program into fails here instead of swapping."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def _survives(content: bytes) -> bool:
    """Whether it compiles; False for a ModelError with text and hint, anything else fails the test."""
    started = time.process_time()
    error = None
    try:
        graph = checked_graph(parse_tflite(content, "model", "model"), "model")
        plan = make_plan(graph, TARGET)
        check_plan(plan)
        generate(plan, identity(graph), TARGET)
    except ModelError as e:
        error = e
    assert time.process_time() - started < SOON
    assert error is None or (error.problem and error.hint)
    return error is None


@pytest.mark.parametrize("builtin", sorted(CASES))
def test_changed_bytes(builtin: str) -> None:
    content = case_content(CASES[builtin])
    rng = np.random.default_rng([len(content), len(builtin)])
    for _ in range(FLIPS):
        damaged = bytearray(content)
        width = int(rng.choice([1, 4]))
        place = int(rng.integers(0, len(content) - width))
        new = rng.choice([rng.bytes(width), b"\xff" * width, b"\0" * width, HUGE.to_bytes(4, "little")[:width]])
        damaged[place : place + width] = bytes(new).ljust(width, b"\0")
        _survives(bytes(damaged))


def _tensor(root: Any, position: int) -> Any:
    """An input of the operator, counted from 0, or an output, from -1 backwards."""
    operator = root.subgraphs[0].operators[0]
    index = operator.inputs[position] if position >= 0 else operator.outputs[-1 - position]
    return root.subgraphs[0].tensors[int(index)]


def _numbers(root: Any, position: int, *values: int) -> None:
    root.buffers[_tensor(root, position).buffer].data = np.frombuffer(np.array(values, "<i4").tobytes(), np.uint8)


def _long_slice(root: Any) -> None:
    _numbers(root, 2, HUGE, 3)


def _tall_image(root: Any) -> None:
    _numbers(root, 1, HUGE, 13)
    _tensor(root, -1).shape = [2, HUGE, 13, 2]


def _many_blocks(root: Any) -> None:
    side = 1 << 12
    _numbers(root, 1, side, side)
    _tensor(root, 0).shape = [1, side, side, 1]
    _tensor(root, -1).shape = [side * side, 1, 1, 1]


def _no_inputs(root: Any) -> None:
    root.subgraphs[0].operators[0].inputs = []


def _scalar(root: Any) -> None:
    _tensor(root, 0).shape, _tensor(root, -1).shape = [], []


@pytest.mark.parametrize(
    ("case", "edit"),
    [
        ("slice_int16", _long_slice),
        ("bilinear_3x13_float32", _tall_image),
        ("space_to_batch_2", _many_blocks),
        ("stacker_both", _no_inputs),
        ("fc_17_to_17", _no_inputs),
        ("softmax_f32_of_one", _scalar),
        ("log_softmax_one_f32", _scalar),
    ],
)
def test_huge_numbers_and_missing_inputs_are_refused(case: str, edit: Any) -> None:
    assert not _survives(edited(case_content(BY_ID[case]), edit))
