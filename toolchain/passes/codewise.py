"""Operators that turn each int8 code into another, whatever lies around it, and the table of 256 that says how.

The table is made by the operators' own references, code by code, so what is concluded from it holds for every input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import registry
from toolchain.ops.common import ACTIVATIONS, activation_range
from toolchain.reference import run

CODES = np.arange(-128, 128).astype(np.int8)
CLAMPING = ("conv2d", "depthwise_conv2d", "fully_connected", "add", "mul", "average_pool2d", "max_pool2d")


def is_codewise(graph: Graph, node: Node) -> bool:
    return registry()[node.op].codewise(graph, node)


def source_of(graph: Graph, node: Node) -> str:
    """The one variable input of a codewise node."""
    (name,) = (n for n in node.inputs if n and not graph.is_constant(n))
    return name


def code_table(graph: Graph, nodes: Sequence[Node]) -> Array:
    """What becomes of the codes -128 to 127 in codewise nodes, one after the other, as an array (256,).

    Each code is a tensor of one element, so a node whose output has one element for each of the input's will do too.
    """
    first, last = source_of(graph, nodes[0]), nodes[-1].outputs[0]
    variables = (first, *(node.outputs[0] for node in nodes))
    tensors = {n: graph.tensor(n) for node in nodes for n in node.inputs if n}
    tensors |= {
        n: dataclasses.replace(t := graph.tensor(n), shape=(1,) * len(t.shape), initial=None) for n in variables
    }
    probe = Graph("probe", tensors, tuple(nodes), (first,), (last,))
    table: Array = run(probe, [CODES.reshape(-1, *tensors[first].shape)])[0].reshape(-1)
    return table


def activation_for(graph: Graph, clamping: Node, table: Array) -> str | None:
    """The activation with which a node gives at once what it gives before ``table`` is applied; None if there is none.

    The node clamps any integer v to [low, high]. Beyond -128 and 127 both ways stand still, so equality for all 256
    codes v is equality for all integers.
    """
    out = graph.tensor(clamping.outputs[0])
    low, high = activation_range(clamping.attrs.activation, out)
    wanted = table[np.clip(CODES, low, high).astype(np.int64) + 128]
    for name in ACTIVATIONS.values():
        if np.array_equal(wanted, np.clip(CODES, *activation_range(name, out))):
            return name
    return None
