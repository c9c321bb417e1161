"""What needs memory when: the buffers that the arena must hold, and which of them may overlap.

Time goes by steps. All steps of a stage happen at the time of its first one: its inputs, its strips, its output and the
largest of its kernels' scratch are alive together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant, Overlap
from toolchain.plan import Stage, Step, aligned
from toolchain.stages import StageMemory, stage_memory


@dataclass(frozen=True, eq=False)
class Buffer:
    """Bytes that hold ``tensors``, or the scratch of nodes, from time ``first`` to time ``last``, both included."""

    tensors: tuple[str, ...]
    size: int
    first: int
    last: int
    scratch_of: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Buffers:
    """``overlaps`` has (output, input): how the first may lie over the second."""

    all: tuple[Buffer, ...]
    overlaps: Mapping[tuple[Buffer, Buffer], Overlap]
    times: int

    @property
    def lower_bound(self) -> int:
        """The most bytes that are alive at one time, however they are placed."""
        return max((max(self._alive(t), self._alive_aligned(t)) for t in range(self.times)), default=0)

    def _at(self, time: int) -> tuple[list[Buffer], list[tuple[Buffer, Buffer, Overlap]]]:
        alive = [b for b in self.all if b.first <= time <= b.last]
        return alive, [(a, b, o) for (a, b), o in self.overlaps.items() if a.first == time]

    def _alive(self, time: int) -> int:
        alive, pairs = self._at(time)
        return sum(b.size for b in alive) - sum(shared_bytes(a.size, b.size, o.lead) for a, b, o in pairs)

    def _alive_aligned(self, time: int) -> int:
        """With what alignment wastes behind all buffers but one, which may be the last in the arena."""
        alive, pairs = self._at(time)
        total = sum(aligned(b.size) for b in alive)
        for a, b, overlap in pairs:
            lead = aligned(overlap.lead)
            if lead == overlap.lead or not overlap.exact:
                total -= shared_bytes(aligned(a.size), aligned(b.size), lead)
        return total - max((aligned(b.size) - b.size for b in alive), default=0)


def shared_bytes(output: int, source: int, lead: int) -> int:
    """How many bytes an output and its input may have in common."""
    return max(0, output + source - max(output, lead + source))


class Lifetimes:
    """From when to when each variable is alive; ``root`` is the tensor whose bytes a view shows.

    States are alive all the time: in every step somebody needs their bytes, if only in the next inference. What lies
    outside of a body's arena has no times here.
    """

    def __init__(self, graph: Graph, stages: Sequence[Stage] = ()) -> None:
        self.graph = graph
        self.times = times_of(len(graph.nodes), stages)
        own = () if graph.external else graph.inputs
        self.first: dict[str, int] = dict.fromkeys(own, 0)
        self.last: dict[str, int] = dict.fromkeys(own, 0)
        self.root: dict[str, str] = {}
        for time, node in zip(self.times, graph.nodes, strict=True):
            view = registry()[node.op].view
            for name in node.inputs[:1] if view else node.inputs:
                if name and name not in graph.outside and not graph.is_constant(name):
                    self.last[name] = time
            for name in node.outputs:
                self.first[name] = self.last[name] = time
                self.root[name] = self.root.get(node.inputs[0], node.inputs[0]) if view else name
        for name in graph.outputs:
            if name in self.first:
                self.last[name] = len(graph.nodes)
        for name in () if graph.external else graph.states:
            self.first[name], self.last[name] = 0, len(graph.nodes)

    def dies(self, source: str, time: int) -> bool:
        """Whether nobody reads the bytes of a variable after ``time``."""
        root = self.root.get(source, source)
        if root in self.graph.outside:
            return False
        family = [n for n in self.last if self.root.get(n, n) == root]
        return not self.graph.is_constant(source) and all(self.last[n] <= time for n in family)

    def replaceable(self, step: int, in_place: Iterable[int]) -> str:
        """The first of these inputs that the step's output may replace; empty when there is none."""
        node = self.graph.nodes[step]
        sources = [node.inputs[k] for k in in_place]
        return next((s for s in sources if node.inputs.count(s) == 1 and self.dies(s, self.times[step])), "")


def times_of(n_nodes: int, stages: Sequence[Stage]) -> tuple[int, ...]:
    """When each node happens."""
    times = list(range(n_nodes))
    for stage in stages:
        times[stage.first : stage.last + 1] = [stage.first] * (stage.last - stage.first + 1)
    return tuple(times)


def live_bytes(graph: Graph) -> list[int]:
    """How many bytes of tensors are alive in each step when nothing works in place."""
    buffers = _buffers(Lifetimes(graph), {}, {})
    return [sum(b.size for b in buffers if b.first <= i <= b.last) for i in range(len(graph.nodes))]


def saved_bytes(lives: Lifetimes, step: int, in_place: Sequence[int], overlap: Overlap | None) -> int:
    """How many bytes fewer are alive in a step whose kernel may write its output over its input."""
    graph = lives.graph
    source = lives.replaceable(step, in_place)
    if source:
        return graph.tensor(source).nbytes
    source = lives.replaceable(step, (0,)) if overlap else ""
    if not overlap or not source:
        return 0
    return shared_bytes(graph.tensor(graph.nodes[step].outputs[0]).nbytes, graph.tensor(source).nbytes, overlap.lead)


def buffers_of(graph: Graph, steps: Sequence[Step], stages: Sequence[Stage] = ()) -> Buffers:
    """One buffer for each group of variables that share memory; constants and shape operands have none.

    A view lies where its source lies. A kernel that works in place writes over an input that nobody reads afterwards.
    """
    lives = Lifetimes(graph, stages)
    group: dict[str, str] = {}
    overlaps: dict[tuple[str, str], Overlap] = {}
    staged = {i for stage in stages for i in range(stage.first, stage.last + 1)}
    for i, step in enumerate(steps):
        if step.variant is None or i in staged:
            continue
        source = lives.replaceable(i, step.variant.in_place(graph, step.node))
        if source:
            root = lives.root.get(source, source)
            group[step.node.outputs[0]] = group.get(root, root)
        else:
            overlaps |= _overlap(lives, i, step.variant)
    sizes: dict[str, int] = {}
    for stage in stages:
        memory = stage_memory(graph, stage, steps[stage.last].variant)
        sizes |= memory.strips
        overlaps |= _stage_overlaps(lives, stage, memory)
    tensors = _buffers(lives, group, sizes)
    home = {name: b for b in tensors for name in b.tensors}
    scratch = _scratch_buffers(steps, lives.times)
    pairs = {(home[out], home[source]): overlap for (out, source), overlap in overlaps.items()}
    return Buffers((*tensors, *scratch), pairs, len(graph.nodes) + 1)


def _overlap(lives: Lifetimes, i: int, variant: KernelVariant) -> dict[tuple[str, str], Overlap]:
    node = lives.graph.nodes[i]
    source = lives.replaceable(i, (0,))
    overlap = variant.overlap(lives.graph, node) if source else None
    return {(node.outputs[0], source): overlap} if overlap else {}


def _stage_overlaps(lives: Lifetimes, stage: Stage, memory: StageMemory) -> dict[tuple[str, str], Overlap]:
    out = lives.graph.nodes[stage.last].outputs[0]
    return {(out, name): o for name, o in memory.overlaps.items() if lives.dies(name, stage.first)}


def _scratch_buffers(steps: Sequence[Step], times: Sequence[int]) -> list[Buffer]:
    """Steps of one time, a stage, use the same scratch one after the other."""
    needs: dict[int, list[Step]] = {}
    for time, step in zip(times, steps, strict=True):
        if step.scratch_bytes:
            needs.setdefault(time, []).append(step)
    return [
        Buffer((), max(s.scratch_bytes for s in users), time, time, tuple(s.node.name for s in users))
        for time, users in needs.items()
    ]


def _buffers(lives: Lifetimes, group: Mapping[str, str], sizes: Mapping[str, int]) -> list[Buffer]:
    """``group`` names the tensor whose memory another one takes over, ``sizes`` are those of strips."""
    members: dict[str, list[str]] = {}
    for name in lives.first:
        root = lives.root.get(name, name)
        members.setdefault(group.get(root, root), []).append(name)
    return [
        Buffer(
            tuple(names),
            max(sizes.get(n, lives.graph.tensor(n).nbytes) for n in names),
            min(lives.first[n] for n in names),
            max(lives.last[n] for n in names),
        )
        for names in members.values()
    ]
