"""Flashes through any gdb server: OpenOCD, pyOCD, J-Link's, or QEMU's own."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from toolchain.errors import BoardError, ToolError
from toolchain.flashers.common import FlashImage, FlashResult, check_fits, find_program, run_program
from toolchain.progress import Progress
from toolchain.target import Target

PROGRAMS = ("arm-none-eabi-gdb", "gdb-multiarch")
INSTALL = "sudo apt install gdb-multiarch, or sudo dnf install gdb"
DEFAULT_SERVER = "localhost:3333"


def command_line(gdb: str, elf: Path, server: str) -> list[str]:
    """Load, compare, reset. Servers have different words for a reset; each refuses the others' without harm."""
    steps = (
        "set confirm off",
        "set pagination off",
        "set tcp auto-retry off",
        f"target extended-remote {server}",
        "monitor reset halt",  # OpenOCD, pyOCD, J-Link
        "load",
        "compare-sections",
        "monitor reset",
        "monitor system_reset",  # QEMU
        "detach",
    )
    command = [gdb, "-q", "-nx", "-batch"]
    for step in steps:
        command += ["-ex", step]
    return [*command, str(elf)]


def is_listening(server: str) -> bool:
    """Whether a gdb server answers there."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host or "localhost", int(port)), timeout=0.5):
            return True
    except (OSError, ValueError):
        return False


def check_output(output: str, server: str) -> None:
    """gdb's exit code does not tell: look for what it says. Raises BoardError unless all was loaded and compared."""
    if re.search(r"could not connect|Connection refused|Connection timed out|unknown host", output, re.IGNORECASE):
        raise BoardError(
            f"no gdb server answers at {server}",
            "Start one (openocd -f board/st_nucleo_f4.cfg; pyocd gdbserver), or name it: --flasher gdb:host:port",
        )
    compared = re.findall(r"^Section (\S+), range [^:]*: (matched|MIS-MATCHED)", output, re.MULTILINE)
    wrong = [name for name, verdict in compared if verdict != "matched"]
    if wrong:
        raise BoardError(
            f"gdb: after loading, {', '.join(wrong)} differ from the image", "Is the flash protected? Try once more."
        )
    if not compared or not re.search(r"^(Start address|Transfer rate)", output, re.MULTILINE):
        tail = "\n  ".join(output.strip().splitlines()[-6:])
        raise BoardError(f"gdb could not load the image\n  {tail}", "Check what the gdb server at the other end says.")


def flash(image: FlashImage, target: Target, server: str, progress: Progress) -> FlashResult:
    """Load the image's ELF through the gdb server at ``host:port``, compare it, and reset."""
    check_fits(image, target)
    if image.elf is None:
        raise ToolError("gdb flashes ELF files, and this image has none", "Choose another flasher.")
    gdb = find_program(PROGRAMS, INSTALL)
    begin = time.monotonic()
    with progress.step(f"Flashing with gdb at {server}"):
        _, output = run_program(command_line(gdb, image.elf, server))
    check_output(output, server)
    return FlashResult("gdb", len(image.data), time.monotonic() - begin)
