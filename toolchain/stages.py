"""Stages: steps executed together a few rows at a time, so that the tensors between them need only strips.

A turn makes some more rows of the last step's output. Each step before makes just the rows that its readers then need
and has not made yet. Of a tensor inside the stage the strip holds the rows that somebody still needs; when more are
made, these move to its front.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant, Overlap, RowField, Rows
from toolchain.plan import Stage

MOST_ROWS = 32767  # nn_rows.h counts them in 16 bits
Size = tuple[int, int, int]  # rows of the input, rows of the output, rows of padding above


@dataclass(frozen=True)
class Call:
    """Step ``step`` of the stage makes rows ``out_first`` to ``out_end`` (not included) from these of its input."""

    step: int
    out_first: int
    out_end: int
    in_first: int
    in_end: int
    pad_top: int

    @property
    def size(self) -> Size:
        """All that the kernel sees of it."""
        return self.in_end - self.in_first, self.out_end - self.out_first, self.pad_top


@dataclass(frozen=True, eq=False)
class Schedule:
    """``turns`` in order; ``strips`` has the most rows of each step's output that exist at once."""

    turns: tuple[tuple[Call, ...], ...]
    strips: tuple[int, ...]
    moved: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StageMemory:
    """``strips``: bytes of the tensors inside. ``overlaps``: how the output may lie over inputs of the stage."""

    strips: Mapping[str, int]
    overlaps: Mapping[str, Overlap]


def rows_of(graph: Graph, node: Node) -> Rows | None:
    """The rows that the node's output rows need; None when it does not work by rows."""
    op = registry().get(node.op)
    rows = op.rows(graph, node) if op else None
    return rows if rows and max(dataclasses.astuple(rows)) <= MOST_ROWS else None


def readers_of(nodes: Sequence[Node]) -> tuple[tuple[int, ...], ...]:
    """For each node's output the positions of those that read it."""
    return tuple(tuple(r for r, reader in enumerate(nodes) if node.outputs[0] in reader.inputs) for node in nodes)


def schedule(rows: Sequence[Rows], readers: Sequence[Sequence[int]], turn: int) -> Schedule:
    """The calls of all turns. ``turn`` rows of the last output are made in each; the last turn may make fewer."""
    n = len(rows)
    done, base = [0] * n, [0] * n
    strips, moved = [0] * n, [0] * n
    turns = []
    while done[-1] < rows[-1].out_h:
        until = [0] * n
        until[-1] = min(done[-1] + turn, rows[-1].out_h)
        for k in reversed(range(n - 1)):
            until[k] = max(done[k], *(rows[r].end(until[r]) for r in readers[k]))
        calls = []
        for k in range(n):
            if until[k] == done[k]:
                continue
            first = min((rows[r].first(done[r]) for r in readers[k]), default=0)
            first = min(first, done[k])
            if k < n - 1 and first > base[k]:
                moved[k] += max(done[k] - first, 0)
                base[k] = first
            strips[k] = max(strips[k], until[k] - base[k])
            calls.append(_call(k, rows[k], done[k], until[k]))
        done = until
        turns.append(tuple(calls))
    return Schedule(tuple(turns), tuple(strips), tuple(moved))


def _call(step: int, rows: Rows, first: int, end: int) -> Call:
    return Call(step, first, end, rows.first(first), rows.end(end), max(0, rows.pad_top - first * rows.stride))


def schedule_of(graph: Graph, nodes: Sequence[Node], turn: int) -> Schedule:
    """The schedule of nodes that all work by rows."""
    rows = [rows_of(graph, node) for node in nodes]
    assert all(rows)
    return schedule([r for r in rows if r], readers_of(nodes), turn)


def part_of(graph: Graph, node: Node, size: Size) -> tuple[Graph, Node]:
    """The node alone, for a call of this size, as if its input and output had no other rows."""
    in_rows, out_rows, pad_top = size
    tensors: dict[str, Tensor] = {}
    for name in (*node.inputs, *node.outputs):
        if name:
            tensor = graph.tensor(name)
            height = out_rows if name in node.outputs else in_rows
            variable = tensor.data is None
            tensors[name] = dataclasses.replace(tensor, shape=_with_height(tensor, height)) if variable else tensor
    window = getattr(node.attrs, "window", None)
    if window is not None:
        extent = (window.size[0] - 1) * window.dilation[0] + 1
        below = max(0, (out_rows - 1) * window.stride[0] + extent - pad_top - in_rows)
        window = dataclasses.replace(window, pad_top=pad_top, pad_bottom=below)
        node = dataclasses.replace(node, attrs=dataclasses.replace(node.attrs, window=window))
    variables = tuple(n for n in node.inputs if n and tensors[n].data is None)
    return Graph(graph.name, tensors, (node,), variables, node.outputs), node


def _with_height(tensor: Tensor, height: int) -> tuple[int, ...]:
    return (tensor.shape[0], height, *tensor.shape[2:])


def row_bytes(tensor: Tensor) -> int:
    return tensor.nbytes // tensor.shape[1]


def sizes_of(schedule: Schedule, step: int) -> dict[Size, int]:
    """How often the step is called for which size."""
    return dict(Counter(call.size for call in calls_of(schedule, step)))


def calls_of(schedule: Schedule, step: int) -> Iterator[Call]:
    return (call for turn in schedule.turns for call in turn if call.step == step)


def field_value(field: RowField, size: Size) -> int:
    in_rows, out_rows, pad_top = size
    return field.in_h * in_rows + field.out_h * out_rows + field.pad_top * pad_top + field.constant


def stage_memory(graph: Graph, stage: Stage, last: KernelVariant | None) -> StageMemory:
    """What the stage needs in the arena beside its inputs, output and scratch. ``last`` makes the stage's output."""
    nodes = graph.nodes[stage.first : stage.last + 1]
    plan = schedule_of(graph, nodes, stage.rows)
    return StageMemory(strip_bytes(graph, nodes, plan), overlaps_of(graph, nodes, plan, last) if last else {})


def strip_bytes(graph: Graph, nodes: Sequence[Node], plan: Schedule) -> dict[str, int]:
    """Of the tensors inside a stage of these nodes."""
    inside = (node.outputs[0] for node in nodes[:-1])
    return {n: rows * row_bytes(graph.tensor(n)) for n, rows in zip(inside, plan.strips, strict=False)}


def overlaps_of(graph: Graph, nodes: Sequence[Node], plan: Schedule, last: KernelVariant) -> dict[str, Overlap]:
    """How the output of a stage of these nodes, which ``last`` makes, may lie over each of the stage's inputs."""
    inside = {node.outputs[0] for node in nodes[:-1]}
    outside = {n for node in nodes for n in node.inputs if n and n not in inside and not graph.is_constant(n)}
    return {n: _overlap(graph, nodes, plan, n, last) for n in sorted(outside)}


def _overlap(graph: Graph, nodes: Sequence[Node], plan: Schedule, source: str, last: KernelVariant) -> Overlap:
    """Behind every row that is still to be read, and as the kernel allows where it reads the input itself."""
    lead = _lead_of_later_turns(graph, nodes, plan, source)
    if source not in nodes[-1].inputs:
        return Overlap(lead)
    out_row, in_row = row_bytes(graph.tensor(nodes[-1].outputs[0])), row_bytes(graph.tensor(source))
    within: dict[Size, Overlap | None] = {}
    exact: set[int] = set()  # where the kernel of each call wants its output
    apart = 0
    for call in calls_of(plan, len(nodes) - 1):
        if call.size not in within:
            within[call.size] = _within_call(graph, nodes[-1], last, call.size, source)
        overlap = within[call.size]
        distance = call.out_first * out_row - call.in_first * in_row
        apart = max(apart, call.out_end * out_row - call.in_first * in_row)
        if overlap is None:
            lead = max(lead, apart)
        elif overlap.exact:
            exact.add(distance + overlap.lead)
        else:
            lead = max(lead, distance + overlap.lead)
    if len(exact) == 1 and min(exact) >= lead:
        return Overlap(min(exact), exact=True)
    return Overlap(max(lead, apart) if exact else lead)


def _lead_of_later_turns(graph: Graph, nodes: Sequence[Node], plan: Schedule, source: str) -> int:
    """How far before the input the output must begin so that no turn writes over rows that later turns read."""
    out_row, in_row = row_bytes(graph.tensor(nodes[-1].outputs[0])), row_bytes(graph.tensor(source))
    readers = [(k, rows) for k, node in enumerate(nodes) if source in node.inputs and (rows := rows_of(graph, node))]
    ends = {call.step: call.out_end for turn in plan.turns for call in turn}
    done = [0] * len(nodes)
    lead = 0
    for turn in plan.turns:
        for call in turn:
            done[call.step] = call.out_end
        for reader, rows in readers:
            if done[reader] < ends[reader]:
                lead = max(lead, done[-1] * out_row - rows.first(done[reader]) * in_row)
    return lead


def _within_call(graph: Graph, node: Node, variant: KernelVariant, size: Size, source: str) -> Overlap | None:
    """How the rows that one call makes may lie over the rows that it reads."""
    part = part_of(graph, node, size)
    if any(node.inputs[k] == source for k in variant.in_place(*part)):
        return Overlap(0, exact=True)
    return variant.overlap(*part) if node.inputs[0] == source and node.inputs.count(source) == 1 else None
