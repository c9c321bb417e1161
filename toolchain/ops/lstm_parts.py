"""Tensors, sizes and loops of an LSTM, whatever its type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Value

INPUTS = 24
IN_WEIGHTS, HIDDEN_WEIGHTS, BIASES, HIDDEN, CELL = range(1, 5), range(5, 9), range(12, 16), 18, 19
GATES = 4  # input, forget, cell, output

# One step of all batches: (input, hidden state, cell state) to (hidden state, cell state).
Step = Callable[[Array, Array, Array], tuple[Array, Array]]


@dataclass(frozen=True)
class LstmAttrs:
    """``activation`` is the schema's number; ``cell_clip`` 0 does not clip."""

    activation: int
    cell_clip: float
    time_major: bool


@dataclass(frozen=True)
class Sizes:
    batches: int
    steps: int
    in_c: int
    units: int


def sizes(graph: Graph, node: Node) -> Sizes:
    x, out = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape
    first, second = x[:2]
    batches, steps = (second, first) if node.attrs.time_major else (first, second)
    return Sizes(batches, steps, x[2], out[2])


def dtype_of(graph: Graph, node: Node) -> str:
    return graph.tensor(node.inputs[0]).dtype


def tensors(graph: Graph, node: Node, positions: Iterable[int]) -> list[Tensor]:
    return [graph.tensor(node.inputs[k]) for k in positions]


def by_units(graph: Graph, node: Node, positions: Iterable[int]) -> Array:
    """Weights or biases of the four gates, (units, GATES, ...)."""
    return np.stack([t.data for t in tensors(graph, node, positions) if t.data is not None], axis=1)


def by_steps(graph: Graph, node: Node, x: Array, hidden: Array, cell: Array, step: Step) -> tuple[Array, Array, Array]:
    """The output and both states after the last step. Samples are as many more batches; states may be one for all."""
    shape, samples, axis = sizes(graph, node), len(x), 1 if node.attrs.time_major else 2
    hidden, cell = (
        np.broadcast_to(s.reshape(-1, shape.batches, shape.units), (samples, shape.batches, shape.units)).reshape(
            -1, shape.units
        )
        for s in (hidden, cell)
    )
    rows = []
    for row in np.moveaxis(x, axis, 0):
        hidden, cell = step(row.reshape(-1, shape.in_c), hidden, cell)
        rows.append(hidden.reshape(samples, shape.batches, shape.units))
    return np.stack(rows, axis), hidden, cell


def loops(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """The parameters of a kernel that say where steps and batches lie."""
    s = sizes(graph, node)
    if node.attrs.time_major:
        places = (s.in_c, s.batches * s.in_c, s.units, s.batches * s.units)
    else:
        places = (s.steps * s.in_c, s.in_c, s.steps * s.units, s.units)
    counts = (("batches", s.batches), ("steps", s.steps), ("in_c", s.in_c), ("units", s.units))
    return (*counts, *zip(("in_batch", "in_step", "out_batch", "out_step"), places, strict=True))


def arguments(node: Node) -> tuple[str, str, str]:
    return node.inputs[0], node.inputs[HIDDEN], node.inputs[CELL]


def macs(graph: Graph, node: Node) -> int:
    s = sizes(graph, node)
    return s.batches * s.steps * s.units * GATES * (s.in_c + s.units)


def terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, steps, units, products of the inputs and of the states with the weights of all gates."""
    s = sizes(graph, node)
    steps = s.batches * s.steps
    return 1.0, *(float(steps * n) for n in (1, s.units, s.units * s.in_c, s.units * s.units))


def fours_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The same for kernels that take four products of a gate together: what is left over, then whole ones."""
    s = sizes(graph, node)
    units = s.batches * s.steps * s.units
    rests = (s.in_c % 4 > 0) + (s.units % 4 > 0)
    return 1.0, *(float(n) for n in (s.batches * s.steps, units, units * rests, units * (s.in_c // 4 + s.units // 4)))
