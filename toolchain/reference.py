"""The reference interpreter: runs a graph with the operators' numpy references, many samples at once.

It shares no code with the generated C beyond the parameters both are made from, and its codes equal TFLM's. The samples
are inferences one after the other: what a graph keeps between inferences goes from each to the next, so operators
around such states see one sample at a time. States that are fresh in each inference are like constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import registry

CHUNK = 32
Values = dict[str, Array]


def run(graph: Graph, inputs: Sequence[Array], keep: Sequence[str] = ()) -> list[Array]:
    """Outputs of the graph, then the tensors named in ``keep``.

    ``inputs`` have the shapes (samples, *tensor shape) and so have the results. States begin with their initial values.
    """
    for name, x in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensor(name)
        if x.shape[1:] != tensor.shape or x.dtype != tensor.dtype:
            raise ValueError(f"input {name} is {x.dtype} {x.shape[1:]}, wanted {tensor.dtype} {tensor.shape}")
    run_chunk, samples = Run(graph, (*graph.outputs, *keep)), inputs[0].shape[0]
    chunks = [
        run_chunk([x[start : start + CHUNK] for x in inputs], min(CHUNK, samples - start))
        for start in range(0, samples, CHUNK)
    ]
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


@dataclass(frozen=True)
class _Phases:
    """Nodes that no state reaches, those between what a state gives and what becomes of it, and those behind."""

    before: tuple[Node, ...]
    each: tuple[Node, ...]
    after: tuple[Node, ...]


def _phases(graph: Graph) -> _Phases:
    states = set(graph.lasting)
    late, early = set(states), set[str]()  # tensors that a state reaches, tensors that reach a node with a state
    reached, reaching = set[str](), set[str]()  # nodes, by name
    for node in graph.nodes:
        if late & set(node.inputs):
            late.update(node.outputs)
            reached.add(node.name)
    for node in reversed(graph.nodes):
        if states & set(node.inputs) or early & set(node.outputs):
            early.update(node.inputs)
            reaching.add(node.name)
    return _Phases(
        tuple(n for n in graph.nodes if n.name not in reached),
        tuple(n for n in graph.nodes if n.name in reached & reaching),
        tuple(n for n in graph.nodes if n.name in reached - reaching),
    )


class Run:
    """A graph and what its ``states`` hold now; when it is made, their initial values, or those that are given."""

    def __init__(self, graph: Graph, wanted: Sequence[str], states: Mapping[str, Array] | None = None) -> None:
        self.graph, self.wanted, self.phases = graph, wanted, _phases(graph)
        self.constants = {n: t.data[None] for n, t in graph.tensors.items() if t.data is not None}
        first = {n: t.initial[None] for n, t in graph.tensors.items() if t.initial is not None}
        held = first if states is None else {n: states[n] for n in first}
        self.states = {n: held[n] for n in graph.lasting}
        self.constants |= {n: value for n, value in held.items() if n not in self.states}

    def __call__(self, inputs: Sequence[Array], samples: int) -> list[Array]:
        values = self.constants | dict(zip(self.graph.inputs, inputs, strict=True))
        for node in self.phases.before:
            self._step(node, values)
        rows = [self._one(dict(sample)) for sample in _samples(values, samples)] if self.phases.each else []
        values |= {n: np.concatenate([row[n] for row in rows]) for n in (rows[0] if rows else ())}
        for node in self.phases.after:
            self._step(node, values)
        return [np.broadcast_to(values[n], (samples, *self.graph.tensor(n).shape)) for n in self.wanted]

    def _one(self, values: Values) -> Values:
        """What the nodes around the states make of one sample."""
        for node in self.phases.each:
            self._step(node, values)
        return {out: values[out] for node in self.phases.each for out in node.outputs}

    def _step(self, node: Node, values: Values) -> None:
        op = registry()[node.op]
        arrays = [self.states[n] if n in self.states else values[n] for n in node.inputs if n]
        results = op.reference(self.graph, node, arrays)
        updated = [node.inputs[k] for k in op.updates(node)]
        values.update(zip(node.outputs, results[: len(node.outputs)], strict=True))
        new = dict(zip(updated, results[len(node.outputs) :], strict=True))
        self.states.update((n, value) for n, value in new.items() if n in self.states)


def _samples(values: Mapping[str, Array], samples: int) -> Iterator[Iterator[tuple[str, Array]]]:
    """One sample of everything after the other; constants stay."""
    for i in range(samples):
        yield ((n, v[i : i + 1] if len(v) == samples else v) for n, v in values.items())
