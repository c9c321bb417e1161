"""Computes at build time what depends on constants and shapes only.

This removes the SHAPE, STRIDED_SLICE and PACK that Keras leaves around Flatten for a dynamic batch: the batch is 1.
"""

from __future__ import annotations

import dataclasses

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.base import unmet
from toolchain.passes.rewriting import alive

SHAPE_ONLY = ("shape",)
MAX_ELEMENTS = 1 << 24  # a constant that grows beyond this is computed at run time, not stored


def fold_constants(graph: Graph) -> Graph:
    tensors: dict[str, Tensor] = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        current = dataclasses.replace(graph, tensors=tensors)
        folded = _folded(current, node)
        if folded is None:
            kept.append(node)
            continue
        for name, data in zip(node.outputs, folded, strict=True):
            tensors[name] = dataclasses.replace(tensors[name], shape=data.shape, data=data)
    return graph.with_nodes(alive(graph.results, kept), tensors)


def _folded(graph: Graph, node: Node) -> list[Array] | None:
    """The node's outputs; None when they are not known yet or the node is none that can run."""
    op = registry().get(node.op)
    if op is None or not _is_constant(graph, node):
        return None
    if set(node.outputs) & set(graph.outputs) and not graph.external:  # a body may give a constant
        return None
    if unmet(op, graph, node) or any(graph.tensor(n).size > MAX_ELEMENTS for n in node.outputs):
        return None
    inputs = [t.data[None] for n in node.inputs if n and (t := graph.tensor(n)).data is not None]
    try:
        values = op.reference(graph, node, inputs)
    except (ArithmeticError, IndexError, TypeError, ValueError):
        if op.offline:  # its operands contradict each other; it stays, and is refused with the others
            return None
        raise
    if len(values) != len(node.outputs):
        return None
    return [value[0].astype(graph.tensor(name).dtype) for name, value in zip(node.outputs, values, strict=True)]


def _is_constant(graph: Graph, node: Node) -> bool:
    return node.op in SHAPE_ONLY or all(graph.is_constant(n) for n in node.inputs if n)
