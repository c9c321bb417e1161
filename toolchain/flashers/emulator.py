"""Hands the image to the emulator of a virtual board that has no boot loader: nothing goes over the board's UART."""

from __future__ import annotations

import time

from toolchain.errors import BoardError
from toolchain.flashers.common import FlashImage, FlashResult, check_fits
from toolchain.ports import open_port
from toolchain.ports.discover import PortChoice
from toolchain.progress import Progress
from toolchain.target import Target


def flash(image: FlashImage, target: Target, choice: PortChoice, progress: Progress) -> FlashResult:
    """Put the image into the virtual chip and start it.

    Raises BoardError for a port that is no such virtual board, TargetError when the image does not lie in its flash.
    """
    check_fits(image, target)
    if not choice.virtual:
        raise BoardError(
            f"{choice.url} is no virtual board, and {target.name} has no flasher for a real one",
            "Flash the .elf or .bin of the build by the board's own means, then: mcuforge measure",
        )
    begin = time.monotonic()
    with progress.step("Handing the image to the emulator"), open_port(choice.url, dtr=True) as port:
        port.board.insert(image.data, image.origin)
        port.dtr = False
    return FlashResult("emulator", len(image.data), time.monotonic() - begin)
