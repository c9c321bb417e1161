"""A clamp that follows a convolution, a sum or a pooling as an operator of its own becomes that layer's activation.

Exact: the layer ends by clamping an integer v to the range of its activation, and its arithmetic before depends on the
scale and zero point of its output, which must be those of the clamp's. For all 256 codes v, and so for every integer
(``codewise.activation_for``), the new activation must give what the old one and the clamp's table give one after the
other. Nobody else may read what lies between the two.
"""

from __future__ import annotations

import dataclasses

from toolchain.graph import Graph, Node
from toolchain.passes.codewise import CLAMPING, activation_for, code_table, is_codewise, source_of
from toolchain.passes.rewriting import Links, applied, can_run, layers_with, same_quantization


def fuse_activations(graph: Graph) -> Graph:
    """The same graph when no activation can be fused."""
    return applied(graph, _fused)


def _fused(links: Links, node: Node) -> Graph | None:
    graph = links.graph
    clamp = links.only_reader(node.outputs[0]) if node.op in CLAMPING else None
    if clamp is None or not is_codewise(graph, clamp):
        return None
    if source_of(graph, clamp) != node.outputs[0]:
        return None
    between, result = graph.tensor(node.outputs[0]), graph.tensor(clamp.outputs[0])
    if result.dtype != "int8" or between.shape != result.shape or not same_quantization(between, result):
        return None
    activation = activation_for(graph, node, code_table(graph, [clamp]))
    if activation is None:
        return None
    fused = dataclasses.replace(
        node,
        outputs=clamp.outputs,
        attrs=dataclasses.replace(node.attrs, activation=activation),
        layers=layers_with(node, clamp),
    )
    if not can_run(graph, fused):
        return None
    nodes = [fused if n is node else n for n in graph.nodes if n is not clamp]
    return graph.with_nodes(nodes, graph.tensors)
