"""The memories of a virtual STM32F4: flash with its sector rules, SRAM, system memory and option bytes.

Source: ST RM0090 chapter 3 (embedded flash), AN2606 (what the boot loader occupies).
"""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path

from toolchain.errors import BoardError
from toolchain.target import Target

# RM0090: unique id at +0x10, flash size in KB at +0x22 of this page.
SYSTEM_PAGE = 0x1FFF7A00
_SYSTEM_PAGE_BYTES = 0x200
_UNIQUE_ID = bytes(range(1, 13))
OPTION_BYTES = 0x1FFFC000
_OPTION_SIZE = 16
_RDP_AT, _RDP_OPEN, _RDP_LEVEL_1 = 1, 0xAA, 0x55
_NWRP_AT = 8
# AN2606: the loader of the F405 keeps its own data in the first 12 KB of SRAM; a host may not write there.
_LOADER_RAM = 0x3000


class Chip:
    """Memories and protection bits. Everything flash does is visible in ``flash``; ``save`` makes it outlive us."""

    def __init__(self, target: Target) -> None:
        flash, ram = target.region("flash"), target.region("ram")
        self.origin = flash.origin
        self.flash = bytearray(b"\xff" * flash.size)
        self.ram_origin = ram.origin
        self.ram = bytearray(ram.size)
        self._stacks = [range(r.origin + 1, r.origin + r.size + 1) for r in target.memory if r.kind == "ram"]
        flasher = target.flasher
        self.sectors: tuple[int, ...] = (flasher.sectors if flasher else ()) or (flash.size,)
        self.device_id = (flasher.device_id if flasher else None) or 0
        self.options = _fresh_options(len(self.sectors))
        self._vector_table = target.vector_table
        self.dirty = False

    # ---- flash -----------------------------------------------------------------------------------------------------
    def replace(self, image: bytes, origin: int) -> None:
        """Make ``image`` all that the flash holds, whatever the protection: not by any way that a chip has."""
        start = origin - self.origin
        rest = len(self.flash) - start - len(image)
        if start < 0 or rest < 0:
            raise ValueError(f"{len(image)} bytes at {origin:#x} do not lie in flash")
        self.flash[:] = b"\xff" * start + image + b"\xff" * rest
        self.dirty = True

    def program(self, address: int, data: bytes) -> bool:
        """Program flash: bits only go from 1 to 0. False when a write-protected sector is touched."""
        start = address - self.origin
        if any(self.write_protected(s) for s in self._sectors_of(start, len(data))):
            return False
        old = self.flash[start : start + len(data)]
        self.flash[start : start + len(data)] = bytes(o & n for o, n in zip(old, data, strict=True))
        self.dirty = True
        return True

    def erase(self, sector: int) -> bool:
        """Set one sector to 0xFF. False when it is write-protected."""
        if self.write_protected(sector):
            return False
        start = sum(self.sectors[:sector])
        self.flash[start : start + self.sectors[sector]] = b"\xff" * self.sectors[sector]
        self.dirty = True
        return True

    def _sectors_of(self, start: int, size: int) -> list[int]:
        hit, at = [], 0
        for number, length in enumerate(self.sectors):
            if at < start + size and start < at + length:
                hit.append(number)
            at += length
        return hit

    # ---- protection ------------------------------------------------------------------------------------------------
    def write_protected(self, sector: int) -> bool:
        nwrp = struct.unpack_from("<H", self.options, _NWRP_AT)[0]
        return not nwrp >> min(sector, 15) & 1

    def set_write_protection(self, sectors: list[int]) -> None:
        """Protect exactly these sectors; an empty list lifts all write protection."""
        nwrp = (1 << min(len(self.sectors), 16)) - 1
        for sector in sectors:
            nwrp &= ~(1 << min(sector, 15))
        struct.pack_into("<H", self.options, _NWRP_AT, nwrp)
        self.dirty = True

    @property
    def read_protected(self) -> bool:
        return self.options[_RDP_AT] != _RDP_OPEN

    def protect_reading(self) -> None:
        self.options[_RDP_AT] = _RDP_LEVEL_1
        self.dirty = True

    def unprotect_reading(self) -> None:
        """Back to level 0, which erases the whole flash (RM0090, 3.9.3)."""
        self.flash[:] = b"\xff" * len(self.flash)
        self.options[_RDP_AT] = _RDP_OPEN
        self.dirty = True

    # ---- address space as the ROM loader sees it -------------------------------------------------------------------
    def in_flash(self, address: int, size: int) -> bool:
        return self.origin <= address and address + size <= self.origin + len(self.flash)

    def in_ram(self, address: int, size: int) -> bool:
        reserved = min(_LOADER_RAM, len(self.ram) // 2)
        return self.ram_origin + reserved <= address and address + size <= self.ram_origin + len(self.ram)

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes of flash, SRAM, system memory or option bytes; None for an address the loader refuses."""
        for origin, memory in (
            (self.origin, self.flash),
            (SYSTEM_PAGE, self._system_page()),
            (OPTION_BYTES, self.options),
        ):
            if origin <= address and address + size <= origin + len(memory):
                return bytes(memory[address - origin : address - origin + size])
        if self.in_ram(address, size):
            return bytes(self.ram[address - self.ram_origin : address - self.ram_origin + size])
        return None

    def write_ram(self, address: int, data: bytes) -> None:
        self.ram[address - self.ram_origin : address - self.ram_origin + len(data)] = data

    def _system_page(self) -> bytes:
        page = bytearray(b"\xff" * _SYSTEM_PAGE_BYTES)
        page[0x10 : 0x10 + len(_UNIQUE_ID)] = _UNIQUE_ID
        struct.pack_into("<H", page, 0x22, len(self.flash) >> 10)
        return bytes(page)

    def lockup_reason(self) -> str:
        """Why a core that boots from this flash would lock up at once; empty when it would run."""
        stack, reset = struct.unpack_from("<II", self.flash)
        if stack == 0xFFFFFFFF and reset == 0xFFFFFFFF:
            return f"the flash holds no {'vector table' if self._vector_table else 'program'} (blank)"
        if not self._vector_table:
            return ""
        if not reset & 1 or not self.in_flash(reset & ~1, 2):
            return f"the reset vector {reset:#010x} does not point to Thumb code in flash"
        if not any(stack in ram for ram in self._stacks):
            return f"the initial stack pointer {stack:#010x} is not in RAM"
        return ""

    # ---- persistence -----------------------------------------------------------------------------------------------
    def load(self, path: Path) -> None:
        """Take over what an earlier process flashed; a file that is not there is a chip fresh from the factory.

        Raises BoardError when the file is there and is not this chip's flash.
        """
        options = path.with_suffix(".options")
        try:
            if not path.exists():
                return
            data = path.read_bytes()
            saved = options.read_bytes() if options.exists() else bytes(_fresh_options(len(self.sectors)))
        except OSError as e:
            raise BoardError(f"cannot read the virtual board's flash: {e}", f"Check or remove {path}") from e
        if len(data) != len(self.flash) or len(saved) != _OPTION_SIZE:
            raise BoardError(
                f"{path} holds {len(data)} bytes and is no flash of this chip ({len(self.flash)} bytes)",
                "Remove the file: the virtual board then starts blank.",
            )
        self.flash[:] = data
        self.options[:] = saved

    def save(self, path: Path) -> None:
        """Write flash and option bytes, each whole or not at all, when anything changed. Raises BoardError."""
        if not self.dirty and path.exists():
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path.with_suffix(".options"), bytes(self.options))
            _replace(path, bytes(self.flash))
        except OSError as e:
            raise BoardError(
                f"cannot save the virtual board's flash: {e}",
                f"Make room in {path.parent}, or set MCUFORGE_STATE to another folder.",
            ) from e
        self.dirty = False


def _fresh_options(sectors: int) -> bytearray:
    options = bytearray(b"\xff" * _OPTION_SIZE)
    options[_RDP_AT] = _RDP_OPEN
    struct.pack_into("<H", options, _NWRP_AT, (1 << min(sectors, 16)) - 1)
    return options


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
