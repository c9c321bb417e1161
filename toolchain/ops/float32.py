"""What operators on float32 share.

Every product, sum and quotient is rounded to float32 by itself and in the order of TFLM's reference kernels (which are
built for a machine without fused multiplication), in numpy as in C. Hence results are TFLM's bit by bit, but for what
needs ``floatmath.py``. On a Cortex-M4 that costs nothing: a multiplication and an addition take a cycle each, a fused
one three.
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Value, dtype_in

FLOAT32 = Constraint("its input and output must be float32", dtype_in("float32"))
INT8_OR_FLOAT32 = Constraint(
    "its input and output must both be int8 or both float32",
    lambda g, n: dtype_in("int8")(g, n) or dtype_in("float32")(g, n),
)
LARGEST = float(np.finfo(np.float32).max)
RANGES = {"none": (-LARGEST, LARGEST), "relu": (0.0, LARGEST), "relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0)}


def clamp(x: Array, low: float, high: float) -> Array:
    """TFLite's ``ActivationFunctionWithMinMax``: std::min(std::max(x, low), high), with its zeros of both signs."""
    raised = np.where(x < np.float32(low), np.float32(low), x)
    limited: Array = np.where(np.float32(high) < raised, np.float32(high), raised)
    return limited


def activated(node: Node, x: Array) -> Array:
    return clamp(x, *RANGES[node.attrs.activation])


def range_fields(node: Node) -> tuple[tuple[str, Value], ...]:
    """The fields ``act_min`` and ``act_max`` of a kernel."""
    low, high = RANGES[node.attrs.activation]
    return ("act_min", low), ("act_max", high)


def sums_of_products(x: Array, weights: Array) -> Array:
    """(rows, K) and (channels, K) to (rows, channels): the products added one after the other from 0 on."""
    x, weights = np.ascontiguousarray(x.T), np.ascontiguousarray(weights.T)
    total = np.zeros((x.shape[1], weights.shape[1]), np.float32)
    product = np.empty_like(total)
    for k in range(len(x)):
        np.multiply(x[k][:, None], weights[k][None, :], out=product)
        total += product
    return total


def bias_of(graph: Graph, node: Node, channels: int) -> Array:
    """The bias of a convolution or fully connected node, zeros when it is absent."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.float32)
    data = graph.tensor(node.inputs[2]).data
    assert data is not None
    return data.reshape(-1)


def constant_floats(graph: Graph, node: Node) -> bool:
    """Weights, and a bias with an entry for each output channel, are float32 constants."""
    weights, bias = graph.tensor(node.inputs[1]), graph.tensor(node.inputs[2]) if has_bias(node) else None
    channels = graph.tensor(node.outputs[0]).shape[-1]
    if bias is not None and (bias.data is None or bias.dtype != "float32" or bias.size != channels):
        return False
    return weights.data is not None and weights.dtype == "float32"


def has_bias(node: Node) -> bool:
    return len(node.inputs) > 2 and bool(node.inputs[2])


WEIGHTS = Constraint(
    "its weights must be constant float32, and so its bias, a vector with one entry for each output channel",
    constant_floats,
)
