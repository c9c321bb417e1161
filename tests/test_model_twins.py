"""The twins have the reference networks' operators and shapes, and outputs that an exactness test can fail on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_kit import operators, run_codes, shapes

from benchmarks.twins import TWINS, twin_inputs, twin_tflite
from toolchain.data import quantize_input
from toolchain.importers.tflite import parse_tflite
from toolchain.quantize.check import check_quantized

CONV, DEPTHWISE, DENSE = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
POOLED = ["AVERAGE_POOL_2D", DENSE, "SOFTMAX"]
OPERATORS = {
    "ad_autoencoder": [DENSE] * 10,
    "kws_dscnn": [CONV, *[DEPTHWISE, CONV] * 4, *POOLED],
    "ic_resnet8": [*[CONV, CONV, CONV, "ADD"] * 3, *POOLED],
    "sww_dscnn": [*[DEPTHWISE, CONV] * 4, DENSE, "SOFTMAX"],
    "vww_mobilenet": [CONV, *[DEPTHWISE, CONV] * 13, *POOLED],
}
# Multiplications of one inference, as counted in the reference files.
MACS = {
    "ad_autoencoder": 264_192,
    "kws_dscnn": 2_656_768,
    "ic_resnet8": 12_501_632,
    "sww_dscnn": 826_368,
    "vww_mobilenet": 7_489_664,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("twins")


def macs(content: bytes) -> int:
    """From the shapes alone: output positions times the weights that each of them uses."""
    graph = parse_tflite(content, "twin", "twin")
    total = 0
    for node in graph.nodes:
        if len(node.inputs) < 3:
            continue
        weights, output = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
        depthwise = "depthwise" in node.op
        total += output.size * int(np.prod(weights.shape[1:3] if depthwise else weights.shape[1:]))
    return total


@pytest.mark.parametrize("name", TWINS)
def test_twin(name: str, cache: Path) -> None:
    path = twin_tflite(name, cache)
    content = path.read_bytes()
    graph = parse_tflite(content, name, str(path))
    check_quantized(graph)
    assert operators(content) == OPERATORS[name]
    assert macs(content) == MACS[name]
    assert graph.tensor(graph.inputs[0]).shape == (1, *TWINS[name].shape)

    x = twin_inputs(name, 40, seed=5)
    assert len(np.unique(x.reshape(40, -1), axis=0)) == 40
    codes = run_codes(content, quantize_input(x, graph.tensor(graph.inputs[0])))
    assert len(np.unique(codes)) > 30
    assert len(set(codes.argmax(axis=1).tolist())) >= min(3, codes.shape[1])
    # A softmax over many classes has zeros; no output may be the same for all samples.
    assert (codes.min(axis=0) < codes.max(axis=0)).all()

    before = path.stat().st_mtime_ns
    assert twin_tflite(name, cache) == path
    assert path.stat().st_mtime_ns == before, "found, not made again"


def test_inputs_are_seeded() -> None:
    np.testing.assert_array_equal(twin_inputs("sww_dscnn", 3, seed=1), twin_inputs("sww_dscnn", 3, seed=1))
    assert (twin_inputs("sww_dscnn", 3, seed=1) != twin_inputs("sww_dscnn", 3, seed=2)).any()


def test_shapes_listed_are_those_of_the_weights(cache: Path) -> None:
    found = shapes(twin_tflite("kws_dscnn", cache).read_bytes())
    assert found[:3] == [(1, 25, 5, 64), (64, 10, 4, 1), (64,)]
