"""The metric follows from the labels; each score against a small case worked out by hand or by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from toolchain.errors import DataError
from toolchain.metrics import choose_metric, predicted_classes, roc_auc, score


@pytest.mark.parametrize(
    ("y", "sample", "output", "metric"),
    [
        (np.array([0, 3, 9]), (8, 8, 1), (10,), "accuracy"),
        (np.array([[0], [3]]), (8, 8, 1), (10,), "accuracy"),
        (np.eye(10)[:4], (8, 8, 1), (10,), "accuracy"),
        (np.array([0, 1, 1]), (8, 8, 1), (1,), "accuracy"),
        (np.array([True, False]), (8, 8, 1), (2,), "accuracy"),
        (np.array([0, 1, 1]), (640,), (640,), "auc"),
        (np.array([0.5, 1.5]), (8,), (1,), "mse"),
        (np.ones((2, 10)), (8, 8, 1), (10,), "mse"),
        (np.random.default_rng(0).random((3, 640)), (640,), (640,), "mse"),
        (None, (640,), (640,), "mse"),
        (None, (8, 8, 1), (10,), "none"),
    ],
)
def test_choice(y: Any, sample: tuple[int, ...], output: tuple[int, ...], metric: str) -> None:
    assert choose_metric(y, sample, output) == metric


@pytest.mark.parametrize(
    ("y", "sample", "output", "reason"),
    [
        (np.array([1, 10]), (8, 8, 1), (10,), "labels run from 1 to 10, but the model has 10 classes"),
        (np.array([-1, 2]), (8, 8, 1), (10,), "labels run from -1 to 2"),
        (np.array([0, 2]), (640,), (640,), "0 .normal. or 1"),
        (np.zeros((2, 3)), (8, 8, 1), (10,), r"labels of shape \(3,\) do not fit outputs of shape \(10,\)"),
    ],
)
def test_labels_that_fit_nothing(y: Any, sample: tuple[int, ...], output: tuple[int, ...], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        choose_metric(y, sample, output)


def test_accuracy() -> None:
    outputs = np.array([[0.1, 0.9, 0.0], [0.5, 0.2, 0.3], [0.4, 0.4, 0.2], [0.0, 0.1, 0.9]])
    found = score("accuracy", outputs, np.array([1, 2, 0, 2]))
    assert found is not None
    assert (found.correct, found.total, found.value) == (3, 4, None)
    assert score("accuracy", outputs, np.eye(3)[[1, 2, 0, 2]]) == found
    assert score("accuracy", outputs.reshape(4, 1, 1, 3), np.array([1, 2, 0, 2])) == found
    first_two = score("accuracy", outputs[:2], np.array([1, 2, 0, 2]))
    assert first_two is not None
    assert (first_two.correct, first_two.total) == (1, 2), "fewer outputs than labels: the first are judged"


def test_ties_go_to_the_first_class_and_one_output_is_a_threshold() -> None:
    assert predicted_classes(np.array([[1, 1, 0], [0, 2, 2]])).tolist() == [0, 1]
    assert predicted_classes(np.array([[0.4], [0.5], [0.6]])).tolist() == [0, 0, 1]


def test_mse() -> None:
    outputs, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [1.0, 4.0]])
    found = score("mse", outputs, None, x)
    assert found is not None
    assert found.value == pytest.approx((1 + 4) / 4)
    against_labels = score("mse", outputs, np.zeros((2, 2)), x)
    assert against_labels is not None
    assert against_labels.value == pytest.approx((1 + 4 + 9 + 16) / 4)


def test_auc_of_reconstruction_error() -> None:
    x = np.zeros((4, 2))
    outputs = np.array([[0, 0.1], [0, 0.3], [0.2, 0], [2, 2]])
    found = score("auc", outputs, np.array([0, 1, 0, 1]), x)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    mixed = score("auc", outputs, np.array([0, 0, 1, 1]), x)
    assert mixed is not None
    assert mixed.value == pytest.approx(3 / 4)


@pytest.mark.parametrize("seed", range(5))
def test_auc_against_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 200)
    scores = np.round(rng.normal(labels * 0.5, 1), 1)  # rounded, so that there are ties
    assert len(np.unique(scores)) < 100
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_auc_needs_both_kinds() -> None:
    with pytest.raises(DataError, match="needs normal"):
        roc_auc(np.zeros(4), np.arange(4))


def test_none() -> None:
    assert score("none", np.zeros((2, 3)), None) is None
