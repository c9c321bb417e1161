"""Deliberate damage to the line of a virtual board, for testing what talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from toolchain.errors import BoardError

_FLIP = 0x10
_ACK = b"\x79"


@dataclass(frozen=True)
class Faults:
    """Each fault happens once, at the n-th byte (from 1) since the port was opened; None never.

    ``flip_rx`` and ``drop_rx`` damage what the board receives, ``flip_tx`` and ``drop_tx`` what it sends; ``drop_ack``
    swallows the n-th ACK of the boot loader; ``unplug`` pulls the cable when the board has received so many bytes.
    In a URL: ``virtual://stm32f405?drop_ack=7``.
    """

    flip_rx: int | None = None
    drop_rx: int | None = None
    flip_tx: int | None = None
    drop_tx: int | None = None
    drop_ack: int | None = None
    unplug: int | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(f.name for f in fields(cls))

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Faults:
        """From the parameters of a URL; raises BoardError when a value is no positive number."""
        chosen = {}
        for name in cls.names():
            if name in query:
                if not query[name].isdigit() or int(query[name]) < 1:
                    raise BoardError(f"virtual board: {name}={query[name]!r} is no byte number", "Give 1, 2, 3 …")
                chosen[name] = int(query[name])
        return cls(**chosen)


class FaultyLine:
    """Counts the bytes of both directions and applies the faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._received = self._sent = self._acks = 0
        self.unplugged = False

    def receive(self, data: bytes) -> bytes:
        """What the board gets of ``data``; after the unplug fault ``unplugged`` is set and the rest is lost."""
        unplug = self._faults.unplug
        if unplug is not None and self._received + len(data) >= unplug:
            data = data[: max(0, unplug - self._received)]
            self.unplugged = True
        out = _damage(data, self._received, self._faults.flip_rx, self._faults.drop_rx)
        self._received += len(data)
        return out

    def send(self, data: bytes) -> bytes:
        """What the host gets of ``data``."""
        if data == _ACK:
            self._acks += 1
            if self._acks == self._faults.drop_ack:
                return b""
        out = _damage(data, self._sent, self._faults.flip_tx, self._faults.drop_tx)
        self._sent += len(data)
        return out


def _damage(data: bytes, before: int, flip: int | None, drop: int | None) -> bytes:
    def at(number: int | None) -> int | None:
        return number - before - 1 if number is not None and 0 <= number - before - 1 < len(data) else None

    flip_at, drop_at = at(flip), at(drop)
    out = bytearray(data)
    if flip_at is not None:
        out[flip_at] ^= _FLIP
    if drop_at is not None:
        del out[drop_at]
    return bytes(out)
