"""Weights of few values: what is packed gives them back, and networks of such weights are smaller and still exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.case import Array
from support.firmware import build_firmware, run_on_board, strict_target
from support.flatbuffer import with_softmax_input
from support.oracle import run_tflm
from weights_kit import clustered, four_bits, with_weights

from benchmarks.twins import twin_inputs, twin_tflite
from toolchain.affine import quantize_array
from toolchain.budget import Budget
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.base import Const
from toolchain.ops.fully_connected_compressed import pack_int4
from toolchain.ops.weights_codebook import BLOCK, codebook_of, fits_int4, pack_bits
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.replay import check_plan
from toolchain.virtual.folders import cache_folder

M4 = strict_target("stm32")
SAMPLES = 3
WEIGHTS = {"weights", "indices", "u", "centroids"}  # constants of convolutions and fully connected layers


@pytest.mark.parametrize("bits", range(1, 7))
def test_packed_indices_lie_one_behind_the_other_from_the_lowest_bit_on(bits: int) -> None:
    indices = np.random.default_rng(bits).integers(0, 1 << bits, 3 * BLOCK)
    words = pack_bits(indices, bits)
    assert len(words) == 3 * bits
    whole = sum(int(word) << 32 * i for i, word in enumerate(words))
    assert [whole >> bits * i & (1 << bits) - 1 for i in range(len(indices))] == indices.tolist()


@pytest.mark.parametrize(("values", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (16, 4), (17, 5), (64, 6)])
def test_the_smallest_codebook_gives_every_code_back(values: int, bits: int) -> None:
    rng = np.random.default_rng(values)
    kept = rng.permutation(np.arange(-128, 128))[:values].astype(np.int8)
    codes = rng.permutation(np.concatenate([kept, rng.choice(kept, 200)]))
    codebook = codebook_of(codes[:100], codes[100:])
    assert codebook is not None
    assert (codebook.bits, codebook.values, len(codebook.centroids)) == (bits, values, 1 << bits)
    assert np.array_equal(codebook.centroids[codebook.indices(codes)], codes)


def test_more_than_64_values_have_none() -> None:
    assert codebook_of(np.arange(-32, 33, dtype=np.int8)) is None


@pytest.mark.parametrize(("code", "fits"), [(-9, False), (-8, True), (7, True), (8, False)])
def test_four_bits_hold_minus_8_to_7(code: int, fits: bool) -> None:
    assert fits_int4(np.array([0, code], np.int8)) == fits


def test_packed_int4_is_two_channels_in_each_byte() -> None:
    weights = np.random.default_rng(4).integers(-8, 8, (8, 12)).astype(np.int8)
    packed = pack_int4(weights).view(np.int8).reshape(2, 6, 2, 2)  # fours of channels, pairs of inputs, k, channels / 2
    low, high = (packed & 15) - 8, packed >> 4
    for c, k in np.ndindex(8, 12):
        pair, second = k // 4 * 2 + k % 2, k % 4 // 2
        assert (high if c % 2 else low)[c // 4, pair, second, c % 4 // 2] == weights[c, k]


def _network(name: str, content: bytes) -> tuple[Graph, Array]:
    graph = checked_graph(parse_tflite(content, name, name), name)
    x = graph.tensor(graph.inputs[0])
    real = twin_inputs(name, SAMPLES, seed=5)
    return graph, quantize_array(real, x.scale, x.zero_point).reshape(SAMPLES, *x.shape)


def _weights_bytes(plan: Plan) -> int:
    values = [v for s in plan.steps if s.node.op in ("conv2d", "fully_connected") for c in s.calls for _, v in c.params]
    return sum(v.data.nbytes for v in values if isinstance(v, Const) and v.suffix in WEIGHTS)


def _int8_bytes(graph: Graph) -> int:
    nodes = [n for n in graph.nodes if n.op in ("conv2d", "fully_connected")]
    return sum(graph.tensor(n.inputs[1]).nbytes for n in nodes)


def test_sixteen_centroids_halve_the_weights_of_image_classification_for_a_quarter_of_its_cycles(
    tmp_path: Path,
) -> None:
    """TFLM runs the edited network as int8. What requantization needs lies among the weights of both plans."""
    content = with_softmax_input(twin_tflite("ic_resnet8", cache_folder()).read_bytes())
    whole = make_plan(_network("ic_resnet8", content)[0], M4)
    content = with_weights(content, clustered(16))
    graph, codes = _network("ic_resnet8", content)
    plan = make_plan(graph, M4)
    check_plan(plan)
    assert _weights_bytes(plan) <= 0.55 * _weights_bytes(whole)
    assert sum(s.cycles for s in plan.steps) <= 1.25 * sum(s.cycles for s in whole.steps)
    expected = run_tflm(content, [codes], len(graph.outputs), arena_bytes=1 << 21)
    got = run_on_board(build_firmware(plan, M4, tmp_path), graph, M4, [codes])
    assert [np.array_equal(a, b) for a, b in zip(expected, got, strict=True)] == [True, True]


def test_four_bits_halve_the_weights_of_anomaly_detection(tmp_path: Path) -> None:
    content = with_weights(twin_tflite("ad_autoencoder", cache_folder()).read_bytes(), four_bits)
    graph, codes = _network("ad_autoencoder", content)
    plan = make_plan(graph, M4, Budget("flash"))
    check_plan(plan)
    assert _weights_bytes(plan) <= 0.55 * _int8_bytes(graph)
    (expected,) = run_tflm(content, [codes], 1, arena_bytes=1 << 21)
    (got,) = run_on_board(build_firmware(plan, M4, tmp_path), graph, M4, [codes])
    assert np.array_equal(expected, got)
    assert len(np.unique(expected)) > 4, "the weights are too small to matter"
