"""The peer's cycles, instructions, flash and RAM of a model, on the same board with the same inputs as ours."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.board_run import SAMPLES, SEED, TARGET, count_codes, known, run_counted, tflm_outputs, virtual_port
from benchmarks.models import NAMES, model_file
from benchmarks.peer.build import LEVELS, SIZE, ModelFile, PeerBuilder, PeerFirmware
from benchmarks.peer.checkouts import Checkouts
from benchmarks.peers import Peer, PeerModel
from toolchain import flashers
from toolchain.assess import random_codes
from toolchain.codegen import ModelId
from toolchain.errors import BoardError, ToolError
from toolchain.firmware_files import FwTensor
from toolchain.graph import Graph, Tensor
from toolchain.importers.tflite import parse_tflite
from toolchain.inspection import total_macs
from toolchain.measuring import linked
from toolchain.progress import Progress
from toolchain.target import Target, load_target

SOURCE = """\
built and measured in the same run as the figures beside it: {versions}, the same compiler, board and inputs, behind \
the same serial firmware. Cycles and instructions are the fastest of its builds with kernels at -O2, -O3 and -Os; \
flash is the whole firmware with kernels at -Os; RAM is .data + .bss with the smallest arena that works."""
_SPARE_RAM = 12 * 1024
"""Bytes left beside the arena while its size is sought: stack, UART buffers, TFLM's other data."""
_ARENA_STEP = 16


def measure_peer(builder: PeerBuilder, path: Path, name: str, target: Target, progress: Progress) -> PeerModel:
    """Cycles of the fastest of TFLM's builds, flash and RAM of the smallest. Raises UserError for what goes wrong."""
    content = path.read_bytes()
    graph = parse_tflite(content, name, str(path))
    model = ModelFile(name, content, operators(content), _tensors(graph, graph.inputs), _tensors(graph, graph.outputs))
    ident = ModelId(name, path.name, model.sha256)
    arena = _smallest_arena(builder, model, ident, target)
    codes = random_codes(graph, SAMPLES, SEED)
    expected = tflm_outputs(content, codes, len(model.outputs))
    counted = []
    firmware: PeerFirmware | None = None
    for level in LEVELS:
        built = builder.build(model, level, arena)
        firmware = built if level == SIZE else firmware
        _flash(built, target)
        outputs, regions = run_counted(virtual_port(target), target, ident, codes)
        count, differing = count_codes(outputs, expected)
        if differing:
            progress.info(f"{name}: {differing} of {count:,} codes of the peer, built with {level}, are not TFLM's own")
        counted.append((known(regions[0].cycles), regions[0].instructions))
    assert firmware is not None
    cycles, instructions = min(counted)
    return PeerModel(
        macs=total_macs(graph),
        instructions=instructions,
        cycles=cycles,
        flash_bytes=firmware.flash,
        ram_bytes=firmware.ram,
    )


def measure_peers(which: str, checkouts: Checkouts, progress: Progress) -> Peer:
    """All models of a set, one after the other. Raises UserError."""
    target = load_target(TARGET)
    models = {}
    with tempfile.TemporaryDirectory(prefix="mcuforge-peer-") as folder:
        builder = PeerBuilder(checkouts, target, Path(folder))
        with progress.step(f"Building and measuring {checkouts.versions}", len(NAMES)) as advance:
            for name in NAMES:
                models[name] = measure_peer(builder, model_file(which, name), name, target, progress)
                progress.info(f"{which}: {name}: {models[name].cycles:,} cycles (modelled) by the peer")
                advance(1)
    return Peer(name="TFLM + CMSIS-NN, this run", source=SOURCE.format(versions=checkouts.versions), models=models)


def operators(content: bytes) -> tuple[str, ...]:
    """The builtin names of a ``.tflite`` file's operators, in the order of their codes."""
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return tuple(dict.fromkeys(names[code] for code in codes))


def _smallest_arena(builder: PeerBuilder, model: ModelFile, ident: ModelId, target: Target) -> int:
    """Bytes, found by the peer itself on the board, in steps of 16."""
    most = (target.region("ram").size - target.board.stack_bytes - _SPARE_RAM) // _ARENA_STEP * _ARENA_STEP
    probe = builder.build(model, SIZE, most, probe=True)
    _flash(probe, target)
    port = virtual_port(target)
    with linked(port.url, target, ident.sha256, ident.name) as (link, _):
        try:
            link.run()
        except BoardError as e:
            raise ToolError(
                f"TFLM does not run {model.name} with an arena of {most:,} bytes: {e.problem}",
                "Its operators or its size are not for this target.",
            ) from e
        (found,) = np.frombuffer(link.read(len(model.inputs) + len(model.outputs)), np.int32)
    return int(found)


def _flash(firmware: PeerFirmware, target: Target) -> None:
    image = flashers.FlashImage(firmware.image, firmware.origin, firmware.elf)
    flashers.flash(image, target, virtual_port(target))


def _tensors(graph: Graph, names: Sequence[str]) -> tuple[FwTensor, ...]:
    return tuple(_tensor(graph.tensor(n)) for n in names)


def _tensor(tensor: Tensor) -> FwTensor:
    scale, zero_point = (tensor.scale, tensor.zero_point) if tensor.quant else (0.0, 0)
    return FwTensor(tensor.name, tensor.dtype, tensor.shape, tensor.nbytes, scale, zero_point)
