"""What operators on float32 share.

Every product, sum and quotient is rounded to float32 by itself and in the order of TFLM's reference kernels (which are
built for a machine without fused multiplication), in numpy as in C. Hence results are TFLM's bit by bit, but for
exponentials. On a Cortex-M4 that costs nothing: a multiplication and an addition take a cycle each, a fused one three.
"""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Constraint, Overlap, Value, dtype_in
from toolchain.ops.common import ACTIVATIONS, Window
from toolchain.ops.row_parts import window_overlap

FLOAT32 = Constraint("its input and output must be float32", dtype_in("float32"))
ACTIVATION = Constraint(
    "its fused activation must be none, ReLU, ReLU6 or ReLU_N1_TO_1",
    lambda g, n: n.attrs.activation in ACTIVATIONS.values(),
)
LARGEST = float(np.finfo(np.float32).max)
RANGES = {"none": (-LARGEST, LARGEST), "relu": (0.0, LARGEST), "relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0)}
LANES = 4  # output channels whose weights lie side by side


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


def in_lanes(weights: Array) -> Array:
    """(channels, taps) to (groups, taps, LANES), as kernels read them; channels that are missing are zeros."""
    channels, taps = weights.shape
    groups = -(-channels // LANES)
    padded = np.zeros((groups * LANES, taps), weights.dtype)
    padded[:channels] = weights
    return np.ascontiguousarray(padded.reshape(groups, LANES, taps).transpose(0, 2, 1))


def pairs(lanes: Array) -> Array:
    """Values of 16 bits, two in a word, the first in the lower half."""
    return np.ascontiguousarray(lanes).view(np.dtype("<u2")).astype("<u2").view("<u4")


def lanes_const(lanes: Array) -> Const:
    return Const("weights", "float", lanes)


def pixel_overlap(graph: Graph, node: Node, pixels: int = 1) -> Overlap:
    """How the output of a kernel with a window may lie over its input when it makes ``pixels`` pixels at a time."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    lead = window_overlap(graph, node).lead + (pixels - 1) * out.shape[3]
    return Overlap(lead * np.dtype(x.dtype).itemsize)


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


def window_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """Shapes and window, as parameters of convolutions have them."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    return (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("in_c", x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("out_c", out.shape[3]),
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
        ("dilation_h", window.dilation[0]),
        ("dilation_w", window.dilation[1]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
    )
