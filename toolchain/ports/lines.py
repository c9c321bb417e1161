"""What pyserial asks of a port that has no modem's lines."""

from __future__ import annotations

from typing import Any

from serial.serialutil import SerialBase


class PortWithoutModem(SerialBase):  # type: ignore[misc]
    """The other side is always ready and present, and never rings."""

    def _usable(self) -> Any:
        """Raise SerialException when the port is closed or its board is gone."""
        raise NotImplementedError

    @property
    def cts(self) -> bool:
        self._usable()
        return True

    @property
    def dsr(self) -> bool:
        self._usable()
        return True

    @property
    def ri(self) -> bool:
        self._usable()
        return False

    @property
    def cd(self) -> bool:
        self._usable()
        return True
