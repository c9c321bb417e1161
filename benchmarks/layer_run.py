"""Single layers on the emulated Cortex-M4, many in one firmware: their modelled cycles.

Their tensors share the same memory by position (first inputs, second inputs, outputs, scratch), so that what is
measured together needs no more RAM than the largest of it and one set of random inputs serves all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.board_run import TARGET, known, version_in, virtual_port
from benchmarks.record import Tools
from benchmarks.shapes import Shape
from toolchain import flashers
from toolchain.build import build
from toolchain.codegen import ModelId, generate
from toolchain.errors import ToolError
from toolchain.firmware_files import FwModel, FwTensor
from toolchain.graph import DTYPES, Array, Graph, Tensor
from toolchain.measuring import linked, with_query
from toolchain.ops.base import KernelVariant
from toolchain.options import options_of
from toolchain.plan import MemoryPlan, Plan, Step
from toolchain.target import load_target
from toolchain.versions import first_line_of
from toolchain.virtual.qemu import find_qemu

SEED = 3
BATCH_FLASH = 700_000  # bytes of constants in one firmware
BATCH_CYCLES = 120e6  # predicted: one run must answer in time
SMALLEST_TABLE = 8  # rows of whatever positions are looked up in
SETTLED = 10  # inferences after which what layers with states do no longer changes
BATCH_RAM = 110_000  # bytes
_ALIGNMENT = 16


@dataclass(frozen=True, eq=False)
class Case:
    """A layer by one of its variants."""

    shape: Shape
    variant: KernelVariant


@dataclass(frozen=True)
class Batch:
    """One firmware. By case: modelled cycles, and bytes of its own constants; ``flash`` are those of everything."""

    cycles: tuple[int, ...]
    constants: tuple[int, ...]
    flash: int
    tools: Tools


def measure(cases: Sequence[Case]) -> tuple[list[int], Tools]:
    """Modelled cycles of one execution of each case, in order, and the tools that they are of."""
    batches = [run_batch(batch) for batch in _batches(cases)]
    return [n for batch in batches for n in batch.cycles], batches[0].tools


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """In order, as many at a time as one firmware holds."""
    target = load_target(TARGET)
    batch: list[Case] = []
    flash, cycles, ram = 0, 0.0, dict[str, int]()
    for case in cases:
        option = next(o for o in options_of(case.shape.graph, case.shape.node, target) if o.variant is case.variant)
        both = _larger(ram, case, option.scratch)
        full = flash + option.flash > BATCH_FLASH or cycles + option.cycles > BATCH_CYCLES
        if batch and (full or sum(both.values()) > BATCH_RAM or _keeps(case) != _keeps(batch[-1])):
            yield batch
            batch, flash, cycles, both = [], 0, 0.0, _larger({}, case, option.scratch)
        batch.append(case)
        ram = both
        flash, cycles = flash + option.flash, cycles + option.cycles
    if batch:
        yield batch


def _keeps(case: Case) -> bool:
    """Whether it has states."""
    return bool(case.shape.graph.states)


def _larger(ram: Mapping[str, int], case: Case, scratch: int) -> dict[str, int]:
    """Bytes of each place that also holds this case."""
    sizes = [(place, case.shape.graph.tensor(name).nbytes) for place, name in _placed(case)]
    larger = dict(ram)
    for place, size in (*sizes, ("scratch", scratch)):
        larger[place] = max(size, larger.get(place, 0))
    return larger


def run_batch(cases: Sequence[Case]) -> Batch:
    """All cases in one firmware, run once. Raises UserError."""
    target = load_target(TARGET)
    plan = _plan(cases)
    ident = ModelId("layers", "layers", hashlib.sha256(repr([c.shape.name for c in cases]).encode()).hexdigest())
    model = FwModel(
        name=ident.name,
        c_name=ident.c_name,
        sha256=ident.sha256,
        inputs=tuple(_fw_tensor(plan.graph.tensor(n)) for n in plan.graph.inputs),
        outputs=tuple(_fw_tensor(plan.graph.tensor(n)) for n in plan.graph.outputs),
        n_layers=len(plan.layers),
        arena_macro=f"{ident.c_name.upper()}_ARENA_BYTES",
    )
    port = virtual_port(target)
    with tempfile.TemporaryDirectory(prefix="mcuforge-costs-") as folder:
        firmware = build(generate(plan, ident, target), plan, model, target, Path(folder) / "build")
        assert firmware.image is not None
        assert firmware.origin is not None
        flashers.flash(flashers.FlashImage(firmware.image, firmware.origin, firmware.elf), target, port)
    with linked(with_query(port.url, "count=1"), target, ident.sha256, ident.name) as (link, opened):
        if opened.board.no_cycles:
            raise ToolError(f"there are no modelled cycles: {opened.board.no_cycles}", "Install what is missing.")
        for index, name in enumerate(plan.graph.inputs):
            link.write(index, _random(plan.graph.tensor(name)).tobytes())
        for _ in range(SETTLED if plan.graph.states else 0):
            link.run()
        opened.board.clear()
        link.run()
        (region,) = opened.board.regions()
    # segment 0 is the call itself, before the first layer's marker
    cycles = tuple(known(n) for _, n in region.segments[1:])
    assert len(cycles) == len(firmware.layer_flash) == len(cases)
    qemu = version_in(first_line_of([find_qemu(target), "--version"]))
    tools = Tools(compiler=version_in(firmware.compiler), qemu=qemu)
    return Batch(cycles, firmware.layer_flash, firmware.flash, tools)


def _plan(cases: Sequence[Case]) -> Plan:
    """One step for each case. Nothing is proved of this plan: only its cycles matter, not what it computes."""
    tensors: dict[str, Tensor] = {}
    steps: list[Step] = []
    places: dict[str, list[str]] = {}  # what shares memory
    for number, case in enumerate(cases):
        graph, node = case.shape.graph, case.shape.node
        tensors |= graph.tensors
        for place, name in _placed(case):
            places.setdefault(place, []).append(name)
        node = dataclasses.replace(node, name=f"{node.op}_{number}")
        steps.append(Step(node, case.variant, case.variant.lower(graph, node), 0))
    offsets: dict[str, int] = {}
    inputs: list[str] = []
    end = 0
    for place, names in places.items():
        size = max(tensors[n].nbytes for n in names)
        offsets |= dict.fromkeys(names, end)
        dtype = place.split(" ")[0]
        if dtype in DTYPES:
            tensors[place] = Tensor(place, (size // np.dtype(dtype).itemsize,), dtype)
            offsets[place] = end
            inputs.append(place)
        end = -(-(end + size) // _ALIGNMENT) * _ALIGNMENT
    scratch = {s.node.name: end for s in steps if s.scratch_bytes}
    arena = end + max(s.scratch_bytes for s in steps)
    graph = Graph("layers", tensors, tuple(s.node for s in steps), tuple(inputs), steps[-1].node.outputs)
    return Plan(graph, tuple(steps), MemoryPlan(offsets, scratch, arena, arena))


def _placed(case: Case) -> Iterator[tuple[str, str]]:
    """(place, name) of each tensor in RAM. A place of inputs is called by their type first; states lie alone."""
    graph, node = case.shape.graph, case.shape.node
    number = 0
    for name in dict.fromkeys(filter(None, node.inputs)):
        tensor = graph.tensor(name)
        if tensor.initial is not None:
            yield f"state {name}", name
        elif tensor.data is None:
            yield f"{tensor.dtype} {number}{' positive' if case.shape.positive else ''}", name
            number += 1
    for number, name in enumerate(node.outputs):
        yield f"output {number}", name


def _random(tensor: Tensor) -> Array:
    """Over the whole range of a type, but for real numbers, and for positions and energies that are never so large."""
    rng = np.random.default_rng(SEED + int(tensor.name.split(" ")[1]))
    if tensor.dtype == "float32":
        low = 2.0**-6 if tensor.name.endswith("positive") else -8.0
        return rng.uniform(low, 8.0, tensor.shape).astype(np.float32)
    if tensor.dtype == "bool":
        return rng.integers(0, 2, tensor.shape).astype(np.bool_)
    if tensor.dtype in ("uint32", "uint64"):
        bits = rng.uniform(8.0, 0.7 * np.iinfo(tensor.dtype).bits, tensor.shape)
        return (2.0**bits).astype(tensor.dtype)
    if tensor.dtype == "int32":
        return rng.integers(1, SMALLEST_TABLE, tensor.shape).astype(np.int32)
    limits = np.iinfo(tensor.dtype)
    if tensor.name.endswith("positive"):
        return rng.integers(1, limits.max + 1, tensor.shape).astype(tensor.dtype)
    return rng.integers(limits.min, limits.max + 1, tensor.shape).astype(tensor.dtype)


def _fw_tensor(tensor: Tensor) -> FwTensor:
    return FwTensor(tensor.name, tensor.dtype, tensor.shape, tensor.nbytes)
