"""The jobs of the command line from end to end: a small Keras model, the virtual board, folders whole or absent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import model_kit
import numpy as np
import pytest

import toolchain.report
from toolchain.cli import run

SAMPLES = 24


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``small.keras`` and ``small.npz`` in a folder."""
    folder = tmp_path_factory.mktemp("model")
    model_kit.save_quietly(model_kit.small_model(), folder / "small.keras")
    labels = np.random.default_rng(1).integers(0, 4, SAMPLES)
    data = {"x_calib": model_kit.images(40), "x_test": model_kit.images(SAMPLES, 1), "y_test": labels}
    np.savez(folder / "small.npz", **data)
    return folder


@pytest.fixture(scope="module")
def deployed(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that deploy wrote."""
    out = tmp_path_factory.mktemp("deployed") / "out"
    assert run([*job("deploy", files), "--out", str(out), "--quiet", "--port", "virtual://stm32f405"]) == 0
    return out


def job(command: str, files: Path) -> list[str]:
    return [command, str(files / "small.keras"), "--data", str(files / "small.npz")]


def document(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def is_valid(report: dict[str, Any]) -> None:
    schema = Path(toolchain.report.__file__).with_name("report.schema.json")
    jsonschema.validate(report, json.loads(schema.read_text(encoding="utf-8")))


def layers_add_up(report: dict[str, Any]) -> None:
    unit = report["layers"][0]["unit"]
    whole = next(entry["median"] for entry in report["latency"] if entry["unit"] == unit)
    assert sum(layer["value"] for layer in report["layers"]) == pytest.approx(whole, rel=0.01)


def test_deploy_writes_a_whole_report(deployed: Path) -> None:
    report = document((deployed / "report.json").read_text(encoding="utf-8"))
    is_valid(report)
    layers_add_up(report)
    assert report["target"] == {
        "name": "stm32",
        "core": "Cortex-M4F",
        "port": "virtual://stm32f405",
        "virtual": True,
    }
    assert report["accuracy"]["device"]["total"] == SAMPLES
    assert report["accuracy"]["device"] == report["accuracy"]["quantized_host"]
    assert report["exactness"]["codes"] == SAMPLES * 4
    assert report["exactness"]["differing"] == 0
    page = (deployed / "report.html").read_text(encoding="utf-8")
    assert report["model"]["sha256"] in page
    assert "not on silicon" in page


def test_measure_goes_on_from_the_folder(deployed: Path, files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["flash", str(deployed), "--json", "--quiet", "--port", "virtual://stm32f405"]) == 0
    flashed = document(capfd.readouterr().out)
    assert flashed["bytes"] == (deployed / "firmware.bin").stat().st_size
    out = deployed.with_name("measured")
    command = ["measure", str(deployed), "--data", str(files / "small.npz"), "--limit", "5", "--runs", "2"]
    assert run([*command, "--out", str(out), "--json", "--port", "virtual://stm32f405"]) == 0
    report = document(capfd.readouterr().out)
    is_valid(report)
    assert report["accuracy"]["device"]["total"] == 5
    assert {entry["n"] for entry in report["latency"]} == {2}
    assert report == document((out / "report.json").read_text(encoding="utf-8"))


def test_emulate_and_the_default_folder(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(job("emulate", files)) == 0
    text = " ".join(capfd.readouterr().out.split())
    assert "No board" in text
    assert "ns (host)" in text
    assert "Report: mcuforge-out/small-emulate/report.html" in text
    assert (tmp_path / "mcuforge-out" / "small-emulate" / "report.json").is_file()


def test_compile_and_inspect(deployed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = str(deployed / "model.tflite")
    assert run(["compile", model, "--target", "host", "--name", "net", "--out", str(tmp_path / "c"), "--json"]) == 0
    compiled = document(capfd.readouterr().out)
    assert {"net.h", "net.c"} <= set(compiled["files"])
    assert all((tmp_path / "c" / name).is_file() for name in compiled["files"])
    assert run(["inspect", model, "--target", "host", "--json"]) == 0
    inspection = document(capfd.readouterr().out)
    assert inspection["arena_bytes"] == compiled["arena_bytes"]
    assert inspection["arena_lower_bound"] == compiled["arena_lower_bound"] <= compiled["arena_bytes"]
    assert sum(node["macs"] for node in inspection["nodes"]) == inspection["macs"]
    assert run(["inspect", model, "--arena", "optimal"]) == 0
    text = " ".join(capfd.readouterr().out.split())
    assert f"{inspection['macs']:,} MACs" in text
    assert "(gap: none, proven optimal)" in text


def test_a_failure_leaves_no_folder(files: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros((40, 7, 7, 1), np.float32))
    out = tmp_path / "out"
    command = ["compile", str(files / "small.keras"), "--data", str(tmp_path / "wrong.npy"), "--out", str(out)]
    assert run(command) == 2
    text = capfd.readouterr().err
    assert "7, 7" in text or "7x7" in text
    assert "Traceback" not in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["wrong.npy"]


def test_files_of_somebody_else_are_left_alone(
    deployed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    assert run(["compile", str(deployed / "model.tflite"), "--out", str(tmp_path)]) == 2
    assert "thesis.txt" in capfd.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "irreplaceable"
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_no_room_for_the_files_is_told_and_leaves_nothing(deployed: Path, tmp_path: Path) -> None:
    # A limit on the size of a file is the nearest that an ordinary user gets to a full disk.
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "from toolchain.cli import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    command = ["compile", str(deployed / "model.tflite"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "too large" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
