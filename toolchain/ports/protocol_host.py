"""The pyserial URL handler of firmware that runs as a process of this computer: ``host:///path/to/executable``.

Its serial line is a pair of pipes. The process ends when its input does, so it does not outlive this one; it also
watches for the end of its parent while it is busy. What it writes to stderr (a sanitizer's report) is kept, and is
the text of the BoardError that reading or writing raises once the process has ended.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import tempfile
import termios
import urllib.parse
from typing import IO

from serial.serialutil import PortNotOpenError, SerialException, SerialTimeoutException, Timeout

from toolchain.errors import BoardError
from toolchain.ports.lines import PortWithoutModem

_CLOSE_S = 2.0
_REPORT_BYTES = 20000
_ENDED = "The generated code or one of its kernels is at fault; `mcuforge emulate --sanitize` names the line."


class Serial(PortWithoutModem):
    """A serial port whose board is a process. ``pid`` is that process."""

    is_open: bool
    _process: subprocess.Popen[bytes] | None = None
    _stderr: IO[bytes] | None = None

    def open(self) -> None:
        """Start the process. Raises BoardError when it cannot be started."""
        if self.is_open:
            raise SerialException("Port is already open.")
        path = _path(self.portstr)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (close() closes it)
        try:
            self._process = subprocess.Popen(
                [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, bufsize=0
            )
        except OSError as e:
            self._stderr.close()
            raise BoardError(f"cannot start the firmware {path}: {e.strerror}", "Build it for this computer.") from e
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        self.is_open = True

    @property
    def pid(self) -> int:
        return self._usable().pid

    def close(self) -> None:
        """End the process: first its input, then by force."""
        if not self.is_open:
            return
        self.is_open = False
        process = self._process
        assert process is not None
        for pipe in (process.stdin, process.stdout, self._stderr):
            assert pipe is not None
            pipe.close()
        try:
            process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _usable(self) -> subprocess.Popen[bytes]:
        if not self.is_open or self._process is None:
            raise PortNotOpenError()
        return self._process

    def _ended(self) -> BoardError:
        """What is known of the end of the process."""
        process = self._usable()
        try:
            status = process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            return BoardError(f"{self.portstr}: the process closed its line", _ENDED)
        report = self._report()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return BoardError(f"{self.portstr}: the process ended with {how}\n{report}".rstrip(), _ENDED)

    def _report(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        return self._stderr.read(_REPORT_BYTES).decode(errors="replace")

    def silence(self) -> str:
        """Why the board does not answer, as far as is known; empty when it runs."""
        if not self.is_open or self._process is None or self._process.poll() is None:
            return ""
        return str(self._ended())

    # ---- data ------------------------------------------------------------------------------------------------------
    @property
    def in_waiting(self) -> int:
        self._usable()
        count = fcntl.ioctl(self._output, termios.FIONREAD, bytes(4))
        return int.from_bytes(count, sys.byteorder)

    def read(self, size: int = 1) -> bytes:
        """Up to ``size`` bytes within the timeout. Raises BoardError when the process has ended."""
        self._usable()
        timeout = Timeout(self._timeout)
        data = bytearray()
        while len(data) < size:
            if not select.select([self._output], [], [], timeout.time_left())[0]:
                break
            part = os.read(self._output, size - len(data))
            if not part:
                if data:
                    break
                raise self._ended()
            data += part
        return bytes(data)

    def write(self, data: bytes) -> int:
        """Raises SerialTimeoutException when the process takes no more, BoardError when it has ended."""
        self._usable()
        rest = memoryview(bytes(data))
        timeout = Timeout(self._write_timeout)
        while rest:
            if not select.select([], [self._input], [], timeout.time_left())[1]:
                raise SerialTimeoutException("Write timeout")
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as e:
                raise self._ended() from e
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered on this side of the pipe."""
        self._usable()

    def reset_input_buffer(self) -> None:
        self._usable()
        while select.select([self._output], [], [], 0)[0] and os.read(self._output, 65536):
            pass

    def reset_output_buffer(self) -> None:
        self._usable()

    # ---- lines: a pipe has none ------------------------------------------------------------------------------------
    def _reconfigure_port(self) -> None:
        """Every speed and format suits a pipe."""

    def _update_dtr_state(self) -> None:
        """There is no reset pin."""

    def _update_rts_state(self) -> None:
        """There is no boot pin."""

    def _update_break_state(self) -> None:
        """A break has no meaning to a pipe."""


def _path(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "host" or parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no firmware of this computer; expected host:///path/to/executable")
    return urllib.parse.unquote(parts.path)
