"""The architectures in float32: outputs are near those of TFLM, and the C code gives the bits of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.firmware import build_firmware, checked_plan, run_on_host
from support.oracle import run_tflm
from support.suites import PLAIN

from benchmarks.architectures import ARCHITECTURES, architecture, samples
from toolchain.front import checked_graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import recipe_for
from toolchain.reference import run

NEAR = 1e-4  # of the largest output
SAMPLES = 3


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_float_outputs_are_near_tflm(name: str, tmp_path: Path) -> None:
    model = architecture(name)
    x = samples(model, SAMPLES, seed=5)
    content = quantize(load_keras(model), [x], recipe=recipe_for("float32"))
    graph = checked_graph(parse_tflite(content, name, name), name)
    assert {t.dtype for t in graph.tensors.values() if t.data is None} == {"float32"}
    outputs = run(graph, [x[:, None]])
    for sample in range(SAMPLES):  # each by an interpreter of its own, for what is recurrent begins anew
        expected = run_tflm(content, [x[sample : sample + 1, None]], len(outputs), arena_bytes=1 << 22)
        for got, wanted in zip(outputs, expected, strict=True):
            assert wanted.std() > 0
            assert np.abs(got[sample] - wanted[0]).max() <= NEAR * np.abs(wanted).max()
    firmware = build_firmware(checked_plan(graph, PLAIN), PLAIN, tmp_path)
    on_host = run_on_host(firmware, graph, PLAIN, [x[:, None]])
    assert [a.tobytes() for a in on_host] == [a.tobytes() for a in outputs]
