"""Operators in the order that needs the least memory.

Every order that computes a tensor before it is read, and leaves a state's updates where they are among its readers,
gives the same codes. Of a model with branches, the one is taken whose largest sum of tensors alive at once is smallest,
and of those one whose sums are small on the whole. What works in place later can only save more.
"""

from __future__ import annotations

import dataclasses

from toolchain.graph import Graph, Node
from toolchain.ops import registry
from toolchain.passes.rewriting import updated

MOST_STATES = 20_000  # sets of operators looked at; a model with more keeps its order


def least_memory_order(graph: Graph) -> Graph:
    """The graph with its nodes reordered; the same graph when that saves nothing."""
    order = _search(graph)
    if order is None or _cost(graph, order) >= _cost(graph, list(range(len(graph.nodes)))):
        return graph
    return dataclasses.replace(graph, nodes=tuple(graph.nodes[i] for i in order))


class _Needs:
    """What a step needs in memory, for any set of nodes that ran before (a bit for each)."""

    def __init__(self, graph: Graph) -> None:
        self.root: dict[str, str] = {}
        for node in graph.nodes:
            if registry()[node.op].view:
                self.root[node.outputs[0]] = self.root.get(node.inputs[0], node.inputs[0])
        self.made = [[out for out in node.outputs if out not in self.root] for node in graph.nodes]
        self.readers: dict[str, int] = {}
        self.size: dict[str, int] = {}
        for i, node in enumerate(graph.nodes):
            for name in (*node.inputs, *node.outputs):
                if name and not graph.is_constant(name):
                    self.size[self._of(name)] = max(graph.tensor(name).nbytes, self.size.get(self._of(name), 0))
            for name in node.inputs:
                if name and not graph.is_constant(name):
                    self.readers[self._of(name)] = self.readers.get(self._of(name), 0) | 1 << i
        self.read = [
            {self._of(name) for name in node.inputs if name and not graph.is_constant(name)} for node in graph.nodes
        ]
        for name in graph.outputs:
            self.readers[self._of(name)] = self.readers.get(self._of(name), 0) | 1 << len(graph.nodes)
        for name in graph.states:
            self.readers[name] = self.readers.get(name, 0) | 1 << len(graph.nodes)
        self.before = [
            sum(1 << j for j, other in enumerate(graph.nodes) if _precedes(other, node, j < i))
            for i, node in enumerate(graph.nodes)
        ]

    def _of(self, name: str) -> str:
        return self.root.get(name, name)

    def at_first(self) -> int:
        """Bytes of what there is before any node, and is read."""
        made = {name for names in self.made for name in names}
        return sum(size for name, size in self.size.items() if name not in made and self.readers.get(name))

    def made_by(self, node: int) -> int:
        """Bytes that are alive while ``node`` runs, beside those before it."""
        return sum(self.size[name] for name in self.made[node])

    def after(self, before: int, done: int, node: int) -> int:
        """Bytes that are still read when ``node`` has run after ``done``, which left so many as ``before``."""
        left = ~(done | 1 << node)
        new = sum(self.size[name] for name in self.made[node] if self.readers.get(name, 0) & left)
        return before + new - sum(self.size[name] for name in self.read[node] if not self.readers[name] & left)


def _precedes(other: Node, node: Node, earlier: bool) -> bool:
    """Whether ``other`` must run before ``node``: it makes what that reads, or one updates a state of the other's."""
    if set(other.outputs) & set(node.inputs):
        return True
    return earlier and bool(set(updated(other)) & set(node.inputs) or set(updated(node)) & set(other.inputs))


def _cost(graph: Graph, order: list[int]) -> tuple[int, int]:
    """(the most bytes alive in a step, their sum over all steps)."""
    needs, done, costs = _Needs(graph), 0, [0]
    before = needs.at_first()
    for i in order:
        costs.append(before + needs.made_by(i))
        before, done = needs.after(before, done, i), done | 1 << i
    return max(costs), sum(costs)


def _search(graph: Graph) -> list[int] | None:
    """Dynamic programming over the sets of nodes that can have run; None when there are too many."""
    needs, count = _Needs(graph), len(graph.nodes)
    best: dict[int, tuple[int, int, tuple[int, ...]]] = {0: (0, 0, ())}
    bytes_before = {0: needs.at_first()}
    states = 0
    for _ in range(count):
        following: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        bytes_after: dict[int, int] = {}
        for done, (most, total, order) in best.items():
            for i in range(count):
                if done >> i & 1 or needs.before[i] & ~done:
                    continue
                alive, then = bytes_before[done] + needs.made_by(i), done | 1 << i
                way = (max(most, alive), total + alive, (*order, i))
                if then not in following or way < following[then]:
                    following[then] = way
                if then not in bytes_after:
                    bytes_after[then] = needs.after(bytes_before[done], done, i)
        best, bytes_before = following, bytes_after
        states += len(best)
        if states > MOST_STATES:
            return None
    return list(best[(1 << count) - 1][2])
