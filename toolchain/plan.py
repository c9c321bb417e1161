"""What codegen needs beyond the graph: a kernel for every node and a place in the arena for every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.graph import Graph, Node
from toolchain.ops.base import KernelCall, KernelVariant, RowField

ALIGNMENT = 4


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True, eq=False)
class Step:
    """One node with its kernel. A view has no calls: its output is its input's memory.

    In a stage the call is for the most rows, and ``row_fields`` change from call to call. ``cycles`` (modelled) are
    predicted.
    """

    node: Node
    variant: KernelVariant | None
    calls: tuple[KernelCall, ...]
    macs: int
    row_fields: tuple[RowField, ...] = ()
    cycles: float = 0.0

    @property
    def scratch_bytes(self) -> int:
        return max((c.scratch_bytes for c in self.calls), default=0)


@dataclass(frozen=True)
class Stage:
    """Steps ``first`` to ``last`` executed together, ``rows`` rows of the last one's output at a time.

    Of the tensors between them only the rows that are still needed exist, in strips.
    """

    first: int
    last: int
    rows: int

    @property
    def text(self) -> str:
        return "row by row" if self.rows == 1 else f"{self.rows} rows at a time"


@dataclass(frozen=True, eq=False)
class Layer:
    """What is executed and timed as a whole: one step, or the steps of a stage."""

    steps: tuple[Step, ...]
    stage: Stage | None = None

    @property
    def macs(self) -> int:
        return sum(step.macs for step in self.steps)

    @property
    def cycles(self) -> float:
        """Predicted (modelled)."""
        return sum(step.cycles for step in self.steps)

    @property
    def op(self) -> str:
        return " + ".join(step.node.op for step in self.steps)

    @property
    def names(self) -> tuple[str, ...]:
        """The model's layers."""
        return tuple(dict.fromkeys(name for s in self.steps for name in s.node.layers or (s.node.name,)))

    @property
    def made(self) -> tuple[str, ...]:
        """The tensors that are whole when it ends: the outputs of its last step."""
        return self.steps[-1].node.outputs

    @property
    def kernel(self) -> str:
        kernels = " + ".join(step.variant.name for step in self.steps if step.variant)
        return f"{kernels}, {self.stage.text}" if self.stage else kernels


@dataclass(frozen=True)
class MemoryPlan:
    """Byte offsets into one arena. ``scratch`` is by node name.

    No placement of the same buffers needs less than ``lower_bound`` bytes: where ``arena_bytes`` is as much, the
    placement is proven optimal. ``solver`` names what the bound was proven by; empty: the buffers of one step fill it.
    """

    offsets: Mapping[str, int]
    scratch: Mapping[str, int]
    arena_bytes: int
    lower_bound: int
    solver: str = ""


@dataclass(frozen=True, eq=False)
class Plan:
    """``layers`` is what runs code, in order; their numbers are those of the firmware's profile."""

    graph: Graph
    steps: tuple[Step, ...]
    memory: MemoryPlan
    stages: tuple[Stage, ...] = ()
    predicted_flash: int = 0

    @property
    def cycles(self) -> float:
        """Predicted (modelled)."""
        return sum(step.cycles for step in self.steps)

    @property
    def layers(self) -> tuple[Layer, ...]:
        of = {i: stage for stage in self.stages for i in range(stage.first, stage.last + 1)}
        layers = []
        for i, step in enumerate(self.steps):
            stage = of.get(i)
            if stage is not None and i == stage.first:
                layers.append(Layer(self.steps[i : stage.last + 1], stage))
            elif stage is None and step.calls:
                layers.append(Layer((step,)))
        return tuple(layers)
