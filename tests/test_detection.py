"""Detections on boxes that overlap, with equal scores: they are TFLM's, in its order."""

from __future__ import annotations

import numpy as np
import pytest
from cases.detection import CASES
from support.case import Array, Case
from support.oracle import run_tflm
from support.suite import case_content, case_graph

from toolchain.reference import run

SAMPLES = 40


def _inputs(case: Case) -> list[Array]:
    """Boxes of all sizes around anchors; scores of few values."""
    rng = np.random.default_rng(len(case.id))
    codes, scores = (case_graph(case).tensor(name).shape for name in case_graph(case).inputs)
    coarse = rng.integers(-1, 9, (SAMPLES, *scores)) / np.float32(8)
    coarse[::5] = np.nan_to_num(rng.uniform(-1, 1, coarse[::5].shape))
    return [rng.normal(0, 1, (SAMPLES, *codes)).astype(np.float32), coarse.astype(np.float32)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_detections_are_those_of_tflm(case: Case) -> None:
    inputs = _inputs(case)
    ours = run(case_graph(case), inputs)
    theirs = run_tflm(case_content(case), inputs, 4)
    np.testing.assert_array_equal(ours[3], theirs[3])
    counts = ours[3].reshape(-1).astype(int)
    assert counts.max() > 3
    for sample, count in enumerate(counts):
        for a, b in zip(ours[:3], theirs[:3], strict=True):
            np.testing.assert_array_equal(a[sample, :, :count], b[sample, :, :count])
            assert not a[sample, :, count:].any()


def test_boxes_are_suppressed() -> None:
    """Otherwise nothing above would be proved of overlaps."""
    case = next(case for case in CASES if case.id == "detection_fast")
    codes, scores = _inputs(case)
    counts = run(case_graph(case), [codes, np.ones_like(scores)])[3]
    assert 0 < counts.min() <= counts.mean() < case_graph(case).nodes[0].attrs.most
