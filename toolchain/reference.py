"""The reference interpreter: runs a graph with the operators' numpy references, many samples at once.

It shares no code with the generated C beyond the parameters both are made from, and its codes equal TFLM's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph
from toolchain.ops import registry

CHUNK = 32


def run(graph: Graph, inputs: Sequence[Array], keep: Sequence[str] = ()) -> list[Array]:
    """Outputs of the graph, then the tensors named in ``keep``.

    ``inputs`` have the shapes (samples, *tensor shape) and so have the results.
    """
    samples = inputs[0].shape[0]
    chunks = [
        _run_chunk(graph, [x[start : start + CHUNK] for x in inputs], (*graph.outputs, *keep))
        for start in range(0, samples, CHUNK)
    ]
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def _run_chunk(graph: Graph, inputs: Sequence[Array], wanted: Sequence[str]) -> list[Array]:
    samples = inputs[0].shape[0]
    values: dict[str, Array] = {n: t.data[None] for n, t in graph.tensors.items() if t.data is not None}
    for name, x in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensor(name)
        if x.shape[1:] != tensor.shape or x.dtype != tensor.dtype:
            raise ValueError(f"input {name} is {x.dtype} {x.shape[1:]}, wanted {tensor.dtype} {tensor.shape}")
        values[name] = x
    for node in graph.nodes:
        results = registry()[node.op].reference(graph, node, [values[n] for n in node.inputs if n])
        values.update(zip(node.outputs, results, strict=True))
    return [np.broadcast_to(values[n], (samples, *graph.tensor(n).shape)) for n in wanted]
