"""Flashes an STM32 through the ROM boot loader on its UART (ST AN3155), over any serial port.

The block with the vector table is written last, so that a chip whose flashing was interrupted never starts half an
image; everything is read back; what differs is erased and written once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import serial

from toolchain.errors import BoardError
from toolchain.flashers.bootloader import BLOCK, ERASE, READ, WRITE, BootLoader, Pace, Refused, Silent, Trouble
from toolchain.flashers.common import FlashImage, FlashResult, check_fits
from toolchain.ports import open_port, wait_for_port
from toolchain.ports.discover import PortChoice
from toolchain.progress import Progress
from toolchain.target import Target

Ask = Callable[[str], None]
"""Shows the user what to do with the board and returns when it is done."""

_ROUNDS = 3
_PRESS = "Set BOOT0 to 1 (hold the BOOT0 button), press and release reset"


# DS8626: erasing a 128 KB sector takes at most 4 s at x8 parallelism.
_REAL = Pace(reply=1.0, quiet=0.1, erase=8.0, reset=0.05, boot=0.1, reconnect=5.0)
_NETWORK = Pace(reply=3.0, quiet=0.4, erase=10.0, reset=0.2, boot=0.3, reconnect=5.0)
# The virtual loader has answered before the write returns.
_VIRTUAL = Pace(reply=0.02, quiet=0.002, erase=0.02, reset=0.0, boot=0.0, reconnect=0.0)


def sectors_of(target: Target, image: FlashImage) -> list[int]:
    """Numbers of the erase sectors that the image touches. Raises BoardError for a target without a sector table."""
    if target.flasher is None or not target.flasher.sectors:
        raise BoardError(
            f"target {target.name} has no table of flash sectors", "Add flasher.sectors to its description."
        )
    touched, at = [], target.region("flash").origin
    for number, size in enumerate(target.flasher.sectors):
        if at < image.origin + len(image.data) and image.origin < at + size:
            touched.append(number)
        at += size
    return touched


@dataclass
class _Session:
    """One opening of the port."""

    port: Any
    choice: PortChoice
    pace: Pace
    target: Target
    ask: Ask | None
    loader: BootLoader
    lines: bool = True

    def _reset(self, boot_loader: bool) -> None:
        """Reset with BOOT0 high or low. Ports without modem lines either refuse or ignore it."""
        try:
            self.port.rts = not boot_loader
            self.port.dtr = True
            time.sleep(self.pace.reset)
            self.port.dtr = False
        except (OSError, serial.SerialException):
            self.lines = False
        time.sleep(self.pace.boot)

    def enter(self) -> None:
        """Into the boot loader by the modem lines, else by the user's hand, and check that it is the right chip."""
        if self.lines:
            self._reset(boot_loader=True)
        try:
            self.loader.sync()
        except Silent:
            self.lines = False
            if self.ask is None:
                raise BoardError(
                    f"{self.choice.url}: the boot loader does not answer",
                    f"DTR must be wired to NRST and RTS to BOOT0. Without these wires: {_PRESS}, then repeat.",
                ) from None
            self.ask(f"{_PRESS}.")
            try:
                self.loader.sync()
            except Silent:
                raise BoardError(
                    f"{self.choice.url}: the boot loader does not answer",
                    "Check that the adapter's TX and RX go to the chip's USART1 (PA10, PA9), and BOOT0 is 1 at reset.",
                ) from None
        self._check_chip()

    def _check_chip(self) -> None:
        """Is it the right loader and chip? Replies have no checksum: a wrong one counts when it comes twice."""
        if not any({READ, WRITE, ERASE} <= self.loader.commands() for _ in range(2)):
            raise BoardError("this boot loader cannot extended-erase, read and write", "Flash with gdb or OpenOCD.")
        wanted = self.target.flasher.device_id if self.target.flasher else None
        if wanted is None:
            return
        for _ in range(2):
            found = self.loader.device_id()
            if found == wanted:
                return
        raise BoardError(
            f"the chip on {self.choice.url} has device id {found:#x}, target {self.target.name} is {wanted:#x}",
            "Choose the target that describes this chip.",
        )

    def start(self, origin: int, progress: Progress) -> None:
        """Run the application."""
        if self.lines:
            self._reset(boot_loader=False)
        else:
            self.loader.go(origin)
            progress.note("Set BOOT0 back to 0, or the next reset enters the boot loader again.")


def _erase_and_write(loader: BootLoader, image: FlashImage, sectors: list[int], progress: Progress) -> None:
    with progress.step("Erasing", len(sectors)) as advance:
        for sector in sectors:
            loader.erase(sector)
            advance(1)
    with progress.step("Writing", len(image.data)) as advance:
        for at in [*range(BLOCK, len(image.data), BLOCK), 0]:
            block = image.data[at : at + BLOCK]
            if block.strip(b"\xff"):  # erased flash reads 0xFF
                loader.write(image.origin + at, block + b"\xff" * (-len(block) % 4))
            advance(len(block))


def _differs_at(loader: BootLoader, image: FlashImage, progress: Progress) -> int | None:
    """Read all back; the first block that differs, else None. Replies have no checksum: what differs is read again."""
    with progress.step("Verifying", len(image.data)) as advance:
        for at in range(0, len(image.data), BLOCK):
            block = image.data[at : at + BLOCK]
            if loader.read(image.origin + at, len(block)) != block:
                loader.retries += 1
                if loader.read(image.origin + at, len(block)) != block:
                    return image.origin + at
            advance(len(block))
    return None


def _rounds(session: _Session, image: FlashImage, progress: Progress) -> int:
    """Erase, write and verify until it holds; how many rounds that took. Raises BoardError when it never does."""
    trouble: Trouble | None = None
    sectors = sectors_of(session.target, image)
    for number in range(1, _ROUNDS + 1):
        try:
            session.enter()
            _erase_and_write(session.loader, image, sectors, progress)
            wrong = _differs_at(session.loader, image, progress)
        except Trouble as e:
            trouble = e
            continue
        if wrong is None:
            return number
        trouble = Trouble(f"verifying {wrong:#010x}")
    if isinstance(trouble, Refused):
        raise BoardError(
            f"the boot loader refuses: {trouble}",
            "The flash may be protected; lifting that erases it: `stm32flash -k <port>` (reading), `-u` (writing).",
        )
    raise BoardError(
        f"{session.choice.url}: flashing failed while {trouble}, after {_ROUNDS} rounds and "
        f"{session.loader.retries} repeated commands",
        "Check cable, ground and power; a lower baud rate or a shorter cable may help.",
    )


def _pace(choice: PortChoice) -> Pace:
    if choice.virtual:
        return _VIRTUAL
    return _NETWORK if "://" in choice.url else _REAL


def _once(
    image: FlashImage, target: Target, choice: PortChoice, progress: Progress, ask: Ask | None
) -> tuple[int, int]:
    """One opening of the port; rounds and retries."""
    pace = _pace(choice)
    # Opened with the chip held in reset: the old application need not run first.
    port = open_port(choice.url, target.board.baud, "E", pace.reply, dtr=True, rts=False)
    with port:
        session = _Session(port, choice, pace, target, ask, BootLoader(port, pace))
        rounds = _rounds(session, image, progress)
        session.start(image.origin, progress)
        return rounds, session.loader.retries


def flash(
    image: FlashImage, target: Target, choice: PortChoice, progress: Progress, ask: Ask | None = None
) -> FlashResult:
    """Flash, verify and start the image. A port that goes away in the middle is opened once more.

    Raises BoardError when that does not help, TargetError when the image does not lie in the target's flash.
    """
    check_fits(image, target)
    begin = time.monotonic()
    try:
        rounds, retries = _once(image, target, choice, progress, ask)
    except (serial.SerialException, OSError) as gone:
        progress.note(f"{choice.url} went away while flashing ({gone}); trying once more.")
        wait_for_port(choice.url, _pace(choice).reconnect, dtr=True)
        try:
            rounds, retries = _once(image, target, choice, progress, ask)
        except (serial.SerialException, OSError, BoardError) as e:
            raise BoardError(
                f"{choice.url} was unplugged in the middle of flashing: {getattr(e, 'problem', e)}",
                "The firmware on the board is incomplete and will not start. Plug the board in and flash it again.",
            ) from e
    return FlashResult("an3155", len(image.data), time.monotonic() - begin, retries, rounds)
