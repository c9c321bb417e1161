"""doctor: what is here with its version, what is missing with the line that installs it, boards on USB."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from toolchain import doctor
from toolchain.cli import run
from toolchain.install import install_line
from toolchain.target import bundled_targets, load_target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
STM32 = load_target("stm32")


def _findings(diagnosis: doctor.Diagnosis) -> dict[str, doctor.Finding]:
    return {f.what: f for f in (*diagnosis.python, *diagnosis.tools)}


def _path_with(folder: Path, *programs: str) -> str:
    for program in programs:
        (folder / program).write_text("#!/bin/sh\nexit 0\n")
        (folder / program).chmod(0o755)
    return str(folder)


def test_this_machine_is_ready() -> None:
    diagnosis = doctor.diagnose([load_target(name) for name in bundled_targets()])
    assert diagnosis.ready
    found = _findings(diagnosis)
    for what in ("Python", "mcuforge", "numpy", "pyserial", "gcc", "arm-none-eabi-gcc", "qemu-system-arm"):
        assert found[what].found, what
        assert found[what].version[0].isdigit()
    assert found["arm-none-eabi C headers"].version.startswith("newlib ")
    assert found["cycle model"].version == "works"


def test_requirements_are_those_of_the_package() -> None:
    names = {f.what for f in doctor.diagnose([STM32]).python}
    assert {"tensorflow", "pillow", "jinja2", "ortools"} <= names
    assert not names & {"pytest", "ruff"}


def test_every_extra_is_told_or_for_developers() -> None:
    """As pyproject.toml has them, which the metadata of an installation may be older than."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras) == {*doctor.EXTRAS, *doctor.DEVELOPERS_EXTRAS}


def test_what_is_missing_comes_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _path_with(tmp_path, "apt-get"))
    diagnosis = doctor.diagnose([STM32])
    assert not diagnosis.ready
    lines = {f.what: f.install for f in diagnosis.missing}
    assert lines["arm-none-eabi-gcc"] == "sudo apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
    assert lines["qemu-system-arm"] == "sudo apt-get install qemu-system-arm"
    assert "cycle model" not in lines
    assert "no qemu-system-arm" in _findings(diagnosis)["cycle model"].needed_for


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("apt-get", "sudo apt-get install gcc"),
        ("dnf", "sudo dnf install gcc"),
        ("brew", "brew install gcc"),
        ("other", "sudo apt-get install gcc, or sudo dnf install gcc, or brew install gcc"),
    ],
)
def test_the_line_is_for_this_machine(program: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _path_with(tmp_path, program))
    assert install_line(load_target("host").compiler.packages) == line


def test_tools_of_a_target_on_request_are_missed_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", _path_with(tmp_path, "apt-get"))
    riscv = load_target("rv32-virt")
    assert {f.what for f in doctor.diagnose([riscv]).missing} == {
        *("riscv64-unknown-elf-gcc", "riscv64-unknown-elf C headers", "qemu-system-riscv32")
    }
    among_others = doctor.diagnose([riscv, STM32])
    assert not [f for f in among_others.missing if "riscv" in f.what]
    found = _findings(among_others)["riscv64-unknown-elf-gcc"]
    assert found.install == "sudo apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"


def test_a_compiler_without_headers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "gcc"
    compiler.write_text('#!/bin/sh\n[ "$1" = -dumpfullversion ] && echo 12.2.0 && exit 0\nexit 1\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    found = _findings(doctor.diagnose([load_target("host")]))
    assert found["gcc"].version == "12.2.0"
    assert not found["host C headers"].found


def test_boards_on_usb_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = SimpleNamespace(
        device="/dev/ttyACM0", vid=0x0483, pid=0x374B, serial_number="066A", description="STM32 STLink"
    )
    other = SimpleNamespace(device="/dev/ttyUSB9", vid=0x1234, pid=1, serial_number=None, description="a modem")
    monkeypatch.setattr(list_ports, "comports", lambda: [other, known])
    diagnosis = doctor.diagnose([STM32])
    assert len(diagnosis.boards) == 1
    assert "/dev/ttyACM0" in diagnosis.boards[0]
    assert "target stm32" in diagnosis.boards[0]
    assert diagnosis.ports == ("/dev/ttyUSB9: a modem",)


def test_doctor_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--target", "stm32"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["ready"] is True
    assert {"what", "version", "needed_for", "install", "optional"} == set(document["tools"][0])
    assert "gcc" not in {tool["what"] for tool in document["tools"]}


def test_doctor_command_fails_when_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", _path_with(tmp_path, "dnf"))
    assert run(["doctor", "--target", "stm32"]) == 1
    assert "sudo dnf install arm-none-eabi-gcc-cs arm-none-eabi-newlib" in " ".join(capfd.readouterr().out.split())
