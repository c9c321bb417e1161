"""What a board says of itself and its model: the replies to INFO."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from toolchain.firmware_files import DTYPE_CODES, MAX_RANK
from toolchain.link.frames import FrameError

PROTOCOL_VERSION = 1

CORE_CYCLES, TIMER_TICKS, NANOSECONDS = 0, 1, 2
"""Timer units: cycles of the core clock, ticks of a timer, nanoseconds of the host."""

_MODEL = struct.Struct("<HBBIBBHIH32s")
_SIZE_AND_QUANT = struct.Struct("<Ifi")
_DTYPES = {code: name for name, code in DTYPE_CODES.items()}


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the model on the board. ``scale`` is 0 where it is not quantized."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class DeviceInfo:
    """``clock_hz`` is the core clock as it runs, 0 for a process of this computer; ``arena_bytes`` in bytes.

    ``sha256`` (hexadecimal) is of the quantized model. ``started_by_fault``: a CPU fault caused the last restart.
    ``stateful``: an inference depends on those before it.
    """

    name: str
    sha256: str
    timer_unit: int
    clock_hz: int
    n_layers: int
    arena_bytes: int
    n_selftests: int
    started_by_fault: bool
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    stateful: bool = False

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """In the protocol's order: the inputs, then the outputs."""
        return self.inputs + self.outputs


@dataclass(frozen=True)
class ModelReply:
    """The reply to INFO item 0, before the tensors are known."""

    timer_unit: int
    flags: int
    clock_hz: int
    n_inputs: int
    n_outputs: int
    n_layers: int
    arena_bytes: int
    n_selftests: int
    sha256: str
    name: str

    def with_tensors(self, tensors: list[TensorInfo]) -> DeviceInfo:
        return DeviceInfo(
            name=self.name,
            sha256=self.sha256,
            timer_unit=self.timer_unit,
            clock_hz=self.clock_hz,
            n_layers=self.n_layers,
            arena_bytes=self.arena_bytes,
            n_selftests=self.n_selftests,
            started_by_fault=bool(self.flags & 1),
            inputs=tuple(tensors[: self.n_inputs]),
            outputs=tuple(tensors[self.n_inputs :]),
            stateful=bool(self.flags & 2),
        )


def parse_model(body: bytes) -> ModelReply:
    """Raises FrameError for a body that is no reply to INFO item 0 of this protocol version."""
    version = int.from_bytes(body[:2], "little")
    if len(body) < _MODEL.size or version != PROTOCOL_VERSION:
        raise FrameError(f"INFO of {len(body)} bytes, protocol version {version}; expected {PROTOCOL_VERSION}")
    _, unit, flags, clock, n_inputs, n_outputs, n_layers, arena, n_selftests, sha256 = _MODEL.unpack_from(body)
    return ModelReply(
        unit, flags, clock, n_inputs, n_outputs, n_layers, arena, n_selftests, sha256.hex(), _name(body[_MODEL.size :])
    )


def parse_tensor(body: bytes) -> TensorInfo:
    """Raises FrameError for a body that is no reply to INFO of a tensor, or whose shape and size disagree."""
    rank = body[1] if len(body) > 1 else 0
    fixed = 2 + 4 * rank + _SIZE_AND_QUANT.size
    if len(body) < fixed or rank > MAX_RANK or body[0] not in _DTYPES:
        raise FrameError(f"INFO of a tensor: {len(body)} bytes, rank {rank}")
    shape = struct.unpack_from(f"<{rank}I", body, 2)
    nbytes, scale, zero_point = _SIZE_AND_QUANT.unpack_from(body, 2 + 4 * rank)
    tensor = TensorInfo(_name(body[fixed:]), _DTYPES[body[0]], shape, nbytes, scale, zero_point)
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
    if size != nbytes:
        raise FrameError(f"tensor {tensor.name!r}: {nbytes} bytes for shape {shape} of {tensor.dtype}")
    return tensor


def _name(raw: bytes) -> str:
    """A name may have been cut at 64 bytes, in the middle of a character."""
    return raw.decode("utf-8", errors="ignore")
