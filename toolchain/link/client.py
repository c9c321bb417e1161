"""Talks to the serial firmware of a board: ``Link``. See docs/protocol.md.

Everything is bounded: a request that stays without a good answer is repeated ``retries`` times, then BoardError.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import serial

from toolchain.errors import BoardError
from toolchain.link.frames import DELIMITER, MAX_BODY, MAX_ENCODED, Frame, FrameError, Opcode, decode, encode
from toolchain.link.info import DeviceInfo, ModelReply, TensorInfo, parse_model, parse_tensor
from toolchain.ports import port_errors

WRITE_BYTES = MAX_BODY - 5
READ_BYTES = MAX_BODY
BENCH_RUNS = 128
PROFILE_LAYERS = 127

_SLICE_S = 0.05  # one read of the port; the line counts as quiet after it
_RESYNC_S = 2.0
_CONTACT_S = 5.0  # a board that was just reset or flashed starts within this

_SILENT = (
    "Is the firmware flashed, BOOT0 low, the baud rate right, TX and RX not swapped? Check the cable and press reset."
)
_CRASHED = "Run the same model with `mcuforge emulate --sanitize` to find the fault; a larger board.stack_bytes helps "
_CRASHED += "when the stack ran over."

_ERRORS = {
    1: "damaged frame of {} bytes",
    2: "unknown request {}",
    3: "body of {} bytes has the wrong length",
    4: "there is no tensor, layer or self test {}",
    5: "out of range, the limit is {}",
    6: "not allowed ({})",
    7: "the inference failed with code {}",
}
_DAMAGED = 1

Array = npt.NDArray[Any]


class LinkError(BoardError):
    """No good answer came, however often the request was repeated."""


class RequestError(BoardError):
    """The firmware refused a request. ``code`` and ``detail`` are those of docs/protocol.md."""

    def __init__(self, request: str, code: int, detail: int) -> None:
        meaning = _ERRORS.get(code, "error {}").format(detail)
        super().__init__(f"the board refused {request}: {meaning} (code {code})")
        self.code = code
        self.detail = detail


class _SilenceError(FrameError):
    """No whole frame came in time."""


class Link:
    """The protocol over an open serial port, which stays the caller's to close.

    ``timeout`` in seconds is for requests that are answered at once; ``run_timeout`` for those that infer (an emulated
    board may take many seconds for one inference).
    """

    def __init__(
        self, port: serial.SerialBase, timeout: float = 1.0, run_timeout: float = 120.0, retries: int = 4
    ) -> None:
        self._port = port
        self._timeout = timeout
        self._run_timeout = run_timeout
        self._retries = retries
        self._sequence = 0
        self._received = bytearray()
        self._in_step = False  # whether the last exchange ended well, so that nothing is left on the line
        self._met = False  # whether the board has answered since it was started
        self._info: DeviceInfo | None = None
        with self._guard():
            # Once: on rfc2217:// each change of a setting is a negotiation.
            port.timeout = _SLICE_S
            # pyserial knows no write timeout on rfc2217://, and refuses every setting after one was given.
            if port.write_timeout is None and not str(port.port).startswith("rfc2217://"):
                port.write_timeout = 10.0

    # ---- requests --------------------------------------------------------------------------------------------------
    def info(self) -> DeviceInfo:
        """What the board and its model are. Asked once; the first call waits for a board that is just starting."""
        if self._info is None:
            model = self._model_info()
            count = model.n_inputs + model.n_outputs
            tensors = [self._tensor_info(item) for item in range(1, count + 1)]
            self._info = model.with_tensors(tensors)
        return self._info

    def check_model(self, sha256: str, name: str = "") -> None:
        """Raises BoardError unless the board carries the quantized model with this SHA-256 (hexadecimal)."""
        info = self.info()
        if info.sha256 != sha256.lower():
            wanted = f"{name!r} ({sha256[:12]}…)" if name else f"{sha256[:12]}…"
            raise BoardError(
                f"the board carries another model: {info.name!r} ({info.sha256[:12]}…), not {wanted}",
                "Flash the board anew: mcuforge deploy or mcuforge flash.",
            )

    def write(self, tensor: int, data: bytes) -> None:
        """Fill the start of an input with ``data``."""
        for offset in range(0, len(data), WRITE_BYTES):
            body = struct.pack("<BI", tensor, offset) + data[offset : offset + WRITE_BYTES]
            self._request(Opcode.WRITE, body)

    def read(self, tensor: int) -> bytes:
        """All bytes of an input or output."""
        size = self.info().tensors[tensor].nbytes
        parts = []
        for offset in range(0, size, READ_BYTES):
            n = min(READ_BYTES, size - offset)
            parts.append(self._request(Opcode.READ, struct.pack("<BIH", tensor, offset, n), reply=n))
        return b"".join(parts)

    def run(self) -> int:
        """One inference; returns its ticks in the unit of ``info().timer_unit``.

        Never repeated, because an inference may overwrite its inputs: raises LinkError when the answer was lost.
        """
        body = self._request(Opcode.RUN, timeout=self._run_timeout, reply=4, repeat=False)
        return int.from_bytes(body, "little")

    def bench(self, n: int) -> list[int]:
        """Ticks of ``n`` inferences on whatever the inputs hold; they may hold anything afterwards.

        Asked for in parts that take a fraction of ``run_timeout``, so that a slow board still answers in time.
        """
        ticks: list[int] = []
        part = 1
        while len(ticks) < n:
            part = min(part, n - len(ticks))
            start = time.monotonic()
            body = self._request(Opcode.BENCH, struct.pack("<H", part), timeout=self._run_timeout, reply=4 * part)
            ticks += struct.unpack(f"<{part}I", body)
            seconds = (time.monotonic() - start) / part
            part = max(1, min(BENCH_RUNS, int(self._run_timeout / 4 / max(seconds, 1e-6))))
        return ticks

    def profile(self) -> list[int]:
        """Ticks of each layer, in order. Raises RequestError (code 6) for firmware built without profiling."""
        ticks: list[int] = []
        layers = self.info().n_layers
        while len(ticks) < layers:
            count = min(PROFILE_LAYERS, layers - len(ticks))
            body = struct.pack("<HH", len(ticks), count)
            reply = self._request(Opcode.PROFILE, body, timeout=self._run_timeout, reply=4 * count)
            ticks += struct.unpack(f"<{count}I", reply)
        return ticks

    def trace(self, first: int, count: int) -> list[int]:
        """CRC-32 of what ``count`` layers (at most PROFILE_LAYERS) from number ``first`` on write.

        One inference from the first state on, which ends after the last of these layers. Firmware that is not built for
        it refuses (RequestError, code 2).
        """
        body = struct.pack("<HH", first, count)
        reply = self._request(Opcode.TRACE, body, timeout=self._run_timeout, reply=4 * count, repeat=False)
        return list(struct.unpack(f"<{count}I", reply))

    def peek(self, offset: int, size: int) -> bytes:
        """So many bytes of the arena, as ``trace`` left it."""
        parts = []
        for start in range(offset, offset + size, READ_BYTES):
            n = min(READ_BYTES, offset + size - start)
            parts.append(self._request(Opcode.PEEK, struct.pack("<IH", start, n), reply=n))
        return b"".join(parts)

    def selftest(self, index: int) -> bool:
        """Whether the outputs of self test ``index`` are what they should be."""
        body = self._request(Opcode.SELFTEST, struct.pack("<H", index), timeout=self._run_timeout, reply=8)
        return body[:4] == body[4:]

    def stack(self) -> tuple[int, int]:
        """Highest stack use so far and what is reserved, in bytes; (0, 0) where that is not known."""
        used, reserved = struct.unpack("<II", self._request(Opcode.STACK, reply=8))
        return used, reserved

    def inferences(self, restart: bool = False) -> int:
        """How many times RUN has run since the model's state was as it is at first; ``restart`` makes it so."""
        return int.from_bytes(self._request(Opcode.STATE, bytes((restart,)), reply=4), "little")

    def reset(self) -> None:
        """Restart the firmware and wait until it answers again."""
        self._request(Opcode.RESET, reply=0)
        self._in_step = self._met = False
        self._info = None
        self.info()

    def infer(self, inputs: Sequence[Array]) -> list[Array]:
        """Write the inputs, run, read the outputs; arrays of the board's types and shapes.

        The whole is repeated when the answer to RUN is lost, because the inputs may be gone by then; with a model that
        keeps state, only when it did not run. Raises ValueError for arrays that do not fit, BoardError when a state is
        lost.
        """
        info = self.info()
        data = [_bytes_for(array, tensor) for array, tensor in _pairs(inputs, info.inputs)]
        count = self.inferences() if info.stateful else 0
        for attempt in range(self._retries + 1):
            for index, raw in enumerate(data):
                self.write(index, raw)
            try:
                self.run()
                break
            except LinkError:
                self._check_fault(info)
                if info.stateful and self._ran(count):
                    break
                if attempt == self._retries:
                    raise
        first = len(info.inputs)
        return [
            np.frombuffer(self.read(first + i), np.dtype(t.dtype).newbyteorder("<")).reshape(t.shape)
            for i, t in enumerate(info.outputs)
        ]

    # ---- exchange of frames ----------------------------------------------------------------------------------------
    def _guard(self) -> AbstractContextManager[None]:
        return port_errors(str(self._port.port))

    def _model_info(self) -> ModelReply:
        with _other_firmware():
            return parse_model(self._contact())

    def _tensor_info(self, item: int) -> TensorInfo:
        body = self._request(Opcode.INFO, bytes((item,)))
        with _other_firmware():
            return parse_tensor(body)

    def _check_fault(self, before: DeviceInfo) -> None:
        """Raises BoardError when the board answers and says that a CPU fault restarted it since ``before``."""
        model = self._model_info()
        if model.flags & 1 and not before.started_by_fault:
            raise BoardError(f"the firmware crashed while it ran {before.name!r} and restarted", _CRASHED)

    def _ran(self, before: int) -> bool:
        """Whether there has been one inference more than ``before``. Raises BoardError when the board restarted."""
        count = self.inferences()
        if count not in (before, before + 1):
            lost = f"the model's state is lost: the board has run {count} inferences instead of {before + 1}"
            raise BoardError(lost, "It restarted in the middle; check its supply, and measure again.")
        return count == before + 1

    def _contact(self) -> bytes:
        """INFO of the model, asked again and again with growing patience: a starting board loses what comes early."""
        deadline = time.monotonic() + max(_CONTACT_S, self._timeout)
        patience = 2 * _SLICE_S
        while True:
            try:
                return self._request(Opcode.INFO, b"\x00", timeout=patience, repeat=False)
            except LinkError:
                if time.monotonic() > deadline:
                    raise
            patience = min(2 * patience, max(self._timeout, _SLICE_S))

    def _request(
        self,
        opcode: Opcode,
        body: bytes = b"",
        timeout: float | None = None,
        reply: int | None = None,
        repeat: bool = True,
    ) -> bytes:
        """The body of the answer. ``reply`` is the length that it must have.

        Raises LinkError when no good answer came, RequestError when the firmware refuses.
        """
        timeout = self._timeout if timeout is None else timeout
        problem = ""
        if not self._met and opcode != Opcode.INFO:
            self._contact()
        for _ in range(self._retries + 1 if repeat else 1):
            with self._guard():
                if not self._in_step:
                    self._resynchronise()
                try:
                    self._in_step = False
                    answer = self._exchange(opcode, body, timeout, reply)
                    self._met = True
                    return answer
                except FrameError as e:
                    problem = str(e)
        why = getattr(self._port, "silence", str)()
        raise LinkError(f"{self._port.port}: {opcode.name} went wrong: {problem}", why or _SILENT)

    def _resynchronise(self) -> None:
        """End a half-sent frame, then listen until the line is quiet: the board may answer to the half."""
        self._port.write(DELIMITER)
        deadline = time.monotonic() + _RESYNC_S
        while self._port.read(max(1, self._port.in_waiting)) and time.monotonic() < deadline:
            pass
        self._received.clear()

    def _send(self, opcode: Opcode, body: bytes) -> int:
        """Send a request; returns its sequence number."""
        self._sequence = self._sequence % 255 + 1  # 0 is the board's when it does not know
        self._port.write(encode(Frame(opcode, self._sequence, body)))
        return self._sequence

    def _exchange(self, opcode: Opcode, body: bytes, timeout: float, reply: int | None) -> bytes:
        """One request and its answer. Raises FrameError when there is no good one.

        While a long request is silent, the board is asked for INFO from time to time: it answers in order, so an
        answer to that means that the request or its own answer was lost.
        """
        line = 2 * MAX_ENCODED * 10 / max(int(self._port.baudrate), 1)  # both frames on the line
        sequence = self._send(opcode, body)
        start = time.monotonic()
        probes: set[int] = set()
        patience = self._timeout + line
        while True:
            try:
                frame = decode(self._next_frame(start + min(patience, timeout + line)))
            except _SilenceError:
                if patience >= timeout + line:
                    raise
                patience *= 2
                self._port.write(DELIMITER)
                probes.add(self._send(Opcode.INFO, b"\x00"))
                continue
            if frame.sequence in probes:
                raise FrameError("the request or its answer was lost")
            answer = _answer(frame, opcode, sequence)
            if answer is not None:
                if reply is not None and len(answer) != reply:
                    raise FrameError(f"the answer has {len(answer)} bytes instead of {reply}")
                self._in_step = not probes
                return answer

    def _next_frame(self, deadline: float) -> bytes:
        """The bytes before the next delimiter. Raises _SilenceError after the deadline."""
        while True:
            encoded, found, rest = self._received.partition(DELIMITER)
            if found:
                self._received = rest
                if encoded:
                    return bytes(encoded)
                continue
            if time.monotonic() > deadline:
                got = f"only {len(encoded)} bytes of an answer" if encoded else "no answer"
                raise _SilenceError(f"{got} within the time limit")
            if len(self._received) > MAX_ENCODED:
                raise FrameError("more bytes than any frame has")
            self._received += self._port.read(max(1, self._port.in_waiting))


@contextmanager
def _other_firmware() -> Iterator[None]:
    """A frame that is whole but means something else comes from other firmware."""
    try:
        yield
    except FrameError as e:
        raise BoardError(f"the board's firmware does not fit this mcuforge: {e}", "Flash the board anew.") from e


def _answer(frame: Frame, opcode: Opcode, sequence: int) -> bytes | None:
    """The body of the answer to a request; None for a late answer to one that was given up.

    Raises RequestError when the firmware refuses, FrameError when it received something damaged.
    """
    if frame.opcode == Opcode.ERROR and len(frame.body) == 5:
        code, detail = struct.unpack("<BI", frame.body)
        if code == _DAMAGED:
            raise FrameError("the board received a damaged frame")
        if frame.sequence == sequence:
            raise RequestError(opcode.name, code, detail)
    if frame.sequence == sequence and frame.opcode == opcode + Opcode.REPLY:
        return frame.body
    return None


def _pairs(arrays: Sequence[Array], tensors: Sequence[TensorInfo]) -> list[tuple[Array, TensorInfo]]:
    if len(arrays) != len(tensors):
        raise ValueError(f"{len(arrays)} inputs given, the model takes {len(tensors)}")
    return list(zip(arrays, tensors, strict=True))


def _bytes_for(array: Array, tensor: TensorInfo) -> bytes:
    if array.dtype != np.dtype(tensor.dtype) or array.nbytes != tensor.nbytes:
        raise ValueError(
            f"input {tensor.name!r} takes {tensor.shape} of {tensor.dtype}, not {array.shape} of {array.dtype}"
        )
    return array.astype(np.dtype(tensor.dtype).newbyteorder("<"), copy=False).tobytes()
