"""DEPTHWISE_CONV_2D for cores without the DSP extension: four channels at a time, tap by tap through pointers."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, Overlap
from toolchain.ops.channels import Channels
from toolchain.ops.common import Window, constant
from toolchain.ops.plain_channels import plain_channels, requantize_right_fields, short_shifts
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap

FOUR = 4  # channels at a time
POINTER_BYTES = 8  # of a computer that runs the portable C; four on the targets
MISALIGNED_BYTES = 4  # at most, for such a computer


def _channels(graph: Graph, node: Node) -> Channels:
    data = constant(graph, node.inputs[1])
    return plain_channels(graph, node, data.reshape(-1, data.shape[3]).T)


def _supports(graph: Graph, node: Node) -> bool:
    in_c, out_c = (graph.tensor(name).shape[3] for name in (node.inputs[0], node.outputs[0]))
    return in_c == out_c >= FOUR and short_shifts(_channels(graph, node))


def _pack(weights: Array) -> Array:
    """(channels, taps) as the kernel's bytes."""
    count = len(weights)
    firsts = [min(c, count - FOUR) for c in range(0, count, FOUR)]
    return np.concatenate([weights[c : c + FOUR].T.reshape(-1) for c in firsts]).astype(np.int8)


def _keeps_shape(graph: Graph, node: Node) -> bool:
    """Then the output may overwrite the input, since rows that are still needed are copied first."""
    window: Window = node.attrs.window
    return window.stride == (1, 1) and graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    channels = _channels(graph, node)
    saved_rows = window.pad_top + 1 if _keeps_shape(graph, node) else 0
    params = (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("channels", x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
        ("dilation_h", window.dilation[0]),
        ("dilation_w", window.dilation[1]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        ("in_zero_point", x.zero_point),
        ("saved_rows", saved_rows),
        ("weights", Const("weights", "int8_t", _pack(channels.weights))),
        *requantize_right_fields(graph, node, channels),
    )
    taps = window.size[0] * window.size[1]
    call = KernelCall(
        "nn_depthwise_conv2d_s8_fours",
        "nn_depthwise_fours.h",
        "nn_depthwise_fours_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=POINTER_BYTES * taps + MISALIGNED_BYTES + saved_rows * x.shape[2] * x.shape[3] + x.shape[3],
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    """By instructions on a Cortex-M3, in proportion to what the portable kernel needs there."""
    out = graph.tensor(node.outputs[0])
    taps = node.attrs.window.size[0] * node.attrs.window.size[1]
    pixel = 60.0 + 14.0 * taps + -(-out.shape[3] // FOUR) * (130.0 + 19.0 * taps)
    return Cost(out.shape[1] * out.shape[2] * pixel)


FOURS = KernelVariant(
    name="fours",
    sources=("nn_depthwise_conv2d_s8_fours.c", "nn_store_codes.c"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    without=frozenset({"dsp"}),
    in_place=lambda g, n: (0,) if _keeps_shape(g, n) else (),
    # where the shape is kept, a row is copied before outputs overwrite it
    overlap=lambda g, n: Overlap(0) if _keeps_shape(g, n) else window_overlap(g, n),
    rows=lambda g, n: WINDOW_FIELDS,
)
