"""Each layer in each format, one at a time: noise at its output and at the model's, and answers that change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain import metrics
from toolchain.errors import ModelError, UserError
from toolchain.graph import Array
from toolchain.progress import Progress
from toolchain.sensitivity.advice import LayerFacts, advice, facts_of
from toolchain.sensitivity.floats import FloatNetwork, refusal, sqnr

SCHEMA = "mcuforge-sensitivity/1"
DEFAULT_FORMATS = ("int8", "kmeans6", "kmeans5", "int4", "kmeans4", "kmeans3", "kmeans2", "ternary", "binary")


@dataclass(frozen=True)
class Cell:
    """One layer in one format. ``sqnr`` in dB, of the layer's and of the model's output; None: no noise at all.

    ``lost`` is in points of accuracy, None without labels; ``changed`` the fraction of samples whose class changes,
    None for a model that is no classifier.
    """

    sqnr: float | None
    output_sqnr: float | None
    lost: float | None
    changed: float | None


@dataclass(frozen=True)
class LayerRow:
    """``activations``: what it costs when the layer's outputs, and nothing else, are rounded to int8."""

    name: str
    facts: LayerFacts
    cells: Mapping[str, Cell]
    advice: tuple[str, ...]
    activations: Cell | None = None


@dataclass(frozen=True)
class Sensitivity:
    """``refused`` says of formats that have no column why. ``accuracy`` is the float model's, in per cent."""

    model: str
    samples: int
    accuracy: float | None
    formats: tuple[str, ...]
    refused: Mapping[str, str]
    rows: tuple[LayerRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


@dataclass(frozen=True, eq=False)
class Judge:
    """What the float model answers, to compare others with."""

    floats: Array
    labels: Array | None

    @property
    def classifies(self) -> bool:
        return metrics.classifies(self.floats)

    @property
    def accuracy(self) -> float | None:
        """Per cent."""
        return self._correct(self.floats)

    def lost(self, values: Array) -> float | None:
        """Points of accuracy that are lost with these outputs; below 0 when they are better."""
        before, after = self.accuracy, self._correct(values)
        return None if before is None or after is None else before - after

    def changed(self, values: Array) -> float | None:
        """The fraction of samples that are put into another class."""
        if not self.classifies:
            return None
        return float((metrics.predicted_classes(values) != metrics.predicted_classes(self.floats)).mean())

    def _correct(self, values: Array) -> float | None:
        if self.labels is None:
            return None
        found = metrics.score(metrics.ACCURACY, values, self.labels)
        return 100 * found.correct / found.total if found and found.correct is not None and found.total else None


def judge_of(net: FloatNetwork, floats: Array) -> Judge:
    """Labels count only where they are classes of this model."""
    chosen = metrics.NONE
    if net.labels is not None:
        chosen = metrics.choose_metric(net.labels, net.columns[0].shape[1:], floats.shape[1:])
    return Judge(floats, net.labels if chosen == metrics.ACCURACY else None)


def sensitivity(net: FloatNetwork, formats: Sequence[str], progress: Progress) -> Sensitivity:
    """Every layer in each of ``formats``. Raises ModelError when none of them can be had."""
    rounded: dict[str, dict[str, Array]] = {}
    refused: dict[str, str] = {}
    with progress.step("Rounding weights", len(formats)) as advance:
        for name in formats:
            try:
                rounded[name] = net.rounded(name)
            except UserError as e:
                refused[name] = refusal(e)
                progress.note(f"{name}: {refused[name]}")
            advance(1)
    if not rounded:
        raise ModelError(f"no format can be tried: {next(iter(refused.values()))}", "Mend this one first.")
    judge = judge_of(net, net.predict({}))
    facts, count = facts_of(net), len(net.columns[0])
    rows = []
    with progress.step("Trying each layer in each format", len(net.layers) * (len(rounded) + 1)) as advance:
        for name, node in net.layers.items():
            tensors = (node.outputs[0], net.graph.outputs[0])
            clean_values = net.values({}, tensors)
            cells = {}
            for format_name, weights in rounded.items():
                cells[format_name] = _cell(net, judge, {name: weights[name]}, tensors, clean_values)
                advance(1)
            activations = _activations(net, judge, name, tensors, clean_values)
            advance(1)
            words = advice(facts[name], cells, activations, count)
            rows.append(LayerRow(name, facts[name], cells, words, activations))
    return Sensitivity(net.name, count, judge.accuracy, tuple(rounded), refused, tuple(rows))


def _activations(
    net: FloatNetwork, judge: Judge, name: str, tensors: Sequence[str], wanted: Mapping[str, Array]
) -> Cell:
    content, made = net.with_int8_output(name)
    last = made if tensors[1] == tensors[0] else tensors[1]
    values, outputs = net.values_by(content, (made, last)), net.predict_by(content)
    noise = sqnr(wanted[tensors[0]], values[made]), sqnr(wanted[tensors[1]], values[last])
    return Cell(*noise, judge.lost(outputs), judge.changed(outputs))


def _cell(
    net: FloatNetwork, judge: Judge, weights: Mapping[str, Array], tensors: Sequence[str], wanted: Mapping[str, Array]
) -> Cell:
    values = net.values(weights, tensors)
    own, last = (sqnr(wanted[t], values[t]) for t in tensors)
    if own is None and all(np.array_equal(w, net.weights(n)) for n, w in weights.items()):
        return Cell(None, None, None if judge.accuracy is None else 0.0, 0.0 if judge.classifies else None)
    outputs = net.predict(weights)
    return Cell(own, last, judge.lost(outputs), judge.changed(outputs))
