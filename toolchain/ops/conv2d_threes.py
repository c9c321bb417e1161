"""CONV_2D for cores without the DSP extension: three output pixels by two multiplications, see ``nn_threes.h``."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant
from toolchain.ops.channels import Channels
from toolchain.ops.common import Window, constant
from toolchain.ops.pixels import image_fields, pad_fields, stride_fields
from toolchain.ops.plain_channels import plain_channels, requantize_right_fields, short_shifts
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap

COLUMNS = 4  # of K at a time, and channels
LOWEST, HIGHEST = -(1 << 20), (1 << 20) - 1  # of a sum in 21 bits


def _channels(graph: Graph, node: Node) -> Channels:
    data = constant(graph, node.inputs[1])
    return plain_channels(graph, node, data.reshape(len(data), -1))


def _supports(graph: Graph, node: Node) -> bool:
    return bool(node.attrs.window.dilation[1] == 1 and short_shifts(_channels(graph, node)))


def _rounded_up(n: int) -> int:
    return -(-n // COLUMNS) * COLUMNS


def part_of(weights: Array) -> int:
    """The most columns whose sums stay within 21 bits in every part and channel. ``weights``: (channels, K)."""
    parts = 1
    while True:
        size = _rounded_up(-(-weights.shape[1] // parts))
        padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % size))).reshape(len(weights), -1, size)
        lowest = np.minimum(-128 * padded, 127 * padded).sum(axis=2).min()
        highest = np.maximum(-128 * padded, 127 * padded).sum(axis=2).max()
        if lowest >= LOWEST and highest <= HIGHEST:
            return size
        parts += 1


def _pack(weights: Array) -> Array:
    """(channels, K) as the kernel's bytes: groups of four channels, column by column, each 128 larger."""
    count, k = weights.shape
    wide = np.pad(weights, ((0, -count % COLUMNS), (0, -k % COLUMNS)))
    stream: Array = (wide.reshape(-1, COLUMNS, wide.shape[1]).transpose(0, 2, 1) + 128).astype(np.uint8).reshape(-1)
    return stream


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    channels = _channels(graph, node)
    k, part = _rounded_up(channels.weights.shape[1]), part_of(channels.weights)
    params = (
        *image_fields(graph, node),
        *stride_fields(window),
        ("dilation_h", window.dilation[0]),
        *pad_fields(window),
        ("in_zero_point", x.zero_point),
        ("k", k),
        ("part", part),
        ("weights", Const("weights", "uint8_t", _pack(channels.weights))),
        *requantize_right_fields(graph, node, channels),
    )
    scratch = 8 * (k + -(-k // part))
    if any(width for side in window.pads for width in side):
        scratch += 3 * window.size[1] * x.shape[3]
    call = KernelCall(
        "nn_conv2d_s8_threes",
        "nn_conv2d_threes.h",
        "nn_conv2d_threes_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=scratch,
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    """By instructions on a Cortex-M3, in proportion to what the portable kernel needs there."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    k = _rounded_up(node.attrs.window.size[0] * node.attrs.window.size[1] * x.shape[3])
    groups = -(-out.shape[3] // COLUMNS)
    triple = 200.0 + 60.0 * node.attrs.window.size[0] + 15.0 * k + groups * (350.0 + 15.0 * k)
    return Cost(-(-out.shape[1] * out.shape[2] // 3) * triple)


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """Three pixels are packed before their outputs are written."""
    window: Window = node.attrs.window
    same = graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape
    return (0,) if same and window.size == window.stride == (1, 1) else ()


THREES = KernelVariant(
    name="threes",
    sources=("nn_conv2d_s8_threes.c", "nn_threes_product.c", "nn_threes_product_arm.S", "nn_store_codes.c"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    without=frozenset({"dsp"}),
    in_place=_in_place,
    overlap=lambda g, n: window_overlap(g, n, copied=True),
    rows=lambda g, n: WINDOW_FIELDS,
)
