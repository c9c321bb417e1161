"""The firmware against the Python specification of its protocol: good frames, bad frames, and damage."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
from firmware_kit import A_BYTES, SIZES, Oracle, Wire, agrees, build, command, open_host, tiny_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolchain.link.frames import MAX_BODY, Frame, encode


def good_request(rng: np.random.Generator) -> bytes:
    """A request that the firmware must carry out; not RESET, which has its own test."""
    tensor = int(rng.integers(2))
    kind = int(rng.integers(8))
    if kind == 0:
        n = int(rng.integers(1, min(507, SIZES[tensor]) + 1))
        offset = int(rng.integers(SIZES[tensor] - n + 1))
        return encode(Frame(2, 1, struct.pack("<BI", tensor, offset) + rng.bytes(n)))
    if kind == 1:
        tensor = int(rng.integers(4))
        n = int(rng.integers(1, min(512, SIZES[tensor]) + 1))
        offset = int(rng.integers(SIZES[tensor] - n + 1))
        return encode(Frame(4, 2, struct.pack("<BIH", tensor, offset, n)))
    bodies = [
        (1, bytes([rng.integers(5)])),
        (3, b""),
        (5, struct.pack("<H", rng.integers(1, 4))),
        (6, struct.pack("<HH", rng.integers(2), 1)),
        (8, b""),
        (10, bytes([rng.integers(2)])),
    ]
    opcode, body = bodies[kind - 2]
    return encode(Frame(opcode, int(rng.integers(256)), body))


def edge_request(rng: np.random.Generator) -> bytes:
    """A whole frame whose opcode, length or numbers are at or beyond the limits."""
    numbers = [0, 1, 2, 3, 4, 15, 16, 17, 127, 128, 129, 511, 512, 513, 1199, 1200, 1201, 0xFFFF, 2**31, 2**32 - 1]
    opcode = int(rng.choice([*range(9), 10, 11, 0x7F, 0x81, 0xFF]))
    pick = [int(n) for n in rng.choice(numbers, 3)]
    body = struct.pack("<BIH", pick[0] & 0xFF, pick[1], pick[2] & 0xFFFF)
    if opcode in (5, 7):
        body = struct.pack("<H", pick[0] & 0xFFFF)
    elif opcode == 6:
        body = struct.pack("<HH", pick[0] & 0xFFFF, pick[1] & 0xFFFF)
    elif opcode == 2:
        tensor = int(rng.choice([0, 1, 2, 3, 4, 255]))
        body = struct.pack("<BI", tensor, rng.choice([0, 15, pick[1]])) + rng.bytes(int(rng.choice([1, 16, 17, 507])))
    if rng.random() < 0.2:
        body = rng.bytes(int(rng.integers(MAX_BODY + 1)))
    return encode(Frame(opcode, int(rng.integers(256)), body))


def damaged_line(rng: np.random.Generator) -> bytes:
    """A good request that was cut, flipped or lengthened, or mere noise. Ends with a delimiter."""
    line = bytearray(good_request(rng))
    kind = int(rng.integers(6))
    if kind == 0:
        line = line[: int(rng.integers(1, len(line)))] + b"\0"
    elif kind == 1:
        line[int(rng.integers(len(line) - 1))] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        del line[int(rng.integers(len(line) - 1))]
    elif kind == 3:
        line = bytearray(rng.bytes(int(rng.integers(1, 64))) + b"\0")
    elif kind == 4:
        line = bytearray(bytes(rng.integers(1, 256, int(rng.integers(500, 1500)), np.uint8)) + b"\0")
    else:
        line = bytearray(b"\0" * int(rng.integers(1, 4)))
    return bytes(line)


def check_line(wire: Wire, oracle: Oracle, line: bytes) -> list[Frame]:
    """Send the bytes; every frame in them gets its answer, and nothing more comes before the next good one's."""
    expected = oracle.answers(line)
    wire.port.write(line)
    answers = [wire.frame() for _ in expected]
    for answer, want in zip(answers, expected, strict=True):
        assert agrees(answer, want), f"{line.hex()}: {answer} instead of {want}"
    return answers


@pytest.fixture
def host_wire(host_elf: Path) -> Iterator[Wire]:
    port = open_host(host_elf)
    yield Wire(port)
    port.close()


def cases_for(port: serial.SerialBase) -> int:
    return 4000 if port.port.startswith("host:") else 400


@pytest.mark.parametrize("seed", [1, 2])
def test_every_frame_gets_its_answer_and_the_next_good_one_works(port: serial.SerialBase, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wire, oracle = Wire(port), Oracle()
    errors = set()
    for _ in range(cases_for(port)):
        make = (good_request, edge_request, damaged_line)[int(rng.integers(3))]
        errors.update(f.body[0] for f in check_line(wire, oracle, make(rng)) if f.opcode == 0xFF)
        n = int(rng.integers(1, 17))
        check_line(wire, oracle, encode(Frame(4, 9, struct.pack("<BIH", 1, 16 - n, n))))
    assert errors == {1, 2, 3, 4, 5, 6}  # the cases did reach every error but a failed inference
    for offset in range(0, A_BYTES, 400):  # nothing that was refused has left a trace
        check_line(wire, oracle, encode(Frame(4, 9, struct.pack("<BIH", 0, offset, 400))))
    assert wire.quiet()


def test_noise_without_a_delimiter_spoils_one_frame_only(port: serial.SerialBase) -> None:
    wire = Wire(port)
    wire.port.write(bytes(np.random.default_rng(3).integers(1, 256, 5000, np.uint8)))
    spoiled = wire.ask(8)
    assert (spoiled.opcode, spoiled.sequence, spoiled.body[0]) == (0xFF, 0, 1)
    assert wire.ask(8).opcode == 0x88


def test_empty_frames_are_not_answered(port: serial.SerialBase) -> None:
    wire = Wire(port)
    wire.port.write(b"\0" * 100)
    assert wire.quiet()
    assert wire.ask(8).opcode == 0x88


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(min_size=1, max_size=507), st.integers(240, 507).map(lambda n: b"\x01" * n)))
def test_cobs_and_crc_round_trip_between_python_and_c(host_wire: Wire, data: bytes) -> None:
    """C decodes what Python encoded, and what C encodes is byte for byte what Python's encoder makes."""
    assert host_wire.ask(2, struct.pack("<BI", 0, 0) + data, sequence=5) == Frame(0x82, 5)
    host_wire.port.write(encode(Frame(4, 6, struct.pack("<BIH", 0, 0, len(data)))))
    assert host_wire.raw() == encode(Frame(0x84, 6, data))


@pytest.mark.parametrize("run", [252, 253, 254, 255, 506, 507, 508, 509, 510])
def test_cobs_blocks_at_their_limits(port: serial.SerialBase, run: int) -> None:
    """Replies whose runs without a zero end right at, before and after the 254 bytes of a block."""
    wire = Wire(port)
    for zero_at in (None, 0, run - 1):
        data = bytearray(b"\xa5" * run)
        if zero_at is not None:
            data[zero_at] = 0
        for offset in (0, 300):
            part = bytes(data[offset : offset + 300])
            if part:
                wire.ask(2, struct.pack("<BI", 0, offset) + part)
        wire.port.write(encode(Frame(4, 6, struct.pack("<BIH", 0, 0, run))))
        assert wire.raw() == encode(Frame(0x84, 6, bytes(data)))


def test_a_failed_inference_is_an_error_with_its_code(port: serial.SerialBase) -> None:
    wire = Wire(port)
    for opcode, body in ((3, b""), (5, struct.pack("<H", 3))):
        wire.ask(2, struct.pack("<BI", 1, 0) + command("f"))
        assert wire.ask(opcode, body).body == struct.pack("<BI", 7, 17)
    assert wire.ask(2, struct.pack("<BI", 1, 0) + bytes(16)) == Frame(0x82, 7)
    assert wire.ask(3).opcode == 0x83


def test_a_model_that_does_not_start_answers_so(tmp_path: Path) -> None:
    port = open_host(build(tmp_path / "fw", "host", tiny_model(), ["-DTINY_INIT_FAILS"]))
    try:
        wire = Wire(port)
        for opcode, body in ((3, b""), (5, b"\1\0"), (7, b"\0\0")):
            assert wire.ask(opcode, body).body == struct.pack("<BI", 7, 23)
        refused = wire.ask(6, struct.pack("<HH", 0, 2))
        assert refused.body == struct.pack("<BI", 6, 0)  # built without NN_PROFILE
    finally:
        port.close()


def test_reset_answers_and_then_starts_from_zero(port: serial.SerialBase) -> None:
    wire = Wire(port)
    wire.ask(2, struct.pack("<BI", 0, 0) + b"\x11" * 100)
    assert wire.ask(9) == Frame(0x89, 7)
    wire = Wire(port)
    assert wire.ask(4, struct.pack("<BIH", 0, 0, 100)) == Frame(0x84, 7, bytes(100))
