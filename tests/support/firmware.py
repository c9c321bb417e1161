"""Graphs as firmware: merged to one, planned, built, and run on this computer and on the emulated board."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from support.case import Array
from toolchain import flashers
from toolchain.build import Firmware, build
from toolchain.codegen import ModelId, SourceTree, generate
from toolchain.firmware_files import FwModel, FwTensor
from toolchain.graph import Graph, Node, Tensor
from toolchain.measuring import evaluate, linked
from toolchain.memory import plan_memory
from toolchain.ops import registry
from toolchain.plan import MemoryPlan, Plan, Step
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.select import usable_variants
from toolchain.target import Target, load_target
from toolchain.verify import check_plan

RED_ZONE = 64


def strict_target(name: str) -> Target:
    """The target with warnings as errors."""
    target = load_target(name)
    compiler = target.compiler.model_copy(update={"cflags": (*target.compiler.cflags, "-Werror")})
    return target.model_copy(update={"compiler": compiler})


def twin_target() -> Target:
    """This computer, claiming the features of a Cortex-M4F: steps for it need ``with_twins``."""
    return strict_target("host").model_copy(update={"features": load_target("stm32").features})


def with_twins(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with the portable twins of kernels that this computer cannot run."""
    return tuple(
        dataclasses.replace(s, variant=dataclasses.replace(s.variant, sources=s.variant.twins))
        if s.variant is not None and s.variant.twins
        else s
        for s in steps
    )


def merge(graphs: Mapping[str, Graph], name: str) -> Graph:
    """All graphs side by side in one; every name gets its graph's key in front."""
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    inputs: list[str] = []
    outputs: list[str] = []
    for key, graph in graphs.items():
        new = {old: f"{key}/{old}" for old in graph.tensors} | {"": ""}
        tensors |= {new[n]: dataclasses.replace(t, name=new[n]) for n, t in graph.tensors.items()}
        nodes += [_renamed(node, new, key) for node in graph.nodes]
        inputs += [new[n] for n in graph.inputs]
        outputs += [new[n] for n in graph.outputs]
    return Graph(name, tensors, tuple(nodes), tuple(inputs), tuple(outputs))


def _renamed(node: Node, new: Mapping[str, str], key: str) -> Node:
    return dataclasses.replace(
        node,
        name=f"{key}_{node.name}",
        inputs=tuple(new[n] for n in node.inputs),
        outputs=tuple(new[n] for n in node.outputs),
    )


def steps_of_rank(graph: Graph, target: Target, rank: int) -> tuple[Step, ...]:
    """Steps with the variant that is ``rank`` places behind the cheapest, or the last one, of every node."""
    steps = []
    for node in graph.nodes:
        op = registry()[node.op]
        if op.view:
            steps.append(Step(node, None, (), 0))
            continue
        usable = usable_variants(graph, node, target)
        variant = usable[min(rank, len(usable) - 1)]
        steps.append(Step(node, variant, variant.lower(graph, node), op.macs(graph, node)))
    return tuple(steps)


def planned(graph: Graph, steps: tuple[Step, ...]) -> Plan:
    plan = Plan(graph, steps, plan_memory(graph, steps))
    check_plan(plan)
    return plan


def planned_apart(graph: Graph, steps: tuple[Step, ...]) -> tuple[Plan, list[tuple[int, int]]]:
    """A plan where no two buffers share or touch, and the gaps between them: what a kernel must never access."""
    offsets: dict[str, int] = {}
    scratch: dict[str, int] = {}
    gaps: list[tuple[int, int]] = []
    end = 0

    def place(size: int) -> int:
        nonlocal end
        start = -(-(end + RED_ZONE) // 16) * 16
        gaps.append((end, start))
        end = start + size
        return start

    for name in graph.inputs:
        offsets[name] = place(graph.tensor(name).nbytes)
    for step in steps:
        for name in step.node.outputs:
            view = not step.calls
            offsets[name] = offsets[step.node.inputs[0]] if view else place(graph.tensor(name).nbytes)
        if step.scratch_bytes:
            scratch[step.node.name] = place(step.scratch_bytes)
    gaps.append((end, end + RED_ZONE))
    plan = Plan(graph, steps, MemoryPlan(offsets, scratch, end + RED_ZONE, 0))
    check_plan(plan)
    return plan, gaps


def poisoned(tree: SourceTree, plan: Plan, gaps: Sequence[tuple[int, int]]) -> SourceTree:
    """The sources with one more file, which tells AddressSanitizer that the gaps must not be accessed."""
    name = tree.c_name
    first = plan.memory.offsets[plan.graph.inputs[0]]
    pairs = ", ".join(f"{{{start}, {end}}}" for start, end in gaps)
    text = f"""
#include <sanitizer/asan_interface.h>
#include "{name}.h"
__attribute__((constructor)) static void poison(void)
{{
    static const uint32_t gaps[][2] = {{{pairs}}};
    char *arena = (char *){name}_input(0) - {first};
    for (uint32_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {{
        __asan_poison_memory_region(arena + gaps[i][0], gaps[i][1] - gaps[i][0]);
    }}
}}
"""
    return dataclasses.replace(tree, files={**tree.files, "poison.c": text})


def identity(graph: Graph) -> ModelId:
    return ModelId(graph.name, f"{graph.name}.tflite", hashlib.sha256(graph.name.encode()).hexdigest())


def build_firmware(
    plan: Plan,
    target: Target,
    folder: Path,
    *,
    sanitize: bool = False,
    gaps: Sequence[tuple[int, int]] = (),
    selftests: Sequence[tuple[int, int]] = (),
) -> Firmware:
    """The plan's firmware in ``folder``; with ``gaps`` those bytes of the arena are poisoned.

    ``selftests`` are seeds of inputs with the CRC-32 of the outputs that they must give.
    """
    ident = identity(plan.graph)
    tree = generate(plan, ident, target)
    if gaps:
        tree = poisoned(tree, plan, gaps)
    model = FwModel(
        name=ident.name,
        c_name=ident.c_name,
        sha256=ident.sha256,
        inputs=tuple(_fw_tensor(plan.graph, n) for n in plan.graph.inputs),
        outputs=tuple(_fw_tensor(plan.graph, n) for n in plan.graph.outputs),
        n_layers=len(plan.layers),
        arena_macro=f"{ident.c_name.upper()}_ARENA_BYTES",
        selftests=tuple(selftests),
    )
    return build(tree, plan, model, target, folder, sanitize)


def _fw_tensor(graph: Graph, name: str) -> FwTensor:
    tensor = graph.tensor(name)
    scale, zero_point = (tensor.scale, tensor.zero_point) if tensor.quant else (0.0, 0)
    return FwTensor(tensor.name, tensor.dtype, tensor.shape, tensor.nbytes, scale, zero_point)


def run_on_host(firmware: Firmware, graph: Graph, target: Target, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of the firmware as a process of this computer; samples first, as ``inputs``."""
    choice = PortChoice(f"host://{firmware.elf}", "a process of this computer", virtual=False)
    return evaluate(choice, target, identity(graph).sha256, graph.name, inputs, Progress())


def run_on_board(firmware: Firmware, graph: Graph, target: Target, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of the firmware on the target's virtual board, flashed through its boot loader where it has one."""
    assert firmware.image is not None
    assert firmware.origin is not None
    assert target.emulator is not None
    port = PortChoice(f"virtual://{target.emulator.board}", "the virtual board", virtual=True, bootloader=True)
    flashers.flash(flashers.FlashImage(firmware.image, firmware.origin, firmware.elf), target, port)
    return evaluate(port, target, identity(graph).sha256, graph.name, inputs, Progress())


def failed_selftests(graph: Graph, target: Target) -> list[int]:
    """Which self tests of the firmware on the virtual board give other outputs than they should."""
    ident = identity(graph)
    assert target.emulator is not None
    with linked(f"virtual://{target.emulator.board}", target, ident.sha256, ident.name) as (link, _):
        return [i for i in range(link.info().n_selftests) if not link.selftest(i)]


def repeated(x: Array, samples: int) -> Array:
    """The samples of ``x`` over and over, until there are ``samples``."""
    return x[np.arange(samples) % len(x)]
