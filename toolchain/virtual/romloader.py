"""The USART boot loader in an STM32's system memory, version 3.1, as ST's AN3155 describes it.

The host's side, ``toolchain/flashers/an3155.py``, shares no code with this one, so that each tests the other.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Generator

from toolchain.virtual.chip import Chip

_ACK, _NACK, _SYNC = 0x79, 0x1F, 0x7F
_VERSION = 0x31
_GET, _GVER, _GID, _READ, _GO, _WRITE, _ERASE = 0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44
_WRITE_PROTECT, _WRITE_UNPROTECT, _READ_PROTECT, _READ_UNPROTECT = 0x63, 0x73, 0x82, 0x92
_COMMANDS = bytes(
    (_GET, _GVER, _GID, _READ, _GO, _WRITE, _ERASE, _WRITE_PROTECT, _WRITE_UNPROTECT, _READ_PROTECT, _READ_UNPROTECT)
)
# What a chip protected against reading still answers (AN3155, 3.1): the rest is NACKed.
_ALWAYS = (_GET, _GVER, _GID, _READ_UNPROTECT)
_MASS_ERASE, _FIRST_SPECIAL_ERASE = 0xFFFF, 0xFFF0
# DS8626 table 42, typical at x32 parallelism: seconds to erase a sector of so many bytes.
_ERASE_SECONDS = {16384: 0.25, 65536: 0.55, 131072: 1.0}

_Command = Generator[int, bytes, None]


def _xor(data: bytes, start: int = 0) -> int:
    for byte in data:
        start ^= byte
    return start


class RomLoader:
    """Takes the host's bytes by ``feed``; answers through ``send``.

    ``go`` is called after an acknowledged GO, ``changed`` after flash or option bytes changed. ``timing`` makes erasing
    take as long as on silicon. A reset is a new object.
    """

    def __init__(
        self,
        chip: Chip,
        send: Callable[[bytes], None],
        go: Callable[[], None],
        changed: Callable[[], None],
        timing: bool = False,
    ) -> None:
        self._chip, self._send, self._go, self._changed, self._timing = chip, send, go, changed, timing
        self._buffer = bytearray()
        self._restart()

    def _restart(self) -> None:
        self._synced = False
        self._command: _Command | None = None
        self._wanted = 0

    def feed(self, data: bytes) -> None:
        """Bytes from the host, as many as there are; each command runs when its last byte is here."""
        self._buffer += data
        while self._buffer:
            if not self._synced:
                # Baud rate detection: only 0x7F ends it.
                if self._buffer.pop(0) == _SYNC:
                    self._synced = True
                    self._send(bytes([_ACK]))
                continue
            if self._command is None:
                self._command = self._run()
                self._wanted = next(self._command)
            if len(self._buffer) < self._wanted:
                return
            part = bytes(self._buffer[: self._wanted])
            del self._buffer[: self._wanted]
            try:
                self._wanted = self._command.send(part)
            except StopIteration:
                self._command = None

    def _ack(self) -> None:
        self._send(bytes([_ACK]))

    def _nack(self) -> None:
        self._send(bytes([_NACK]))

    def _run(self) -> _Command:
        """One command; yields how many bytes it needs next."""
        code, complement = yield 2
        if complement != code ^ 0xFF or code not in _COMMANDS or (self._chip.read_protected and code not in _ALWAYS):
            self._nack()
            return
        self._ack()
        if code == _GET:
            self._send(bytes([len(_COMMANDS), _VERSION]) + _COMMANDS)
            self._ack()
        elif code == _GVER:
            self._send(bytes([_VERSION, 0, 0]))
            self._ack()
        elif code == _GID:
            self._send(b"\x01" + struct.pack(">H", self._chip.device_id))
            self._ack()
        elif code == _READ:
            yield from self._read()
        elif code == _WRITE:
            yield from self._write()
        elif code == _GO:
            yield from self._go_to()
        elif code == _ERASE:
            yield from self._erase()
        elif code == _WRITE_PROTECT:
            yield from self._write_protect()
        else:
            self._unprotect(code)

    def _address(self) -> Generator[int, bytes, int | None]:
        data = yield 5
        return None if _xor(data) else int.from_bytes(data[:4], "big")

    def _read(self) -> _Command:
        address = yield from self._address()
        if address is None or self._chip.read(address, 1) is None:
            self._nack()
            return
        self._ack()
        count, complement = yield 2
        data = self._chip.read(address, count + 1)
        if complement != count ^ 0xFF or data is None:
            self._nack()
            return
        self._ack()
        self._send(data)

    def _write(self) -> _Command:
        chip = self._chip
        address = yield from self._address()
        if address is None or address % 4 or not (chip.in_flash(address, 1) or chip.in_ram(address, 1)):
            self._nack()
            return
        self._ack()
        count = (yield 1)[0]
        data = yield count + 2
        size = count + 1
        if _xor(data, count) or size % 4 or not (chip.in_flash(address, size) or chip.in_ram(address, size)):
            self._nack()
            return
        if chip.in_flash(address, size):
            if not chip.program(address, data[:-1]):
                self._nack()
                return
        else:
            chip.write_ram(address, data[:-1])
        self._ack()

    def _go_to(self) -> _Command:
        """GO to the start of flash, the one place from which the emulator boots. A real chip jumps anywhere valid."""
        address = yield from self._address()
        if address != self._chip.origin:
            self._nack()
            return
        self._ack()
        self._restart()
        self._go()

    def _erase(self) -> _Command:
        head = yield 2
        count = int.from_bytes(head, "big")
        if count >= _FIRST_SPECIAL_ERASE:
            checksum = yield 1
            # Bank erases (0xFFFE, 0xFFFD) belong to chips with two banks.
            if count != _MASS_ERASE or _xor(head + checksum):
                self._nack()
                return
            sectors = list(range(len(self._chip.sectors)))
        else:
            body = yield 2 * (count + 1) + 1
            sectors = [s for (s,) in struct.iter_unpack(">H", body[:-1])]
            if _xor(head + body) or any(s >= len(self._chip.sectors) for s in sectors):
                self._nack()
                return
        refused = [s for s in sectors if not self._erase_one(s)]
        self._changed()
        if refused:
            self._nack()
        else:
            self._ack()

    def _erase_one(self, sector: int) -> bool:
        if self._timing:
            time.sleep(_ERASE_SECONDS.get(self._chip.sectors[sector], 1.0))
        return self._chip.erase(sector)

    def _write_protect(self) -> _Command:
        count = (yield 1)[0]
        body = yield count + 2
        if _xor(body, count) or any(s >= len(self._chip.sectors) for s in body[:-1]):
            self._nack()
            return
        self._chip.set_write_protection(list(body[:-1]))
        self._changed()
        self._ack()
        self._restart()

    def _unprotect(self, code: int) -> None:
        """The commands without arguments: a second ACK says done, then the chip resets itself (AN3155, 3.9 to 3.11)."""
        if code == _WRITE_UNPROTECT:
            self._chip.set_write_protection([])
        elif code == _READ_PROTECT:
            self._chip.protect_reading()
        else:
            self._chip.unprotect_reading()
        self._changed()
        self._ack()
        self._restart()
