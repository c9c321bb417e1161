"""Operators that hand every code on as it is become views, or vanish; views of views become one.

Exact by what is looked at:
- the table of 256 codes of a codewise operator (RELU, QUANTIZE, ADD and MUL of one number, ...) is the identity on all
  codes that its input can hold (``intervals``), so each of its outputs is the code it read;
- an operator that only moves elements may leave all of them in their order;
- a concatenation of one tensor, a pad of nothing and a pooling of single pixels without stride copy each code;
  pooling clamps, and its clamp must change none of the codes that can come;
- a copy is what it says; it is made where control flow was folded. One of a state stays;
- a mean over axes of length 1 requantizes a single code: all 256 are tried.
What is then left is the same bytes in the same order. Where shape or quantization change, a view stands for it
(RESHAPE, REINTERPRET), which costs nothing; where nothing changes, the node goes. A view only shows bytes, and two
views in a row show those of the first one's input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import registry
from toolchain.ops.common import activation_range
from toolchain.ops.pad import widths
from toolchain.ops.reduced import axes
from toolchain.passes.codewise import CODES, code_table, is_codewise, source_of
from toolchain.passes.intervals import Bounds
from toolchain.passes.rewriting import Links, applied, can_run, is_view, rewritten, same_quantization, without


def remove_identities(graph: Graph) -> Graph:
    """The same graph when nothing in it is an identity."""
    bounds = Bounds(graph)

    def rule(links: Links, node: Node) -> Graph | None:
        if is_view(node):
            return _without_view(links, node)
        if not _copies(links.graph, node, bounds):
            return None
        return _as_view(links, node)

    return applied(graph, rule)


def _as_view(links: Links, node: Node) -> Graph | None:
    graph, name = links.graph, node.inputs[0] if node.op == "copy" else source_of(links.graph, node)
    x, out = graph.tensor(name), graph.tensor(node.outputs[0])
    view = dataclasses.replace(node, op=_view_op(x, out), inputs=(name,), attrs=None)
    if x.initial is not None or x.data is not None or not can_run(graph, view):
        return None
    gone = without(links, node, name) if view.op == "reshape" and x.shape == out.shape else None
    return gone or rewritten(graph, {node.name: view})


def _without_view(links: Links, node: Node) -> Graph | None:
    """The graph where the view shows its source's source, or is gone when it changes nothing."""
    graph, name = links.graph, node.inputs[0]
    if graph.is_constant(name):
        return None
    x, out = graph.tensor(name), graph.tensor(node.outputs[0])
    if x.shape == out.shape and same_quantization(x, out):
        return without(links, node, name)
    maker = links.producers.get(name)
    if maker is None or not is_view(maker) or graph.is_constant(maker.inputs[0]):
        return None
    root = maker.inputs[0]
    view = dataclasses.replace(node, op=_view_op(graph.tensor(root), out), inputs=(root,), attrs=None)
    return rewritten(graph, {node.name: view})


def _view_op(x: Tensor, out: Tensor) -> str:
    return "reshape" if same_quantization(x, out) else "reinterpret"


def _copies(graph: Graph, node: Node, bounds: Bounds) -> bool:
    """Whether the output's codes are those of the one variable input, in the same order."""
    if node.op == "copy":
        return True
    variables = [n for n in node.inputs if n and not graph.is_constant(n)]
    if len(variables) != 1:
        return False
    if registry()[node.op].copies(graph, node):
        return True
    if not all(graph.tensor(n).dtype == "int8" for n in (*variables, *node.outputs)):
        return False
    if is_codewise(graph, node):
        return _identity(code_table(graph, [node]), variables[0], bounds)
    rule = _COPIES.get(node.op)
    return rule is not None and rule(graph, node, bounds)


def _identity(table: Array, name: str, bounds: Bounds) -> bool:
    """Whether the table changes no code that the tensor can hold."""
    changed = CODES[table != CODES].astype(np.int64)
    if changed.size in (0, CODES.size):
        return not changed.size
    low, high = bounds.of(name)
    return bool(np.all((changed < low) | (changed > high)))


def _single_pixels(graph: Graph, node: Node, bounds: Bounds) -> bool:
    """Each window has one pixel inside the image, and it is the output's."""
    x, out, window = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), node.attrs.window
    if x.shape != out.shape or (x.shape[1:3] != (1, 1) and not window.size == window.stride == (1, 1)):
        return False
    return _identity(np.clip(CODES, *activation_range(node.attrs.activation, out)), x.name, bounds)


def _single_elements(graph: Graph, node: Node, bounds: Bounds) -> bool:
    shape = graph.tensor(node.inputs[0]).shape
    if any(shape[axis] != 1 for axis in axes(graph, node)):
        return False
    return _identity(code_table(graph, [node]), node.inputs[0], bounds)


_COPIES: dict[str, Callable[[Graph, Node, Bounds], bool]] = {
    "concatenate": lambda graph, node, bounds: len(node.inputs) == 1,
    "pad": lambda graph, node, bounds: not any(a or b for a, b in widths(graph, node)),
    "average_pool2d": _single_pixels,
    "max_pool2d": _single_pixels,
    "mean": _single_elements,
}
