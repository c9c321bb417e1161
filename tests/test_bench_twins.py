"""Guards speed and exactness: the twins of the MLPerf Tiny networks against their stored figures."""

from __future__ import annotations

import warnings

from benchmarks.bench import told
from benchmarks.compare import compare
from benchmarks.measure import measure_set
from benchmarks.models import TWIN
from benchmarks.record import load
from toolchain.progress import Progress


def test_no_twin_became_slower_or_inexact() -> None:
    found = measure_set(TWIN, Progress(), objectives=())
    comparison = compare(load(TWIN), found)
    if comparison.reason or comparison.changes:
        # Changes that are no failures must be seen too: they end in pytest's summary.
        warnings.warn("\n".join(told(TWIN, comparison)), stacklevel=1)
    assert not comparison.failures
    assert len(found.models) == 5
