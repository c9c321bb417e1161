"""What the tests of whole jobs share: small models and data, the command line, and what a refusal must look like."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import model_kit
import numpy as np
import pytest

import toolchain.report
from toolchain.cli import run
from toolchain.importers.keras import load_keras
from toolchain.quantize.tflite_ptq import quantize
from toolchain.target import load_target

URL = "virtual://stm32f405"
BUNDLED = Path(__file__).resolve().parent.parent / "targets"
_TEMPORARY = tempfile.gettempdir()  # a test may have a temporary folder of its own
_folders: list[tempfile.TemporaryDirectory[str]] = []


@dataclass(frozen=True)
class Refusal:
    """The error object of a command that ended with exit code 2."""

    problem: str
    hint: str

    @property
    def text(self) -> str:
        return f"{self.problem}\n{self.hint}"


def new_folder() -> Path:
    """A folder for the rest of this test process."""
    _folders.append(tempfile.TemporaryDirectory(prefix="mcuforge-jobs-", dir=_TEMPORARY))
    return Path(_folders[-1].name)


@functools.cache
def small() -> Path:
    """A folder with ``small.keras``, ``small.tflite`` (int8) and ``small.npz``: 8x8x1 to 4 classes, 24 test samples."""
    folder = new_folder()
    path = model_kit.save_quietly(model_kit.small_model(), folder / "small.keras")
    (folder / "small.tflite").write_bytes(quantize(load_keras(path), model_kit.images(40)))
    labels = np.random.default_rng(1).integers(0, 4, 24)
    np.savez(folder / "small.npz", x_calib=model_kit.images(40), x_test=model_kit.images(24, 1), y_test=labels)
    return folder


@functools.cache
def deployed() -> Path:
    """The folder that deploying ``small.tflite`` to this process's virtual board wrote."""
    out = new_folder() / "out"
    model, data = str(small() / "small.tflite"), str(small() / "small.npz")
    assert run(["deploy", model, "--data", data, "--port", URL, "--out", str(out), "--quiet"]) == 0
    return out


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> Refusal:
    """Run the command with --json in this process and check that it ends as mendable errors do."""
    capfd.readouterr()
    code = run([*arguments, "--json"])
    out, err = capfd.readouterr()
    return checked_refusal(code, out, err)


def refused_outside(*arguments: str, **options: Any) -> Refusal:
    """The same in a process of its own."""
    done = cli(*arguments, "--json", **options)
    return checked_refusal(done.returncode, done.stdout, done.stderr)


def checked_refusal(code: int, out: str, err: str) -> Refusal:
    assert code == 2, f"exit code {code}\n{out}\n{err}"
    assert "Traceback" not in out + err
    document = json.loads(out)
    assert set(document) == {"error"}
    assert set(document["error"]) == {"problem", "hint"}
    refusal = Refusal(**document["error"])
    assert refusal.problem
    assert refusal.hint
    return refusal


def cli(
    *arguments: str, wrapper: Sequence[str] = (), timeout: float = 120, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [*wrapper, sys.executable, "-m", "toolchain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)


def document(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run the command with --json in this process; what it printed."""
    capfd.readouterr()
    code = run([*arguments, "--json", "--quiet"])
    out, err = capfd.readouterr()
    assert code == 0, out + err
    return json.loads(out)


def is_valid(report: Any) -> None:
    """The report follows its schema."""
    schema = Path(toolchain.report.__file__).with_name("report.schema.json")
    jsonschema.validate(report, json.loads(schema.read_text(encoding="utf-8")))


def board_toml(path: Path, edit: Callable[[str], str] = str) -> Path:
    """A copy of the bundled description of ``stm32`` with other text in it."""
    path.write_text(edit((BUNDLED / "stm32.toml").read_text(encoding="utf-8")), encoding="utf-8")
    return path


def board_with(path: Path, flash: int, ram: int) -> Path:
    """A description of the board with memories of these sizes in bytes."""
    target = load_target("stm32")

    def edit(text: str) -> str:
        for region, size in ((target.region("flash"), flash), (target.region("ram"), ram)):
            assert f"size = {region.size:#x}" in text
            text = text.replace(f"size = {region.size:#x}", f"size = {size}")
        lines = (f"sectors = [{flash}]" if line.startswith("sectors") else line for line in text.splitlines())
        return "\n".join(lines)

    return board_toml(path, edit)


def contents(folder: Path) -> dict[str, str]:
    """Every file below the folder, hidden ones too, with its hash."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
