"""Transposes between layouts, as converters from ONNX and PyTorch leave them, cancel, move on, or go into weights.

Exact by what is moved: a transpose puts elements elsewhere and changes none.
- Two in a row are one, with the order of one looked up in the other; one that moves only dimensions of size 1 leaves
  the bytes as they are, and is a view.
- An operator that makes each element of the same element of its inputs makes the same elements wherever they lie: it
  runs before the transposes of its inputs, which must agree, and one behind it does for all. Constants that it reads
  are put in the order of the others.
- A fully connected layer on integers that reads all elements of a transposed tensor adds up products: its columns are
  put in the order of what was transposed. Its sums are the same integers, since they fit their type (a constraint).
- A mean, sum or extremum on int8 is of the same elements, over the axes that theirs were.
Transposes only move towards the outputs, and where a rule leaves their number as it was, one more operator is before
them, so this ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops.reduced import axes
from toolchain.ops.transpose import order
from toolchain.passes.codewise import is_codewise
from toolchain.passes.rewriting import Links, applied, can_run, is_view, layers_with, rewritten

_PAIRWISE = tuple(
    f"{op}{kind}"
    for op in ("add", "sub", "mul", "div", "maximum", "minimum", "squared_difference")
    for kind in ("", "_s16", "_f32")
)
_SINGLE = (
    *(
        "abs",
        "ceil",
        "cos",
        "elu",
        "exp",
        "floor",
        "gelu",
        "hard_swish",
        "leaky_relu",
        "log",
        "logistic",
        "neg",
        "round",
    ),
    *(
        "relu_f32",
        "relu6_f32",
        "relu_s16",
        "relu6_s16",
        "relu_n1_to_1",
        "rsqrt",
        "sign",
        "sin",
        "sqrt",
        "square",
        "tanh",
    ),
    *("quantize", "dequantize", "quantize_s16", "dequantize_s16"),
)
_REDUCING = ("mean", "sum", "reduce_max", "reduce_min")
_COLUMNS = ("fully_connected", "fully_connected_s16")


def move_transposes(graph: Graph) -> Graph:
    """The same graph when no transpose can be moved, joined or dropped."""
    return applied(graph, _moved)


def _moved(links: Links, node: Node) -> Graph | None:
    if node.op == "transpose":
        return _as_view(links, node) or _joined(links, node)
    if node.op in _COLUMNS:
        return _into_columns(links, node)
    if node.op in _REDUCING:
        return _into_axes(links, node)
    if node.op in (*_PAIRWISE, *_SINGLE) or is_codewise(links.graph, node):
        return _behind(links, node)
    return None


def _as_view(links: Links, node: Node) -> Graph | None:
    """A reshape, when the dimensions with more than one element stay in their order."""
    graph = links.graph
    shape = graph.tensor(node.inputs[0]).shape
    kept = [axis for axis in order(graph, node) if shape[axis] != 1]
    if kept != sorted(kept) or graph.is_constant(node.inputs[0]):
        return None
    view = dataclasses.replace(node, op="reshape", inputs=node.inputs[:1], attrs=None)
    return rewritten(graph, {node.name: view}) if can_run(graph, view) else None


def _joined(links: Links, node: Node) -> Graph | None:
    """One transpose for two, when nobody else needs the first."""
    graph = links.graph
    first = links.producers.get(node.inputs[0])
    if first is None or first.op != "transpose" or links.only_reader(first.outputs[0]) is not node:
        return None
    before = order(graph, first)
    both = _permutation(f"{node.outputs[0]}@order", [before[axis] for axis in order(graph, node)])
    joined = dataclasses.replace(node, inputs=(first.inputs[0], both.name), layers=layers_with(node, first))
    if not can_run(graph, joined, {both.name: both}):
        return None
    return rewritten(graph, {node.name: joined}, {both.name: both})


def _permutation(name: str, axes_in_order: Sequence[int]) -> Tensor:
    return Tensor(name, (len(axes_in_order),), "int32", None, np.array(axes_in_order, np.int32))


def _behind(links: Links, node: Node) -> Graph | None:
    """The operator on what its inputs' transposes read, and one transpose behind it."""
    graph, out = links.graph, links.graph.tensor(node.outputs[0])
    found = [t for name in dict.fromkeys(node.inputs) if (t := _transpose(links, name, node)) is not None]
    orders = {order(graph, t) for t in found}
    if len(orders) != 1 or any(graph.tensor(t.outputs[0]).shape != out.shape for t in found):
        return None
    permutation = next(iter(orders))
    sources = {t.outputs[0]: t.inputs[0] for t in found}
    made: dict[str, Tensor] = {}
    inputs = []
    for name in node.inputs:
        if name in sources:
            inputs.append(sources[name])
            continue
        if not name or not graph.is_constant(name):
            return None
        moved = _constant(graph.tensor(name), permutation)
        if moved is None:
            return None
        made[moved.name] = moved
        inputs.append(moved.name)
    shape = graph.tensor(inputs[0] if node.inputs[0] in sources else found[0].inputs[0]).shape
    between = dataclasses.replace(out, name=f"{out.name}@{''.join(map(str, permutation))}", shape=shape)
    operands = _permutation(f"{out.name}@order", permutation)
    made |= {between.name: between, operands.name: operands}
    first = dataclasses.replace(node, inputs=tuple(inputs), outputs=(between.name,))
    last = dataclasses.replace(found[0], inputs=(between.name, operands.name), outputs=node.outputs)
    if between.name in graph.tensors or not (can_run(graph, first, made) and can_run(graph, last, made)):
        return None
    nodes: list[Node] = []
    for other in graph.nodes:
        if other is node:
            nodes += [first, last]
        elif other not in found:
            nodes.append(other)
    return graph.with_nodes(nodes, {**graph.tensors, **made})


def _transpose(links: Links, tensor: str, reader: Node) -> Node | None:
    """The transpose that makes a tensor for this reader alone."""
    maker = links.producers.get(tensor) if tensor else None
    if maker is None or maker.op != "transpose" or links.only_reader(tensor) is not reader:
        return None
    return None if links.graph.is_constant(maker.inputs[0]) else maker


def _constant(tensor: Tensor, permutation: Sequence[int]) -> Tensor | None:
    """A constant operand for inputs that were not transposed; broadcasting is along its leading dimensions."""
    assert tensor.data is not None
    if tensor.size == 1:
        return tensor
    rank = len(permutation)
    if len(tensor.shape) > rank or (tensor.quant is not None and tensor.quant.per_channel):
        return None
    whole = tensor.data.reshape((1,) * (rank - len(tensor.shape)) + tensor.shape)
    data = np.ascontiguousarray(whole.transpose(np.argsort(permutation)))
    name = f"{tensor.name}@{''.join(map(str, permutation))}"
    return dataclasses.replace(tensor, name=name, shape=data.shape, data=data)


def _into_columns(links: Links, node: Node) -> Graph | None:
    """The weights with their columns in the order of what was transposed; a view flattens that."""
    graph = links.graph
    x, weights = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1])
    name, maker = x.name, links.producers.get(x.name)
    reader = node
    if maker is not None and is_view(maker):
        if links.only_reader(name) is not node:
            return None
        name, reader = maker.inputs[0], maker
    turned = _transpose(links, name, reader)
    if turned is None or weights.data is None or weights.shape[-1] != x.size or len(weights.shape) != 2:
        return None
    source = graph.tensor(turned.inputs[0])
    # Where each column's element lies before the transpose.
    places = np.arange(source.size).reshape(source.shape).transpose(order(graph, turned)).reshape(-1)
    data = np.empty_like(weights.data)
    data[:, places] = weights.data
    columns = dataclasses.replace(weights, name=f"{weights.name}@{node.name}", data=data)
    flat = dataclasses.replace(x, name=f"{x.name}@{node.name}", shape=x.shape)
    made = {columns.name: columns, flat.name: flat}
    view = Node(f"{node.name}@flat", "reshape", (source.name,), (flat.name,), None, turned.layers)
    dense = dataclasses.replace(node, inputs=(flat.name, columns.name, *node.inputs[2:]))
    if not (can_run(graph, view, made) and can_run(graph, dense, made)):
        return None
    nodes: list[Node] = []
    for other in graph.nodes:
        if other is node:
            nodes += [view, dense]
        elif other not in (turned, reader):
            nodes.append(other)
    return graph.with_nodes(nodes, {**graph.tensors, **made})


def _into_axes(links: Links, node: Node) -> Graph | None:
    """The same over the axes that were transposed, when the others stay in their order, and a view behind it."""
    graph, out = links.graph, links.graph.tensor(node.outputs[0])
    turned = _transpose(links, node.inputs[0], node)
    if turned is None or out.dtype != "int8":
        return None
    source, permutation, reduced = graph.tensor(turned.inputs[0]), order(graph, turned), axes(graph, node)
    kept = [permutation[axis] for axis in range(len(permutation)) if axis not in reduced]
    if kept != sorted(kept):
        return None
    own = sorted(permutation[axis] for axis in reduced)
    where = _permutation(f"{out.name}@axes", own)
    keeps = len(out.shape) == len(source.shape)
    shape = tuple(1 if axis in own else size for axis, size in enumerate(source.shape) if keeps or axis not in own)
    between = dataclasses.replace(out, name=f"{out.name}@mean", shape=shape)
    made = {where.name: where, between.name: between}
    first = dataclasses.replace(node, inputs=(source.name, where.name), outputs=(between.name,))
    view = Node(f"{node.name}@shape", "reshape", (between.name,), node.outputs, None, node.layers)
    if not (can_run(graph, first, made) and can_run(graph, view, made)):
        return None
    nodes: list[Node] = []
    for other in graph.nodes:
        if other is node:
            nodes += [first, view]
        elif other is not turned:
            nodes.append(other)
    return graph.with_nodes(nodes, {**graph.tensors, **made})
