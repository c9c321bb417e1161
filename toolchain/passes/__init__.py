"""Exact rewrites of the graph, in the order they run: ``CLEANING`` when a model is read, ``REDUCTIONS`` for kernels."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from toolchain.bodies import with_bodies
from toolchain.graph import Graph
from toolchain.passes.constant_channels import remove_constant_channels
from toolchain.passes.fold_constants import fold_constants
from toolchain.passes.fold_control import fold_control
from toolchain.passes.fold_padding import fold_padding
from toolchain.passes.fuse_activations import fuse_activations
from toolchain.passes.fuse_signs import fuse_signs
from toolchain.passes.merge_codewise import merge_codewise
from toolchain.passes.merge_pooling import merge_pooling
from toolchain.passes.move_transposes import move_transposes
from toolchain.passes.narrow_states import narrow_states
from toolchain.passes.order import least_memory_order
from toolchain.passes.read_in_place import read_in_place
from toolchain.passes.remove_identities import remove_identities
from toolchain.passes.share_results import share_results
from toolchain.progress import Progress
from toolchain.verify import check_graph

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True)
class Reduction:
    """A pass, and what the user reads before the number of operators that it removed or replaced; empty for nothing."""

    run: Pass
    effect: str = ""


CLEANING: tuple[Pass, ...] = (fold_constants, fold_control, narrow_states, fuse_signs)
REDUCTIONS: tuple[Reduction, ...] = (
    Reduction(share_results, "Operators removed that repeat another one"),
    Reduction(move_transposes, "Transposes joined, dropped or moved into weights"),
    Reduction(remove_identities, "Operators removed that change nothing"),
    Reduction(fold_padding, "Paddings folded into what reads them"),
    Reduction(fuse_activations, "Activations fused into the layers before them"),
    Reduction(merge_pooling, "Poolings merged with the ones before them"),
    Reduction(merge_codewise, "Rescalings merged with their neighbours"),
    Reduction(remove_constant_channels),
)


def clean(graph: Graph) -> Graph:
    """Without what only describes shapes: the model as it is meant, and as the reference runs it.

    Again where control flow was folded, which removes an operator or one of its arguments.
    """
    graph = with_bodies(graph, clean)
    for transform in CLEANING:
        before, graph = graph, transform(graph)
        if transform is fold_control and graph is not before:
            return clean(graph)
    return graph


def reduce(graph: Graph, progress: Progress | None = None) -> Graph:
    """Less to compute, the same codes for every input. The graph has passed ``verify.check_supported``.

    The passes run in turn until none finds anything in the graph that the others left; each of their steps removes a
    node, a padding or channels, or puts a cheaper operator in a node's place, so this ends.
    """
    graph = with_bodies(graph, reduce)
    done: Counter[str] = Counter()
    idle = 0
    for reduction in itertools.cycle(REDUCTIONS):
        new = reduction.run(graph)
        idle = idle + 1 if new is graph else 0
        if idle == len(REDUCTIONS):
            break
        if not idle:
            check_graph(new)
            done[reduction.effect] += _changed(graph, new)
        graph = new
    for effect, count in done.items():
        if effect and progress is not None:
            progress.info(f"{effect}: {count}")
    return least_memory_order(read_in_place(graph))


def _changed(before: Graph, after: Graph) -> int:
    """How many operators less there are, or else have become another one."""
    left = {node.name: node.op for node in after.nodes}
    replaced = sum(left.get(node.name, node.op) != node.op for node in before.nodes)
    return max(len(before.nodes) - len(after.nodes), replaced)
