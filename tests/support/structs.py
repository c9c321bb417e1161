"""The layout of the kernels' parameter structs on this computer, from the compiler's debug information."""

from __future__ import annotations

import functools
import re
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from toolchain import resources
from toolchain.build import compiler_command
from toolchain.target import load_target

_INTEGERS = {1: "b", 2: "h", 4: "i", 8: "q"}
_WRAPPERS = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")


@dataclass(frozen=True)
class CType:
    """``kind``: integer, float, pointer, struct or array. ``members``: (offset, type) by name."""

    kind: str
    size: int
    members: Mapping[str, tuple[int, CType]] | None = None
    element: CType | None = None


def _plain(die: Any) -> Any:
    """The type behind names and qualifiers."""
    while die.tag in _WRAPPERS:
        die = die.get_DIE_from_attribute("DW_AT_type")
    return die


def _ctype(die: Any) -> CType:
    die = _plain(die)
    if die.tag == "DW_TAG_array_type":
        element = _ctype(die.get_DIE_from_attribute("DW_AT_type"))
        count = 1
        for child in die.iter_children():
            count *= child.attributes["DW_AT_upper_bound"].value + 1
        return CType("array", count * element.size, element=element)
    size = die.attributes["DW_AT_byte_size"].value
    if die.tag == "DW_TAG_pointer_type":
        return CType("pointer", size)
    if die.tag == "DW_TAG_structure_type":
        members = {
            m.attributes["DW_AT_name"].value.decode(): (
                m.attributes["DW_AT_data_member_location"].value,
                _ctype(m.get_DIE_from_attribute("DW_AT_type")),
            )
            for m in die.iter_children()
            if m.tag == "DW_TAG_member"
        }
        return CType("struct", size, members)
    is_float = "DW_AT_encoding" in die.attributes and die.attributes["DW_AT_encoding"].value == 4  # DW_ATE_float
    return CType("float" if is_float else "integer", size)


@functools.cache
def layouts() -> Mapping[str, CType]:
    """Every named type of the runtime's headers that ends in ``_params``."""
    runtime = resources.templates() / "runtime"
    headers = [h.name for h in sorted(runtime.glob("nn_*.h")) if re.search(r"} nn_[\w#]+_params;", h.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        source, compiled = Path(folder) / "all.c", Path(folder) / "all.o"
        source.write_text("".join(f'#include "{name}"\n' for name in headers), encoding="utf-8")
        flags = ["-std=c99", "-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types", f"-I{runtime}"]
        command = [compiler_command(load_target("host")), *flags, "-c", str(source), "-o", str(compiled)]
        subprocess.run(command, check=True, capture_output=True)
        with compiled.open("rb") as file:
            units = list(ELFFile(file).get_dwarf_info().iter_CUs())
            named = {
                die.attributes["DW_AT_name"].value.decode(): _ctype(die)
                for unit in units
                for die in unit.get_top_DIE().iter_children()
                if die.tag == "DW_TAG_typedef" and die.attributes["DW_AT_name"].value.endswith(b"_params")
            }
    return named


def member(ctype: CType, path: str) -> tuple[int, CType]:
    """Where a member lies and what it is; dots lead into structs inside the struct."""
    at = 0
    for name in path.split("."):
        assert ctype.members is not None
        offset, ctype = ctype.members[name]
        at += offset
    return at, ctype


def put(into: bytearray, at: int, ctype: CType, value: Any) -> None:
    """Write a number, or a sequence of them into an array. Raises struct.error for what does not fit."""
    if ctype.kind == "array":
        assert ctype.element is not None
        values = list(value)
        assert len(values) * ctype.element.size <= ctype.size, "more elements than the array has"
        for i, element in enumerate(values):
            put(into, at + i * ctype.element.size, ctype.element, element)
    elif ctype.kind == "float":
        struct.pack_into("f", into, at, value)
    else:
        assert ctype.kind == "integer", ctype.kind
        code = _INTEGERS[ctype.size]
        struct.pack_into(code if value < 0 else code.upper(), into, at, int(value))
