"""Plans the arena: every tensor and scratch buffer gets an offset so that what is alive at once does not overlap.

Tensors that may share memory (views, outputs computed in place) become one buffer. Buffers are placed one after the
other at the lowest offset that is free during their lifetime; the best of several orders wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph, Node
from toolchain.ops import registry
from toolchain.plan import ALIGNMENT, MemoryPlan, Step


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
    buffers = [*_tensor_buffers(graph, [s.node for s in steps]), *_scratch_buffers(steps)]
    bound = _lower_bound(buffers, len(steps))
    best: dict[Buffer, int] = {}
    best_size: int | None = None
    for key in _ORDERS:
        offsets = _place(sorted(buffers, key=key))
        size = max((offset + b.size for b, offset in offsets.items()), default=0)
        if best_size is None or size < best_size:
            best, best_size = offsets, size
    return MemoryPlan(
        offsets={t: offset for b, offset in best.items() for t in b.tensors},
        scratch={b.scratch_of: offset for b, offset in best.items() if b.scratch_of},
        arena_bytes=best_size or 0,
        lower_bound=bound,
    )


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
    """How many bytes of tensors are alive in each step; with its scratch no plan can do with less."""
    buffers = _tensor_buffers(graph, graph.nodes)
    return [sum(b.size for b in buffers if b.first <= i <= b.last) for i in range(len(graph.nodes))]


def _lower_bound(buffers: Sequence[Buffer], n_steps: int) -> int:
    """The most bytes that are alive in one step."""
    return max((sum(b.size for b in buffers if b.first <= i <= b.last) for i in range(n_steps)), default=0)


def _scratch_buffers(steps: Sequence[Step]) -> list[Buffer]:
    return [Buffer((), s.scratch_bytes, i, i, s.node.name) for i, s in enumerate(steps) if s.scratch_bytes]


def _tensor_buffers(graph: Graph, nodes: Sequence[Node]) -> list[Buffer]:
    """One buffer for each group of variables that share memory; constants and shape operands have none."""
    first: dict[str, int] = dict.fromkeys(graph.inputs, 0)
    last: dict[str, int] = dict.fromkeys(graph.inputs, 0)
    for i, node in enumerate(nodes):
        for name in _variables(graph, node):
            last[name] = i
        for name in node.outputs:
            first[name] = last[name] = i
    for name in graph.outputs:
        if name in first:
            last[name] = len(nodes)
    group = _share(graph, nodes, last)
    members: dict[str, list[str]] = {}
    for name in first:
        members.setdefault(group.get(name, name), []).append(name)
    return [
        Buffer(
            tuple(names),
            max(graph.tensor(n).nbytes for n in names),
            min(first[n] for n in names),
            max(last[n] for n in names),
        )
        for names in members.values()
    ]


def _variables(graph: Graph, node: Node) -> list[str]:
    names = node.inputs[:1] if registry()[node.op].view else node.inputs
    return [n for n in names if n and not graph.is_constant(n)]


def _share(graph: Graph, nodes: Sequence[Node], last: dict[str, int]) -> dict[str, str]:
    """Which group each tensor joins: an output takes over an input's memory where that is exact.

    A view always does. An operator that can work in place does when nobody reads the input afterwards.
    """
    group: dict[str, str] = {}
    for i, node in enumerate(nodes):
        op = registry()[node.op]
        candidates = (0,) if op.view else op.in_place(graph, node)
        for k in candidates:
            source = node.inputs[k]
            root = group.get(source, source)
            family = [n for n in last if group.get(n, n) == root]
            dead = all(last[n] <= i for n in family) and node.inputs.count(source) == 1
            if not graph.is_constant(source) and (op.view or dead):
                group[node.outputs[0]] = root
                break
    return group
