"""From compiled sources to a firmware in a folder, with what ``flash`` and ``measure`` need to go on from there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from toolchain.bodies import has_loops
from toolchain.build import Firmware, build, sizes_of
from toolchain.compile import Compiled
from toolchain.firmware_files import FwModel, FwTensor, Selftest
from toolchain.front import BUILD_FILE, TFLITE_FILE
from toolchain.graph import Graph
from toolchain.job import Job
from toolchain.link.selftest import selftest_crc, selftest_inputs
from toolchain.progress import Progress
from toolchain.reference import run

SELFTEST_SEEDS = (1, 2)


def build_firmware(job: Job, compiled: Compiled, folder: Path, progress: Progress) -> Firmware:
    """Sources, ELF file, flash image, quantized model and ``build.json`` in ``folder``."""
    with progress.step("Building the firmware"):
        model = firmware_model(compiled)
        firmware = build(compiled.tree, compiled.plan, model, job.target, folder, job.sanitize)
        spec = job.model if isinstance(job.model, (str, Path)) else None
        if spec is not None and Path(spec).exists():
            spec = str(Path(spec).absolute())
        ident = compiled.model.ident
        facts = {
            "name": ident.name,
            "source": ident.source,
            "target": job.target.name,
            "model": spec,
            "reading": dataclasses.asdict(job.reading),
            "budget": dataclasses.asdict(compiled.budget),
            "quantization": compiled.model.method.to_json() if compiled.model.method else None,
        }
        (folder / BUILD_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        (folder / TFLITE_FILE).write_bytes(compiled.model.tflite)
        return firmware


def find_firmware(job: Job, compiled: Compiled, folder: Path, progress: Progress) -> Firmware:
    """The firmware of the build folder that the job names, or a new build in ``folder``."""
    if compiled.model.elf is None:
        return build_firmware(job, compiled, folder, progress)
    return sizes_of(compiled.model.elf, compiled.tree, job.target)


def firmware_model(compiled: Compiled) -> FwModel:
    """What the serial firmware says of the model."""
    graph, ident = compiled.plan.graph, compiled.model.ident
    return FwModel(
        name=ident.name,
        c_name=ident.c_name,
        sha256=ident.sha256,
        inputs=tuple(_tensor(graph, n) for n in graph.inputs),
        outputs=tuple(_tensor(graph, n) for n in graph.outputs),
        n_layers=len(compiled.plan.layers),
        arena_macro=f"{ident.c_name.upper()}_ARENA_BYTES",
        selftests=_selftests(compiled.model.graph),
        stateful=bool(graph.lasting),
    )


def _tensor(graph: Graph, name: str) -> FwTensor:
    t = graph.tensor(name)
    scale, zero_point = (t.scale, t.zero_point) if t.quant else (0.0, 0)
    return FwTensor(graph.port(name), t.dtype, t.shape, t.nbytes, scale, zero_point)


def _selftests(graph: Graph) -> tuple[Selftest, ...]:
    """Seeds and the CRC-32 of the reference's outputs; none for floats and truth values, which random bytes are not.

    None for a graph with loops either: from random numbers these might not end.
    """
    tensors = [graph.tensor(n) for n in graph.inputs]
    if any(t.dtype in ("float32", "bool") for t in tensors) or has_loops(graph):
        return ()
    tests = []
    for seed in SELFTEST_SEEDS:
        raw = selftest_inputs(seed, [t.nbytes for t in tensors])
        arrays = [np.frombuffer(data, t.dtype).reshape(1, *t.shape) for data, t in zip(raw, tensors, strict=True)]
        crc = selftest_crc(np.ascontiguousarray(out[0]).tobytes() for out in run(graph, arrays))
        tests.append(Selftest(seed, crc))
    return tuple(tests)
