"""Graphs as firmware: merged to one, planned, built, and run on this computer and on the emulated board."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from support.case import Array
from toolchain import flashers, placement
from toolchain.build import Firmware, build
from toolchain.codegen import ModelId, SourceTree, generate
from toolchain.firmware_files import FwModel, FwTensor, Selftest
from toolchain.graph import Graph, Node, Tensor
from toolchain.link import selftest_crc
from toolchain.measuring import evaluate, linked
from toolchain.memory import plan_memory
from toolchain.ops import registry
from toolchain.plan import MemoryPlan, Plan, Stage, Step
from toolchain.planner import make_plan, with_planned_bodies
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.replay import check_plan
from toolchain.select import usable_variants
from toolchain.stage_options import RowOptions
from toolchain.stages import rows_of, schedule_of
from toolchain.target import Target, load_target

RED_ZONE = 64


def strict_target(name: str) -> Target:
    """The target with warnings as errors."""
    target = load_target(name)
    compiler = target.compiler.model_copy(update={"cflags": (*target.compiler.cflags, "-Werror")})
    return target.model_copy(update={"compiler": compiler})


def twin_target() -> Target:
    """This computer, claiming the features of a Cortex-M4F and of a Cortex-M55: steps for it need ``with_twins``."""
    features = (*load_target("stm32").features, *load_target("mps3-an547").features)
    return strict_target("host").model_copy(update={"features": features})


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
    graph = with_planned_bodies(graph, target)
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


def steps_of_variant(graph: Graph, target: Target, name: str) -> tuple[Step, ...]:
    """Steps with the variant of this name, which every node that computes anything has on the target."""
    graph = with_planned_bodies(graph, target)
    steps = []
    for node in graph.nodes:
        op = registry()[node.op]
        if op.view:
            steps.append(Step(node, None, (), 0))
            continue
        (variant,) = (v for v in usable_variants(graph, node, target) if v.name == name)
        steps.append(Step(node, variant, variant.lower(graph, node), op.macs(graph, node)))
    return tuple(steps)


def checked_plan(graph: Graph, target: Target) -> Plan:
    """As the tool makes it."""
    plan = make_plan(graph, target)
    check_plan(plan)
    return plan


def planned(graph: Graph, steps: tuple[Step, ...], stages: Sequence[Stage] = ()) -> Plan:
    """As it is, in an arena that is not improved: for hundreds of tensors at once that takes seconds."""
    with mock.patch.object(placement, "MOST_PLACED", 0):
        memory = plan_memory(graph, steps, stages)
    plan = Plan(graph, steps, memory, tuple(stages))
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

    for name in (*graph.states, *graph.inputs):
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


def planned_over(graph: Graph, steps: Sequence[Step]) -> Plan:
    """A plan where every output lies over its first input as far as its kernel allows; one node behind the other."""
    offsets: dict[str, int] = {}
    scratch: dict[str, int] = {}
    end = 0
    for name in graph.states:
        offsets[name], end = end, -(-(end + graph.tensor(name).nbytes) // 16) * 16
    for step in steps:
        source, out = step.node.inputs[0], (*step.node.outputs, "")[0]
        variables = [n for n in dict.fromkeys(step.node.inputs) if n and not graph.is_constant(n)]
        start = end
        if not step.calls:
            offsets[out] = offsets[source]
            continue
        assert step.variant is not None
        overlap = step.variant.overlap(graph, step.node)
        if source in offsets or step.node.inputs.count(source) > 1 or graph.is_constant(source):
            overlap = None
        lead = 0 if overlap is None else -(-overlap.lead // 4) * 4
        if out:
            offsets[out], end = start, start + graph.tensor(out).nbytes
        for name in variables:
            if name not in offsets:
                offsets[name] = start + lead if overlap and name == source else -(-end // 4) * 4
                end = max(end, offsets[name] + graph.tensor(name).nbytes)
        scratch[step.node.name], end = -(-end // 16) * 16, -(-end // 16) * 16 + step.scratch_bytes
        end = -(-end // 16) * 16
    plan = Plan(graph, tuple(steps), MemoryPlan(offsets, scratch, end, 0))
    check_plan(plan)
    return plan


def by_rows(
    graph: Graph, steps: Sequence[Step], target: Target, turns: Sequence[int]
) -> tuple[tuple[Step, ...], list[Stage]]:
    """Every node whose kernel can work by rows as a stage of its own, with the next of ``turns`` rows in a turn."""
    options = RowOptions(graph, target)
    result, stages = [], []
    for i, step in enumerate(steps):
        rows = turns[i % len(turns)]
        if step.variant is not None and rows_of(graph, step.node):
            plan = schedule_of(graph, (step.node,), rows)
            option = options.option(step.node, step.variant.name, plan, 0)
            if option is not None:
                step = dataclasses.replace(step, calls=option.calls, row_fields=option.row_fields)
                stages.append(Stage(i, i, rows))
        result.append(step)
    return tuple(result), stages


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
    selftests: Sequence[Selftest] = (),
) -> Firmware:
    """The plan's firmware in ``folder``; with ``gaps`` those bytes of the arena are poisoned."""
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
        stateful=bool(plan.graph.lasting),
    )
    return build(tree, plan, model, target, folder, sanitize)


def _fw_tensor(graph: Graph, name: str) -> FwTensor:
    tensor = graph.tensor(name)
    scale, zero_point = (tensor.scale, tensor.zero_point) if tensor.quant else (0.0, 0)
    return FwTensor(graph.port(name), tensor.dtype, tensor.shape, tensor.nbytes, scale, zero_point)


def run_on_host(firmware: Firmware, graph: Graph, target: Target, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of the firmware as a process of this computer; samples first, as ``inputs``."""
    choice = PortChoice(f"host://{firmware.elf}", "a process of this computer", virtual=False)
    return evaluate(choice, target, identity(graph).sha256, graph.name, inputs, Progress())


def run_on_board(firmware: Firmware, graph: Graph, target: Target, inputs: Sequence[Array]) -> list[Array]:
    """Outputs of the firmware on the target's virtual board, flashed through its boot loader where it has one."""
    port = flash(firmware, target)
    return evaluate(port, target, identity(graph).sha256, graph.name, inputs, Progress())


def flash(firmware: Firmware, target: Target) -> PortChoice:
    """The port of the target's virtual board, which carries the firmware then."""
    assert firmware.image is not None
    assert firmware.origin is not None
    assert target.emulator is not None
    port = PortChoice(f"virtual://{target.emulator.board}", "the virtual board", virtual=True, bootloader=True)
    flashers.flash(flashers.FlashImage(firmware.image, firmware.origin, firmware.elf), target, port)
    return port


def differing_on_board(
    plan: Plan, target: Target, folder: Path, inputs: Sequence[Array], expected: Sequence[Array]
) -> list[int]:
    """The numbers of the samples for which the plan's firmware, on the target's virtual board, gives other outputs.

    Samples first, as many of each. The board carries all inputs in its flash, as self tests: a serial line would take
    many times as long for them.
    """
    tests = [
        Selftest(1, selftest_crc(out[k].tobytes() for out in expected), b"".join(x[k].tobytes() for x in inputs))
        for k in range(len(inputs[0]))
    ]
    flash(build_firmware(plan, target, folder, selftests=tests), target)
    return failed_selftests(plan.graph, target)


def failed_selftests(graph: Graph, target: Target) -> list[int]:
    """Which self tests of the firmware on the virtual board give other outputs than they should."""
    ident = identity(graph)
    assert target.emulator is not None
    with linked(f"virtual://{target.emulator.board}", target, ident.sha256, ident.name) as (link, _):
        return [i for i in range(link.info().n_selftests) if not link.selftest(i)]
