"""The inputs of the firmware's self tests, and the CRC-32 by which their outputs are known."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

_MASK = 0xFFFFFFFF


def selftest_inputs(seed: int, sizes: Sequence[int]) -> list[bytes]:
    """The bytes of each input, ``sizes`` in bytes, from xorshift32 (Marsaglia 2003): the lowest byte of each step.

    Raises ValueError for a seed that is not in 1 .. 2**32 - 1; 0 would stay 0.
    """
    if not 0 < seed <= _MASK:
        raise ValueError(f"seed {seed} is not in 1 .. 2**32 - 1")
    inputs = []
    for size in sizes:
        data = bytearray(size)
        for i in range(size):
            seed ^= (seed << 13) & _MASK
            seed ^= seed >> 17
            seed ^= (seed << 5) & _MASK
            data[i] = seed & 0xFF
        inputs.append(bytes(data))
    return inputs


def selftest_crc(outputs: Iterable[bytes]) -> int:
    """CRC-32 of all output bytes in order."""
    crc = 0
    for data in outputs:
        crc = zlib.crc32(data, crc)
    return crc
