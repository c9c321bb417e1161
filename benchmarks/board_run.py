"""Running a flashed firmware on the virtual board under the cycle model, and what the reference makes of its inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from toolchain.codegen import ModelId
from toolchain.errors import ToolError
from toolchain.graph import Array
from toolchain.measuring import linked, with_query
from toolchain.ports import PortChoice
from toolchain.target import Target
from toolchain.virtual import RegionCounts

TARGET = "stm32"
SAMPLES = 3
SEED = 7
_TFLM_ARENA = 1 << 20
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def virtual_port(target: Target) -> PortChoice:
    """The target's virtual board, flashed through its boot loader."""
    assert target.emulator is not None
    return PortChoice(f"virtual://{target.emulator.board}", "the virtual board", virtual=True, bootloader=True)


def run_counted(
    choice: PortChoice, target: Target, ident: ModelId, codes: Sequence[Array]
) -> tuple[list[list[Array]], list[RegionCounts]]:
    """The board's outputs for each sample, and what the emulator counted during each: cycles where it has a model."""
    with linked(with_query(choice.url, "count=1"), target, ident.sha256, ident.name) as (link, port):
        if target.emulator and target.emulator.cycle_model and port.board.no_cycles:
            raise ToolError(
                f"there are no modelled cycles: {port.board.no_cycles}",
                "Install a host compiler and QEMU with plugins.",
            )
        port.board.clear()
        outputs = [link.infer([x[i] for x in codes]) for i in range(SAMPLES)]
        regions = port.board.regions()
    if len(regions) != SAMPLES:
        raise ToolError(f"{ident.name}: {len(regions)} runs counted instead of {SAMPLES}", "Run it again.")
    return outputs, regions


def tflm_outputs(content: bytes, codes: Sequence[Array], outputs: int) -> list[list[Array]]:
    """What TFLM's reference kernels make of the same inputs; every output without its batch dimension."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=_TFLM_ARENA)
    rows = []
    for sample in range(SAMPLES):
        for index, x in enumerate(codes):
            interpreter.set_input(np.ascontiguousarray(x[sample]), index)
        interpreter.invoke()
        rows.append([np.array(interpreter.get_output(i)) for i in range(outputs)])
    return rows


def count_codes(ours: Sequence[Sequence[Array]], theirs: Sequence[Sequence[Array]]) -> tuple[int, int]:
    """How many output codes there are, and how many differ."""
    pairs = [pair for rows in zip(ours, theirs, strict=True) for pair in zip(*rows, strict=True)]
    return sum(b.size for _, b in pairs), sum(int((a.ravel() != b.ravel()).sum()) for a, b in pairs)


def known(cycles: int | None) -> int:
    """The target has a cycle model, so its regions have cycles."""
    assert cycles is not None
    return cycles


def version_in(text: str) -> str:
    """The last x.y.z of a line: compilers put the version of their package before their own."""
    found = _VERSION.findall(text)
    return found[-1] if found else text
