"""DEPTHWISE_CONV_2D of any window and channel multiplier for cores with Helium (MVE): eight channels, tap by tap."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, Value
from toolchain.ops.channels import Channels
from toolchain.ops.common import Window, activation_range
from toolchain.ops.depthwise_dsp import depthwise_channels, with_common_zero_point
from toolchain.ops.mve import FEATURES, clamp_cost, is_exact, padded_channels
from toolchain.ops.row_parts import WINDOW_FIELDS

GROUP = 8  # NN_DEPTHWISE_MVE_TAPS_GROUP
_EVEN_FIRST = (0, 2, 4, 6, 1, 3, 5, 7)


def _channels(graph: Graph, node: Node) -> Channels:
    """In whole groups. The zero point is not folded into the bias: taps outside the image are left out."""
    zero_point = graph.tensor(node.inputs[0]).zero_point
    channels = with_common_zero_point(depthwise_channels(graph, node), graph.tensor(node.outputs[0]).zero_point)
    unfolded = channels.bias + zero_point * channels.weights.sum(axis=1)
    return padded_channels(channels, GROUP, bias=unfolded)


def _pack(channels: Channels) -> tuple[Array, Array]:
    """The weights and numbers of ``nn_depthwise_mve_taps.h``."""
    taps = channels.weights.shape[1]
    weights = channels.weights.reshape(-1, GROUP, taps).swapaxes(1, 2)
    numbers = np.stack([channels.bias, channels.multiplier, channels.shift]).reshape(3, -1, GROUP)
    ordered = numbers[:, :, _EVEN_FIRST].swapaxes(0, 1)
    return weights.reshape(-1).astype(np.int8), ordered.reshape(-1).astype(np.int32)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    low, high = activation_range(node.attrs.activation, out)
    weights, numbers = _pack(_channels(graph, node))
    sizes = (("in_h", x.shape[1]), ("in_w", x.shape[2]), ("in_c", x.shape[3]))
    params: tuple[tuple[str, Value], ...] = (
        *sizes,
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("out_c", out.shape[3]),
        ("multiplier", out.shape[3] // x.shape[3]),
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
        ("dilation_h", window.dilation[0]),
        ("dilation_w", window.dilation[1]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
        ("weights", Const("weights", "int8_t", weights)),
        ("numbers", Const("numbers", "int32_t", numbers)),
    )
    name = "nn_depthwise_conv2d_s8_mve_taps"
    header, struct = "nn_depthwise_mve_taps.h", "nn_depthwise_mve_taps_params"
    return (KernelCall(name, header, struct, params, node.inputs[:1], node.outputs),)


def _cost(graph: Graph, node: Node) -> Cost:
    """Instructions, as ``mve.py`` says; as if every tap were inside the image."""
    out = graph.tensor(node.outputs[0])
    rows, columns = node.attrs.window.size
    windows = out.shape[1] * out.shape[2]
    group = 150.0 + windows * (105.0 + rows * (5.0 + 9.0 * columns))
    return Cost(50.0 + -(-out.shape[3] // GROUP) * group + clamp_cost(graph, node))


MVE_TAPS = KernelVariant(
    name="mve_taps",
    sources=("nn_depthwise_conv2d_s8_mve_taps.c", "nn_depthwise_s8_mve_window.S"),
    lower=_lower,
    cost=_cost,
    supports=lambda g, n: is_exact(depthwise_channels(g, n)),
    features=FEATURES,
    twins=("nn_depthwise_conv2d_s8_mve_taps.c", "nn_depthwise_mve_taps_twin.c"),
    rows=lambda g, n: WINDOW_FIELDS,
)
