"""What it would take to execute some steps as a stage: kernels by rows, and the bytes that are alive meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.lifetimes import Lifetimes, live_bytes, saved_bytes, shared_bytes
from toolchain.ops import registry
from toolchain.ops.base import Const, Fields, Overlap, Value
from toolchain.options import ROW_CALL_FLASH, Option, option_of, options_of, variants_for
from toolchain.plan import Stage
from toolchain.stages import (
    Schedule,
    Size,
    field_value,
    overlaps_of,
    part_of,
    row_bytes,
    rows_of,
    schedule_of,
    sizes_of,
    strip_bytes,
)
from toolchain.target import Target

MOST_STEPS = 8  # of a stage; nn_rows.h holds so many
ROWS_PER_TURN = (1, 2, 4, 8, 16, 32)
TURN_CYCLES, CALL_CYCLES, MOVE_CYCLES = 90, 110, 0.55  # of a step in a turn, of a call, for a byte moved


@dataclass(frozen=True, eq=False)
class Block:
    """One step or a stage: ``options`` of each of its nodes, and the bytes alive while the kernel of each one runs."""

    nodes: tuple[int, ...]
    options: tuple[tuple[Option, ...], ...]
    ram: tuple[tuple[int, ...], ...]
    stage: Stage | None = None

    @property
    def smallest_ram(self) -> int:
        return max((min(of_node) for of_node in self.ram), default=0)


def single_blocks(graph: Graph, target: Target) -> list[Block | None]:
    """Every node by itself; None for a view, which runs no code."""
    live, lives = live_bytes(graph), Lifetimes(graph)
    blocks: list[Block | None] = []
    for i, node in enumerate(graph.nodes):
        if registry()[node.op].view:
            blocks.append(None)
            continue
        options = tuple(options_of(graph, node, target))
        ram = tuple(live[i] - saved_bytes(lives, i, o.in_place, o.overlap) + o.scratch for o in options)
        blocks.append(Block((i,), (options,), (ram,)))
    return blocks


def stage_blocks(graph: Graph, target: Target) -> Iterator[Block]:
    """Every stage that is possible and has a kernel for each of its nodes."""
    rows = RowOptions(graph, target)
    for first in range(len(graph.nodes)):
        for last in range(first, min(first + MOST_STEPS, len(graph.nodes))):
            if rows_of(graph, graph.nodes[last]) is None:
                break
            if is_closed(graph, first, last):
                height = graph.tensor(graph.nodes[last].outputs[0]).shape[1]
                for turn in ROWS_PER_TURN:
                    block = rows.block(Stage(first, last, turn)) if 2 * turn <= height else None
                    if block is not None:
                        yield block


def is_closed(graph: Graph, first: int, last: int) -> bool:
    """Nobody else reads what is made inside, and everything inside is needed for the output."""
    nodes = graph.nodes[first : last + 1]
    inside = {node.outputs[0] for node in nodes[:-1]}
    if inside & set(graph.outputs) or any(len(node.outputs) != 1 for node in nodes):
        return False
    read = {name for node in nodes for name in node.inputs}
    return inside <= read and not any(
        inside & set(n.inputs) for i, n in enumerate(graph.nodes) if not first <= i <= last
    )


class RowOptions:
    """Remembers what the same rows of the same node cost, which many stages have in common."""

    def __init__(self, graph: Graph, target: Target) -> None:
        self.graph, self.target = graph, target
        self.lives = Lifetimes(graph)
        spans: dict[str, tuple[int, int]] = {}
        for name, first in self.lives.first.items():
            root, last = self.lives.root.get(name, name), self.lives.last[name]
            a, b = spans.get(root, (first, last))
            spans[root] = min(a, first), max(b, last)
        self.firsts, self.lasts = np.array(list(spans.values())).reshape(-1, 2).T
        self.sizes = np.array([graph.tensor(root).nbytes for root in spans])
        self.options: dict[tuple[int, int, int], tuple[Option, ...]] = {}
        self.parts: dict[tuple[str, str, Size], _Part | None] = {}

    def block(self, stage: Stage) -> Block | None:
        graph = self.graph
        nodes = graph.nodes[stage.first : stage.last + 1]
        plan = schedule_of(graph, nodes, stage.rows)
        options = [self._options(stage, k, plan) for k in range(len(nodes))]
        if not all(options):
            return None
        alive = self._outside(stage, nodes) + sum(strip_bytes(graph, nodes, plan).values())
        saved = [self._saved(stage, overlaps_of(graph, nodes, plan, o.variant)) for o in options[-1]]
        ram = [tuple(alive - max(saved) + o.scratch for o in of_node) for of_node in options[:-1]]
        ram.append(tuple(alive - s + o.scratch for o, s in zip(options[-1], saved, strict=True)))
        return Block(tuple(range(stage.first, stage.last + 1)), tuple(options), tuple(ram), stage)

    def _options(self, stage: Stage, k: int, plan: Schedule) -> tuple[Option, ...]:
        """The kernels for step k, the same in every stage that ends like this one: nothing asks for rows before it."""
        key = stage.first + k, stage.last, stage.rows
        if key not in self.options:
            node = self.graph.nodes[key[0]]
            options = (self.option(node, v.name, plan, k) for v in variants_for(node, self.target))
            self.options[key] = tuple(o for o in options if o is not None)
        return self.options[key]

    def _outside(self, stage: Stage, nodes: Sequence[Node]) -> int:
        """Bytes of all tensors that are alive while the stage is executed, without those inside."""
        alive = self.sizes[(self.firsts <= stage.last) & (self.lasts >= stage.first)].sum()
        return int(alive) - sum(self.graph.tensor(node.outputs[0]).nbytes for node in nodes[:-1])

    def _saved(self, stage: Stage, overlaps: Mapping[str, Overlap]) -> int:
        lives, tensor = self.lives, self.graph.tensor
        out = tensor(self.graph.nodes[stage.last].outputs[0]).nbytes
        dying = [(n, o) for n, o in overlaps.items() if lives.dies(n, stage.last)]
        return max((shared_bytes(out, tensor(n).nbytes, o.lead) for n, o in dying), default=0)

    def option(self, node: Node, variant: str, plan: Schedule, k: int) -> Option | None:
        """The kernel for all calls of step k; None when it cannot make all of them."""
        sizes = sizes_of(plan, k)
        parts = {size: self._part(node, variant, size) for size in sizes}
        first = parts[max(sizes, key=lambda size: (size[1], size[0], size[2]))]
        if first is None:
            return None
        cycles = moved = 0.0
        for size, part in parts.items():
            if part is None or not part.same_but_for_rows(first):
                return None
            cycles += sizes[size] * (part.option.cycles + CALL_CYCLES)
        largest = first.option
        if k < len(plan.strips) - 1:
            moved = plan.moved[k] * row_bytes(self.graph.tensor(node.outputs[0])) * MOVE_CYCLES
        scratch = max(part.option.scratch for part in parts.values() if part)
        call = dataclasses.replace(largest.calls[0], scratch_bytes=scratch)
        return dataclasses.replace(
            largest,
            calls=(call,),
            cycles=cycles + moved + TURN_CYCLES * len(plan.turns),
            flash=largest.flash + ROW_CALL_FLASH,
        )

    def _part(self, node: Node, variant: str, size: Size) -> _Part | None:
        """The kernel for one call of this size."""
        key = (node.name, variant, size)
        if key not in self.parts:
            self.parts[key] = self._part_now(node, variant, size)
        return self.parts[key]

    def _part_now(self, node: Node, name: str, size: Size) -> _Part | None:
        variant = next(v for v in variants_for(node, self.target) if v.name == name)
        part = part_of(self.graph, node, size)
        fields = variant.rows(*part) if variant.supports(*part) else None
        if not fields:
            return None
        option = option_of(*part, variant)
        if len(option.calls) != 1:
            return None
        values = _flat(option)
        wrong = [f.name for f in fields if values.pop(f.name, None) != field_value(f, size)]
        assert not wrong, f"{node.op} {name}: row fields {wrong} are not what lowering gives"
        return _Part(dataclasses.replace(option, row_fields=fields), values)


@dataclass(frozen=True, eq=False)
class _Part:
    """A kernel for one call; ``fixed`` are the parameters that do not follow from the call's rows."""

    option: Option
    fixed: dict[str, Value]

    def same_but_for_rows(self, other: _Part) -> bool:
        if self is other:
            return True
        symbols = self.option.calls[0].symbol, other.option.calls[0].symbol
        return (
            symbols[0] == symbols[1]
            and self.fixed.keys() == other.fixed.keys()
            and all(_equal(value, other.fixed[name]) for name, value in self.fixed.items())
        )


def _flat(option: Option) -> dict[str, Value]:
    """The parameters of the option's only call; members of a struct by their path."""
    values: dict[str, Value] = {}
    for name, value in option.calls[0].params:
        if isinstance(value, Fields):
            values |= {f"{name}.{member}": v for member, v in value.values}
        else:
            values[name] = value
    return values


def _equal(a: Value, b: Value) -> bool:
    if isinstance(a, Const) and isinstance(b, Const):
        return a.data is b.data or np.array_equal(a.data, b.data)
    return bool(a == b)
