"""Exact rewrites of the graph, in the order they run."""

from __future__ import annotations

from toolchain.graph import Graph
from toolchain.passes.fold_constants import fold_constants

PASSES = (fold_constants,)


def run_passes(graph: Graph) -> Graph:
    for transform in PASSES:
        graph = transform(graph)
    return graph
