"""Sizes of a firmware, read from its ELF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

SHF_ALLOC = 2


@dataclass(frozen=True, eq=False)
class ElfSizes:
    """Bytes. ``flash`` is what is stored (.text, .rodata, .data and the like), ``ram`` is .data + .bss with the stack
    left out, ``symbols`` the size of every object and function by its C name. ``compiler`` is what compilers wrote
    about themselves."""

    flash: int
    ram: int
    symbols: Mapping[str, int]
    compiler: str


def read_sizes(elf: Path) -> ElfSizes:
    """Sections that are loaded count as flash; the writable ones also, or only, as RAM."""
    flash = ram = 0
    with elf.open("rb") as f:
        file = ELFFile(f)
        for section in file.iter_sections():
            header = section.header
            if not header.sh_flags & SHF_ALLOC or not header.sh_size:
                continue
            if header.sh_type != "SHT_NOBITS":
                flash += header.sh_size
            if header.sh_flags & 1:
                ram += header.sh_size
        table = file.get_section_by_name(".symtab")
        entries = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        symbols = {s.name: int(s["st_size"]) for s in entries if s["st_size"]}
        comment = file.get_section_by_name(".comment")
        said = comment.data().decode("utf-8", "replace").split("\0") if comment is not None else []
    return ElfSizes(flash, ram, symbols, ", ".join(dict.fromkeys(s for s in said if s)))


def read_image(elf: Path) -> tuple[int, bytes]:
    """(origin, bytes) of what goes to flash: the loaded segments at their load addresses, gaps filled with 0xFF."""
    with elf.open("rb") as f:
        parts = [
            (int(s.header.p_paddr), bytes(s.data()))
            for s in ELFFile(f).iter_segments()
            if s.header.p_type == "PT_LOAD" and s.header.p_filesz
        ]
    origin = min(start for start, _ in parts)
    image = bytearray(b"\xff" * (max(start + len(data) for start, data in parts) - origin))
    for start, data in parts:
        image[start - origin : start - origin + len(data)] = data
    return origin, bytes(image)
