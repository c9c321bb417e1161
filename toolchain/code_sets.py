"""Which codes a tensor can hold at all, whatever the inputs of the graph are.

Sets go forward: an operator that turns each code into another by itself hands on what its table of 256 makes of them,
views, padding, pooling by maximum and concatenation hand on what they read. Everything else may give every code.
"""

from __future__ import annotations

import weakref

import numpy as np

from toolchain.graph import Graph, Node

Codes = frozenset[int]

ALL: Codes = frozenset(range(-128, 128))
SIGNS: Codes = frozenset((-1, 1))

_known: weakref.WeakKeyDictionary[Graph, dict[str, Codes]] = weakref.WeakKeyDictionary()


def codes_of(graph: Graph, name: str) -> Codes:
    """The codes of the int8 tensor ``name``; more than can really come, never less."""
    known = _known.setdefault(graph, {})
    if name not in known:
        known[name] = _codes_of(graph, name)
    return known[name]


def _codes_of(graph: Graph, name: str) -> Codes:
    tensor = graph.tensor(name)
    if tensor.dtype != "int8":
        return ALL
    if tensor.data is not None:
        return frozenset(np.unique(tensor.data).tolist())
    node = graph.producer(name)
    return ALL if node is None else _results(graph, node)


def _results(graph: Graph, node: Node) -> Codes:
    from toolchain.ops import registry
    from toolchain.ops.pad import fill_code
    from toolchain.passes.codewise import code_table, is_codewise, source_of

    if registry()[node.op].view:
        return codes_of(graph, node.inputs[0])
    if node.op == "pad":
        return codes_of(graph, node.inputs[0]) | {fill_code(graph, node)}
    if node.op == "concatenate" or (node.op == "max_pool2d" and node.attrs.activation == "none"):
        return frozenset[int]().union(*(codes_of(graph, n) for n in node.inputs))
    if is_codewise(graph, node) and graph.tensor(source_of(graph, node)).dtype == "int8":
        table = code_table(graph, [node])
        return frozenset(int(table[code + 128]) for code in codes_of(graph, source_of(graph, node)))
    return ALL
