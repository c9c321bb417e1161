"""mcuforge compare: rows that are measured, rows that say why not, and what is kept of an interrupted run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from float_kit import float_files
from job_kit import URL, document, refused

from toolchain.compare import candidates
from toolchain.compare.results import Comparison, Measured, Row, Verified, row_from_json, row_json, to_csv
from toolchain.compare.write import html, plots, render
from toolchain.quantize.observers import OBSERVERS
from toolchain.results import Energy


def compare(*more: str) -> tuple[str, ...]:
    model, data = float_files()
    return ("compare", model, "--data", data, "--port", URL, "--runs", "1", "--verify", "2", *more)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare") / "out"


def test_each_format_is_measured_or_says_why_not(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    job = compare("--formats", "int8:mse,kmeans4", "--tuned", "int4=nowhere.keras", "--out", str(out))
    found = document(capfd, *job)
    int8, kmeans, tuned = found["rows"]
    assert [row["name"] for row in found["rows"]] == ["int8:mse", "kmeans4", "int4 tuned"]
    assert "nowhere.keras" in tuned["reason"]
    assert found["target"]["virtual"]
    for row in (int8, kmeans):
        assert row["total"] == found["samples"] == 24
        assert row["interval"][0] < row["correct"] / 24 < row["interval"][1]
        assert row["verified"] == {"samples": 2, "codes": 8, "differing": 0}
        assert [e["model"] for e in row["energy"]] == ["chip", "operations"]
        assert row["unit"] == "cycles (modelled)"
        assert row["flash_bytes"] > 4000
    assert set(kmeans["layers"].values()) == {"int8", "kmeans4"}
    assert set(int8["layers"].values()) == {"int8"}
    assert found["float"] == 100
    wanted = ("compare.html", "compare.json", "compare.csv", "compare-latency.png", "compare-flash.png")
    assert all((out / name).stat().st_size > 500 for name in wanted)
    table = list(csv.DictReader(io.StringIO((out / "compare.csv").read_text())))
    assert [row["format"] for row in table] == ["int8:mse", "kmeans4", "int4 tuned"]
    assert int(table[0]["flash_bytes"]) == int8["flash_bytes"]


def test_a_row_that_is_there_is_not_measured_again(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The run above, again and with one format more to do, as after a kill between two rows."""
    kept, lost = (out / "rows" / name for name in ("int8-mse.json", "kmeans4.json"))
    stamp, before = kept.stat().st_mtime_ns, json.loads(lost.read_text())["row"]
    lost.unlink()
    (out / "rows" / ".kmeans4.json.part").write_text("half")
    found = document(capfd, *compare("--formats", "int8:mse,kmeans4", "--out", str(out)))
    assert kept.stat().st_mtime_ns == stamp
    assert found["rows"][1] == before, "measured again, to the same"
    text = kept.read_text()
    kept.write_text(text[: len(text) // 2])
    assert "rows" in document(capfd, *compare("--formats", "int8:mse", "--out", str(out)))
    assert kept.read_text() == text, "half a file counts as none"


def test_what_cannot_be_compared(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no format 'int3'" in refused(capfd, *compare("--formats", "int3")).problem
    assert "no calibration" in refused(capfd, *compare("--formats", "int8:guess")).problem
    assert "not FORMAT=MODEL" in refused(capfd, *compare("--tuned", "int4")).problem
    (tmp_path / "mine.txt").write_text("")
    assert "did not write" in refused(capfd, *compare("--out", str(tmp_path))).problem
    out = str(tmp_path / "new")
    refusal = refused(capfd, *compare("--formats", "int8:mse", "--max-flash", "1k", "--out", out))
    assert "no format could be measured: the limit on flash" in refusal.problem


def test_int8_has_a_row_for_each_calibration() -> None:
    rows = candidates.candidates(("int8", "int4", "int4"), {})
    assert [row.name for row in rows] == ["int8:tflite", *(f"int8:{name}" for name in OBSERVERS), "int4"]
    assert rows[0].recipe is None
    assert rows[-1].recipe is not None
    assert rows[-1].recipe.weights == "int4"


def _measured(**changes: Any) -> Measured:
    values: dict[str, Any] = {
        "sha256": "0" * 64,
        "flash_bytes": 40_000,
        "ram_bytes": 10_000,
        "unit": "cycles (modelled)",
        "latency": 3_400_000.0,
        "clock_hz": 168_000_000,
        "energy": (Energy("chip", 2690.0, "a data sheet"), Energy("operations", 1.0, "a paper")),
        "verified": Verified(4, 48, 0),
        "correct": 94,
        "total": 100,
        "layers": {"conv": "int8"},
    }
    return Measured(**(values | changes))


FOUND = Comparison(
    model="<net>",
    target="stm32",
    core="Cortex-M4F",
    port=URL,
    virtual=True,
    metric="accuracy",
    samples=100,
    float_merit=94.0,
    rows=(
        Row("int8:mse", _measured()),
        Row("int4", _measured(flash_bytes=30_000, latency=3_500_000.0, correct=93)),
        Row("binary", _measured(flash_bytes=30_000, latency=3_600_000.0, correct=20, verified=Verified(4, 48, 7))),
        Row("float32", None, "it does not fit\n  by far"),
    ),
)


def test_fronts_and_texts() -> None:
    assert FOUND.front("latency") == {"int8:mse"}
    assert FOUND.front("flash_bytes") == {"int8:mse", "int4"}
    page = html(FOUND)
    for wanted in ("&lt;net&gt;", "int8:mse", "it does not fit: by far", "7 of 48 differ", "Virtual board", "2,690"):
        assert wanted in page
    assert "<script" not in page
    assert "http" not in page
    assert set(plots(FOUND)) == {"compare-latency", "compare-flash"}
    assert render(FOUND) is not None
    assert to_csv(FOUND).count("\n") == 5
    assert all(row_from_json(json.loads(json.dumps(row_json(row)))) == row for row in FOUND.rows)
