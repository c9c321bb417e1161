"""Builds the serial firmware around the hand-written model ``tiny.c``, starts it, and knows what it must answer."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import serial

from toolchain import firmware_files
from toolchain.firmware_files import FwModel, FwTensor, Selftest
from toolchain.link import selftest_crc, selftest_inputs
from toolchain.link.frames import DELIMITER, Frame, FrameError, Opcode, decode, encode
from toolchain.ports import open_port
from toolchain.target import Target, load_target

HERE = Path(__file__).resolve().parent
A_BYTES, B_BYTES = 1200, 16
SIZES = (A_BYTES, B_BYTES, A_BYTES, B_BYTES)
SEED = 0x1234567
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def tiny_reference(a: bytes, b: bytes) -> tuple[bytes, bytes]:
    """What the tiny model makes of its inputs."""
    return bytes(x ^ 0x55 for x in reversed(a)), bytes(-x & 0xFF for x in b)


def tiny_crc(seed: int) -> int:
    """The outputs' CRC-32 of the self test with this seed."""
    a, b = selftest_inputs(seed, SIZES[:2])
    return selftest_crc(tiny_reference(a, b))


def _given_selftest() -> Selftest:
    """One that carries its inputs."""
    a, b = selftest_inputs(SEED + 2, SIZES[:2])
    return Selftest(SEED, tiny_crc(SEED + 2), a + b)


def tiny_model(name: str = "tiny", stateful: bool = False) -> FwModel:
    """Its second self test is wrong on purpose. One with state must be built with TINY_STATE."""
    return FwModel(
        name,
        "tiny",
        hashlib.sha256(name.encode()).hexdigest(),
        inputs=(FwTensor("a", "int8", (1, 20, 60), A_BYTES, 0.1, -3), FwTensor("b", "uint8", (16,), B_BYTES)),
        outputs=(FwTensor("y", "int8", (1, 1200), A_BYTES, 1 / 256, 127), FwTensor("z", "uint8", (16,), B_BYTES)),
        n_layers=2,
        arena_macro="TINY_ARENA_BYTES",
        selftests=(Selftest(SEED, tiny_crc(SEED)), Selftest(SEED + 1, tiny_crc(SEED + 1) ^ 1), _given_selftest()),
        stateful=stateful,
    )


def build(out: Path, target: Target | str, model: FwModel, extra: list[str] | None = None) -> Path:
    """Compile and link; returns the ELF file in the new folder ``out``."""
    target = load_target(target) if isinstance(target, str) else target
    out.mkdir(parents=True)
    (out / "fw_model.c").write_text(firmware_files.render_fw_model(model))
    script = None
    if target.kind == "mcu":
        script = out / "linker.ld"
        script.write_text(firmware_files.render_linker_script(target))
    elf = out / "firmware"
    compiling = firmware_files.compile_flags(target)
    # gcc reads a specs file twice when it is named for compiling and for linking, and refuses that
    linking = [flag for flag in firmware_files.link_flags(target, script) if flag not in compiling]
    sources = [*firmware_files.firmware_sources(target), HERE / "tiny.c", out / "fw_model.c"]
    command = [
        f"{target.compiler.prefix}gcc",
        *compiling,
        *WARNINGS,
        f"-I{HERE}",
        *(extra or []),
        *map(str, sources),
        *linking,
        *("-o", str(elf)),
    ]
    subprocess.run(command, check=True, cwd=out)
    return elf


def open_host(elf: Path) -> serial.SerialBase:
    return open_port(f"host://{elf}")


def open_virtual(elf: Path, query: str = "") -> serial.SerialBase:
    """A virtual board that runs ``elf``. The flash is filled directly: flashing has its own tests."""
    image = elf.with_suffix(".bin")
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True)
    port = open_port(f"virtual://stm32f405{query}", dtr=True)  # held in reset
    chip = port.board.chip
    assert chip.erase(0)
    assert chip.program(chip.origin, image.read_bytes())
    port.dtr = False
    return port


def random_inputs(seed: int) -> tuple[bytes, bytes]:
    """Seeded inputs of the tiny model that hold no command."""
    rng = np.random.default_rng(seed)
    return rng.bytes(A_BYTES), b"\x00" + rng.bytes(B_BYTES - 1)


def tensors(*data: bytes) -> list[np.ndarray]:
    """The tiny model's inputs or outputs as arrays."""
    a, b = data
    return [np.frombuffer(a, np.int8), np.frombuffer(b, np.uint8)]


def command(letter: str) -> bytes:
    """Input b with a command of tiny.c."""
    return f"do:{letter}".encode().ljust(B_BYTES, b"\0")


class Wire:
    """Raw frames over a port, without any of the client's patience."""

    def __init__(self, port: serial.SerialBase) -> None:
        self.port = port
        port.timeout = 0.05
        deadline = time.monotonic() + 10
        while not port.read(1):  # a starting board loses what comes early
            assert time.monotonic() < deadline, "the board does not start"
            port.write(DELIMITER + encode(Frame(Opcode.INFO, 1, b"\0")))
        while port.read(100):
            pass

    def frame(self, timeout: float = 10.0) -> Frame:
        return decode(self.raw(timeout)[:-1])

    def raw(self, timeout: float = 10.0) -> bytes:
        received, deadline = b"", time.monotonic() + timeout
        while not received.endswith(DELIMITER):
            received += self.port.read(1)
            assert time.monotonic() < deadline, f"only {received!r} within {timeout} s"
        return received

    def ask(self, opcode: int, body: bytes = b"", sequence: int = 7) -> Frame:
        self.port.write(encode(Frame(opcode, sequence, body)))
        return self.frame()

    def quiet(self) -> bool:
        return not self.port.read(1)


@dataclass
class Oracle:
    """The protocol's specification once more, in Python, for the tiny model: what each frame must be answered with.

    ``arena`` follows the board's; a frame that is refused leaves it alone.
    """

    arena: bytearray = field(default_factory=lambda: bytearray(A_BYTES + B_BYTES))
    runs: int = 0

    def answers(self, line: bytes) -> list[Frame]:
        """The replies to the bytes on the line. Bodies are None where they are not predicted (times)."""
        return [self._frame(part) for part in line.split(DELIMITER)[:-1] if part]

    def _frame(self, encoded: bytes) -> Frame:
        try:
            frame = decode(encoded)
        except FrameError:
            return _error(0, 1, len(encoded))
        sequence, body = frame.sequence, frame.body
        handlers = {
            1: self._info,
            2: self._write,
            3: self._run,
            4: self._read,
            5: self._bench,
            6: self._profile,
            7: self._selftest,
            8: self._stack,
            9: self._reset,
            10: self._state,
        }
        if frame.opcode not in handlers:
            return _error(sequence, 2, frame.opcode)
        lengths = {1: 1, 3: 0, 4: 7, 5: 2, 6: 4, 7: 2, 8: 0, 9: 0, 10: 1}
        if len(body) < 6 if frame.opcode == 2 else len(body) != lengths[frame.opcode]:
            return _error(sequence, 3, len(body))
        result = handlers[frame.opcode](body)
        if isinstance(result, tuple):
            return _error(sequence, *result)
        return Frame(frame.opcode + 0x80, sequence, result)

    def _place(self, tensor: int, offset: int, n: int) -> tuple[int, int] | slice:
        if tensor >= 4:
            return 4, tensor
        if not 1 <= n <= 512 or offset + n > SIZES[tensor]:
            return 5, SIZES[tensor]
        start = (tensor % 2) * A_BYTES + offset
        return slice(start, start + n)

    def _info(self, body: bytes) -> bytes | tuple[int, int]:
        if body[0] > 4:
            return 4, body[0]
        return b"?"

    def _write(self, body: bytes) -> bytes | tuple[int, int]:
        tensor, offset = struct.unpack_from("<BI", body)
        place = self._place(tensor, offset, len(body) - 5)
        if not isinstance(place, slice):
            return place
        if tensor >= 2:
            return 6, tensor
        self.arena[place] = body[5:]
        return b""

    def _infer(self) -> None:
        a, b = tiny_reference(bytes(self.arena[:A_BYTES]), bytes(self.arena[A_BYTES:]))
        self.arena[:] = a + b

    def _run(self, body: bytes) -> bytes:
        self._infer()
        self.runs += 1
        return b"?" * 4

    def _read(self, body: bytes) -> bytes | tuple[int, int]:
        place = self._place(*struct.unpack("<BIH", body))
        return bytes(self.arena[place]) if isinstance(place, slice) else place

    def _bench(self, body: bytes) -> bytes | tuple[int, int]:
        (n,) = struct.unpack("<H", body)
        if not 1 <= n <= 128:
            return 5, 128
        for _ in range(n):
            self._infer()
        self.runs = 0
        return b"?" * 4 * n

    def _profile(self, body: bytes) -> bytes | tuple[int, int]:
        first, count = struct.unpack("<HH", body)
        if not 1 <= count <= 127:
            return 5, 127
        if first + count > 2:
            return 4, first + count - 1
        self._infer()
        self.runs = 0
        return b"?" * 4 * count

    def _selftest(self, body: bytes) -> bytes | tuple[int, int]:
        (index,) = struct.unpack("<H", body)
        if index >= 3:
            return 4, index
        self.arena[:] = b"".join(selftest_inputs(SEED + index, SIZES[:2]))
        self._infer()
        self.runs = 0
        crc = tiny_crc(SEED + index)
        return struct.pack("<II", crc ^ (index == 1), crc)

    def _state(self, body: bytes) -> bytes | tuple[int, int]:
        if body[0] > 1:
            return 5, 1
        self.runs *= 1 - body[0]
        return struct.pack("<I", self.runs)

    def _stack(self, body: bytes) -> bytes:
        return b"?" * 8

    def _reset(self, body: bytes) -> bytes:
        self.arena[:], self.runs = bytes(len(self.arena)), 0
        return b""


def _error(sequence: int, code: int, detail: int) -> Frame:
    return Frame(Opcode.ERROR, sequence, struct.pack("<BI", code, detail))


def agrees(answer: Frame, expected: Frame) -> bool:
    """Bodies that cannot be predicted are marked: one ``?`` for any length, else one for each byte."""
    if (answer.opcode, answer.sequence) != (expected.opcode, expected.sequence):
        return False
    unknown = expected.body.strip(b"?") == b"" and expected.body != b""
    if unknown:
        return expected.body == b"?" or len(answer.body) == len(expected.body)
    return answer.body == expected.body
