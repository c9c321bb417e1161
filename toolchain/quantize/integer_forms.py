"""Float operators that TFLM has no integers for become others that it has, before a float model is quantized.

NEG, which Keras' normalizations make, is float32 alone in TFLM: it becomes a multiplication by -1, which is the same
for every float32 number.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Graph, Node, Tensor
from toolchain.ops.elementwise import BinaryAttrs


def with_integer_forms(graph: Graph) -> Graph:
    """The same graph when there is nothing to replace."""
    negative = [node for node in graph.nodes if node.op == "neg"]
    if not negative:
        return graph
    factors = [
        Tensor(f"{node.outputs[0]};factor", (), "float32", data=np.float32(-1.0).reshape(())) for node in negative
    ]
    tensors = {**graph.tensors, **{factor.name: factor for factor in factors}}
    made = {node.name: _product(node, factor) for node, factor in zip(negative, factors, strict=True)}
    return graph.with_nodes([made.get(node.name, node) for node in graph.nodes], tensors)


def _product(node: Node, factor: Tensor) -> Node:
    return dataclasses.replace(node, op="mul", inputs=(*node.inputs, factor.name), attrs=BinaryAttrs("none"))
