"""Flashes an STM32 through the ROM boot loader on its UART (ST AN3155), over any serial port.

Every command is checked and repeated; a loader that fell out of step is brought back without a reset line; the block
with the vector table is written last, so that a chip whose flashing was interrupted never starts half an image.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import serial

from toolchain.errors import BoardError
from toolchain.flashers.common import FlashImage, FlashResult, check_fits
from toolchain.ports import open_port
from toolchain.ports.discover import PortChoice
from toolchain.progress import Progress
from toolchain.target import Target

Ask = Callable[[str], None]
"""Shows the user what to do with the board and returns when it is done."""

_T = TypeVar("_T")

_ACK, _NACK, _SYNC = 0x79, 0x1F, 0x7F
_GET, _GID, _READ, _GO, _WRITE, _ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x44
_BLOCK = 256
_ATTEMPTS = 4
_ROUNDS = 3
# The longest thing a loader may be waiting for is an erase frame of 256 sectors: 515 bytes.
_FILLER, _FILLERS = b"\xff" * 16, 40
_PRESS = "Set BOOT0 to 1 (hold the BOOT0 button), press and release reset"


@dataclass(frozen=True)
class Pace:
    """Seconds: wait for a reply, silence that ends one, erase a sector, hold reset, boot, wait for a lost port."""

    reply: float
    quiet: float
    erase: float
    reset: float
    boot: float
    reconnect: float


# DS8626: erasing a 128 KB sector takes at most 4 s at x8 parallelism.
_REAL = Pace(reply=1.0, quiet=0.1, erase=8.0, reset=0.05, boot=0.1, reconnect=5.0)
_NETWORK = Pace(reply=3.0, quiet=0.4, erase=10.0, reset=0.2, boot=0.3, reconnect=5.0)
# The virtual loader has answered before the write returns.
_VIRTUAL = Pace(reply=0.02, quiet=0.002, erase=0.02, reset=0.0, boot=0.0, reconnect=0.0)


class Trouble(Exception):
    """The exchange failed; what was asked is in the message."""


class Refused(Trouble):
    """NACK: damaged on the way, or not allowed."""


class Silent(Trouble):
    """No reply, half a reply, or garbage."""


class BootLoader:
    """The commands of AN3155 over an open port, each repeated until it worked or ``_ATTEMPTS`` are used up."""

    def __init__(self, port: Any, pace: Pace) -> None:
        self._port, self._pace = port, pace
        self.retries = 0

    # ---- getting and keeping in step -------------------------------------------------------------------------------
    def sync(self) -> None:
        """Baud rate detection. A loader that has done it takes the byte for half a command, and NACKs the next one."""
        for _ in range(_ATTEMPTS):
            self._port.reset_input_buffer()
            self._port.write(bytes([_SYNC]))
            reply = self._read_up_to(1, self._pace.reply)
            if reply and reply[0] in (_ACK, _NACK):
                return
        raise Silent("synchronisation")

    def resync(self) -> None:
        """Bring the loader from any state to where it waits for a command, without resetting it.

        0xFF is the one harmless filler: as command, length or erase count its complement or checksum is wrong, and as
        data it programs nothing. (Zeros would complete an erase frame that says "sector 0".) When the loader has
        complained, GET is tried, shifted by one byte when the loader still holds half a pair.
        """
        self._drain()
        for _ in range(_FILLERS):
            self._port.write(_FILLER)
            if self._drain():
                break
        else:
            self._port.write(bytes([_SYNC]))  # a loader that has been reset hears nothing else
            self._drain()
        for _ in range(8):
            self._port.write(bytes([_GET, _GET ^ 0xFF]))
            reply = self._drain()
            if len(reply) > 3 and reply[0] == reply[-1] == _ACK and len(reply) == reply[1] + 4:
                return
            self._port.write(b"\xff")
            self._drain()
        raise Silent("resynchronisation")

    def _drain(self) -> bytes:
        """Everything until the line is quiet."""
        data = b""
        while part := self._read_up_to(64, self._pace.quiet):
            data += part
        return data

    def _read_up_to(self, count: int, timeout: float) -> bytes:
        if self._port.timeout != timeout:  # over RFC 2217 every assignment negotiates the whole port anew
            self._port.timeout = timeout
        return bytes(self._port.read(count))

    def _repeat(self, what: str, action: Callable[[], _T]) -> _T:
        for left in reversed(range(_ATTEMPTS)):
            try:
                return action()
            except Trouble as e:
                if not left:
                    raise type(e)(what) from e
                self.retries += 1
                self.resync()
        raise AssertionError("unreachable")

    # ---- pieces of a command ---------------------------------------------------------------------------------------
    def _acknowledged(self, frame: bytes, timeout: float | None = None) -> None:
        self._port.write(frame)
        reply = self._read_up_to(1, timeout or self._pace.reply)
        if reply == bytes([_NACK]):
            raise Refused
        if reply != bytes([_ACK]):
            raise Silent

    def _command(self, code: int) -> None:
        self._acknowledged(bytes([code, code ^ 0xFF]))

    def _address(self, address: int) -> None:
        frame = struct.pack(">I", address)
        self._acknowledged(frame + _checksum(frame))

    def _answer(self, count: int) -> bytes:
        data = self._read_up_to(count, self._pace.reply)
        if len(data) < count:
            raise Silent
        return data

    # ---- commands --------------------------------------------------------------------------------------------------
    def commands(self) -> frozenset[int]:
        """GET: the commands this loader knows."""

        def action() -> frozenset[int]:
            self._command(_GET)
            data = self._answer(self._answer(1)[0] + 2)
            if data[-1] != _ACK:
                raise Silent
            return frozenset(data[1:-1])

        return self._repeat("asking for its commands", action)

    def device_id(self) -> int:
        """GID."""

        def action() -> int:
            self._command(_GID)
            data = self._answer(self._answer(1)[0] + 2)
            if data[-1] != _ACK:
                raise Silent
            return int.from_bytes(data[:-1], "big")

        return self._repeat("asking for the device id", action)

    def read(self, address: int, count: int) -> bytes:
        """1 to 256 bytes."""

        def action() -> bytes:
            self._command(_READ)
            self._address(address)
            self._acknowledged(bytes([count - 1, (count - 1) ^ 0xFF]))
            return self._answer(count)

        return self._repeat(f"reading {address:#010x}", action)

    def write(self, address: int, data: bytes) -> None:
        """1 to 256 bytes, a multiple of 4, to erased flash."""
        frame = bytes([len(data) - 1]) + data

        def action() -> None:
            self._command(_WRITE)
            self._address(address)
            self._acknowledged(frame + _checksum(frame))

        self._repeat(f"writing {address:#010x}", action)

    def erase(self, sector: int) -> None:
        """EXTENDED ERASE of one sector."""
        frame = struct.pack(">HH", 0, sector)

        def action() -> None:
            self._command(_ERASE)
            self._acknowledged(frame + _checksum(frame), self._pace.erase)

        self._repeat(f"erasing sector {sector}", action)

    def go(self, address: int) -> None:
        """Start the program whose vector table is there."""

        def action() -> None:
            self._command(_GO)
            self._address(address)

        self._repeat("starting the firmware", action)


def _checksum(frame: bytes) -> bytes:
    value = 0
    for byte in frame:
        value ^= byte
    return bytes([value])


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
        known = self.loader.commands()
        if not {_READ, _WRITE, _ERASE} <= known:
            raise BoardError("this boot loader cannot extended-erase, read and write", "Flash with gdb or OpenOCD.")
        wanted = self.target.flasher.device_id if self.target.flasher else None
        found = self.loader.device_id()
        if wanted is not None and found != wanted:
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
        for at in [*range(_BLOCK, len(image.data), _BLOCK), 0]:
            block = image.data[at : at + _BLOCK]
            if block.strip(b"\xff"):  # erased flash reads 0xFF
                loader.write(image.origin + at, block + b"\xff" * (-len(block) % 4))
            advance(len(block))


def _differs_at(loader: BootLoader, image: FlashImage, progress: Progress) -> int | None:
    """Read all back; the first block that differs, else None. Replies have no checksum: what differs is read again."""
    with progress.step("Verifying", len(image.data)) as advance:
        for at in range(0, len(image.data), _BLOCK):
            block = image.data[at : at + _BLOCK]
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
        _wait_for(choice)
        try:
            rounds, retries = _once(image, target, choice, progress, ask)
        except (serial.SerialException, OSError, BoardError) as e:
            raise BoardError(
                f"{choice.url} was unplugged in the middle of flashing: {getattr(e, 'problem', e)}",
                "The firmware on the board is incomplete and will not start. Plug the board in and flash it again.",
            ) from e
    return FlashResult("an3155", len(image.data), time.monotonic() - begin, retries, rounds)


def _wait_for(choice: PortChoice) -> None:
    """Give a USB adapter time to come back."""
    deadline = time.monotonic() + _pace(choice).reconnect
    while time.monotonic() < deadline:
        time.sleep(0.5)
        with contextlib.suppress(BoardError):
            open_port(choice.url, dtr=True).close()
            return
