"""An audio front end runs on the device as in TFLM, alone and with a network behind it: samples come in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import audio
from support.case import Array, Operator
from support.firmware import build_firmware, checked_plan, run_on_board, run_on_host, strict_target
from support.flatbuffer import write_model
from support.oracle import run_tflm

from toolchain.data.dataset import fit
from toolchain.front import input_ports
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean, reduce
from toolchain.passes.by_type import for_types
from toolchain.reference import run
from toolchain.verify import check_graph, check_supported

STEPS = 14


MODELS: dict[str, Callable[[], list[Operator]]] = {"front_end": audio.front_end, "spotter": audio.spotter}


@functools.cache
def _content(name: str) -> bytes:
    return write_model(MODELS[name](), name)


@functools.cache
def _graph(name: str = "front_end") -> Graph:
    graph = reduce(for_types(clean(parse_tflite(_content(name), name, name))))
    check_supported(graph, name)
    check_graph(graph)
    return graph


@functools.cache
def _expected(name: str = "front_end") -> list[Array]:
    return run(_graph(name), [audio.sound(STEPS)])


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_is_tflm(name: str) -> None:
    theirs = run_tflm(_content(name), [audio.sound(STEPS)], len(_graph(name).outputs))
    for ours, expected in zip(_expected(name), theirs, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_the_network_hears_what_is_said() -> None:
    assert len(np.unique(_expected("spotter")[-1])) > 5


def test_the_features_are_some() -> None:
    """A rising tone is in higher and higher channels, and silence in none."""
    whole, features = _expected()
    assert whole.all()
    assert not features[0].any()
    loudest = features[3:6].argmax(axis=1)
    assert (np.diff(loudest) >= 0).all()
    assert loudest[0] < loudest[-1]
    assert len(np.unique(features)) > 100


def test_steps_of_a_signal_are_samples() -> None:
    """The input is a vector, without a batch dimension."""
    (port,) = input_ports(_graph())
    sound = audio.sound(STEPS)
    assert fit(sound, port, "sound.npy").shape == fit(sound[:, None], port, "sound.npy").shape == sound.shape
    assert fit(sound[0], port, "sound.npy").shape == (1, audio.STEP)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("target", ["host", "stm32"])
def test_the_firmware_is_the_reference(target: str, name: str, tmp_path: Path) -> None:
    board, graph = strict_target(target), _graph(name)
    firmware = build_firmware(checked_plan(graph, board), board, tmp_path / "build", sanitize=target == "host")
    run_on = run_on_host if target == "host" else run_on_board
    for ours, expected in zip(run_on(firmware, graph, board, [audio.sound(STEPS)]), _expected(name), strict=True):
        np.testing.assert_array_equal(ours, expected)
