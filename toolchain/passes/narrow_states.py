"""Variables that hold floats made of int8 codes hold the codes; concatenations of such floats join codes.

TFLiteConverter quantizes what lies between variables and leaves these float32: a stream comes out as DEQUANTIZE,
ASSIGN_VARIABLE, and in the next inference READ_VARIABLE, CONCATENATION with the new samples, QUANTIZE. Exact:
- Where all that a variable gets is dequantized from the same scale and zero point, and what it holds at first is such a
  number too, each of its values is that of a code. The variable holds the code, who reads it dequantizes.
- QUANTIZE works on each element by itself, so it may go before a CONCATENATION that only it reads.
- What QUANTIZE makes of a dequantized code is looked up for all 256: where it is the same code, both go.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.base import unmet
from toolchain.passes.codewise import CODES, code_table
from toolchain.passes.rewriting import Links, applied, can_run, rewritten, same_quantization


def narrow_states(graph: Graph) -> Graph:
    """The same graph when there is nothing to narrow."""
    for name in graph.states:
        graph = _narrow(graph, name)
    return applied(graph, _rule) if graph.states else graph


def _narrow(graph: Graph, name: str) -> Graph:
    """The graph with codes in the state; the same one where that cannot be."""
    users = graph.consumers(name)
    if {node.op for node in users} != {"read_variable", "assign_variable"} or graph.external:
        return graph
    makers = [graph.producer(node.inputs[1]) for node in users if node.op == "assign_variable"]
    codes = [graph.tensor(node.inputs[0]) for node in makers if node is not None and node.op == "dequantize"]
    state = graph.tensor(name)
    if len(codes) < len(makers) or any(c.dtype != "int8" or not same_quantization(c, codes[0]) for c in codes):
        return graph
    initial = _codes(state, codes[0])
    if initial is None or any(unmet(registry()[node.op], graph, node) for node in users):
        return graph
    narrow = dataclasses.replace(state, dtype="int8", quant=codes[0].quant, initial=initial)
    tensors = {**graph.tensors, name: narrow}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node not in users:
            nodes.append(node)
        elif node.op == "assign_variable":
            maker = graph.producer(node.inputs[1])
            assert maker is not None
            nodes.append(dataclasses.replace(node, inputs=(name, maker.inputs[0])))
        else:
            (out,) = node.outputs
            read = f"{out}/codes"
            tensors[read] = dataclasses.replace(narrow, name=read, initial=None)
            nodes.append(dataclasses.replace(node, outputs=(read,)))
            nodes.append(Node(read, "dequantize", (read,), (out,), None, node.layers))
    return rewritten(graph.with_nodes(nodes, tensors), {})


def _codes(state: Tensor, like: Tensor) -> Array | None:
    """The codes of a state's first values; None where they are not all values of codes."""
    assert state.initial is not None
    values = (np.arange(-128, 128) - like.zero_point).astype(np.float32) * np.float32(like.scale)
    places = np.clip(np.searchsorted(values, state.initial), 0, 255)
    if state.dtype != "float32" or not np.array_equal(values[places], state.initial):
        return None
    return CODES[places]


def _rule(links: Links, node: Node) -> Graph | None:
    if node.op != "quantize" or links.graph.tensor(node.outputs[0]).dtype != "int8":
        return None
    maker = links.producers.get(node.inputs[0])
    if maker is None:
        return None
    if maker.op == "dequantize":
        return _without_both(links, maker, node)
    return _before(links, maker, node) if maker.op == "concatenate" else None


def _without_both(links: Links, first: Node, second: Node) -> Graph | None:
    graph, source = links.graph, first.inputs[0]
    x, out = graph.tensor(source), graph.tensor(second.outputs[0])
    if x.dtype != "int8" or graph.is_constant(source) or x.initial is not None or not same_quantization(x, out):
        return None
    if not np.array_equal(code_table(graph, [first, second]), CODES):
        return None
    same = dataclasses.replace(second, op="reshape", inputs=(source,), attrs=None)
    return rewritten(graph, {second.name: same}) if can_run(graph, same) else None


def _before(links: Links, joined: Node, node: Node) -> Graph | None:
    """The graph where the parts of a concatenation are quantized before they are joined."""
    graph, out = links.graph, links.graph.tensor(node.outputs[0])
    makers = [links.producers.get(name) for name in joined.inputs]
    if links.only_reader(joined.outputs[0]) is not node or joined.attrs.activation != 0:
        return None
    if not all(maker is not None and maker.op == "dequantize" for maker in makers):
        return None
    tensors: dict[str, Tensor] = {}
    nodes = []
    for k, name in enumerate(joined.inputs):
        part = f"{out.name}/part{k}"
        tensors[part] = dataclasses.replace(out, name=part, shape=graph.tensor(name).shape)
        nodes.append(dataclasses.replace(node, name=part, inputs=(name,), outputs=(part,), layers=()))
    new = dataclasses.replace(joined, inputs=tuple(tensors), outputs=node.outputs)
    wider = dataclasses.replace(graph, tensors={**graph.tensors, **tensors})
    if unmet(registry()["concatenate"], wider, new):
        return None
    kept = [m for n in graph.nodes if n is not joined for m in ((*nodes, new) if n is node else (n,))]
    return rewritten(graph.with_nodes(kept, wider.tensors), {})
