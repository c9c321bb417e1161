"""Measures the code of every runtime function for the stm32 target: python scripts/code_sizes.py

Writes toolchain/code_sizes.json, from which kernels are chosen under a flash budget: bytes, and the runtime functions
that are called. A C file's static helpers and tables count as its public function's; each function of an assembly file
stands for itself.
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
    target = load_target("stm32")
    output = folder / f"{source.name}.o"
    command = [compiler_command(target), *MODEL_FLAGS, *target.compiler.cflags, "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    with output.open("rb") as f:
        elf = ELFFile(f)
        table: Any = elf.get_section_by_name(".symtab")
        symbols = [s for s in table.iter_symbols() if s.name and s["st_info"]["bind"] == "STB_GLOBAL"]
        public = [s for s in symbols if s["st_info"]["type"] == "STT_FUNC"]
        missing = sorted(s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF" and s.name.startswith("nn_"))
        if source.suffix == ".S":
            return {s.name: {"bytes": int(s["st_size"]), "calls": missing} for s in public}
        total = sum(int(s["sh_size"]) for s in elf.iter_sections() if s.name.startswith((".text", ".rodata")))
    return {s.name: {"bytes": round(total / len(public)), "calls": missing} for s in public}


def measure() -> dict[str, dict[str, Any]]:
    """All runtime functions; the twins are not for this target."""
    functions: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((resources.templates() / "runtime").glob("*.[cS]")):
            if not source.stem.endswith("_twin"):
                functions |= functions_of(source, Path(folder))
    return dict(sorted(functions.items()))


if __name__ == "__main__":
    text = json.dumps(measure(), indent=1)
    (ROOT / "toolchain" / "code_sizes.json").write_text(text + "\n", encoding="utf-8")
