"""What codegen needs beyond the graph: a kernel for every node and a place in the arena for every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.graph import Graph, Node
from toolchain.ops.base import KernelCall, KernelVariant

ALIGNMENT = 4


@dataclass(frozen=True, eq=False)
class Step:
    """One node with its kernel. A view has no calls: its output is its input's memory."""

    node: Node
    variant: KernelVariant | None
    calls: tuple[KernelCall, ...]
    macs: int

    @property
    def scratch_bytes(self) -> int:
        return max((c.scratch_bytes for c in self.calls), default=0)


@dataclass(frozen=True)
class MemoryPlan:
    """Byte offsets into one arena. ``scratch`` is by node name. ``lower_bound`` no plan of these steps can beat."""

    offsets: Mapping[str, int]
    scratch: Mapping[str, int]
    arena_bytes: int
    lower_bound: int


@dataclass(frozen=True, eq=False)
class Plan:
    """``layers`` are the steps that run code, in order; their numbers are those of the firmware's profile."""

    graph: Graph
    steps: tuple[Step, ...]
    memory: MemoryPlan

    @property
    def layers(self) -> tuple[Step, ...]:
        return tuple(s for s in self.steps if s.calls)
