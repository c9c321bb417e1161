"""Flashes with pyOCD through a debug probe."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from toolchain.errors import TargetError, ToolError
from toolchain.flashers.common import (
    FlashImage,
    FlashResult,
    check_fits,
    find_program,
    image_file,
    probe_trouble,
    run_program,
)
from toolchain.progress import Progress
from toolchain.target import Target

PROGRAMS = ("pyocd",)
INSTALL = "pip install pyocd"


def command_lines(pyocd: str, chip: str, image: Path, origin: int) -> list[list[str]]:
    """Load by sector and reset; then read back and compare, which ``load`` does not do by itself."""
    # Without --no-wait pyOCD waits for a probe for ever.
    common = ["--no-wait", "--target", chip]
    load = [pyocd, "load", *common, "--erase", "sector", "--format", "bin", "--base-address", f"{origin:#x}"]
    compare = [pyocd, "commander", *common, "--command", f"compare {origin:#x} {shlex.quote(str(image))}"]
    return [[*load, str(image)], [*compare, "--command", "reset"]]


def flash(image: FlashImage, target: Target, progress: Progress) -> FlashResult:
    """Raises ToolError when pyOCD is missing, BoardError when it fails."""
    check_fits(image, target)
    chip = target.flasher.pyocd_target if target.flasher else ""
    if not chip:
        raise TargetError(f"target {target.name} names no pyOCD target", "Add flasher.pyocd_target to it.")
    pyocd = find_program(PROGRAMS, INSTALL)
    begin = time.monotonic()
    with image_file(image) as path, progress.step("Flashing with pyOCD"):
        for command in command_lines(pyocd, chip, path, image.origin):
            code, output = run_program(command)
            if "not recognized" in output and chip in output:
                raise ToolError(f"pyOCD does not know the chip {chip}", f"Teach it: pyocd pack install {chip}")
            if code != 0:
                raise probe_trouble("pyOCD", output)
    if f"All {len(image.data)} bytes match" not in output:  # a difference leaves the exit code 0
        raise probe_trouble("pyOCD", output)
    return FlashResult("pyocd", len(image.data), time.monotonic() - begin)
