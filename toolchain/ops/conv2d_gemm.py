"""CONV_2D by paired-byte matrix products, for cores with the DSP extension and an FPU."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Symbol, Value
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.paired import is_exact, pack_gemm, padded


def _channels(graph: Graph, node: Node) -> Channels:
    """With K in the order of the kernel: the whole words of each row, then what is left of all rows."""
    data = constant(graph, node.inputs[1])
    rows = data.reshape(data.shape[0], data.shape[1], -1)
    words = rows.shape[2] // 4 * 4
    parts = [rows[:, :, :words].reshape(len(rows), -1), rows[:, :, words:].reshape(len(rows), -1)]
    return channels_of(graph, node, np.concatenate(parts, axis=1))


def _supports(graph: Graph, node: Node) -> bool:
    out = graph.tensor(node.outputs[0])
    channels = out.shape[3]
    window: Window = node.attrs.window
    if channels % 4 or window.dilation[1] != 1:
        return False
    if activation_range(node.attrs.activation, out) != (-128, 127):
        return False
    return is_exact(_channels(graph, node))


def _layout(window: Window, in_c: int) -> tuple[int, int, int]:
    """(K padded to words, bytes left of all rows padded to words, scratch bytes)."""
    row = window.size[1] * in_c
    left = padded(window.size[0] * (row % 4))
    k = window.size[0] * (row // 4 * 4) + left
    return k, left, 4 * k + 2 * row + 2 * left


def _product(graph: Graph, node: Node, k: int) -> tuple[tuple[str, Value], ...]:
    """The fields that ``nn_gemm.h`` explains."""
    out = graph.tensor(node.outputs[0])
    channels = out.shape[3]
    shape = (("pairs", k // 2), ("groups", channels // 4), ("out_stride", channels))
    return (
        ("shape", Fields(shape)),
        ("gemm", Symbol("nn_gemm_s8_2x4_relu" if out.zero_point == -128 else "nn_gemm_s8_2x4")),
        ("weights", Const("weights", "uint32_t", pack_gemm(_channels(graph, node)))),
    )


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    k, left, scratch = _layout(window, x.shape[3])
    params = (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("in_c", x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("kernel_h", window.size[0]),
        ("kernel_w", window.size[1]),
        ("stride_h", window.stride[0]),
        ("stride_w", window.stride[1]),
        ("dilation_h", window.dilation[0]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        ("in_zero_point", x.zero_point),
        ("left_padded", left),
        *_product(graph, node, k),
    )
    call = KernelCall(
        "nn_conv2d_s8_gemm",
        "nn_conv2d_gemm.h",
        "nn_conv2d_gemm_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=scratch,
    )
    return (call,)


def _is_1x1(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    no_pads = not any(width for side in window.pads for width in side)
    aligned = graph.tensor(node.inputs[0]).shape[3] % 4 == 0
    return window.size == window.stride == (1, 1) and no_pads and aligned and _supports(graph, node)


def _lower_1x1(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    pixels, in_c = x.shape[1] * x.shape[2], x.shape[3]
    params = (("pixels", pixels), ("in_c", in_c), *_product(graph, node, in_c))
    call = KernelCall(
        "nn_conv2d_s8_gemm_1x1",
        "nn_conv2d_gemm_1x1.h",
        "nn_conv2d_gemm_1x1_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=4 * in_c,
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    k, _, _ = _layout(node.attrs.window, x.shape[3])
    pixels = out.shape[1] * out.shape[2]
    return Cost(pixels * (out.shape[3] * (k * 1.0 + 12.0) + 2.0 * k + 60.0))


GEMM = KernelVariant(
    name="gemm",
    sources=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_twin.c"),
)

GEMM_1X1 = KernelVariant(
    name="gemm_1x1",
    sources=("nn_conv2d_s8_gemm_1x1.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower_1x1,
    cost=lambda g, n: Cost(0.97 * _cost(g, n).cycles),
    supports=_is_1x1,
    features=GEMM.features,
    twins=("nn_conv2d_s8_gemm_1x1.c", "nn_gemm_s8_2x4_twin.c"),
    # two pixels are widened before their outputs are written
    in_place=lambda g, n: (0,) if g.tensor(n.inputs[0]).shape == g.tensor(n.outputs[0]).shape else (),
)
