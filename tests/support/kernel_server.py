"""Runs kernels of a shared library with the buffers that it is told to make: a process of its own, without packages.

A job comes by standard input and its outputs go back by standard output, both pickled behind their length. Every
buffer is as long as its tensor, to the byte, so that AddressSanitizer sees each access beyond it.
"""

from __future__ import annotations

import ctypes
import pickle
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

GARBAGE = 0xA5  # what a buffer holds before anything is written


@dataclass(frozen=True)
class Pointer:
    """``at`` so many bytes from the start of the parameters stands the address of a buffer or of a function."""

    at: int
    buffer: int = -1
    symbol: str = ""


@dataclass(frozen=True)
class Place:
    """A tensor's bytes: from ``start`` on in a buffer."""

    buffer: int
    start: int
    size: int


@dataclass(frozen=True)
class Call:
    """``symbol(&params, places...)``."""

    symbol: str
    params: bytes
    pointers: tuple[Pointer, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Job:
    """``constants`` are the first buffers, then come ``states`` with their first values, then those of ``sizes``.

    ``samples`` has the bytes of each of ``inputs`` for one run after the other. States stay from run to run.
    """

    constants: tuple[bytes, ...]
    states: tuple[bytes, ...]
    sizes: tuple[int, ...]
    calls: tuple[Call, ...]
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    samples: tuple[tuple[bytes, ...], ...]


def receive(stream: IO[bytes]) -> object:
    """The next object. Raises EOFError when there is none any more."""
    head = stream.read(4)
    if len(head) < 4:
        raise EOFError
    return pickle.loads(stream.read(struct.unpack("<I", head)[0]))


def send(stream: IO[bytes], value: object) -> None:
    data = pickle.dumps(value)
    stream.write(struct.pack("<I", len(data)) + data)
    stream.flush()


class _Memory:
    """Buffers by ``malloc``, which a sanitizer has its own of."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self._malloc, self._free = libc.malloc, libc.free
        self._malloc.restype, self._malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        self._free.argtypes = [ctypes.c_void_p]

    def make(self, content: bytes) -> int:
        address: int = self._malloc(len(content))
        ctypes.memmove(address, content, len(content))
        return address

    def free(self, addresses: Sequence[int]) -> None:
        for address in addresses:
            self._free(address)


def _address(library: ctypes.CDLL, symbol: str) -> int:
    return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value or 0


def _params(call: Call, library: ctypes.CDLL, buffers: Sequence[int]) -> bytes:
    params = bytearray(call.params)
    for pointer in call.pointers:
        address = _address(library, pointer.symbol) if pointer.symbol else buffers[pointer.buffer]
        struct.pack_into("P", params, pointer.at, address)
    return bytes(params)


def run(library: ctypes.CDLL, memory: _Memory, job: Job) -> list[list[bytes]]:
    """The bytes of each output, run by run. All buffers but states are made anew for each run."""
    results = []
    states = [memory.make(data) for data in job.states]
    for sample in job.samples:
        constants = [memory.make(data) for data in job.constants]
        variables = [memory.make(bytes([GARBAGE]) * size) for size in job.sizes]
        buffers = [*constants, *states, *variables]
        for place, data in zip(job.inputs, sample):  # noqa: B905
            ctypes.memmove(buffers[place.buffer] + place.start, data, place.size)
        for call in job.calls:
            params = memory.make(_params(call, library, buffers))
            kernel = getattr(library, call.symbol)
            kernel.restype = None
            kernel(ctypes.c_void_p(params), *(ctypes.c_void_p(buffers[p.buffer] + p.start) for p in call.places))
            memory.free([params])
        results.append([ctypes.string_at(buffers[p.buffer] + p.start, p.size) for p in job.outputs])
        memory.free([*constants, *variables])
    memory.free(states)
    return results


def main() -> None:
    """Works on the library that the first argument names, until standard input ends."""
    library, memory = ctypes.CDLL(sys.argv[1]), _Memory()
    while True:
        try:
            job = receive(sys.stdin.buffer)
        except EOFError:
            return
        assert isinstance(job, Job)
        send(sys.stdout.buffer, run(library, memory, job))
