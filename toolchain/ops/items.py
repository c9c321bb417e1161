"""Operators on a batch of images whose kernels compute one: they are called once for each, one behind the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops.base import Constraint, Cost, FittedCost, KernelCall, KernelVariant, Op, Terms

T = TypeVar("T")
OfNode = Callable[[Graph, Node], T]


def _same_batch(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).shape[0] == graph.tensor(node.outputs[0]).shape[0] >= 1


ITEMS = Constraint("its input and output must have the same batch", _same_batch)


def item_by_item(op: Op) -> Op:
    """The operator, whose kernels and costs are for a batch of 1, for any."""
    return dataclasses.replace(op, variants=tuple(map(_variant, op.variants)))


def items_of(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).shape[0]


def of_one(graph: Graph, node: Node) -> Graph:
    """The graph as the kernel sees it: the images that the node reads and makes are one each."""
    names = [n for n in (node.inputs[0], *node.outputs) if graph.tensor(n).shape[0] != 1]
    if not names:
        return graph
    return dataclasses.replace(graph, tensors={**graph.tensors, **{n: _one(graph.tensor(n)) for n in names}})


def _one(tensor: Tensor) -> Tensor:
    return dataclasses.replace(tensor, shape=(1, *tensor.shape[1:]))


def _variant(variant: KernelVariant) -> KernelVariant:
    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        items = items_of(graph, node)
        (call,) = variant.lower(of_one(graph, node), node)
        return (dataclasses.replace(call, items=items),)

    def terms(of_item: Terms) -> Terms:
        return lambda g, n: tuple(items_of(g, n) * term for term in of_item(of_one(g, n), n))

    def seen(what: OfNode[T]) -> OfNode[T]:
        return lambda g, n: what(of_one(g, n), n)

    cost: Callable[[Graph, Node], Cost] = variant.cost
    if isinstance(cost, FittedCost):
        cost = FittedCost(cost.cycles, terms(cost.terms))
    else:
        unfitted = seen(cost)
        cost = lambda g, n: Cost(items_of(g, n) * unfitted(g, n).cycles)  # noqa: E731
    made = dataclasses.replace(
        variant, lower=lower, cost=cost, supports=seen(variant.supports), in_place=seen(variant.in_place)
    )
    if variant.overlap is KernelVariant.overlap:
        return made
    overlap = variant.overlap
    return dataclasses.replace(made, overlap=lambda g, n: overlap(g, n) if items_of(g, n) == 1 else None)
