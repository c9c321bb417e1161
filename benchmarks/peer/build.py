"""Compiles TFLM's sources once and links them behind the serial firmware for each model."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peer.checkouts import Checkouts, resolver_calls
from toolchain.build import compiler_command
from toolchain.codegen.text import environment
from toolchain.elf import read_image, read_sizes
from toolchain.errors import ToolError
from toolchain.firmware_files import (
    UART_BUFFER_SYMBOLS,
    FwModel,
    FwTensor,
    compile_flags,
    firmware_dir,
    firmware_sources,
    render_fw_model,
    render_linker_script,
)
from toolchain.install import install_hint
from toolchain.target import Target

HERE = Path(__file__).parent
C_NAME = "peer_model"
LEVELS = ("-O2", "-O3", "-Os")
"""For the kernels. The interpreter around them is compiled for size, as TFLM's own Makefile does."""
SIZE = "-Os"
# TFLM's Makefile, BUILD_TYPE=release for cortex_m_generic. Warnings in others' code are not ours to mend.
COMMON_FLAGS = (
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections"),
    *("-fmessage-length=0", "-fomit-frame-pointer", "-funsigned-char", "-w"),
    *("-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_DISABLE_X86_NEON", "-DTF_LITE_MCU_DEBUG_LOG"),
    *("-DNDEBUG", "-DTF_LITE_STRIP_ERROR_STRINGS", "-DCMSIS_NN", "-DKERNELS_OPTIMIZED_FOR_SPEED"),
)
CXX_FLAGS = ("-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics")
C_FLAGS = ("-std=c17",)
LINK_FLAGS = ("-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections")
# What C++ and newlib's allocator want of a linker script beyond what our firmware needs.
_CONSTRUCTORS = """    .init_array : ALIGN(4)
    {
        peer_init_array = .;
        KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) .init_array))
        peer_init_array_end = .;
    } > %s

    .data :"""


_SYMBOLS = """
PROVIDE(end = fw_bss_end);
PROVIDE(__exidx_start = ADDR(.ARM.exidx));
PROVIDE(__exidx_end = ADDR(.ARM.exidx) + SIZEOF(.ARM.exidx));
"""


@dataclass(frozen=True)
class PeerFirmware:
    """Bytes of a linked firmware; ``ram`` is .data + .bss without the UART buffers and the stack."""

    elf: Path
    origin: int
    image: bytes
    ram: int

    @property
    def flash(self) -> int:
        return len(self.image)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model as its file. ``operators`` are TFLite's builtin names, each once."""

    name: str
    content: bytes
    operators: tuple[str, ...]
    inputs: tuple[FwTensor, ...]
    outputs: tuple[FwTensor, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def cxx_command(target: Target) -> str:
    """The C++ compiler of a target. Raises ToolError without one, or without the C++ library's headers."""
    command = f"{target.compiler.prefix}g++"
    test = [command, "-fsyntax-only", "-x", "c++", "-"]
    found = shutil.which(command) is not None
    if not found or subprocess.run(test, input=b"#include <new>", capture_output=True, check=False).returncode:
        raise ToolError(
            f"the C++ compiler {command} with its library, which TFLM needs, is not installed",
            install_hint({"apt": "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"}),
        )
    return command


class PeerBuilder:
    """Objects in ``folder``, compiled when they are first needed."""

    def __init__(self, checkouts: Checkouts, target: Target, folder: Path) -> None:
        self._checkouts, self._target, self._folder = checkouts, target, folder
        self._c = compiler_command(target)
        self._cxx = cxx_command(target)

    def build(self, model: ModelFile, level: str, arena: int, probe: bool = False) -> PeerFirmware:
        """``probe``: one more output, which says what the smallest arena is. Raises ToolError."""
        folder = self._folder / f"{model.name}_{level.strip('-')}{'_probe' if probe else ''}"
        folder.mkdir(parents=True, exist_ok=True)
        checkouts, own = self._checkouts, self._own_sources(model, arena, probe, folder)
        kernels = (*checkouts.kernels(model.operators), *checkouts.library())
        objects = [
            *self._compiled(own, SIZE, folder),
            *self._compiled(checkouts.core(), SIZE),
            *self._compiled(kernels, level),
            *self._firmware(folder),
        ]
        elf, script = folder / "firmware.elf", self._linker_script(folder)
        cpu = self._target.compiler.cflags
        _run([self._cxx, *cpu, *LINK_FLAGS, f"-T{script}", *map(str, objects), "-lm", "-o", str(elf)], model.name)
        sizes = read_sizes(elf)
        origin, image = read_image(elf)
        uart = sum(sizes.symbols.get(s, 0) for s in UART_BUFFER_SYMBOLS)
        return PeerFirmware(elf, origin, image, sizes.ram - uart)

    def _own_sources(self, model: ModelFile, arena: int, probe: bool, folder: Path) -> list[Path]:
        """The glue between TFLM and the serial firmware, the model's bytes, and what the firmware says of it."""
        templates = environment(HERE)
        facts = {
            "name": model.name,
            "c_name": C_NAME,
            "arena": arena,
            "probe": probe,
            "calls": resolver_calls(model.operators),
            "outputs": len(model.outputs),
        }
        outputs = (*model.outputs, FwTensor("smallest_arena", "int32", (1,), 4)) if probe else model.outputs
        described = FwModel(model.name, C_NAME, model.sha256, model.inputs, outputs, 0, "PEER_ARENA_BYTES")
        values = ",".join(map(str, model.content))
        files = {
            f"{C_NAME}.h": templates.get_template(f"{C_NAME}.h.j2").render(facts),
            f"{C_NAME}.cc": templates.get_template(f"{C_NAME}.cc.j2").render(facts),
            "peer_data.c": f"_Alignas(16) const unsigned char peer_model_data[] = {{\n{values}\n}};\n",
            "fw_model.c": render_fw_model(described),
        }
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [*(folder / name for name in files if not name.endswith(".h")), HERE / "peer_support.c"]

    def _linker_script(self, folder: Path) -> Path:
        text, data = render_linker_script(self._target), "    .data :"
        assert data in text
        text = text.replace(data, _CONSTRUCTORS % self._target.region("flash").name, 1)
        path = folder / "linker.ld"
        path.write_text(text + _SYMBOLS, encoding="utf-8")
        return path

    def _firmware(self, folder: Path) -> list[Path]:
        """The serial firmware as it is around our own models."""
        flags = compile_flags(self._target)
        return self._objects_of([(s, [self._c, *flags]) for s in firmware_sources(self._target)])

    def _compiled(self, sources: Iterable[Path], level: str, own: Path | None = None) -> list[Path]:
        """``own``: the folder of generated headers."""
        includes = (*([own, firmware_dir()] if own else []), *self._checkouts.includes)
        common = [*self._target.compiler.cflags, level, *COMMON_FLAGS, *(f"-I{i}" for i in includes)]
        jobs = [
            (s, [self._cxx, *CXX_FLAGS, *common] if s.suffix == ".cc" else [self._c, *C_FLAGS, *common])
            for s in sources
        ]
        return self._objects_of(jobs)

    def _objects_of(self, jobs: Sequence[tuple[Path, list[str]]]) -> list[Path]:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(lambda job: self._object(*job), jobs))

    def _object(self, source: Path, command: list[str]) -> Path:
        """Its name has the hash of the command, so that it is compiled once for all models."""
        key = hashlib.sha256("\0".join([str(source), *command]).encode()).hexdigest()[:16]
        path = self._folder / "obj" / f"{source.stem}-{key}.o"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _run([*command, "-c", str(source), "-o", str(path)], source.name)
        return path


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        told = "\n".join(line for line in done.stderr.splitlines() if "warning" not in line)
        raise ToolError(f"the peer's build fails at {what}:\n{told[:1500]}", "Command: " + " ".join(command)[:1500])
