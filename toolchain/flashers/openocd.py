"""Flashes with OpenOCD through a debug probe."""

from __future__ import annotations

import time
from pathlib import Path

from toolchain.errors import TargetError
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

PROGRAMS = ("openocd",)
INSTALL = "sudo apt install openocd, sudo dnf install openocd, or brew install open-ocd"


def command_line(openocd: str, config: str, image: Path, origin: int) -> list[str]:
    """``program`` erases what it needs, writes, verifies and resets."""
    # Braces are Tcl's quotes without substitution.
    return [openocd, "-f", config, "-c", f"program {{{image}}} {origin:#x} verify reset exit"]


def flash(image: FlashImage, target: Target, progress: Progress) -> FlashResult:
    """Raises ToolError when OpenOCD is missing, BoardError when it fails."""
    check_fits(image, target)
    config = target.flasher.openocd_config if target.flasher else ""
    if not config:
        raise TargetError(f"target {target.name} names no OpenOCD configuration", "Add flasher.openocd_config to it.")
    openocd = find_program(PROGRAMS, INSTALL)
    begin = time.monotonic()
    with image_file(image) as path, progress.step("Flashing with OpenOCD"):
        code, output = run_program(command_line(openocd, config, path, image.origin))
    if code != 0 or "** Verified OK **" not in output:
        raise probe_trouble("OpenOCD", output)
    return FlashResult("openocd", len(image.data), time.monotonic() - begin)
