"""What passes share: who reads and writes a tensor, and steps from one graph to the next that keep every value.

A rewrite never touches the names, shapes and quantization of the graph's inputs and outputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.base import unmet


@dataclass(frozen=True, eq=False)
class Links:
    """A graph with the producer and the consumers of every tensor."""

    graph: Graph
    producers: Mapping[str, Node]
    consumers: Mapping[str, Sequence[Node]]

    @staticmethod
    def of(graph: Graph) -> Links:
        producers: dict[str, Node] = {}
        consumers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            producers.update(dict.fromkeys(node.outputs, node))
            for name in dict.fromkeys(node.inputs):
                consumers.setdefault(name, []).append(node)
        return Links(graph, producers, consumers)

    def readers(self, tensor: str) -> Sequence[Node]:
        return self.consumers.get(tensor, ())

    def only_reader(self, tensor: str) -> Node | None:
        """The one node that reads the tensor; None when there are others, or the caller reads it."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and tensor not in self.graph.outputs else None

    def maker(self, tensor: str) -> Node | None:
        """The node that computes the tensor's codes: views are looked through."""
        node = self.producers.get(tensor)
        while node is not None and is_view(node):
            node = self.producers.get(node.inputs[0])
        return node


Rule = Callable[[Links, Node], "Graph | None"]


def applied(graph: Graph, rule: Rule) -> Graph:
    """The graph with the rule applied node by node until nothing is left to do; the same graph when it never applies.

    A rule returns None where it does not apply.
    """
    links, position = Links.of(graph), 0
    while position < len(links.graph.nodes):
        new = rule(links, links.graph.nodes[position])
        if new is None:
            position += 1
        else:
            links, position = Links.of(new), max(position - 1, 0)
    return links.graph


def rewritten(graph: Graph, changes: Mapping[str, Node], tensors: Mapping[str, Tensor] | None = None) -> Graph:
    """The graph with other nodes in the places of those named, and without what nobody reads then."""
    nodes = [changes.get(node.name, node) for node in graph.nodes]
    return graph.with_nodes(alive(graph.results, nodes), {**graph.tensors, **(tensors or {})})


def can_run(graph: Graph, node: Node, tensors: Mapping[str, Tensor] | None = None) -> bool:
    """Whether the node, new in the graph, meets the demands of its operator."""
    wider = dataclasses.replace(graph, tensors={**graph.tensors, **(tensors or {})})
    return not unmet(registry()[node.op], wider, node)


def without(links: Links, node: Node, source: str) -> Graph | None:
    """The graph without a node whose output is ``source`` in every way; None where that cannot be said.

    The output's readers read the input. An output of the graph keeps its name: then the input takes it.
    """
    graph, result = links.graph, node.outputs[0]
    old, new = source, result
    if result not in graph.outputs:
        old, new = result, source
    elif source in (*graph.inputs, *graph.outputs) or graph.is_constant(source):
        return None
    heir = links.maker(source) or next((n for n in links.readers(result) if not is_view(n)), None)
    nodes = []
    for other in graph.nodes:
        if other is node:
            continue
        if other is heir and not is_view(node):
            other = dataclasses.replace(other, layers=layers_with(other, node))
        nodes.append(_renamed(other, old, new))
    return graph.with_nodes(alive(graph.results, nodes), graph.tensors)


def layers_with(node: Node, *merged: Node) -> tuple[str, ...]:
    """The layers of a node that does the work of others too, its own first. Names that stand for no layer go."""
    named = [layer for n in (node, *merged) if n.layers != (n.name,) for layer in n.layers]
    return tuple(dict.fromkeys(named)) or node.layers


def is_view(node: Node) -> bool:
    op = registry().get(node.op)
    return op is not None and op.view


def same_quantization(a: Tensor, b: Tensor) -> bool:
    """Whether the codes of both mean the same."""
    if a.quant is None or b.quant is None:
        return a.quant is b.quant
    return (a.quant.scale, a.quant.zero_point) == (b.quant.scale, b.quant.zero_point)


def alive(outputs: Iterable[str], nodes: Sequence[Node]) -> list[Node]:
    """Without the nodes whose results nobody reads.

    A node that updates a state is needed where a needed one reads it, in this inference or in the next.
    """
    needed = set(outputs)
    before = -1
    while len(needed) > before:
        before = len(needed)
        kept: list[Node] = []
        for node in reversed(nodes):
            if needed & {*node.outputs, *updated(node)}:
                needed.update(_read(node))
                kept.append(node)
    return kept[::-1]


def updated(node: Node) -> tuple[str, ...]:
    """The states that the node writes; not all of them in a damaged file, which is refused later."""
    op = registry().get(node.op)
    return tuple(node.inputs[k] for k in op.updates(node) if k < len(node.inputs)) if op else ()


def _read(node: Node) -> tuple[str, ...]:
    """The tensors that the node really reads: a reshape's shape operand says nothing its output's shape does not."""
    return node.inputs[:1] if is_view(node) else node.inputs


def _renamed(node: Node, old: str, new: str) -> Node:
    if old not in (*node.inputs, *node.outputs):
        return node
    inputs, outputs = (tuple(new if n == old else n for n in names) for names in (node.inputs, node.outputs))
    return dataclasses.replace(node, inputs=inputs, outputs=outputs)
