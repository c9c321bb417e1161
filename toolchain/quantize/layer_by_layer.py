"""Runs an integer graph over many samples, node by node, while its layers are still being changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from toolchain.affine import quantize_array
from toolchain.graph import Array, Graph, Node
from toolchain.ops import registry
from toolchain.ops.common import constant
from toolchain.passes.by_type import for_type

_CHUNK = 16  # samples that an operator computes at once

Values = Mapping[str, Array]  # (samples, *shape of the tensor), integer codes
Change = Callable[[Graph, Node, Values], tuple[Graph, Node]]


def changed(graph: Graph, columns: Sequence[Array], change: Change) -> Graph:
    """``graph`` with every node as ``change`` returns it, and with the tensors that it adds.

    ``change`` gets the node, and the codes of its inputs as the nodes before it, changed already, make them of the
    samples in ``columns``, one array of real values for each input. Codes are dropped when nobody reads them any more.
    """
    values: dict[str, Array] = {n: t.data[None] for n, t in graph.tensors.items() if t.data is not None}
    for name, column in zip(graph.inputs, columns, strict=True):
        tensor = graph.tensor(name)
        values[name] = quantize_array(column, tensor.scale, tensor.zero_point, tensor.dtype)[:, None]
    last = {n: i for i, node in enumerate(graph.nodes) for n in node.inputs}
    nodes: list[Node] = []
    for i, node in enumerate(graph.nodes):
        graph, node = change(graph, node, values)
        nodes.append(node)
        values.update(zip(node.outputs, _run(graph, node, values), strict=True))
        for name in node.inputs:
            if last.get(name) == i and not graph.is_constant(name):
                del values[name]
    return graph.with_nodes(nodes, graph.tensors)


def _run(graph: Graph, node: Node, values: Values) -> list[Array]:
    inputs = [values[n] if n in values else constant(graph, n)[None] for n in node.inputs if n]
    count = max(x.shape[0] for x in inputs)
    op, parts = registry()[for_type(graph, node).op], []
    for start in range(0, count, _CHUNK):
        rows = [x if x.shape[0] == 1 else x[start : start + _CHUNK] for x in inputs]
        parts.append(op.reference(graph, node, rows))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
