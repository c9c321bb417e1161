"""Gets the firmware into the board's flash: by the ROM boot loader, by somebody else's program, or by none at all."""

from __future__ import annotations

import shutil

from toolchain.errors import BoardError, ToolError
from toolchain.flashers import an3155, emulator, gdb, openocd, pyocd
from toolchain.flashers.an3155 import Ask
from toolchain.flashers.common import FlashImage, FlashResult
from toolchain.ports.discover import PortChoice
from toolchain.progress import Progress
from toolchain.target import Target

__all__ = ["FLASHERS", "Ask", "FlashImage", "FlashResult", "choose", "flash"]

FLASHERS = ("auto", "an3155", "emulator", "gdb", "openocd", "pyocd", "none")


def flash(
    image: FlashImage,
    target: Target,
    port: PortChoice,
    flasher: str = "auto",
    progress: Progress | None = None,
    ask: Ask | None = None,
) -> FlashResult:
    """Flash, verify and start ``image``.

    ``flasher`` is one of ``FLASHERS``; gdb takes its server's address as ``gdb:host:port``. ``ask`` is called where the
    user must press buttons; without it that is an error. Raises BoardError, ToolError or TargetError.
    """
    progress = progress or Progress()
    name, _, server = (choose(target, port) if flasher == "auto" else flasher).partition(":")
    if name == "an3155":
        return an3155.flash(image, target, port, progress, ask)
    if name == "emulator":
        return emulator.flash(image, target, port, progress)
    if name == "gdb":
        return gdb.flash(image, target, server or gdb.DEFAULT_SERVER, progress)
    if name == "openocd":
        return openocd.flash(image, target, progress)
    if name == "pyocd":
        return pyocd.flash(image, target, progress)
    if name == "none":
        return FlashResult("none", 0, 0.0, rounds=0)
    raise BoardError(f"there is no flasher {flasher!r}", f"There are: {', '.join(FLASHERS)}")


def choose(target: Target, port: PortChoice) -> str:
    """What ``auto`` means for this target on this port.

    A virtual board without a boot loader is handed the image. Otherwise the ROM boot loader where the port reaches it;
    behind a debug probe whichever of its programs is installed. Raises ToolError when none is.
    """
    if target.flasher is None:
        return "none"
    if port.virtual:
        return "an3155" if target.boot_loader else "emulator"
    if target.flasher.default != "an3155":
        return target.flasher.default
    if port.bootloader or not port.probe:
        return "an3155"
    for name, programs in (("openocd", openocd.PROGRAMS), ("pyocd", pyocd.PROGRAMS)):
        if any(map(shutil.which, programs)):
            return name
    if any(map(shutil.which, gdb.PROGRAMS)) and gdb.is_listening(gdb.DEFAULT_SERVER):
        return "gdb"
    raise ToolError(
        f"{port.description} is a debug probe, and no program that flashes through it is installed",
        f"Install one: {openocd.INSTALL}; or {pyocd.INSTALL}. Without: --flasher an3155, and press BOOT0.",
    )
