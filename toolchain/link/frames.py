"""Frames of the serial protocol: COBS, a zero byte at the end, CRC-32 inside. See docs/protocol.md."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

MAX_BODY = 512
"""Bytes of a body at most."""

DELIMITER = b"\x00"
MAX_ENCODED = 2 + MAX_BODY + 4 + 3
"""Bytes of an encoded frame at most, without its delimiter: COBS adds one for each 254 begun."""


class Opcode(IntEnum):
    """Requests; a reply has REPLY added, an error is ERROR."""

    INFO = 0x01
    WRITE = 0x02
    RUN = 0x03
    READ = 0x04
    BENCH = 0x05
    PROFILE = 0x06
    SELFTEST = 0x07
    STACK = 0x08
    RESET = 0x09
    STATE = 0x0A
    TRACE = 0x0B
    PEEK = 0x0C
    REPLY = 0x80
    ERROR = 0xFF


class FrameError(Exception):
    """Bytes that are not a whole, undamaged frame."""


@dataclass(frozen=True)
class Frame:
    opcode: int
    sequence: int
    body: bytes = b""


def encode(frame: Frame) -> bytes:
    """The bytes on the line, delimiter included. Raises ValueError for a body of more than 512 bytes."""
    if len(frame.body) > MAX_BODY:
        raise ValueError(f"a body of {len(frame.body)} bytes, at most {MAX_BODY} go into a frame")
    checked = bytes((frame.opcode, frame.sequence)) + frame.body
    encoded: bytes = cobs.encode(checked + zlib.crc32(checked).to_bytes(4, "little"))
    return encoded + DELIMITER


def decode(encoded: bytes) -> Frame:
    """A frame from its bytes without the delimiter. Raises FrameError."""
    try:
        payload: bytes = cobs.decode(encoded)
    except cobs.DecodeError as e:
        raise FrameError(f"bad COBS coding: {e}") from e
    if not 6 <= len(payload) <= MAX_BODY + 6:
        raise FrameError(f"a frame of {len(payload)} bytes")
    checked, crc = payload[:-4], int.from_bytes(payload[-4:], "little")
    if zlib.crc32(checked) != crc:
        raise FrameError("the CRC does not match")
    return Frame(checked[0], checked[1], checked[2:])
