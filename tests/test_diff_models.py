"""``mcuforge diff`` of models that are more than a chain of int8 layers: states, control flow, uint8, floats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import all_cases
from support.case import Operator, TensorSpec
from support.flatbuffer import case_model, write_model
from test_tflite_uint8 import UNSIGNED

from toolchain.assess import SMALL, random_codes
from toolchain.cli import run as command
from toolchain.errors import ModelError
from toolchain.importers.float_tflite import load_float_tflite
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite

CASES = {case.id: case for suite in all_cases().values() for case in suite}
STATES = (
    "variables_s8",
    "variables_delay",
    "lstm_usual",
    "svdf_usual",
    "circular_buffer_usual",
    "delay_shorter",
    "control_assign",
)
OTHERS = ("control_if", "control_while", "gather_rows", "embedding_lookup_rows", "softmax_of_16_bits")


def _diff(capfd: pytest.CaptureFixture[str], model: Path, *options: str) -> Any:
    capfd.readouterr()
    assert command(["diff", str(model), "--target", "host", "--json", *options]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["places"] == ["TFLM", "host C"]
    assert found["rows"]
    assert all(set(row["departures"]) == {"TFLM", "host C"} for row in found["rows"])
    return found


def _saved(folder: Path, content: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [*STATES, *OTHERS])
def test_states_branches_and_positions(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _diff(capfd, _saved(tmp_path, case_model(CASES[name])))


@pytest.mark.parametrize("name", ["conv2d_in_two_parts", "average_even"])
def test_uint8_codes(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _diff(capfd, _saved(tmp_path, write_model([UNSIGNED[name]])))


@pytest.mark.parametrize("name", ["conv_f32_1x1", "lstm_f32"])
def test_floats(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _diff(capfd, _saved(tmp_path, case_model(CASES[name])), "--format", "float32")


def test_a_recurrent_layer_of_keras(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its state is fresh in each inference: so it is in the traced one, and TFLM is reset before each sample."""
    keras = keras3()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.LSTM(5), keras.layers.Dense(3)])
    model.save(tmp_path / "lstm.keras")
    x = np.random.default_rng(0).normal(size=(40, 6, 3)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_calib=x)
    found = _diff(capfd, tmp_path / "lstm.keras", "--data", str(tmp_path / "data.npz"))
    assert [row["op"] for row in found["rows"]] == ["lstm", "strided_slice", "fully_connected"]
    assert found["samples"] == 4


@pytest.mark.parametrize(
    ("name", "most"),
    [("gather_rows", 0), ("embedding_lookup_rows", 0), ("gather_nd_pixels", 0), ("control_while", SMALL)],
)
def test_random_whole_numbers_are_positions(name: str, most: int) -> None:
    """TFLM ends with an error at a position outside, and counts would be of billions."""
    graph = parse_tflite(case_model(CASES[name]), name, name)
    codes = random_codes(graph, 200)
    drawn = [x for x in codes if x.dtype == np.int32]
    sizes = [x.shape[1] for x in codes if x.dtype != np.int32]
    assert drawn
    assert all(x.min() == 0 and x.max() == (most or min(sizes)) - 1 for x in drawn), (drawn, sizes)


def test_floats_that_litert_cannot_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """TFLM's own operators: nothing to calibrate with, but float32 needs no calibration."""
    x, out = TensorSpec((1, 3, 8), "float32"), TensorSpec((1, 15), "float32")
    operator = Operator("CUSTOM SignalOverlapAdd", (x,), (out,), {"T": 0, "frame_step": 5})
    path = _saved(tmp_path, write_model([operator]))
    found = _diff(capfd, path, "--format", "float32")
    assert found["notes"] == ["LiteRT cannot run the float model"]
    model = load_float_tflite(path, path.read_bytes())
    with pytest.raises(
        ModelError, match=r"LiteRT, which evaluates and calibrates .* has no SignalOverlapAdd"
    ) as caught:
        model.predict(np.zeros((1, 3, 8), np.float32))
    assert "--format float32" in caught.value.hint


@pytest.mark.parametrize("name", ["dw_f32_3x3_valid", "conv_f32_3x3_stride_3_1"])
def test_convolutions_without_a_bias(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """LiteRT refuses one of them, and ends the process at the other."""
    assert len(CASES[name].operator.inputs) == 2 or CASES[name].operator.inputs[2] is None
    _diff(capfd, _saved(tmp_path, case_model(CASES[name])), "--format", "float32")
