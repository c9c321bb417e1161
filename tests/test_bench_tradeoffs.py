"""The comparison of all formats that is stored: what is written is read, drawn and told, and every row ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_compare import FOUND

from benchmarks import tradeoffs
from toolchain.compare.candidates import DEFAULT_FORMATS, candidates
from toolchain.errors import DataError


def test_what_is_stored_is_read_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tradeoffs, "tools", lambda: {"compiler": "12.2.1", "qemu": "7.2.22"})
    with pytest.raises(DataError, match="nothing is stored"):
        tradeoffs.text(tmp_path)
    tradeoffs.store("digits", FOUND, tmp_path)
    kept = tradeoffs.stored("digits", tmp_path)
    assert kept is not None
    assert kept[0] == FOUND
    tradeoffs.draw("digits", FOUND, tmp_path)
    assert all("int8:mse" in (tmp_path / f"digits-{kind}.svg").read_text() for kind in ("latency", "flash"))
    page = tradeoffs.text(tmp_path)
    assert "| **int4** | 93.00 |" in page
    assert "7 of 48" in page
    assert "| float32 | it does not fit: by far |" in page


@pytest.mark.parametrize("name", tradeoffs.networks())
def test_every_format_ran_on_the_board(name: str) -> None:
    kept = tradeoffs.stored(name)
    assert kept is not None
    tuned = dict.fromkeys(tradeoffs.networks()[name].tuned, "")
    assert [row.name for row in kept[0].rows] == [c.name for c in candidates(DEFAULT_FORMATS, tuned)]
    for row in kept[0].rows:
        assert row.measured is not None, row.name
        assert row.measured.unit == "cycles (modelled)"
        assert row.measured.verified.differing == 0
        assert row.measured.verified.samples == tradeoffs.VERIFIED


def test_the_page_is_the_stored_figures() -> None:
    assert tradeoffs.PAGE.read_text(encoding="utf-8") == tradeoffs.text(), "run: python -m benchmarks.tradeoffs --draw"


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no network 'mine'"):
        tradeoffs.run(["mine"])
    network = tradeoffs.Network("nothing", tmp_path / "none.keras", tmp_path / "none.npz")
    with pytest.raises(DataError, match="there is no"):
        tradeoffs.measure("none", network, tradeoffs.Progress())
