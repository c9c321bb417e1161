"""Checks a plan by replaying it over bytes that carry their owner's tag, independently of how it was made.

Every input must still own its bytes when a kernel reads it, scratch must not hit what is read or written, and an output
may take over bytes of an input only where its kernel allows it. Stages are replayed call by call and row by row. What
lasts between inferences must be whole when the last step has run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import KernelVariant
from toolchain.plan import Plan, Stage, Step
from toolchain.stages import Call, part_of, readers_of, row_bytes, rows_of, schedule_of
from toolchain.verify import VerificationError

FREE = -1


def check_plan(plan: Plan) -> None:
    """Raises VerificationError."""
    replay = _Replay(plan)
    given = [n for n in (*plan.graph.states, *plan.graph.inputs) if n not in plan.graph.outside]
    for name in given:
        replay.write(name)
    for name in given:
        replay.read("the caller", name)
    stages = {stage.first: stage for stage in plan.stages}
    staged = {i for stage in plan.stages for i in range(stage.first, stage.last + 1)}
    for i, step in enumerate(plan.steps):
        if i in stages:
            _StageReplay(replay, stages[i]).run()
        elif i not in staged:
            replay.step(step)
    for name in plan.graph.outputs:
        if name not in plan.graph.outside and not plan.graph.is_constant(name):
            replay.read("the caller", name)
    for name in plan.graph.states:
        if name not in plan.graph.outside:
            replay.read("the next inference", name)
    for body in (body.plan for step in plan.steps for call in step.calls for body in call.bodies):
        if body is not None:
            check_plan(body)


class _Replay:
    """``owner`` has the tag of each byte of the arena, ``tags`` those of the tensors written last."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.graph, self.memory = plan, plan.graph, plan.memory
        self.owner = np.full(plan.memory.arena_bytes, FREE, np.int64)
        self.tags: dict[str, int] = {}
        self.count = 0

    def new_tag(self) -> int:
        self.count += 1
        return self.count

    def write(self, name: str) -> None:
        start, size = self.memory.offsets[name], self.graph.tensor(name).nbytes
        if start % min(4, np.dtype(self.graph.tensor(name).dtype).itemsize):
            raise VerificationError(f"{name} is not aligned to its type")
        self.tags[name] = self.new_tag()
        self.own(name, start, size, self.tags[name])

    def own(self, name: str, start: int, size: int, tag: int) -> None:
        if start < 0 or start + size > self.memory.arena_bytes:
            raise VerificationError(f"{name} lies outside the arena")
        self.owner[start : start + size] = tag

    def read(self, reader: str, name: str) -> None:
        self.read_bytes(reader, name, self.memory.offsets[name], self.graph.tensor(name).nbytes, self.tags[name])

    def read_bytes(self, reader: str, name: str, start: int, size: int, tag: int) -> None:
        if not np.all(self.owner[start : start + size] == tag):
            raise VerificationError(f"{reader} reads {name}, which was overwritten")

    def step(self, step: Step) -> None:
        node = step.node
        if not step.calls:
            self._view(node)
            return
        variables = _variables(self.graph, node)
        for name in variables:
            self.read(node.name, name)
        for out in node.outputs:
            for name in variables:
                _check_overlap(self.graph, node, step.variant, out, self.span(out), name, self.span(name))
        self.scratch(step, [self.span(out) for out in node.outputs])
        for name in variables:
            self.read(node.name, name)
        for name in node.outputs:
            self.write(name)

    def span(self, name: str) -> tuple[int, int]:
        start = self.memory.offsets[name]
        return start, start + self.graph.tensor(name).nbytes

    def scratch(self, step: Step, outputs: Sequence[tuple[int, int]]) -> None:
        if not step.scratch_bytes:
            return
        name = step.node.name
        start, end = self.memory.scratch[name], self.memory.scratch[name] + step.scratch_bytes
        plans = [body.plan for call in step.calls for body in call.bodies if body.plan]
        if any(plan.memory.arena_bytes > step.scratch_bytes for plan in plans):
            raise VerificationError(f"the scratch of {name} is smaller than the arena of its body")
        if start < 0 or end > self.memory.arena_bytes:
            raise VerificationError(f"the scratch of {name} lies outside the arena")
        if any(start < out_end and out_start < end for out_start, out_end in outputs):
            raise VerificationError(f"{name} writes its output over its scratch")
        self.owner[start:end] = FREE

    def _view(self, node: Node) -> None:
        source, out = node.inputs[0], node.outputs[0]
        if self.memory.offsets[source] != self.memory.offsets[out]:
            raise VerificationError(f"{node.name} is a view, but its output lies elsewhere than its input")
        self.read(node.name, source)
        self.tags[out] = self.tags[source]  # the same bytes under two names


class _StageReplay:
    """The calls of a stage. Rows of strips have tags of their own, and move."""

    def __init__(self, replay: _Replay, stage: Stage) -> None:
        self.replay, self.stage = replay, stage
        self.graph = replay.graph
        self.steps = replay.plan.steps[stage.first : stage.last + 1]
        self.nodes = tuple(step.node for step in self.steps)
        self.makers = {node.outputs[0]: k for k, node in enumerate(self.nodes[:-1])}
        self.readers = readers_of(self.nodes)
        self.rows: dict[str, dict[int, int]] = {name: {} for name in self.makers}  # tags of rows in strips
        self.base = [0] * len(self.nodes)
        self.done = [0] * len(self.nodes)
        self.out_tag = replay.new_tag()

    def run(self) -> None:
        for turn in schedule_of(self.graph, self.nodes, self.stage.rows).turns:
            for call in turn:
                self._drop(call.step)
                self._call(call)
        out = self.nodes[-1].outputs[0]
        if self.done[-1] != self.graph.tensor(out).shape[1]:
            raise VerificationError(f"the stage of {self.nodes[-1].name} does not make all rows of {out}")
        self.replay.tags[out] = self.out_tag

    def _drop(self, k: int) -> None:
        """Rows of the strip that nobody needs go, the others move to its front."""
        needed = [self.done[k]]
        for reader in self.readers[k]:
            rows = rows_of(self.graph, self.nodes[reader])
            assert rows is not None
            needed.append(rows.first(self.done[reader]))
        if k == len(self.nodes) - 1 or min(needed) <= self.base[k]:
            return
        name = self.nodes[k].outputs[0]
        kept = {row: tag for row, tag in self.rows[name].items() if row >= min(needed)}
        for row, tag in sorted(kept.items()):
            start, size = self._row(k, row)
            self.replay.read_bytes("the move of a strip", name, start, size, tag)
        self.base[k] = min(needed)
        self.rows[name] = kept
        for row, tag in sorted(kept.items()):
            self.replay.own(name, *self._row(k, row), tag)

    def _row(self, k: int, row: int) -> tuple[int, int]:
        """(start, size) of a row of the output of step k."""
        name = self.nodes[k].outputs[0]
        size = row_bytes(self.graph.tensor(name))
        return self.replay.memory.offsets[name] + (row - self.base[k]) * size, size

    def _call(self, call: Call) -> None:
        step = self.steps[call.step]
        node, out = step.node, step.node.outputs[0]
        start, size = self._row(call.step, call.out_first)
        written = start, start + size * (call.out_end - call.out_first)
        self._read(node, call)
        graph, part = part_of(self.graph, node, call.size)
        for name in _variables(self.graph, node):
            _check_overlap(graph, part, step.variant, out, written, name, self._span(name, call))
        self.replay.scratch(step, [written])
        self._read(node, call)
        for row in range(call.out_first, call.out_end):
            tag = self.out_tag
            if call.step < len(self.nodes) - 1:
                tag = self.rows[out][row] = self.replay.new_tag()
            self.replay.own(out, *self._row(call.step, row), tag)
        self.done[call.step] = call.out_end

    def _span(self, name: str, call: Call) -> tuple[int, int]:
        """The bytes of the rows of an input that a call reads."""
        k = self.makers.get(name)
        size = row_bytes(self.graph.tensor(name))
        start = self.replay.memory.offsets[name] + (call.in_first - (0 if k is None else self.base[k])) * size
        return start, start + (call.in_end - call.in_first) * size

    def _read(self, node: Node, call: Call) -> None:
        for name in _variables(self.graph, node):
            start, end = self._span(name, call)
            if name not in self.makers:
                self.replay.read_bytes(node.name, name, start, end - start, self.replay.tags[name])
                continue
            for row in range(call.in_first, call.in_end):
                if row not in self.rows[name]:
                    raise VerificationError(f"{node.name} reads row {row} of {name}, which its strip does not have")
                self.replay.read_bytes(node.name, name, *self._row(self.makers[name], row), self.rows[name][row])


def _variables(graph: Graph, node: Node) -> list[str]:
    return [n for n in dict.fromkeys(node.inputs) if n and n not in graph.outside and not graph.is_constant(n)]


def _check_overlap(
    graph: Graph,
    node: Node,
    variant: KernelVariant | None,
    out: str,
    written: tuple[int, int],
    source: str,
    read: tuple[int, int],
) -> None:
    """An output overlaps an input only as its kernel allows; ``graph`` and ``node`` are what the kernel sees."""
    if written[0] >= read[1] or read[0] >= written[1]:
        return
    assert variant is not None
    if any(node.inputs[k] == source for k in variant.in_place(graph, node)) and written == read:
        return
    overlap = variant.overlap(graph, node) if source == node.inputs[0] and node.inputs.count(source) == 1 else None
    distance = read[0] - written[0]
    if overlap is None or (distance != overlap.lead if overlap.exact else distance < overlap.lead):
        raise VerificationError(f"{node.name} writes {out} over its input {source}")
