"""What the tests of the virtual board and of the flashers share."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
import time
from pathlib import Path

from toolchain.flashers import FlashImage
from toolchain.ports import PortChoice
from toolchain.target import load_target

TARGET = load_target("stm32")
URL = "virtual://stm32f405"
_SOURCES = Path(__file__).parent / "board_firmware"
_folders: list[tempfile.TemporaryDirectory[str]] = []


def choice(url: str = URL) -> PortChoice:
    return PortChoice(url, url, virtual=True, bootloader=True)


@functools.cache
def firmware() -> FlashImage:
    """The echo firmware, built once for each test process. Its first byte on the UART is ``>``."""
    _folders.append(tempfile.TemporaryDirectory(prefix="mcuforge-echo-"))
    elf = Path(_folders[-1].name) / "echo.elf"
    sources = [str(_SOURCES / name) for name in ("echo.c", "region.S")]
    options = ["-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib"]
    compiler = "arm-none-eabi-gcc"
    link = ["-T", str(_SOURCES / "echo.ld"), "-lgcc", "-o", str(elf)]
    subprocess.run([compiler, *TARGET.compiler.cflags, *options, *sources, *link], check=True)
    binary = elf.with_suffix(".bin")
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    return FlashImage(binary.read_bytes(), TARGET.region("flash").origin, elf)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def dies(pid: int, seconds: float = 5.0) -> bool:
    """Whether the process ends within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return True
        time.sleep(0.01)
    return False


def state_file() -> Path:
    """Where this test process's virtual board keeps its flash."""
    return Path(os.environ["MCUFORGE_STATE"]) / "virtual" / "stm32f405-1024k-12.bin"
