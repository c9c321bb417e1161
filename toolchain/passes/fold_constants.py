"""Computes at build time what depends on constants and shapes only.

This removes the SHAPE, STRIDED_SLICE and PACK that Keras leaves around Flatten for a dynamic batch: the batch is 1.
"""

from __future__ import annotations

import dataclasses

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops import registry

SHAPE_ONLY = ("shape",)


def fold_constants(graph: Graph) -> Graph:
    tensors: dict[str, Tensor] = dict(graph.tensors)
    kept: list[Node] = []
    for node in graph.nodes:
        current = dataclasses.replace(graph, tensors=tensors)
        if node.op not in registry() or not _is_constant(current, node) or set(node.outputs) & set(graph.outputs):
            kept.append(node)
            continue
        inputs = [t.data[None] for n in node.inputs if n and (t := tensors[n]).data is not None]
        for name, value in zip(node.outputs, registry()[node.op].reference(current, node, inputs), strict=True):
            data = value[0].astype(tensors[name].dtype)
            tensors[name] = dataclasses.replace(tensors[name], shape=data.shape, data=data)
    return graph.with_nodes(_drop_dead(graph, kept), tensors)


def _is_constant(graph: Graph, node: Node) -> bool:
    return node.op in SHAPE_ONLY or all(graph.is_constant(n) for n in node.inputs if n)


def _drop_dead(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Without the nodes whose results nobody reads."""
    needed = set(graph.outputs)
    alive: list[Node] = []
    for node in reversed(nodes):
        if needed & set(node.outputs):
            needed.update(_read(node))
            alive.append(node)
    return alive[::-1]


def _read(node: Node) -> tuple[str, ...]:
    """The tensors that the node really reads: a reshape's shape operand says nothing its output's shape does not."""
    op = registry().get(node.op)
    return node.inputs[:1] if op is not None and op.view else node.inputs
