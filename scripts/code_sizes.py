"""Measures the code of every runtime function for the stm32 target, of those for Helium for a Cortex-M55:
python scripts/code_sizes.py

Writes toolchain/code_sizes.json, from which kernels are chosen under a flash budget: bytes, with the static helpers and
tables that are needed, and the other runtime functions that are called.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from toolchain import resources
from toolchain.build import MODEL_FLAGS, compiler_command
from toolchain.target import load_target

ROOT = Path(__file__).resolve().parent.parent


def functions_of(source: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """``bytes`` and ``calls`` by public function."""
    target = load_target("mps3-an547" if "_mve" in source.stem else "stm32")
    output = folder / f"{source.name}.o"
    command = [compiler_command(target), *MODEL_FLAGS, *target.compiler.cflags, "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    with output.open("rb") as f:
        elf = ELFFile(f)
        table: Any = elf.get_section_by_name(".symtab")
        public = [
            s
            for s in table.iter_symbols()
            if s["st_info"]["bind"] == "STB_GLOBAL" and s["st_info"]["type"] == "STT_FUNC"
        ]
        return {s.name: _reached(elf, table, int(s["st_shndx"])) for s in public}


def _reached(elf: ELFFile, table: Any, start: int) -> dict[str, Any]:
    """What the linker keeps of the file for the function in section ``start``."""
    sections, calls, todo = set(), set(), [start]
    while todo:
        index = todo.pop()
        if index in sections:
            continue
        sections.add(index)
        relocations: Any = elf.get_section_by_name(f".rel{elf.get_section(index).name}")
        for relocation in relocations.iter_relocations() if relocations is not None else ():
            symbol = table.get_symbol(relocation["r_info_sym"])
            if symbol["st_shndx"] == "SHN_UNDEF":
                calls.add(symbol.name)
            else:
                todo.append(int(symbol["st_shndx"]))
    size = sum(-(-int(elf.get_section(i)["sh_size"]) // 4) * 4 for i in sections)
    return {"bytes": size, "calls": sorted(c for c in calls if c.startswith("nn_"))}


def measure() -> dict[str, dict[str, Any]]:
    """All runtime functions; the twins are for no target."""
    functions: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((resources.templates() / "runtime").glob("*.[cS]")):
            if not source.stem.endswith("_twin"):
                functions |= functions_of(source, Path(folder))
    return dict(sorted(functions.items()))


if __name__ == "__main__":
    text = json.dumps(measure(), indent=1)
    (ROOT / "toolchain" / "code_sizes.json").write_text(text + "\n", encoding="utf-8")
