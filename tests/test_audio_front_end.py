"""An audio front end of twelve operators runs on the device as in TFLM: samples come in, features go out."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from support import audio
from support.case import Array
from support.firmware import build_firmware, checked_plan, run_on_board, run_on_host, strict_target
from support.flatbuffer import write_model
from support.oracle import run_tflm

from toolchain.data.dataset import fit
from toolchain.front import input_ports
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean, reduce
from toolchain.reference import run
from toolchain.verify import check_graph, check_supported

STEPS = 14


@functools.cache
def _content() -> bytes:
    return write_model(audio.front_end(), "front_end")


@functools.cache
def _graph() -> Graph:
    graph = reduce(clean(parse_tflite(_content(), "front_end", "front_end")))
    check_supported(graph, "front_end")
    check_graph(graph)
    return graph


@functools.cache
def _expected() -> list[Array]:
    return run(_graph(), [audio.sound(STEPS)])


def test_the_reference_is_tflm() -> None:
    theirs = run_tflm(_content(), [audio.sound(STEPS)], 2)
    for ours, expected in zip(_expected(), theirs, strict=True):
        np.testing.assert_array_equal(ours, expected)


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


@pytest.mark.parametrize("target", ["host", "stm32"])
def test_the_firmware_is_the_reference(target: str, tmp_path: Path) -> None:
    board, graph = strict_target(target), _graph()
    firmware = build_firmware(checked_plan(graph, board), board, tmp_path / "build", sanitize=target == "host")
    run_on = run_on_host if target == "host" else run_on_board
    for ours, expected in zip(run_on(firmware, graph, board, [audio.sound(STEPS)]), _expected(), strict=True):
        np.testing.assert_array_equal(ours, expected)
