"""Guards speed and exactness: the twins of the MLPerf Tiny networks against their stored figures."""

from __future__ import annotations

import warnings

import pytest

from benchmarks.bench import told
from benchmarks.compare import compare
from benchmarks.measure import measure_set
from benchmarks.models import TWIN
from benchmarks.record import Model, load
from toolchain.progress import Progress


def test_no_twin_became_slower_or_inexact() -> None:
    found = measure_set(TWIN, Progress(), objectives=())
    comparison = compare(load(TWIN), found)
    if comparison.reason or comparison.changes:
        # Changes that are no failures must be seen too: they end in pytest's summary.
        warnings.warn("\n".join(told(TWIN, comparison)), stacklevel=1)
    assert not comparison.failures
    assert len(found.models) == 5
    for model in found.models:
        _check_predictions(model)


def _check_predictions(model: Model) -> None:
    """What the planner expected: flash from above and by at most 2 %, each layer's cycles within 10 %."""
    assert model.predicted_flash is not None
    assert model.flash_bytes <= model.predicted_flash <= 1.02 * model.flash_bytes, model.name
    predicted = {layer.name: layer.predicted_cycles for layer in model.layers}
    assert predicted == pytest.approx({layer.name: layer.cycles for layer in model.layers}, rel=0.10), model.name
