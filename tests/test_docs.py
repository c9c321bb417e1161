"""The pages in docs/ that are made from the code are up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

from benchmarks import formats, performance
from benchmarks.models import REFERENCE
from benchmarks.peers import load_peers
from benchmarks.record import load

ROOT = Path(__file__).resolve().parent.parent


def test_operator_table_is_the_code() -> None:
    table = runpy.run_path(str(ROOT / "scripts" / "operators.py"))["table"]
    assert (ROOT / "docs" / "operators.md").read_text(encoding="utf-8") == table(), "run: python scripts/operators.py"


def test_formats_of_weights_are_what_kernels_make_of_them() -> None:
    assert formats.PAGE.read_text(encoding="utf-8") == formats.text(), "run: python -m benchmarks.formats"


def test_performance_is_the_stored_figures() -> None:
    text = performance.text(load(REFERENCE), load_peers())
    assert performance.PAGE.read_text(encoding="utf-8") == text, "run: python -m benchmarks.performance"
