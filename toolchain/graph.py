"""The one intermediate representation: a list of operators over named tensors, in execution order.

Everything is immutable. A pass takes a graph and returns another one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES = ("int8", "int16", "int32", "uint8", "bool", "float32", "int64", "uint32", "uint64")


@dataclass(frozen=True)
class QuantParams:
    """Affine quantization: real = scale[c] * (q - zero_point[c]).

    ``scale`` and ``zero_point`` have one entry (per-tensor) or one entry for each index of
    dimension ``axis`` (per-channel). The scales are exact float32 values.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return len(self.scale) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of the graph. ``data`` is set for constants only, shaped like ``shape``.

    ``initial``, shaped the same, makes it a state: it lasts from one inference to the next, and this is what it holds
    before the first; ``fresh``, before each. Nothing produces a state; operators have it among their inputs, and some
    write there.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: QuantParams | None = None
    data: Array | None = None
    initial: Array | None = None
    fresh: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize

    @property
    def scale(self) -> float:
        """The per-tensor scale (of the first channel when quantized per-channel)."""
        return self._quant().scale[0]

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point (of the first channel when quantized per-channel)."""
        return self._quant().zero_point[0]

    def _quant(self) -> QuantParams:
        if self.quant is None:
            raise ValueError(f"tensor {self.name} is not quantized")
        return self.quant


@dataclass(frozen=True)
class Node:
    """One operator. ``inputs`` name tensors, "" stands for an absent optional input.

    ``attrs`` is the frozen dataclass of the operator's module (``ops/<op>.py``).
    ``layers`` are the names of the model's layers that the node came from.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Any = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in execution order over tensors by name.

    ``external``: it is the body of an operator of another graph (``bodies.py``). Its inputs and states lie in memory of
    that one; they are read there, and only states are written. ``names``: what the model calls its inputs and outputs,
    where that is not the tensor's name.
    """

    name: str
    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    external: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def port(self, name: str) -> str:
        """The name of an input or output for people."""
        return self.names.get(name, name)

    def tensor(self, name: str) -> Tensor:
        return self.tensors[name]

    def node_inputs(self, node: Node) -> list[Tensor | None]:
        """The node's input tensors, None for an absent optional one."""
        return [self.tensors[n] if n else None for n in node.inputs]

    def producer(self, tensor: str) -> Node | None:
        return next((n for n in self.nodes if tensor in n.outputs), None)

    def consumers(self, tensor: str) -> list[Node]:
        return [n for n in self.nodes if tensor in n.inputs]

    def is_constant(self, tensor: str) -> bool:
        return self.tensors[tensor].data is not None

    @property
    def states(self) -> tuple[str, ...]:
        """What lasts from one inference to the next, and what would if it were not fresh."""
        return tuple(name for name, t in self.tensors.items() if t.initial is not None)

    @property
    def lasting(self) -> tuple[str, ...]:
        """The states by which an inference depends on those before it."""
        return tuple(name for name in self.states if self.external or not self.tensors[name].fresh)

    @property
    def results(self) -> tuple[str, ...]:
        """What somebody reads who is not in the graph; of a body its states too."""
        return (*self.outputs, *(self.states if self.external else ()))

    @functools.cached_property
    def outside(self) -> frozenset[str]:
        """Of a body, what lies in the memory of another graph."""
        return frozenset((*self.inputs, *self.states)) if self.external else frozenset()

    def with_nodes(self, nodes: Iterable[Node], tensors: Mapping[str, Tensor]) -> Graph:
        """The same graph with other nodes; tensors that nothing uses any more are dropped."""
        nodes = tuple(nodes)
        used = {*self.inputs, *self.outputs}
        for node in nodes:
            used.update(node.inputs, node.outputs)
        used.discard("")
        kept = {name: t for name, t in tensors.items() if name in used}
        return dataclasses.replace(self, nodes=nodes, tensors=kept)
