"""Codewise operators in a row (requantizations, ReLUs, sums and products with one number, islands of float) become one.

Exact: each turns every code into another whatever lies around it, so the row does too, and all 256 codes are sent
through it. If none changes, a view takes the row's place; if a single QUANTIZE, RELU or RELU6 from the first tensor to
the last gives the same 256 codes, that does; else LOOKUP with just that table.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.lookup import LookupAttrs
from toolchain.passes.codewise import CODES, code_table, is_codewise, source_of
from toolchain.passes.rewriting import Links, applied, can_run, layers_with, rewritten, same_quantization

_ALONE = ("quantize", "relu", "relu6")


def merge_codewise(graph: Graph) -> Graph:
    """The same graph when no two codewise operators follow each other."""
    return applied(graph, _merged)


def _merged(links: Links, second: Node) -> Graph | None:
    graph = links.graph
    if not is_codewise(graph, second):
        return None
    between = source_of(graph, second)
    first = links.producers.get(between)
    if first is None or not is_codewise(graph, first):
        return None
    x, out = graph.tensor(source_of(graph, first)), graph.tensor(second.outputs[0])
    if x.dtype != "int8" or out.dtype != "int8" or x.shape != out.shape:
        return None
    only = links.only_reader(between) is second
    merged = _one(graph, first, second, code_table(graph, [first, second]), only)
    if merged is None:
        return None
    if only:
        merged = dataclasses.replace(merged, layers=layers_with(merged, first))
    return rewritten(graph, {second.name: merged})


def _one(graph: Graph, first: Node, second: Node, table: Array, only: bool) -> Node | None:
    """One node for both; where the first is needed anyway, only one that costs nothing or has no table."""
    source = source_of(graph, first)
    x, out = graph.tensor(source), graph.tensor(second.outputs[0])
    node = dataclasses.replace(second, inputs=(source,), attrs=None)
    if np.array_equal(table, CODES):
        return dataclasses.replace(node, op="reshape" if same_quantization(x, out) else "reinterpret")
    for op in _ALONE:
        candidate = dataclasses.replace(node, op=op)
        if can_run(graph, candidate) and np.array_equal(code_table(graph, [candidate]), table):
            return candidate
    if not only:
        return None
    return dataclasses.replace(node, op="lookup", attrs=LookupAttrs(tuple(map(int, table))))
