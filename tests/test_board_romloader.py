"""The virtual chip and its ROM boot loader, byte by byte, against AN3155."""

from __future__ import annotations

import resource
import struct
from functools import reduce
from pathlib import Path

import pytest
from board_kit import TARGET

from toolchain.errors import BoardError
from toolchain.virtual.chip import OPTION_BYTES, Chip
from toolchain.virtual.romloader import RomLoader

ACK, NACK = b"\x79", b"\x1f"
ORIGIN = 0x08000000


class Host:
    """Sends bytes, hands back what the loader said to them."""

    def __init__(self, sync: bool = True) -> None:
        self.out = bytearray()
        self.started = self.changed = 0
        self.chip = Chip(TARGET)
        self.loader = RomLoader(self.chip, self.out.extend, self._go, self._changed)
        if sync:
            assert self.send(b"\x7f") == ACK

    def _go(self) -> None:
        self.started += 1

    def _changed(self) -> None:
        self.changed += 1

    def send(self, data: bytes) -> bytes:
        self.loader.feed(data)
        said = bytes(self.out)
        self.out.clear()
        return said

    def command(self, code: int) -> bytes:
        return self.send(bytes([code, code ^ 0xFF]))

    def checked(self, data: bytes) -> bytes:
        return self.send(data + bytes([reduce(lambda a, b: a ^ b, data)]))

    def write(self, address: int, data: bytes) -> bytes:
        """The last reply of a WRITE."""
        assert self.command(0x31) == ACK
        reply = self.checked(struct.pack(">I", address))
        return self.checked(bytes([len(data) - 1]) + data) if reply == ACK else reply

    def read(self, address: int, count: int) -> bytes:
        assert self.command(0x11) == ACK
        if (reply := self.checked(struct.pack(">I", address))) != ACK:
            return reply
        return self.send(bytes([count - 1, (count - 1) ^ 0xFF]))

    def erase(self, *sectors: int) -> bytes:
        assert self.command(0x44) == ACK
        return self.checked(struct.pack(f">{len(sectors) + 1}H", len(sectors) - 1, *sectors))


def test_nothing_before_the_sync_byte() -> None:
    host = Host(sync=False)
    assert host.send(b"\x00\xff\x31\xce") == b""
    assert host.send(b"\x7f") == ACK
    assert host.send(b"\x7f\x7f") == NACK


def test_get_version_and_id() -> None:
    host = Host()
    commands = bytes.fromhex("00 01 02 11 21 31 44 63 73 82 92")
    assert host.command(0x00) == ACK + b"\x0b\x31" + commands + ACK
    assert host.command(0x01) == ACK + b"\x31\x00\x00" + ACK
    assert host.command(0x02) == ACK + b"\x01\x04\x13" + ACK


def test_bad_complement_and_unknown_command() -> None:
    host = Host()
    assert host.send(b"\x00\xfe") == NACK
    assert host.command(0x43) == NACK  # ERASE is not in a loader that has EXTENDED ERASE
    assert host.command(0x02).startswith(ACK)


def test_bytes_may_come_one_at_a_time() -> None:
    host = Host()
    assert host.send(b"\x02") == b""
    assert host.send(b"\xfd") == ACK + b"\x01\x04\x13" + ACK


def test_write_and_read_back() -> None:
    host = Host()
    data = bytes(range(256))
    assert host.write(ORIGIN + 0x100, data) == ACK
    assert host.read(ORIGIN + 0x100, 256) == ACK + data
    assert host.read(ORIGIN, 4) == ACK + b"\xff" * 4


def test_bad_checksums_store_nothing() -> None:
    host = Host()
    assert host.command(0x31) == ACK
    assert host.send(struct.pack(">I", ORIGIN) + b"\x00") == NACK
    assert host.command(0x31) == ACK
    assert host.checked(struct.pack(">I", ORIGIN)) == ACK
    assert host.send(b"\x03abcd\x00") == NACK
    assert host.command(0x11) == ACK
    assert host.checked(struct.pack(">I", ORIGIN)) == ACK
    assert host.send(b"\x03\x03") == NACK
    assert not host.chip.dirty
    assert set(host.chip.flash) == {0xFF}


def test_unerased_flash_only_loses_bits() -> None:
    host = Host()
    assert host.write(ORIGIN, b"\xf0\xff\x00\x55") == ACK
    assert host.write(ORIGIN, b"\x0f\x0f\xff\xaa") == ACK
    assert host.read(ORIGIN, 4) == ACK + b"\x00\x0f\x00\x00"


@pytest.mark.parametrize(
    "address", [0x00000000, ORIGIN - 4, ORIGIN + (1 << 20), 0x20000000, 0x20002FFC, 0x20020000, ORIGIN + 2, 0x1FFF7A10]
)
def test_writing_outside_is_refused(address: int) -> None:
    assert Host().write(address, b"abcd") == NACK


def test_writing_over_the_end_or_odd_counts_is_refused() -> None:
    host = Host()
    assert host.write(ORIGIN + (1 << 20) - 4, b"abcdefgh") == NACK
    assert host.write(ORIGIN, b"abc") == NACK
    assert host.write(ORIGIN + (1 << 20) - 4, b"abcd") == ACK


def test_reading_outside_is_refused() -> None:
    host = Host()
    assert host.read(ORIGIN + (1 << 20), 1) == NACK
    assert host.read(ORIGIN + (1 << 20) - 1, 2) == NACK
    assert host.read(0x20020000, 1) == NACK


def test_ram_and_system_memory() -> None:
    host = Host()
    assert host.write(0x20003000, b"data") == ACK
    assert host.read(0x20003000, 4) == ACK + b"data"
    assert host.read(0x1FFF7A22, 2) == ACK + struct.pack("<H", 1024)
    assert host.read(OPTION_BYTES + 1, 1) == ACK + b"\xaa"


def test_erase_sectors() -> None:
    host = Host()
    host.chip.flash[:] = bytes(1 << 20)
    assert host.erase(1, 4) == ACK
    erased = [i for i in range(0, 1 << 20, 16384) if host.chip.flash[i] == 0xFF]
    assert erased == [16384, 65536, 65536 + 16384, 65536 + 2 * 16384, 65536 + 3 * 16384]
    assert host.changed == 1
    assert host.erase(12) == NACK
    assert host.command(0x44) == ACK
    assert host.send(b"\x00\x00\x00\x02\x00") == NACK
    assert host.chip.flash[2 * 16384] == 0


def test_mass_erase() -> None:
    host = Host()
    host.chip.flash[:] = bytes(1 << 20)
    assert host.command(0x44) == ACK
    assert host.send(b"\xff\xff\x01") == NACK
    assert host.command(0x44) == ACK
    assert host.send(b"\xff\xfe\x01") == NACK  # bank 1 of a chip with one bank
    assert host.chip.flash[0] == 0
    assert host.command(0x44) == ACK
    assert host.send(b"\xff\xff\x00") == ACK
    assert set(host.chip.flash) == {0xFF}


def test_filler_is_harmless_in_every_state() -> None:
    """What the flasher resynchronises with must not erase or program, wherever the loader stands."""
    prefixes = [b"", b"\x31", b"\x44", b"\x44\xbb", b"\x44\xbb\x00", b"\x44\xbb\x00\x00", b"\x44\xbb\x00\x00\x00"]
    prefixes += [b"\x44\xbb\x00\x00\x00\x01", b"\x31\xce\x08\x00", b"\x31\xce\x08\x00\x00\x00\x08\x07", b"\x11\xee\x08"]
    for prefix in prefixes:
        host = Host()
        host.chip.flash[:] = bytes(1 << 20)
        host.send(prefix)
        said = b"".join(host.send(b"\xff" * 16) for _ in range(40))
        assert NACK in said
        assert set(host.chip.flash) == {0}, prefix


def test_go() -> None:
    host = Host()
    assert host.command(0x21) == ACK
    assert host.checked(struct.pack(">I", 0x30000000)) == NACK
    assert host.started == 0
    assert host.command(0x21) == ACK
    assert host.checked(struct.pack(">I", ORIGIN)) == ACK
    assert host.started == 1


def test_read_protection_and_what_lifting_it_costs() -> None:
    host = Host()
    assert host.write(ORIGIN, b"keep") == ACK
    assert host.command(0x82) == ACK + ACK
    assert host.send(b"\x7f") == ACK  # the chip has reset itself
    for code in (0x11, 0x21, 0x31, 0x44):
        assert host.command(code) == NACK
    assert host.command(0x02).startswith(ACK)
    assert host.command(0x92) == ACK + ACK
    assert host.send(b"\x7f") == ACK
    assert host.read(ORIGIN, 4) == ACK + b"\xff" * 4


def test_write_protection() -> None:
    host = Host()
    assert host.command(0x63) == ACK
    assert host.checked(b"\x00\x01") == ACK
    assert host.send(b"\x7f") == ACK
    assert host.write(ORIGIN + 16384, b"abcd") == NACK
    assert host.write(ORIGIN, b"abcd") == ACK
    assert host.erase(1) == NACK
    assert host.command(0x73) == ACK + ACK
    assert host.send(b"\x7f") == ACK
    assert host.write(ORIGIN + 16384, b"abcd") == ACK


def test_flash_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "board.bin"
    chip = Chip(TARGET)
    chip.load(path)
    chip.program(ORIGIN, b"stay")
    chip.protect_reading()
    chip.save(path)
    again = Chip(TARGET)
    again.load(path)
    assert again.flash == chip.flash
    assert again.read_protected
    assert sorted(p.name for p in path.parent.iterdir()) == ["board.bin", "board.options"]


def test_a_file_that_is_no_flash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "board.bin"
    path.write_bytes(b"short")
    with pytest.raises(BoardError, match="5 bytes"):
        Chip(TARGET).load(path)


def test_a_full_disk_leaves_the_old_flash(tmp_path: Path) -> None:
    path = tmp_path / "board.bin"
    chip = Chip(TARGET)
    chip.program(ORIGIN, b"old!")
    chip.save(path)
    before = path.read_bytes()
    chip.program(ORIGIN, b"\0\0\0\0")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(BoardError, match="cannot save") as error:
            chip.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "Make room" in error.value.hint
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board.bin", "board.options"]


@pytest.mark.parametrize(
    ("stack", "reset", "reason"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF, "blank"),
        (0x20020000, 0x08000100, "Thumb"),
        (0x20020000, 0x20000101, "reset vector"),
        (0x20020004, 0x08000101, "stack"),
        (0x20020000, 0x08000101, ""),
    ],
)
def test_what_locks_up(stack: int, reset: int, reason: str) -> None:
    chip = Chip(TARGET)
    chip.program(ORIGIN, struct.pack("<II", stack, reset))
    assert reason in chip.lockup_reason()
    assert bool(chip.lockup_reason()) == bool(reason)
