"""Weights of few values: what is packed gives them back, and networks of such weights are smaller and still exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.case import Array
from support.firmware import build_firmware, run_on_board, strict_target
from support.flatbuffer import with_softmax_input
from support.oracle import run_tflm
from weights_kit import Array as Weights
from weights_kit import clustered, four_bits, pruned, ternary, with_weights

from benchmarks.twins import twin_inputs, twin_tflite
from toolchain.affine import quantize_array
from toolchain.budget import Budget
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.base import Const
from toolchain.ops.fully_connected_compressed import pack_lanes, pack_sparse
from toolchain.ops.weights_codebook import BLOCK, Progression, codebook_of, codebooks_of, pack_bits, progression_of
from toolchain.ops.weights_stored import stored_bytes, stored_paired, three_digits
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.replay import check_plan
from toolchain.virtual.folders import cache_folder

M4 = strict_target("stm32")
SAMPLES = 3
WEIGHTED = ("conv2d", "depthwise_conv2d", "fully_connected")
WEIGHTS = {"weights", "indices", "numbers", "u", "centroids"}  # their constants


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


def _grouped(channels: int, group: int, values: int) -> Weights:
    """(channels, 72 weights) of so many values in each group of channels, no two groups' alike."""
    rng = np.random.default_rng(channels)
    firsts = np.arange(channels) // group * values
    codes = firsts[:, None] + np.arange(72) % values - 100
    return rng.permuted(codes, axis=1).astype(np.int8)


@pytest.mark.parametrize(
    ("channels", "group", "values", "found"),
    [
        (64, 64, 16, (16, 4, 1)),  # one is enough
        (32, 16, 16, (4, 4, 2)),
        (40, 16, 4, (4, 2, 3)),  # the last group is smaller
        (20, 4, 8, (1, 3, 5)),
        (16, 8, 32, (2, 5, 2)),
        (24, 12, 8, (1, 3, 6)),  # twelve share values, and so do each four of them
    ],
)
def test_groups_of_channels_have_codebooks_where_that_takes_fewer_bytes(
    channels: int, group: int, values: int, found: tuple[int, int, int]
) -> None:
    """``found``: parts of four channels that share one, bits, codebooks."""
    codes = _grouped(channels, group, values)
    books = codebooks_of(codes.reshape(channels // 4, -1), 4)
    assert books is not None
    assert (books.parts, books.bits, len(books.books)) == found
    indices = books.indices(codes.reshape(channels // 4, -1))
    offsets = np.arange(channels // 4)[:, None] // books.parts << books.bits
    assert np.array_equal(books.centroids[indices + offsets].reshape(codes.shape), codes)


def test_a_few_channels_do_not_get_tables_as_large_as_their_weights() -> None:
    assert codebooks_of(_grouped(8, 4, 60).reshape(2, -1), 4) is None
    assert codebooks_of(np.zeros((1, 8), np.int8), 4, least_bits=2) is not None


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((-1, 1), (-1, 2, 1)),
        ((-1, 0, 1), (-1, 1, 2)),
        ((-127, 0, 127), (-127, 127, 2)),
        ((-7, 7, 5), (-7, 2, 4)),
        ((-8, 7, 0, 1), (-8, 1, 4)),
        ((5,), (5, 1, 1)),
        ((-8, -7, 8), None),
        ((0, 1, 20), None),
    ],
)
def test_weights_that_are_equally_far_apart(codes: tuple[int, ...], expected: tuple[int, int, int] | None) -> None:
    array = np.array(codes, np.int8)
    found = progression_of(array)
    assert found == (expected and Progression(*expected))
    if found is not None:
        assert np.array_equal(found.least + found.step * found.digits(array), array)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_lane_has_every_fourth_digit_of_a_channel(bits: int) -> None:
    """The first digits of the half-words of a word are of the inputs 0 and 2, the next ones of 1 and 3."""
    weights = np.random.default_rng(4).integers(0, 1 << bits, (8, 36)).astype(np.int8)
    words = pack_lanes(weights, Progression(0, 1, bits))
    per_word, count = 32 // bits, -(-32 * bits // 32) + 1  # and one of the four inputs that are left
    assert len(words) == 2 * count * 4
    for c, k in np.ndindex(8, 36):
        word, at = (k // per_word, k % per_word) if k < 32 else (count - 1, k - 32)
        lane = int(words[(c // 4 * count + word) * 4 + c % 4]) >> 16 * (at % 4 // 2) & 0xFFFF
        assert lane >> bits * (at // 4 * 2 + at % 2) & (1 << bits) - 1 == weights[c, k]


def test_five_digits_in_a_byte_come_out_again_times_three() -> None:
    digits = np.array(list(np.ndindex(3, 3, 3, 3, 3)))
    left = three_digits(digits).astype(np.int64)
    for i in range(5):
        left *= 3
        assert np.array_equal(left >> 8, digits[:, i])
        left &= 0xFF


def test_of_sparse_weights_only_fours_that_are_not_zero_are_stored() -> None:
    rng = np.random.default_rng(3)
    weights = (rng.integers(-127, 128, (3, 40, 4)) * (rng.integers(0, 3, (3, 40, 1)) == 0)).astype(np.int8)
    stored = stored_bytes(weights, 4)
    assert stored is not None
    assert (stored.form, stored.words) == ("sparse", 40)
    present = np.any(weights != 0, axis=2)
    for four, here, stream in zip(weights, present, stored.streams, strict=True):
        first, second = stream[: 1 + here[:32].sum()], stream[1 + here[:32].sum() :]
        bits = [int(w) >> i & 1 for w, n in ((first[0], 32), (second[0], 8)) for i in range(n)]
        assert bits == here.tolist()
        values = np.concatenate([first[1:], second[1:]]).astype("<u4").view(np.int8)
        assert np.array_equal(values, four[here].reshape(-1))
    rows = pack_sparse(weights.reshape(3, 160))
    assert len(rows) == 3 * 2 + present.sum()
    assert int(rows[0]) == sum(int(p) << 31 - i for i, p in enumerate(present[0, :32]))


@pytest.mark.parametrize(
    ("values", "form"),
    [((-1, 1), "codebook_1"), ((-1, 0, 1), "ternary"), ((-1, 0, 2), "codebook_2"), (tuple(range(65)), "")],
)
def test_what_takes_the_fewest_bytes_is_stored(values: tuple[int, ...], form: str) -> None:
    data = np.random.default_rng(5).choice(np.array(values, np.int8), (4, 80, 4))
    for stored in (stored_paired(data, 4), stored_bytes(data, 2)):
        assert (stored.form if stored else "") == form


def _network(name: str, content: bytes) -> tuple[Graph, Array]:
    graph = checked_graph(parse_tflite(content, name, name), name)
    x = graph.tensor(graph.inputs[0])
    real = twin_inputs(name, SAMPLES, seed=5)
    return graph, quantize_array(real, x.scale, x.zero_point).reshape(SAMPLES, *x.shape)


def _weights_bytes(plan: Plan) -> int:
    values = [v for s in plan.steps if s.node.op in WEIGHTED for c in s.calls for _, v in c.params]
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


@pytest.mark.parametrize(
    ("edit", "kernels", "share"), [(four_bits, "lanes", 0.55), (ternary, "lanes", 0.28), (pruned, "sparse", 0.6)]
)
def test_anomaly_detection_by_kernels_of_its_weights(
    edit: Callable[[Weights], Weights], kernels: str, share: float, tmp_path: Path
) -> None:
    content = with_weights(twin_tflite("ad_autoencoder", cache_folder()).read_bytes(), edit)
    graph, codes = _network("ad_autoencoder", content)
    plan = make_plan(graph, M4, Budget("flash"))
    check_plan(plan)
    assert kernels in {s.variant.name for s in plan.steps if s.variant}
    assert _weights_bytes(plan) <= share * _int8_bytes(graph)
    (expected,) = run_tflm(content, [codes], 1, arena_bytes=1 << 21)
    (got,) = run_on_board(build_firmware(plan, M4, tmp_path), graph, M4, [codes])
    assert np.array_equal(expected, got)
    assert len(np.unique(expected)) > 4, "the weights are too small to matter"


def test_keyword_spotting_with_depthwise_weights_too(tmp_path: Path) -> None:
    """What requantization needs lies among the weights: more than half of a ternary depthwise layer's."""
    content = with_softmax_input(twin_tflite("kws_dscnn", cache_folder()).read_bytes())
    whole = make_plan(_network("kws_dscnn", content)[0], M4)
    content = with_weights(content, ternary)
    graph, codes = _network("kws_dscnn", content)
    plan = make_plan(graph, M4)
    check_plan(plan)
    assert _weights_bytes(plan) <= 0.46 * _weights_bytes(whole)
    expected = run_tflm(content, [codes], len(graph.outputs), arena_bytes=1 << 21)
    got = run_on_board(build_firmware(plan, M4, tmp_path), graph, M4, [codes])
    assert [np.array_equal(a, b) for a, b in zip(expected, got, strict=True)] == [True, True]
