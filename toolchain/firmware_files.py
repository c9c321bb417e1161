"""The serial firmware around a model: its sources, its flags and the two files that are rendered for each build.

A firmware is ``firmware_sources(target)`` + the generated model + ``fw_model.c`` (``render_fw_model``), compiled with
``compile_flags(target)`` and linked with ``link_flags(target, script)``, where script holds ``render_linker_script``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolchain import resources
from toolchain.codegen.text import environment
from toolchain.errors import TargetError
from toolchain.target import Target

UART_BUFFER_SYMBOLS = ("fw_uart_frame", "fw_uart_queue")
"""ELF symbols whose sizes add up to the UART frame buffers, at most 600 bytes."""

DTYPE_CODES = {
    "int8": 0,
    "int16": 1,
    "int32": 2,
    "float32": 3,
    "uint8": 4,
    "bool": 5,
    "uint32": 6,
    "uint64": 7,
}
"""Tensor types as the protocol numbers them (``enum fw_dtype``)."""

MAX_RANK = 6


@dataclass(frozen=True)
class FwTensor:
    """An input or output. ``scale`` is 0 where the tensor is not quantized; ``nbytes`` is its size in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    scale: float = 0.0
    zero_point: int = 0

    @property
    def c_dtype(self) -> int:
        return DTYPE_CODES[self.dtype]


@dataclass(frozen=True)
class Selftest:
    """``crc`` is the CRC-32 of the outputs for inputs from the ``seed`` (not 0), or for these bytes of all ``inputs``.

    See ``link.selftest``.
    """

    seed: int
    crc: int
    inputs: bytes = b""


@dataclass(frozen=True)
class FwModel:
    """What fw_model.c says of a model: ``sha256`` in hexadecimal, ``arena_macro`` a macro of ``<c_name>.h``.

    ``stateful``: something lasts between inferences.
    """

    name: str
    c_name: str
    sha256: str
    inputs: tuple[FwTensor, ...]
    outputs: tuple[FwTensor, ...]
    n_layers: int
    arena_macro: str
    selftests: tuple[Selftest, ...] = ()
    stateful: bool = False


def firmware_dir() -> Path:
    """The folder of the firmware's C files and headers."""
    return resources.templates() / "firmware"


def firmware_sources(target: Target) -> list[Path]:
    """The C files of the firmware for this target, without the model.

    Raises TargetError when the target names a file that is not there.
    """
    names = ["fw_main.c", "fw_protocol.c", target.board.source, target.board.startup]
    sources = [firmware_dir() / name for name in names if name]
    for source in sources:
        if not source.is_file():
            raise TargetError(
                f"target {target.name!r}: there is no firmware file {source.name!r}",
                f"board.source and board.startup name files of {firmware_dir()}.",
            )
    return sources


def compile_flags(target: Target) -> list[str]:
    """gcc flags for the firmware's C files, with the include path; the model may add its own."""
    flags = ["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections", *target.compiler.cflags]
    if target.kind == "mcu":
        flags.append(f"-DFW_BAUD={target.board.baud}")
    if target.board.crystal_hz is not None:
        flags.append(f"-DFW_HSE_HZ={target.board.crystal_hz}")
    elif target.board.clock_hz is not None:
        flags.append(f"-DFW_CLOCK_HZ={target.board.clock_hz}u")
    flags += [f"-D{name}={value:#x}u" for name, value in target.board.defines.items()]
    return [*flags, f"-I{firmware_dir()}"]


LIBRARIES = ("-lm",)  # behind the objects: of float kernels, some call libm


def link_flags(target: Target, linker_script: Path | None) -> list[str]:
    """gcc flags to link the firmware. An mcu target needs the path of its rendered linker script."""
    if target.kind == "host":
        return [*target.compiler.ldflags, *LIBRARIES]
    return [
        *target.compiler.cflags,
        *target.compiler.ldflags,
        "-nostartfiles",
        "-Wl,--gc-sections",
        f"-T{linker_script}",  # not for the linker alone: picolibc's specs would add a script of their own
        *LIBRARIES,
    ]


def render_linker_script(target: Target) -> str:
    """The GNU ld script of a microcontroller, from its memories.

    Raises TargetError when the stack is larger than the RAM.
    """
    flash, ram, stack = target.region("flash"), target.region("ram"), target.board.stack_bytes
    if stack % 8 or stack >= ram.size:
        raise TargetError(
            f"target {target.name!r}: a stack of {stack} bytes does not go into {ram.name} ({ram.size} bytes)",
            "board.stack_bytes must be a multiple of 8 and smaller than the RAM.",
        )
    return (
        environment(firmware_dir())
        .get_template("linker.ld.j2")
        .render(target=target, flash=flash, ram=ram, stack_bytes=stack)
    )


def render_fw_model(model: FwModel) -> str:
    """fw_model.c, which binds a generated model to the firmware."""
    return environment(firmware_dir()).get_template("fw_model.c.j2").render(model=model)
