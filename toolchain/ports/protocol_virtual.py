"""The pyserial URL handler of virtual boards: ``virtual://stm32f405[?count=1][&timing=1]``.

Wiring, the plain one that stm32loader takes for granted as well: DTR drives NRST, RTS drives BOOT0, both without a
transistor. A modem line that is asserted (``dtr = True``) is low on the pin, so
 - ``dtr = True`` holds the chip in reset, ``dtr = False`` lets it run;
 - ``rts = True`` is BOOT0 low (application), ``rts = False`` is BOOT0 high (ROM boot loader), sampled on leaving reset.
pyserial asserts both when it opens a port, so a program that sets neither finds the chip held in reset; ``open_port``
in this package opens it running. ``count=1`` runs the application with exact instruction counts and the cycle model;
``timing=1`` makes erasing as slow as silicon; the names of ``Faults`` damage the line.
"""

from __future__ import annotations

import errno
import threading
import urllib.parse

from serial.serialutil import (
    PortNotOpenError,
    SerialException,
    SerialTimeoutException,
    Timeout,
)

from toolchain.ports.lines import PortWithoutModem
from toolchain.virtual.board import LOCKED, UNPLUGGED, BoardBusy, VirtualBoard
from toolchain.virtual.faults import Faults


class Serial(PortWithoutModem):
    """A serial port with a virtual board on it; ``board`` is that board."""

    board: VirtualBoard
    is_open: bool

    def open(self) -> None:
        """Power the board. Raises SerialException (EBUSY) when another program has it, BoardError for a wrong URL."""
        if self.is_open:
            raise SerialException("Port is already open.")
        name, query = _parse(self.portstr)
        self._received = bytearray()
        self._arrival = threading.Condition()
        flags = {key: query.get(key, "0") == "1" for key in ("count", "timing")}
        try:
            self.board = VirtualBoard(
                name, self._arrived, counting=flags["count"], timing=flags["timing"], faults=Faults.from_query(query)
            )
        except BoardBusy as e:
            raise SerialException(errno.EBUSY, f"could not open port {self.portstr}: {e.problem}") from e
        self.is_open = True
        try:
            self._update_rts_state()
            self._update_dtr_state()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.board.close()
            with self._arrival:
                self._arrival.notify_all()

    def _arrived(self, data: bytes) -> None:
        with self._arrival:
            self._received += data
            self._arrival.notify_all()

    def _usable(self) -> None:
        if not self.is_open:
            raise PortNotOpenError()
        if self.board.state == UNPLUGGED:
            raise SerialException(errno.ENXIO, f"{self.portstr}: the device was disconnected")

    # ---- data ------------------------------------------------------------------------------------------------------
    @property
    def in_waiting(self) -> int:
        self._usable()
        return len(self._received)

    def read(self, size: int = 1) -> bytes:
        timeout = Timeout(self._timeout)
        with self._arrival:
            while True:
                self._usable()
                if len(self._received) >= size or timeout.expired():
                    break
                self._arrival.wait(timeout.time_left())
            data = bytes(self._received[:size])
            del self._received[:size]
        return data

    def write(self, data: bytes) -> int:
        self._usable()
        data = bytes(data)
        if not self.board.receive(data, self._parity == "E", self._write_timeout):
            raise SerialTimeoutException("Write timeout")
        self._usable()
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered on the way to the board."""
        self._usable()

    def reset_input_buffer(self) -> None:
        self._usable()
        with self._arrival:
            self._received.clear()

    def reset_output_buffer(self) -> None:
        self._usable()

    def cancel_read(self) -> None:
        with self._arrival:
            self._arrival.notify_all()

    # ---- lines -----------------------------------------------------------------------------------------------------
    def _reconfigure_port(self) -> None:
        """Every speed and format suits; the board looks at the parity when bytes arrive."""

    def _update_dtr_state(self) -> None:
        self.board.set_nrst(low=bool(self._dtr_state))

    def _update_rts_state(self) -> None:
        self.board.set_boot0(high=not self._rts_state)

    def _update_break_state(self) -> None:
        """A break has no meaning to this board."""

    def silence(self) -> str:
        """Why the board cannot answer, as far as the emulator knows; empty when it runs."""
        return f"{LOCKED}: {self.board.why}" if self.board.state == LOCKED else ""


def _parse(url: str) -> tuple[str, dict[str, str]]:
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(query.keys() - {"count", "timing", *Faults.names()})
    if parts.scheme != "virtual" or not parts.netloc or parts.path.strip("/") or unknown:
        raise ValueError(
            f"{url!r} is no virtual board"
            + (f": unknown {', '.join(unknown)}" if unknown else "")
            + "; expected virtual://<board>[?count=1][&timing=1]"
        )
    return parts.netloc, query
