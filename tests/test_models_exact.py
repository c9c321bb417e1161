"""Whole networks: TFLM, the numpy reference, the C code and the emulated Cortex-M4 give the same codes, every one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.case import Array
from support.networks import FEW_SAMPLES, KIND, NETWORKS, SAMPLES, host_outputs, wrong_on_board
from support.oracle import run_tflm

from toolchain.reference import run

SANITIZED_SAMPLES = 3


def _differing(expected: Sequence[Array], got: Sequence[Array]) -> list[int]:
    """Codes that differ, for each output."""
    return [int((a[: len(b)] != b).sum()) for a, b in zip(expected, got, strict=True)]


@pytest.mark.parametrize("which", NETWORKS)
def test_every_code_is_the_same(which: str, tmp_path: Path) -> None:
    network = NETWORKS[which]()
    count = len(network.codes)
    assert count == (FEW_SAMPLES if which.endswith("architecture") else SAMPLES)
    outputs = len(network.graph.outputs)
    expected = run_tflm(network.content, [network.codes], outputs, arena_bytes=1 << 21)
    assert len(np.unique(expected[0], axis=0)) > count // 4, "the outputs do not depend on the inputs"
    none = [0] * outputs
    assert _differing(expected, run(network.graph, [network.codes])) == none, "numpy reference"
    assert _differing(expected, host_outputs(network, tmp_path / "host", count)) == none
    assert _differing(expected, host_outputs(network, tmp_path / "sanitized", SANITIZED_SAMPLES, True)) == none
    assert wrong_on_board(network, tmp_path / "m4", expected) == []


def test_both_sides_of_softmax_are_compared() -> None:
    outputs = {name: len(NETWORKS[f"{name}-{KIND}"]().graph.outputs) for name in ("kws_dscnn", "ad_autoencoder")}
    assert outputs == {"kws_dscnn": 2, "ad_autoencoder": 1}
