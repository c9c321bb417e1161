"""Exact rewrites of the graph, in the order they run: ``CLEANING`` when a model is read, ``REDUCTIONS`` for kernels."""

from __future__ import annotations

from collections.abc import Callable

from toolchain.graph import Graph
from toolchain.passes.constant_channels import remove_constant_channels
from toolchain.passes.fold_constants import fold_constants
from toolchain.passes.order import least_memory_order

Pass = Callable[[Graph], Graph]

CLEANING: tuple[Pass, ...] = (fold_constants,)
REDUCTIONS: tuple[Pass, ...] = (remove_constant_channels, least_memory_order)


def clean(graph: Graph) -> Graph:
    """Without what only describes shapes: the model as it is meant, and as the reference runs it."""
    return _run(CLEANING, graph)


def reduce(graph: Graph) -> Graph:
    """Less to compute, the same codes for every input. The graph has passed ``verify.check_supported``."""
    return _run(REDUCTIONS, graph)


def _run(passes: tuple[Pass, ...], graph: Graph) -> Graph:
    for transform in passes:
        graph = transform(graph)
    return graph
