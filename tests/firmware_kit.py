"""Builds the serial firmware around the hand-written model of ``firmware_model/`` for the tests."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import numpy as np

from toolchain import firmware_files
from toolchain.firmware_files import FwModel, FwTensor
from toolchain.target import Target, load_target

MODEL_DIR = Path(__file__).resolve().parent / "firmware_model"
A_BYTES, B_BYTES = 1200, 16
SELFTEST_SEED = 0x1234567
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def tiny_reference(a: bytes, b: bytes) -> tuple[bytes, bytes]:
    """What the tiny model makes of its inputs."""
    return bytes(x ^ 0x55 for x in reversed(a)), bytes(-x & 0xFF for x in b)


def tiny_model(name: str = "tiny", selftests: tuple[tuple[int, int], ...] = ()) -> FwModel:
    sides = (
        (FwTensor("a", "int8", (1, 20, 60), A_BYTES, 0.1, -3), FwTensor("b", "uint8", (16,), B_BYTES)),
        (FwTensor("y", "int8", (1, 1200), A_BYTES, 1 / 256, 127), FwTensor("z", "uint8", (16,), B_BYTES)),
    )
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return FwModel(name, "tiny", sha256, *sides, n_layers=2, arena_macro="TINY_ARENA_BYTES", selftests=selftests)


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
    sources = [*firmware_files.firmware_sources(target), MODEL_DIR / "tiny.c", out / "fw_model.c"]
    command = [
        f"{target.compiler.prefix}gcc",
        *firmware_files.compile_flags(target),
        *WARNINGS,
        f"-I{MODEL_DIR}",
        *(extra or []),
        *map(str, sources),
        *firmware_files.link_flags(target, script),
        "-o",
        str(elf),
    ]
    subprocess.run(command, check=True, cwd=out)
    return elf


def random_inputs(seed: int) -> tuple[bytes, bytes]:
    """Seeded inputs of the tiny model whose command byte is harmless."""
    rng = np.random.default_rng(seed)
    return rng.bytes(A_BYTES), b"\x00" + rng.bytes(B_BYTES - 1)
