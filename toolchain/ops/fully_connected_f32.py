"""FULLY_CONNECTED on float32, with weights stored as float32, float16 or bfloat16.

The reference follows TFLM's ``reference_ops::FullyConnected``.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import fully_connected
from toolchain.ops.base import Op, no_attrs
from toolchain.ops.common import ACTIVATION, constant
from toolchain.ops.float32 import FLOAT32, WEIGHTS, activated, bias_of, sums_of_products
from toolchain.ops.pixels import row_of_pixels
from toolchain.ops.products_f32 import by_format, row_terms

(_INT8,) = fully_connected.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    w, out = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    sums = sums_of_products(inputs[0].reshape(-1, w.shape[1]), constant(graph, node.inputs[1]))
    return [activated(node, sums + bias_of(graph, node, w.shape[0])).reshape(-1, *out.shape)]


# By format of the weights: as they are, float16, bfloat16.
_CYCLES = (
    (327.4, 10.9, 52.24, 153.1, 22.99, 55.18),
    (328.1, 11.12, 53.24, 152.8, 23.99, 55.18),
    (327.9, 12.76, 56.24, 147.6, 26.99, 54.97),
)

OPS = (
    Op(
        name="fully_connected_f32",
        tflite=(),
        typed=("fully_connected", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        macs=_INT8.macs,
        constraints=(FLOAT32, fully_connected.SHAPES, WEIGHTS, ACTIVATION, fully_connected.STORED),
        variants=by_format(row_of_pixels, row_terms, _CYCLES),
    ),
)
