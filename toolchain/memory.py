"""Plans the arena: every tensor and scratch buffer gets an offset so that what is alive at once does not overlap.

Tensors that may share memory (views, outputs computed in place) become one buffer. Buffers are placed one after the
other at the lowest offset that is free during their lifetime; the best of many orders wins, and the first that needs no
more than what is alive at once ends the search.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph
from toolchain.ops import registry
from toolchain.plan import ALIGNMENT, MemoryPlan, Step

RANDOM_ORDERS = 400


@dataclass(frozen=True)
class Buffer:
    """Bytes that hold ``tensors`` (or the scratch of a node) from step ``first`` to step ``last``, both included."""

    tensors: tuple[str, ...]
    size: int
    first: int
    last: int
    scratch_of: str = ""


def plan_memory(graph: Graph, steps: Sequence[Step]) -> MemoryPlan:
    """Offsets for all variables of the graph and all scratch; step numbers are positions in ``steps``."""
    buffers = [*_tensor_buffers(graph, steps), *_scratch_buffers(steps)]
    bound = _lower_bound(buffers, len(steps))
    best: dict[Buffer, int] = {}
    best_size: int | None = None
    for order in _orders(buffers):
        offsets = _place(order)
        size = max((offset + b.size for b, offset in offsets.items()), default=0)
        if best_size is None or size < best_size:
            best, best_size = offsets, size
        if best_size <= bound:
            break
    return MemoryPlan(
        offsets={t: offset for b, offset in best.items() for t in b.tensors},
        scratch={b.scratch_of: offset for b, offset in best.items() if b.scratch_of},
        arena_bytes=best_size or 0,
        lower_bound=bound,
    )


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """Orders in which to place the buffers: by rules, then large ones first by chance. The seed makes plans repeat."""
    for key in _ORDERS:
        yield sorted(buffers, key=key)
    rng = random.Random(0)
    for _ in range(RANDOM_ORDERS):
        chance = {b: b.size * rng.uniform(0.2, 1.0) for b in buffers}
        yield sorted(buffers, key=lambda b, chance=chance: -chance[b])  # type: ignore[misc]


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first, -b.size),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (-b.last, -b.size),
)


def _place(buffers: Sequence[Buffer]) -> dict[Buffer, int]:
    """First fit: each buffer at the lowest offset where none that lives at the same time lies."""
    placed: dict[Buffer, int] = {}
    for buffer in buffers:
        taken = sorted(
            (offset, offset + other.size)
            for other, offset in placed.items()
            if other.first <= buffer.last and buffer.first <= other.last
        )
        offset = 0
        for start, end in taken:
            if offset + buffer.size <= start:
                break
            offset = max(offset, _aligned(end))
        placed[buffer] = offset
    return placed


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def live_bytes(graph: Graph) -> list[int]:
    """How many bytes of tensors are alive in each step when nothing works in place."""
    buffers = _buffers(graph, Lifetimes(graph), {})
    return [sum(b.size for b in buffers if b.first <= i <= b.last) for i in range(len(graph.nodes))]


def saved_in_place(graph: Graph, lives: Lifetimes, step: int, in_place: Sequence[int]) -> int:
    """How many bytes fewer are alive in a step whose kernel may write its output over one of these inputs."""
    source = lives.replaceable(graph, step, in_place)
    return graph.tensor(source).nbytes if source else 0


def _lower_bound(buffers: Sequence[Buffer], n_steps: int) -> int:
    """The most bytes that are alive in one step."""
    return max((sum(b.size for b in buffers if b.first <= i <= b.last) for i in range(n_steps)), default=0)


def _scratch_buffers(steps: Sequence[Step]) -> list[Buffer]:
    return [Buffer((), s.scratch_bytes, i, i, s.node.name) for i, s in enumerate(steps) if s.scratch_bytes]


class Lifetimes:
    """From which step to which each variable is alive; ``root`` is the tensor whose bytes a view shows."""

    def __init__(self, graph: Graph) -> None:
        self.first: dict[str, int] = dict.fromkeys(graph.inputs, 0)
        self.last: dict[str, int] = dict.fromkeys(graph.inputs, 0)
        self.root: dict[str, str] = {}
        for i, node in enumerate(graph.nodes):
            view = registry()[node.op].view
            for name in node.inputs[:1] if view else node.inputs:
                if name and not graph.is_constant(name):
                    self.last[name] = i
            for name in node.outputs:
                self.first[name] = self.last[name] = i
                self.root[name] = self.root.get(node.inputs[0], node.inputs[0]) if view else name
        for name in graph.outputs:
            if name in self.first:
                self.last[name] = len(graph.nodes)

    def replaceable(self, graph: Graph, step: int, in_place: Sequence[int]) -> str:
        """The first of these inputs whose bytes nobody reads after the step; empty when there is none."""
        node = graph.nodes[step]
        for k in in_place:
            source = node.inputs[k]
            root = self.root.get(source, source)
            family = [n for n in self.last if self.root.get(n, n) == root]
            dead = all(self.last[n] <= step for n in family)
            if dead and node.inputs.count(source) == 1 and not graph.is_constant(source):
                return source
        return ""


def _tensor_buffers(graph: Graph, steps: Sequence[Step]) -> list[Buffer]:
    """One buffer for each group of variables that share memory; constants and shape operands have none.

    A view lies where its source lies. A kernel that works in place writes over an input that nobody reads afterwards.
    """
    lives = Lifetimes(graph)
    group: dict[str, str] = {}
    for i, step in enumerate(steps):
        if step.variant is None:
            continue
        source = lives.replaceable(graph, i, step.variant.in_place(graph, step.node))
        if source:
            root = lives.root.get(source, source)
            group[step.node.outputs[0]] = group.get(root, root)
    return _buffers(graph, lives, group)


def _buffers(graph: Graph, lives: Lifetimes, group: Mapping[str, str]) -> list[Buffer]:
    """``group`` names the tensor whose memory another one takes over."""
    members: dict[str, list[str]] = {}
    for name in lives.first:
        root = lives.root.get(name, name)
        members.setdefault(group.get(root, root), []).append(name)
    return [
        Buffer(
            tuple(names),
            max(graph.tensor(n).nbytes for n in names),
            min(lives.first[n] for n in names),
            max(lives.last[n] for n in names),
        )
        for names in members.values()
    ]
