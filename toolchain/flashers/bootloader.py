"""The host's side of the STM32 ROM boot loader's UART protocol (ST AN3155).

Every command is checked and repeated; a loader that fell out of step is brought back without a reset line.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")

_ACK, _NACK, _SYNC = 0x79, 0x1F, 0x7F
GET, GID, READ, GO, WRITE, ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x44
BLOCK = 256
_ATTEMPTS = 4
# The longest thing a loader may be waiting for is an erase frame of 256 sectors: 515 bytes.
_FILLER, _FILLERS = b"\xff" * 16, 40


@dataclass(frozen=True)
class Pace:
    """Seconds: wait for a reply, silence that ends one, erase a sector, hold reset, boot, wait for a lost port."""

    reply: float
    quiet: float
    erase: float
    reset: float
    boot: float
    reconnect: float


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
            self._port.write(bytes([GET, GET ^ 0xFF]))
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
            self._command(GET)
            data = self._answer(self._answer(1)[0] + 2)
            if data[-1] != _ACK:
                raise Silent
            return frozenset(data[1:-1])

        return self._repeat("asking for its commands", action)

    def device_id(self) -> int:
        """GID."""

        def action() -> int:
            self._command(GID)
            data = self._answer(self._answer(1)[0] + 2)
            if data[-1] != _ACK:
                raise Silent
            return int.from_bytes(data[:-1], "big")

        return self._repeat("asking for the device id", action)

    def read(self, address: int, count: int) -> bytes:
        """1 to 256 bytes."""

        def action() -> bytes:
            self._command(READ)
            self._address(address)
            self._acknowledged(bytes([count - 1, (count - 1) ^ 0xFF]))
            return self._answer(count)

        return self._repeat(f"reading {address:#010x}", action)

    def write(self, address: int, data: bytes) -> None:
        """1 to 256 bytes, a multiple of 4, to erased flash."""
        frame = bytes([len(data) - 1]) + data

        def action() -> None:
            self._command(WRITE)
            self._address(address)
            self._acknowledged(frame + _checksum(frame))

        self._repeat(f"writing {address:#010x}", action)

    def erase(self, sector: int) -> None:
        """EXTENDED ERASE of one sector."""
        frame = struct.pack(">HH", 0, sector)

        def action() -> None:
            self._command(ERASE)
            self._acknowledged(frame + _checksum(frame), self._pace.erase)

        self._repeat(f"erasing sector {sector}", action)

    def go(self, address: int) -> None:
        """Start the program whose vector table is there."""

        def action() -> None:
            self._command(GO)
            self._address(address)

        self._repeat("starting the firmware", action)


def _checksum(frame: bytes) -> bytes:
    value = 0
    for byte in frame:
        value ^= byte
    return bytes([value])
