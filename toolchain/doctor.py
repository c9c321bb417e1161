"""What of the toolchain is on this machine, what is missing, and the line that installs it."""

from __future__ import annotations

import dataclasses
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from toolchain import __version__
from toolchain.install import install_line
from toolchain.target import Target

_TIMEOUT = 20.0
_DEBUGGERS = {"apt": "gdb-multiarch", "dnf": "gdb", "brew": "gdb"}
_OPENOCD = {"apt": "openocd", "dnf": "openocd", "brew": "open-ocd"}
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for. ``version`` is "" where it is missing, ``install`` the line that brings it.

    ``needed_for`` says what does not work without it; an ``optional`` one is not counted as missing.
    """

    what: str
    version: str
    needed_for: str
    install: str = ""
    optional: bool = False

    @property
    def found(self) -> bool:
        return bool(self.version)


@dataclass(frozen=True)
class Diagnosis:
    """``boards`` describe the serial ports that a target knows, ``ports`` all others."""

    python: tuple[Finding, ...]
    tools: tuple[Finding, ...]
    boards: tuple[str, ...]
    ports: tuple[str, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        return tuple(f for f in (*self.python, *self.tools) if not f.found and not f.optional)

    @property
    def ready(self) -> bool:
        """Nothing that is needed is missing."""
        return not self.missing

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "ready": self.ready}


def diagnose(targets: Iterable[Target]) -> Diagnosis:
    """Look at this machine, for these targets. Runs compilers and emulators with --version, and nothing else.

    Among several targets, what only those ``on_request`` need is optional.
    """
    targets = list(targets)
    tools: dict[str, Finding] = {}
    for target in sorted(targets, key=lambda t: t.on_request):
        for finding in _target_tools(target):
            if target.on_request and len(targets) > 1:
                finding = dataclasses.replace(finding, optional=True)
            tools.setdefault(finding.what, finding)
    for finding in _optional_tools():
        tools.setdefault(finding.what, finding)
    boards, ports = _serial_ports(targets)
    return Diagnosis(_python_packages(), tuple(tools.values()), boards, ports)


def _python_packages() -> tuple[Finding, ...]:
    """This package, its requirements and those of its extras, as its own metadata names them."""
    findings = [
        Finding("Python", platform.python_version(), "everything"),
        Finding("mcuforge", __version__, "everything"),
    ]
    for requirement in metadata.requires("mcuforge") or []:
        text, _, marker = requirement.partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", text.strip())
        if match is None or ("python_version" in marker and sys.version_info >= (3, 11)):
            continue
        extra = re.search(r"extra\s*==\s*['\"](\w+)['\"]", marker)
        if extra and extra[1] in DEVELOPERS_EXTRAS:
            continue
        name = match[0]
        install = f"pip install 'mcuforge[{extra[1]}]'" if extra else f"pip install {name}"
        findings.append(
            Finding(name, _installed(name), EXTRAS[extra[1]] if extra else "everything", install, bool(extra))
        )
    return tuple(findings)


DEVELOPERS_EXTRAS = ("dev", "bench")
EXTRAS = {
    "keras": "Keras models (a .tflite does without)",
    "images": "folders of images",
    "onnx": "ONNX files",
    "torch": "exported PyTorch programs",
    "examples": "the examples",
    "solver": "--arena optimal",
    "oracle": "mcuforge diff beside TFLM",
    "plots": "compare's and sensitivity's pictures as PNG",
    "search": "mcuforge search",
}


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _target_tools(target: Target) -> list[Finding]:
    compiler = f"{target.compiler.prefix}gcc"
    purpose = f"target {target.name}"
    install = install_line(target.compiler.packages)
    findings = [Finding(compiler, _version_of(compiler, "-dumpfullversion"), purpose, install)]
    headers = f"{target.compiler.prefix or 'host '}C headers".replace("-C", " C")
    findings.append(Finding(headers, _headers(compiler, target.compiler.cflags), purpose, install))
    if target.emulator is not None:
        findings += _emulator(target, target.emulator.packages)
    return findings


def _headers(compiler: str, flags: tuple[str, ...]) -> str:
    """ "found", or newlib's version where it is newlib, when a file that includes <string.h> compiles."""
    if shutil.which(compiler) is None:
        return ""
    source = "#include <string.h>\n#ifdef _NEWLIB_VERSION\nnewlib: _NEWLIB_VERSION\n#endif\n"
    done = _run([compiler, *flags, "-E", "-P", "-x", "c", "-"], source)
    if done is None or done.returncode:
        return ""
    match = re.search(r'newlib: "([\d.]+)"', done.stdout)
    return f"newlib {match[1]}" if match else "found"


def _emulator(target: Target, packages: Mapping[str, str]) -> list[Finding]:
    from toolchain.virtual import plugin

    assert target.emulator is not None
    qemu = target.emulator.program
    install = install_line(packages)
    version = _version_of(qemu, "--version")
    findings = [Finding(qemu, version, f"the virtual board of {target.name}", install)]
    if not target.emulator.cycle_model and target.emulator.instructions != "markers":
        return findings
    state = plugin.prepare(qemu) if version else f"no {qemu}"
    cycles = "works" if isinstance(state, plugin.Plugin) else ""
    why = "modelled cycles" if cycles else f"modelled cycles ({state})"
    findings.append(
        Finding("cycle model", cycles, why, install_line({"apt": "gcc", "dnf": "gcc", "brew": "gcc"}), True)
    )
    return findings


def _optional_tools() -> list[Finding]:
    gdb = next((name for name in ("gdb-multiarch", "arm-none-eabi-gdb", "gdb") if shutil.which(name)), "")
    return [
        Finding("gdb", _version_of(gdb, "--version") if gdb else "", "--flasher gdb", install_line(_DEBUGGERS), True),
        Finding("openocd", _version_of("openocd", "--version"), "--flasher openocd", install_line(_OPENOCD), True),
        Finding("pyocd", _version_of("pyocd", "--version"), "--flasher pyocd", "pip install pyocd", True),
    ]


def _version_of(program: str, option: str) -> str:
    """The first version number that the program prints, "" where it is absent or does not start."""
    path = shutil.which(program)
    done = _run([path, option]) if path else None
    if done is None or done.returncode:
        return ""
    match = _VERSION.search(done.stdout + done.stderr)
    return match[0].rstrip(".") if match else "unknown version"


def _run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str] | None:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=_TIMEOUT, cwd=Path(scratch), check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None


def _serial_ports(targets: list[Target]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from serial.tools import list_ports

    from toolchain.ports.discover import attached_boards

    found = list(list_ports.comports())
    boards: dict[str, str] = {}
    for target in targets:
        for choice in attached_boards(target, found):
            boards.setdefault(choice.url, f"{choice.description} (target {target.name})")
    others = tuple(f"{port.device}: {port.description}" for port in found if port.device not in boards)
    return tuple(boards.values()), others
