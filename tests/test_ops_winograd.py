"""The Winograd convolution's integer identity, the limits it is exact within, and its kernels in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import all_cases
from support.case import Case
from support.firmware import build_firmware, planned, run_on_host, twin_target, with_twins
from support.suite import case_graph, case_inputs, reference_outputs

from toolchain.ops import registry
from toolchain.ops.base import KernelVariant
from toolchain.ops.channels import Channels
from toolchain.ops.conv2d_winograd import WINOGRAD, G, is_exact, transform_weights
from toolchain.plan import Step

B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
A = np.array([[1, -4, -4, 1, 1, 0], [0, -2, 2, 1, -1, 0], [0, -1, -1, 1, 1, 0], [0, -1, 1, 2, -2, 1]])
F = np.array([24, 12, 6, 6])


def _channels(weights: np.ndarray, bias: int = 0, shift: int = -8) -> Channels:
    n = len(weights)
    flat = weights.reshape(n, -1).astype(np.int64)
    return Channels(flat, *(np.full(n, value, np.int64) for value in (bias, 1 << 30, shift, 0)))


def test_transforms_give_the_convolution_times_a_known_factor() -> None:
    """For every pair of unit vectors, hence for all inputs: the transforms are linear."""
    for tap in np.eye(9, dtype=np.int64).reshape(9, 3, 3):
        u = G @ tap @ G.T
        for pixel in np.eye(36, dtype=np.int64).reshape(36, 6, 6):
            direct = [[(pixel[i : i + 3, j : j + 3] * tap).sum() for j in range(4)] for i in range(4)]
            assert np.array_equal(A @ (u * (B @ pixel @ B.T)) @ A.T, np.outer(F, F) * direct)


def test_transformed_values_fit_16_bits() -> None:
    assert 128 * np.abs(G).sum(axis=1).max() ** 2 <= 6272
    assert 128 * np.abs(B).sum(axis=1).max() ** 2 <= 12800


def test_stored_weights_have_the_layout_of_the_kernel() -> None:
    weights = np.random.default_rng(5).integers(-128, 128, (8, 3, 3, 12))
    words = transform_weights(_channels(weights))
    assert words.shape == (2, 6, 36, 4)
    for group, pair, position, channel in ((0, 0, 0, 0), (1, 5, 35, 3), (1, 2, 8, 1), (0, 3, 17, 2)):
        c = pair // 2 * 4 + pair % 2
        low, high = ((G @ weights[4 * group + channel, :, :, k] @ G.T).reshape(-1)[position] for k in (c, c + 2))
        assert words[group, pair, position, channel] == (low & 0xFFFF) | (high & 0xFFFF) << 16


@pytest.mark.parametrize(
    ("channels", "exact"),
    [
        (_channels(np.full((4, 3, 3, 224), -128)), True),
        (_channels(np.full((4, 3, 3, 228), -128)), False),  # 128 * 128 * 9 * 228 is above 2**25
        (_channels(np.ones((4, 3, 3, 4)), bias=(1 << 30) - 128 * 36 - 1), True),
        (_channels(np.ones((4, 3, 3, 4)), bias=-(1 << 30) + 128 * 36), False),
        (_channels(np.ones((4, 3, 3, 4)), shift=-22), True),
        (_channels(np.ones((4, 3, 3, 4)), shift=-23), False),
        (_channels(np.ones((4, 3, 3, 4)), shift=0), False),
    ],
)
def test_limits(channels: Channels, exact: bool) -> None:
    assert is_exact(channels) is exact


IN_PLACE = [case for case in all_cases()["conv2d"] if "same_shape" in case.id and "1x1" not in case.id]


@pytest.mark.parametrize("case", IN_PLACE, ids=lambda case: case.id)
@pytest.mark.parametrize("variant", [v for v in WINOGRAD if v.name != "winograd_stored"], ids=lambda v: v.name)
def test_rows_of_tiles_can_be_overwritten_by_their_outputs(case: Case, variant: KernelVariant, tmp_path: Path) -> None:
    """On this computer, with AddressSanitizer, in the arena as it is planned."""
    graph = case_graph(case)
    (node,) = graph.nodes
    variant = next(v for v in registry()[node.op].variants if v.name == variant.name)  # for each image of a batch
    if not variant.in_place(graph, node):
        assert variant.name == "winograd_run_time"  # the one form that chooses: u of all channels may be smaller
        return
    steps = with_twins((Step(node, variant, variant.lower(graph, node), 0),))
    plan = planned(graph, steps)
    assert plan.memory.offsets[node.inputs[0]] == plan.memory.offsets[node.outputs[0]]
    firmware = build_firmware(plan, twin_target(), tmp_path / "build", sanitize=True)
    (got,) = run_on_host(firmware, graph, twin_target(), case_inputs(case))
    assert got.tobytes() == reference_outputs(case)[0].tobytes()
