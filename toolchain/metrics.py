"""How good are the outputs? One metric, chosen by what the labels are.

=========  ==========================================================================
metric     chosen when
=========  ==========================================================================
accuracy   integer labels (or one-hot rows) and the output is a vector of class scores
auc        labels are 0 or 1 and the output has the shape of the input (an autoencoder):
           the anomaly score is the mean squared reconstruction error
mse        float labels in the shape of the output; or no labels and an autoencoder, which
           is measured against its input
none       everything else
=========  ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.errors import DataError
from toolchain.results import Score

Array = npt.NDArray[Any]

ACCURACY, AUC, MSE, NONE = "accuracy", "auc", "mse", "none"


def choose_metric(y: Array | None, sample: Sequence[int], output: Sequence[int]) -> str:
    """The metric for labels ``y`` and a model from ``sample`` to ``output`` (shapes without the batch dimension).

    DataError when the labels fit no metric of this model.
    """
    autoencoder = tuple(sample) == tuple(output)
    if y is None:
        return MSE if autoencoder else NONE
    classes = int(np.prod(output, dtype=np.int64))
    flat = y.reshape(len(y), -1)
    if y.dtype.kind in "biu" and flat.shape[1] == 1:
        if autoencoder:
            if not np.isin(flat, (0, 1)).all():
                raise DataError("the labels of an autoencoder are 0 (normal) or 1 (anomaly)", "or leave y_test out")
            _check_both_kinds(int(flat.sum()), len(flat))
            return AUC
        largest = max(classes, 2) - 1
        if flat.min() < 0 or flat.max() > largest:
            raise DataError(
                f"labels run from {flat.min()} to {flat.max()}, but the model has {largest + 1} classes",
                "class indices start at 0",
            )
        return ACCURACY
    if flat.shape[1] != classes:
        raise DataError(
            f"labels of shape {y.shape[1:]} do not fit outputs of shape {tuple(output)} (they are {y.dtype})",
            "give class indices as integers from 0, one-hot rows, or values in the shape of the output",
        )
    return ACCURACY if classes > 1 and not autoencoder and _one_hot(flat) else MSE


def score(metric: str, outputs: Array, y: Array | None, x: Array | None = None) -> Score | None:
    """The score of real-valued ``outputs``, samples first. ``x`` are the inputs (auc, and mse without labels)."""
    if metric == NONE or not len(outputs):
        return None
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    if metric == ACCURACY:
        labels = class_labels(_need(y, metric)[: len(flat)])
        return Score(correct=int((predicted_classes(outputs) == labels).sum()), total=len(labels))
    if metric == AUC:
        error = np.square(flat - _need(x, metric).reshape(len(flat), -1)).mean(axis=1)
        return Score(value=roc_auc(_need(y, metric), error))
    if metric == MSE:
        wanted = _need(x if y is None else y, metric).reshape(len(flat), -1)
        return Score(value=float(np.square(flat - wanted).mean()))
    raise ValueError(f"unknown metric {metric}")


def wilson(correct: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval that holds the true fraction with 95 % confidence, by Wilson's score.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    share, square = correct / total, z * z / total
    middle = share + square / 2
    reach = z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    # The ends touch 0 and 1 exactly where nothing or everything is correct; rounding must not push them past.
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    return max(low, 0.0), min(high, 1.0)


def classifies(outputs: Array) -> bool:
    """Whether the outputs, samples first, are scores of classes."""
    return outputs.ndim == 2 and outputs.shape[1] > 1


def predicted_classes(outputs: Array) -> Array:
    """The class with the highest score, the first of equal ones; with a single output, whether it is above 0.5."""
    flat = outputs.reshape(len(outputs), -1)
    return (flat[:, 0] > 0.5).astype(np.int64) if flat.shape[1] == 1 else flat.argmax(axis=1)


def roc_auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve: the chance that an anomaly scores above a normal sample, ties counting half.

    The Mann-Whitney statistic: U / (positives * negatives) from the sum of ranks.
    """
    positive = np.asarray(labels).reshape(-1).astype(bool)
    count, total = int(positive.sum()), len(positive)
    _check_both_kinds(count, total)
    _, inverse, repeats = np.unique(scores, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(repeats)
    mean_rank = last_rank - (repeats - 1) / 2.0
    rank_sum = float(mean_rank[inverse.reshape(-1)][positive].sum())
    return (rank_sum - count * (count + 1) / 2) / (count * (total - count))


def _check_both_kinds(positive: int, total: int) -> None:
    if positive in (0, total):
        raise DataError(
            f"AUC needs normal (0) and anomalous (1) samples, and all {total} labels are {int(positive > 0)}",
            "add the missing kind (a larger --limit?), or leave y_test out",
        )


def _one_hot(flat: Array) -> bool:
    return bool(np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all())


def class_labels(y: Array) -> Array:
    """Class indices, from indices or one-hot rows."""
    flat = y.reshape(len(y), -1)
    labels: Array = (flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)).astype(np.int64)
    return labels


def _need(values: Array | None, metric: str) -> Array:
    if values is None:
        raise ValueError(f"{metric} needs values that were not given")
    return values
