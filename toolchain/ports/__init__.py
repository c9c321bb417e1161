"""Serial ports: real ones, ``rfc2217://``, ``socket://``, and the boards that mcuforge brings along.

One way to open them all, with errors that say what to do.
"""

from __future__ import annotations

import errno
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import serial

if sys.platform != "win32":
    import termios

from toolchain.errors import BoardError
from toolchain.ports.discover import PortChoice, find_port

__all__ = ["PortChoice", "PortGoneError", "find_port", "open_port", "port_errors", "register", "wait_for_port"]

_SETTINGS: tuple[type[Exception], ...] = () if sys.platform == "win32" else (termios.error,)
_HANDLERS = "toolchain.ports"
_BUSY = (errno.EBUSY, errno.EAGAIN)
_GONE = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO)


class PortGoneError(BoardError):
    """The port went away while it was in use."""


def register() -> None:
    """Teach ``serial.serial_for_url`` the URL schemes of this package."""
    if _HANDLERS not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(_HANDLERS)


def open_port(
    url: str,
    baud: int = 115200,
    parity: str = "N",
    timeout: float | None = 1.0,
    write_timeout: float | None = 10.0,
    *,
    dtr: bool = False,
    rts: bool = True,
) -> serial.SerialBase:
    """Open a port for this process alone. ``timeout`` and ``write_timeout`` in seconds, None waits for ever.

    ``dtr`` and ``rts`` are set before the port opens. The defaults let a board run its application whose DTR is wired
    to NRST and RTS to BOOT0, and mean nothing to others. Raises BoardError when it cannot be opened.
    """
    register()
    try:
        _check_address(url)
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate, port.parity, port.timeout = baud, parity, timeout
        if not url.startswith("rfc2217://"):  # pyserial has no write timeout there and refuses one
            port.write_timeout = write_timeout
        port.dtr, port.rts = dtr, rts
        if "://" not in url:
            port.exclusive = True
        port.open()
        if "://" not in url:
            # Drivers may take settings that they do not have, and fail at the next change; pseudo terminals do.
            port.timeout = timeout
    except _SETTINGS as e:
        raise BoardError(
            f"{url} does not take {baud} baud 8{parity}1: {e.args[-1]}",
            "The ROM boot loader needs even parity; pseudo terminals and some adapters have none.",
        ) from e
    except (serial.SerialException, OSError, ValueError) as e:
        raise _explained(url, e) from e
    return port


def _check_address(url: str) -> None:
    """Raises ValueError for a network port without its number, which pyserial does not explain."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme in ("socket", "rfc2217") and (not parts.hostname or parts.port is None):
        raise ValueError("host or port number is missing")


@contextmanager
def port_errors(url: str) -> Iterator[None]:
    """Turn what pyserial raises while a port is in use into BoardError."""
    try:
        yield
    except serial.SerialTimeoutException as e:
        raise BoardError(f"{url}: the board takes no more bytes", "Reset the board and try again.") from e
    except (serial.SerialException, OSError) as e:
        why = (e.strerror or str(e)).removeprefix(f"{url}: ") if isinstance(e, OSError) else str(e)
        raise PortGoneError(f"{url} is gone: {why}", "Check the cable, plug the board in again and repeat.") from e


def wait_for_port(url: str, seconds: float, *, dtr: bool = False) -> None:
    """Give a USB adapter time to come back; returns after ``seconds`` even if it did not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.5)
        with suppress(BoardError):
            open_port(url, dtr=dtr).close()
            return


def _explained(url: str, e: Exception) -> BoardError:
    number = getattr(e, "errno", None)
    if isinstance(e, ValueError):
        return BoardError(
            f"{url!r} is not a port: {e}",
            "Give a device (/dev/ttyUSB0, COM3), virtual://, rfc2217:// or socket://host:port, or auto.",
        )
    if isinstance(e, PermissionError) or number in (errno.EACCES, errno.EPERM):
        return BoardError(
            f"{url}: no permission to open the port",
            "On Linux serial ports belong to the group dialout: sudo usermod -aG dialout $USER, then log in again.",
        )
    if number in _BUSY:
        return BoardError(
            f"{url} is busy", "Another program has the port open (a serial monitor?); close that one first."
        )
    if number in _GONE:
        return BoardError(
            f"{url}: there is no such port", "Is the board plugged in? `mcuforge doctor` lists the ports."
        )
    return BoardError(f"cannot open {url}: {e}", "Check the name, the cable and that nothing else uses the port.")
