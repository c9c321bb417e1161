"""Chooses a kernel variant for every node: the cheapest one that the target's CPU and the node allow."""

from __future__ import annotations

from toolchain.graph import Graph, Node
from toolchain.ops import registry
from toolchain.ops.base import KernelVariant
from toolchain.plan import Step
from toolchain.target import Target


def usable_variants(graph: Graph, node: Node, target: Target) -> list[KernelVariant]:
    """Variants that compute this node on this target, cheapest first."""
    features = frozenset(target.features)
    usable = [v for v in registry()[node.op].variants if v.features <= features and v.supports(graph, node)]
    return sorted(usable, key=lambda v: v.cost(graph, node).cycles)


def select_kernels(graph: Graph, target: Target) -> tuple[Step, ...]:
    """One step for each node, in order. The graph has passed ``verify.check_supported``."""
    steps = []
    for node in graph.nodes:
        op = registry()[node.op]
        if op.view:
            steps.append(Step(node, None, (), 0))
            continue
        variant = usable_variants(graph, node, target)[0]
        steps.append(Step(node, variant, variant.lower(graph, node), op.macs(graph, node)))
    return tuple(steps)
