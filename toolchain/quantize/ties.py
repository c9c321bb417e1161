"""Which tensors of a float graph must share scale and zero point, and what sets them.

Views, pooling, padding and concatenation hand on codes, so their inputs and outputs are one group. Where a group would
hold a tensor whose parameters are fixed (softmax) beside others, a QUANTIZE comes between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from toolchain.errors import ModelError
from toolchain.graph import Graph, Node, Tensor
from toolchain.importers.layer_names import on_another_grid
from toolchain.ops import registry
from toolchain.ops.base import PtqRule
from toolchain.quantize.formats import INT8, INT16
from toolchain.verify import refusal_lines


@dataclass(frozen=True, eq=False)
class Tied:
    """``graph`` with the QUANTIZE operators that it needs, still float32.

    ``group`` names each float tensor's group. ``sources`` are the tensors whose values set a group's range: what only
    repeats or averages them is left out, so that nothing is counted twice. ``fixed`` are (scale, zero point).
    ``types`` has the integer type of each float tensor; where layers differ, a QUANTIZE comes between.
    """

    graph: Graph
    group: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, tuple[float, int]]
    types: Mapping[str, str]


def rule_of(node: Node) -> PtqRule:
    rule = registry()[node.op].ptq
    assert rule is not None, node.op
    return rule


def value_inputs(graph: Graph, node: Node) -> list[str]:
    """The inputs that are quantized like activations: no weights, no biases, no shapes."""
    names = node.inputs[:1] if rule_of(node).weights_axis is not None else node.inputs
    return [n for n in names if n and graph.tensor(n).dtype == "float32"]


def tie(graph: Graph, where: str, default: str = INT8, types: Mapping[str, str] | None = None) -> Tied:
    """Groups of the tensors of ``graph``. ModelError naming every operator that cannot be quantized.

    A node computes in its type of ``types``, by name, or in the ``default``, which is that of the inputs too.
    """
    types = types or {}
    wide = {n.name for n in graph.nodes if types.get(n.name, default) == INT16}
    _check(graph, where, wide)
    work = _Work(graph, default, types)
    for node in graph.nodes:
        work.visit(node)
    groups = {name: work.find(name) for name in work.parent}
    sources: dict[str, tuple[str, ...]] = {}
    for name, original in work.sources:
        root = groups[name]
        sources[root] = (*sources.get(root, ()), original)
    fixed = {groups[name]: value for name, value in work.fixed.items()}
    return Tied(graph.with_nodes(work.nodes, work.tensors), groups, sources, fixed, work.types)


class _Work:
    """A union-find over the float tensors, filled in execution order."""

    def __init__(self, graph: Graph, default: str, types: Mapping[str, str]) -> None:
        self.graph = graph
        self.default, self.node_types = default, types
        self.types: dict[str, str] = {}
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.nodes: list[Node] = []
        self.parent: dict[str, str] = {}
        self.fixed: dict[str, tuple[float, int]] = {}
        self.sources: list[tuple[str, str]] = []
        self.originals: dict[str, str] = {}  # the float tensors of what QUANTIZE makes
        for name in graph.inputs:
            self._source(name, name, default)

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def visit(self, node: Node) -> None:
        rule, dtype = rule_of(node), self.node_types.get(node.name, self.default)
        outs = [n for n in node.outputs if self.graph.tensor(n).dtype == "float32"]
        inputs = value_inputs(self.graph, node)
        for name in inputs:
            if name not in self.parent:
                self._source(name, name, dtype)
        node, inputs = self._in_type(node, inputs, dtype)
        self.types.update(dict.fromkeys(outs, dtype))
        if rule.shared:
            node = self._shared(node, inputs, outs)
        elif rule.fixed is not None:
            self.parent.update({out: out for out in outs})
            self.fixed.update(dict.fromkeys(outs, _fixed(rule, dtype)))
        else:
            for out in outs:
                self._source(out, out, dtype)
        self.nodes.append(node)

    def _in_type(self, node: Node, inputs: list[str], dtype: str) -> tuple[Node, list[str]]:
        """The node with its inputs as ``dtype``."""
        renamed = {n: self._requantized(n, dtype) for n in inputs if self.types[n] != dtype}
        node = dataclasses.replace(node, inputs=tuple(renamed.get(n, n) for n in node.inputs))
        return node, [renamed.get(n, n) for n in inputs]

    def _source(self, name: str, original: str, dtype: str) -> None:
        self.parent[name] = name
        self.types[name] = dtype
        self.sources.append((name, original))

    def _shared(self, node: Node, inputs: list[str], outs: list[str]) -> Node:
        """The node with its inputs and outputs in one group."""
        parameters = {self.fixed.get(self.find(n)) for n in inputs}
        renamed = {}
        if len(parameters) > 1:
            renamed = {n: self._requantized(n, self.types[n]) for n in inputs if self.find(n) in self.fixed}
            node = dataclasses.replace(node, inputs=tuple(renamed.get(n, n) for n in node.inputs))
        roots = {self.find(renamed.get(n, n)) for n in inputs}
        if not outs:  # of codes that are compared, say
            return node
        self.parent.update(dict.fromkeys((*outs, *roots), outs[0]))
        (value,) = parameters if len(parameters) == 1 else (None,)
        if value is not None:
            self.fixed[outs[0]] = value
        return node

    def _requantized(self, name: str, dtype: str) -> str:
        """``name`` on a grid of its own, of this type, by a QUANTIZE."""
        made = on_another_grid(name, dtype)
        if made not in self.tensors:
            self.tensors[made] = dataclasses.replace(self.tensors[name], name=made, data=None)
            self.nodes.append(Node(f"quantize_{len(self.nodes)}", "quantize", (name,), (made,)))
            self._source(made, self.originals.get(name, name), dtype)
            self.originals[made] = self.originals.get(name, name)
        return made


def _fixed(rule: PtqRule, dtype: str) -> tuple[float, int]:
    """The scale and zero point that the operator's output has in a type, whatever its values are."""
    if dtype == INT16:
        assert rule.fixed_scale16 is not None
        return rule.fixed_scale16, 0
    assert rule.fixed is not None
    return rule.fixed


def _check(graph: Graph, where: str, wide: Collection[str]) -> None:
    """ModelError for what has no rule; ``wide`` are the nodes with int16 activations."""
    reasons = []
    for node in graph.nodes:
        op = registry().get(node.op)
        if op is None or op.ptq is None:
            reasons.append((node, "this operator is not supported"))
        elif op.ptq.weights_axis is not None and any(n and not graph.is_constant(n) for n in node.inputs[1:]):
            reasons.append((node, "its weights and bias must be constants"))
        elif node.name in wide and op.ptq.fixed is not None and op.ptq.fixed_scale16 is None:
            reasons.append((node, "it has no int16 activations"))
    if reasons:
        raise ModelError(
            f"{where}: {len(reasons)} of {len(graph.nodes)} operators cannot be quantized\n  "
            + "\n  ".join(refusal_lines(reasons)),
            "Replace these layers; docs/operators.md lists what is supported.",
        )
