"""Which tools made a result: the provenance in the report."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata

from toolchain import __version__
from toolchain.build import Firmware
from toolchain.front import Quantized
from toolchain.target import Target
from toolchain.virtual.qemu import find_qemu


def tool_versions(target: Target, firmware: Firmware, model: Quantized, virtual: bool) -> dict[str, str]:
    """Names and versions of what took part in this run."""
    versions = {
        "mcuforge": __version__,
        "python": platform.python_version(),
        "compiler": firmware.compiler,
    }
    packages = ["numpy", "ai-edge-litert", "pyserial", "jinja2"]
    packages += ["tensorflow"] if "tensorflow" in sys.modules and model.float_model is not None else []
    for package in packages:
        versions[package] = metadata.version(package)
    if virtual and target.emulator is not None:
        versions["qemu"] = first_line_of([find_qemu(target), "--version"])
    return versions


def first_line_of(command: list[str]) -> str:
    """The first line that a program prints, empty when it prints none."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.partition("\n")[0].strip()
