"""FULLY_CONNECTED with int16 activations and int32 biases: int32 sums, rounded twice, where int64 ones are once.

The reference follows TFLM's ``reference_integer_ops::FullyConnected``; the kernel is that of ``conv2d_general``.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, fully_connected
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import WITHIN_32_BITS, constant
from toolchain.ops.conv2d_general import NARROW, is_narrow, narrow_codes, narrow_params, narrow_sums_fit
from toolchain.ops.int16 import INT16, SYMMETRIC
from toolchain.ops.pixels import row_of_pixels
from toolchain.ops.products_s16 import product

(_INT8,) = fully_connected.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    weights = constant(graph, node.inputs[1])
    total = product(inputs[0].reshape(-1, weights.shape[1]), weights)
    return [narrow_codes(graph, node, total).reshape(-1, *graph.tensor(node.outputs[0]).shape)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    fields = (
        *((f"shape.{name}", value) for name, value in row_of_pixels(graph, node)),
        ("shape.group_in", in_c),
        ("shape.group_out", out_c),
        *narrow_params(graph, node),
    )
    symbol, struct = f"nn_conv2d_general_{NARROW}", "nn_conv2d_general_params"
    return (KernelCall(symbol, "nn_conv2d_general.h", struct, fields, node.inputs[:2], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    return 1.0, float(graph.tensor(node.outputs[0]).size), float(_INT8.macs(graph, node))


OPS = (
    Op(
        name="fully_connected_narrow",
        tflite=(),
        instead=("fully_connected", is_narrow),
        read=no_attrs,
        write=_INT8.write,
        reference=_reference,
        macs=_INT8.macs,
        constraints=(
            INT16,
            SYMMETRIC,
            fully_connected.SHAPES,
            *conv2d.WEIGHTS,
            conv2d.weights_per_channel(0),
            fully_connected.STORED,
            Constraint(WITHIN_32_BITS, narrow_sums_fit),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_general.c",),
                lower=_lower,
                cost=FittedCost((275.1, 195.5, 7.993), _terms),
            ),
        ),
    ),
)
