"""What operators on int16 activations share: zero points are 0, weights int8, biases and sums int64.

Sources: TFLite's 16x8 quantization specification, and ``MultiplyByQuantizedMultiplier`` of an int64 in its
``quantization_util.cc``.
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Const, Constraint, Value, dtype_in
from toolchain.ops.common import WITHIN_32_BITS, channel_multipliers, constant, quantize_real

LOW, HIGH = -(1 << 15), (1 << 15) - 1
LARGEST_SUM = 1 << 47  # that TFLite rescales
MOST_SHIFT = 7

INT16 = Constraint("its input and output must be int16", dtype_in("int16"))
SYMMETRIC = Constraint(
    "its int16 tensors must have one scale and the zero point 0",
    lambda g, n: all(_symmetric(g.tensor(t)) for t in (*n.inputs, *n.outputs) if t),
)


def _symmetric(tensor: Tensor) -> bool:
    if tensor.dtype != "int16":
        return True
    return tensor.quant is not None and len(tensor.quant.scale) == 1 and tensor.quant.zero_point == (0,)


def clamp(x: Array, low: int = LOW, high: int = HIGH) -> Array:
    return np.clip(x, low, high).astype(np.int16)


def activation_range(activation: str, output: Tensor) -> tuple[int, int]:
    """The int16 codes that a fused activation clamps to (TFLite ``CalculateActivationRangeQuantized``)."""
    low = max(LOW, {"relu": 0, "relu6": 0, "relu_n1_to_1": quantize_real(-1.0, output)}.get(activation, LOW))
    high = min(HIGH, quantize_real({"relu6": 6.0}.get(activation, 1.0), output))
    return low, high if activation in ("relu6", "relu_n1_to_1") else HIGH


def range_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """The fields ``act_min`` and ``act_max`` of a kernel."""
    low, high = activation_range(node.attrs.activation, graph.tensor(node.outputs[0]))
    return ("act_min", low), ("act_max", high)


def wide_factors(graph: Graph, node: Node, channels: int) -> tuple[Array, Array]:
    """Per-channel (factor, right shift): the multipliers of 32 bits, rounded to 16."""
    multiplier, shift = channel_multipliers(graph, node, channels)
    factor = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    return factor, 15 - shift


def requantize_wide(total: Array, factor: Array, shift: Array) -> Array:
    """int64 sums rescaled and rounded once, halves upwards."""
    scaled: Array = (total * factor + (np.int64(1) << (shift - 1))) >> shift
    return scaled


def wide_consts(graph: Graph, node: Node, channels: int) -> tuple[tuple[str, Const], ...]:
    """The per-channel parameter arrays of a kernel."""
    factor, shift = wide_factors(graph, node, channels)
    return (
        ("bias", Const("bias", "int64_t", bias_of(graph, node, channels))),
        ("factor", Const("factor", "int32_t", factor.astype(np.int32))),
        ("shift", Const("shift", "int8_t", shift.astype(np.int8))),
    )


def bias_of(graph: Graph, node: Node, channels: int) -> Array:
    """The int64 bias, zeros when it is absent."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.int64)
    return constant(graph, node.inputs[2]).reshape(-1)


def bias_is_wide(graph: Graph, node: Node) -> bool:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return True
    bias = graph.tensor(node.inputs[2])
    return bias.data is not None and bias.dtype == "int64" and bias.size == graph.tensor(node.outputs[0]).shape[-1]


def largest_sums(graph: Graph, node: Node, axis: int) -> Array:
    """The most that each channel's sum can be in size, without the bias."""
    weights = np.moveaxis(constant(graph, node.inputs[1]), axis, 0).astype(np.int64)
    most: Array = np.abs(weights.reshape(len(weights), -1)).sum(axis=1) * -LOW
    return most


def are_defined(most: Array, shift: Array) -> bool:
    """Whether TFLite's rescaling is defined for sums of up to ``most`` in size."""
    return bool((most < LARGEST_SUM).all()) and all(
        int(s) <= MOST_SHIFT and float(m) * 2.0 ** int(s) < (1 << 31) - (1 << 16)
        for m, s in zip(most, shift, strict=True)
    )


def sums_are_defined(axis: int) -> Constraint:
    """For weights with the output channels along ``axis``: no input leaves what TFLite's rescaling is defined for."""

    def holds(graph: Graph, node: Node) -> bool:
        most = largest_sums(graph, node, axis)
        most = most + np.abs(bias_of(graph, node, len(most)))
        _, shift = channel_multipliers(graph, node, len(most))
        return are_defined(most, shift)

    return Constraint(WITHIN_32_BITS, holds)
