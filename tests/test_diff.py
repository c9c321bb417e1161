"""``mcuforge diff``: every column, and the layer where a mistake was put in."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from job_kit import URL, small

from toolchain.cli import run as command
from toolchain.cli.options import Quantization, make_job
from toolchain.codegen import SourceTree
from toolchain.compile import Compiled
from toolchain.diff import oracle, run, traced
from toolchain.graph import Array, Graph, Tensor
from toolchain.progress import Progress
from toolchain.target import Target

LAYERS = ["conv2d", "conv2d_1", "conv2d_1_1", "dense", "dense_1", "dense_2", "softmax_0"]


def _diff(capfd: pytest.CaptureFixture[str], *options: str, code: int = 0, model: str = "small.keras") -> Any:
    capfd.readouterr()
    data = ["--data", str(small() / "small.npz")]
    assert command(["diff", str(small() / model), *data, *options, "--json"]) == code
    return json.loads(capfd.readouterr().out)


def _broken(edit: Callable[[str], str], places: tuple[str, ...]) -> Callable[..., Compiled]:
    """Compiles with an edit of the model's C file for these targets."""
    right = run.compiled_for

    def compiled(target: Target, *rest: Any) -> Compiled:
        made = right(target, *rest)
        name = f"{made.tree.c_name}.c"
        changed = edit(made.tree.files[name])
        assert changed != made.tree.files[name]
        tree = SourceTree(made.tree.c_name, {**made.tree.files, name: changed}, made.tree.layer_symbols)
        return dataclasses.replace(made, tree=tree) if target.name in places else made

    return compiled


def _clamped(text: str) -> str:
    """The residual layer clamps what it should not."""
    start = text.index("static const nn_add")
    return text[:start] + text[start:].replace(".act_min = -128", ".act_min = -70", 1)


def test_all_columns_of_a_model_that_is_right(capfd: pytest.CaptureFixture[str]) -> None:
    found = _diff(capfd, "--port", URL, "--limit", "3")
    assert found["places"] == ["TFLM", "host C", "stm32"]
    assert found["samples"] == 3
    assert [row["layer"] for row in found["rows"]] == LAYERS
    assert all(row["departures"] == dict.fromkeys(found["places"]) for row in found["rows"])
    assert found["first_departing_layer"] == dict.fromkeys(found["places"])
    assert all(10 < row["sqnr"] < 80 for row in found["rows"])
    assert found["notes"] == []


def test_the_first_layer_that_departs_on_the_board(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "compiled_for", _broken(_clamped, ("stm32",)))
    found = _diff(capfd, "--port", URL, "--optimize", "flash", code=1)
    assert found["first_departing_layer"] == {"TFLM": None, "host C": None, "stm32": "conv2d_1_1"}
    (row,) = (row for row in found["rows"] if row["layer"] == "conv2d_1_1")
    departure = row["departures"]["stm32"]
    assert 0 < departure["differing"] < departure["codes"] == 4 * 8 * 8 * 4
    assert 0 < departure["largest"] <= 58
    assert 0 < departure["sqnr"] < 60
    assert ["stm32" in row["departures"] for row in found["rows"]] == [True] * 3 + [False] * 4, (
        "what is behind is wrong"
    )


def test_what_departs_is_told_in_words(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "compiled_for", _broken(_clamped, ("host",)))
    model, data = str(small() / "small.tflite"), str(small() / "small.npz")
    assert command(["diff", model, "--data", data, "--target", "host", "--optimize", "flash"]) == 1
    text = " ".join(capfd.readouterr().out.split())
    assert "TFLM: all 7 layers compared give the reference's codes" in text
    assert "host C: the first layer that departs is conv2d_1_1 (add):" in text
    assert re.search(r"of 1,024 codes differ, by \d+ at most, SQNR \d+\.\d dB", text)
    assert "note: no float model to compare with" in text


def test_an_oracle_that_says_otherwise(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """As it would look if mcuforge's own reference were wrong in the last convolution of the model."""
    right = run.run_oracle

    def other(content: bytes, parsed: Any, inputs: list[Array], names: list[str]) -> tuple[str, list[Array]]:
        which, arrays = right(content, parsed, inputs, names)
        changed = arrays[1].copy()
        changed.reshape(-1)[:5] ^= 3
        return which, [arrays[0], changed, *arrays[2:]]

    monkeypatch.setattr(run, "run_oracle", other)
    found = _diff(capfd, "--target", "host", code=1)
    assert found["first_departing_layer"] == {"TFLM": "conv2d_1", "host C": None}
    assert found["rows"][1]["departures"]["TFLM"]["differing"] == 5


def test_without_tflm_the_oracle_is_tensorflow_lite(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    monkeypatch.setitem(sys.modules, "tflite_micro.python.tflite_micro", None)
    found = _diff(capfd, "--target", "host")
    assert found["places"] == [oracle.TFLITE, "host C"]


def test_more_layers_than_one_request_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "PROFILE_LAYERS", 2)
    job = make_job(str(small() / "small.tflite"), "host", Quantization(), data=str(small() / "small.npz"))
    found = run.diff(job, Progress())
    assert not found.departs
    assert sum("host C" in row.departures for row in found.rows) == len(LAYERS)


def test_floats_may_differ_a_little() -> None:
    tensor = Tensor("y", (2,), "float32")
    graph = Graph("one", {"y": tensor}, (), ("y",), ("y",))
    want = {"y": np.array([[1.0, 100.0]], np.float32)}
    near, far = (run._departure(graph, ["y"], want, {"y": want["y"] + np.float32(d)}) for d in (1e-5, 0.5))
    assert near is None
    assert far is not None
    assert far.differing == 2
