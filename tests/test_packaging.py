"""The wheel in an environment of its own, used away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import model_kit
import numpy as np
import pytest

import toolchain

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and sees the packages of this one behind it."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False, symlinks=True)
    bin_folder = folder / "bin"
    python = bin_folder / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    # A path file only adds the folder. The path files in there, this checkout's among them, are not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin_folder


def _run(program: Path, *arguments: str, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(program), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_data_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {p for p in (ROOT / "firmware_templates").rglob("*") if p.is_file()}
    assert templates
    for path in (*templates, *(ROOT / "targets").glob("*.toml")):
        assert f"toolchain/_data/{path.relative_to(ROOT).as_posix()}" in names
    for name in ("report/report.html.j2", "report/report.schema.json", "py.typed"):
        assert f"toolchain/{name}" in names
    assert not [n for n in names if n.startswith(("tests/", "examples/")) or n.endswith(".pyc")]
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_the_installed_command_uses_what_it_brought_along(installed: Path, tmp_path: Path) -> None:
    assert _run(installed / "mcuforge", "--version", cwd=tmp_path).strip() == f"mcuforge {toolchain.__version__}"
    places = "import toolchain, toolchain.resources as r; print(toolchain.__file__, r.templates(), r.targets())"
    for place in _run(installed / "python", "-c", places, cwd=tmp_path).split():
        assert Path(place).is_relative_to(installed.parent)
    assert {t["name"] for t in json.loads(_run(installed / "mcuforge", "targets", "--json", cwd=tmp_path))} >= {"stm32"}


def test_the_installed_command_deploys_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    model_kit.save_quietly(model_kit.small_model(), tmp_path / "net.keras")
    data = {"x_calib": model_kit.images(40), "x_test": model_kit.images(8, 1), "y_test": np.zeros(8, np.int64)}
    np.savez(tmp_path / "net.npz", **data)
    job = ("deploy", "net.keras", "--data", "net.npz", "--port", "virtual://stm32f405", "--json")
    report = json.loads(_run(installed / "mcuforge", *job, cwd=tmp_path))
    assert report["exactness"]["codes"] == 8 * 4
    assert report["exactness"]["differing"] == 0
    assert (tmp_path / "mcuforge-out" / "net" / "report.html").is_file()
