"""FULLY_CONNECTED on int8 or float32 whose weights are made by the network, or have a zero point that is not 0.

The reference follows TFLM's ``reference_integer_ops::FullyConnected`` and ``reference_ops::FullyConnected``.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import float32, fully_connected
from toolchain.ops.base import Const, Constraint, Op, no_attrs
from toolchain.ops.common import ACTIVATION, WITHIN_32_BITS, activation_range, bias_of, channel_multipliers
from toolchain.ops.conv2d import symmetric, weights_per_channel
from toolchain.ops.matmul import (
    Matrices,
    Params,
    Product,
    Scaling,
    codes,
    float_sums,
    float_variant,
    int8_variants,
    is_type,
    stays_within,
)

(_INT8,) = fully_connected.OPS
_BIAS_TYPES = {"int8": "int32", "float32": "float32"}


def _is_meant(graph: Graph, node: Node) -> bool:
    """Whether the weights are none that the usual kernels have been packed for."""
    if not is_type(graph, node, "int8") and not is_type(graph, node, "float32"):
        return False
    weights = graph.tensor(node.inputs[1])
    return weights.data is None or (weights.quant is not None and any(weights.quant.zero_point))


def _product(graph: Graph, node: Node) -> Product:
    columns, depth = graph.tensor(node.inputs[1]).shape
    rows = graph.tensor(node.inputs[0]).size // depth
    a, b = (Matrices((), depth, 1, n * depth) for n in (rows, columns))
    return Product(node.inputs[0], node.inputs[1], a, b, (), rows, columns, depth)


def _has_bias(node: Node) -> bool:
    return any(node.inputs[2:])


def _scaling(graph: Graph, node: Node) -> Scaling:
    weights, out = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    assert weights.quant is not None
    channels = weights.shape[0]
    multiplier, shift = channel_multipliers(graph, node, channels if weights.quant.per_channel else 1)
    bias = bias_of(graph, node, channels) if _has_bias(node) else None
    return Scaling(multiplier, shift, *activation_range(node.attrs.activation, out), bias)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out, (channels, depth) = graph.tensor(node.outputs[0]), graph.tensor(node.inputs[1]).shape
    rows = inputs[0].reshape(len(inputs[0]), -1, depth)
    weights = inputs[1].swapaxes(1, 2)
    if is_type(graph, node, "float32"):
        made = float32.activated(node, float_sums(rows, weights) + float32.bias_of(graph, node, channels))
    else:
        made = codes(graph, node, _product(graph, node), _scaling(graph, node), rows, weights)
    return [made.reshape(-1, *out.shape)]


def _float_params(graph: Graph, node: Node) -> Params:
    channels = graph.tensor(node.inputs[1]).shape[0]
    bias = Const("bias", "float", float32.bias_of(graph, node, channels)) if _has_bias(node) else 0
    return ("is_clamped", 1), *float32.range_fields(node), ("bias", bias)


def _types(graph: Graph, node: Node) -> bool:
    types = {graph.tensor(n).dtype for n in (*node.inputs[:2], *node.outputs)}
    return len(types) == 1 and types <= set(_BIAS_TYPES)


def _zero_points(graph: Graph, node: Node) -> bool:
    """With a scale for each channel TFLM takes the zero points for 0."""
    quant = graph.tensor(node.inputs[1]).quant
    return is_type(graph, node, "float32") or (quant is not None and (not quant.per_channel or symmetric(graph, node)))


def _bias_ok(graph: Graph, node: Node) -> bool:
    if not _has_bias(node):
        return True
    bias = graph.tensor(node.inputs[2])
    wanted = _BIAS_TYPES[graph.tensor(node.outputs[0]).dtype]
    return bias.data is not None and bias.dtype == wanted and bias.size == graph.tensor(node.inputs[1]).shape[0]


def _of_int8(constraint: Constraint) -> Constraint:
    return Constraint(constraint.sentence, lambda g, n: not is_type(g, n, "int8") or constraint.holds(g, n))


OPS = (
    Op(
        name="fully_connected_operand",
        tflite=(),
        instead=("fully_connected", _is_meant),
        read=no_attrs,
        write=_INT8.write,
        reference=_reference,
        macs=lambda g, n: _product(g, n).macs,
        constraints=(
            Constraint("its input, weights and output must be of one type of int8, float32", _types),
            fully_connected.SHAPES,
            Constraint(
                "its bias must be a constant vector of int32 or float32 with one entry for each output", _bias_ok
            ),
            ACTIVATION,
            fully_connected.STORED,
            _of_int8(weights_per_channel(0)),
            Constraint("its weights must have one zero point, or zero points of 0", _zero_points),
            _of_int8(
                Constraint(WITHIN_32_BITS, lambda g, n: stays_within(g, _product(g, n), _scaling(g, n))),
            ),
        ),
        variants=(
            *int8_variants(_product, _scaling),
            float_variant(_product, _float_params),
        ),
    ),
)
