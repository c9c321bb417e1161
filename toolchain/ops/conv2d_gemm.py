"""CONV_2D by paired-byte matrix products, for cores with the DSP extension and an FPU."""

from __future__ import annotations

import dataclasses

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Overlap, RowField, Symbol, Value
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.paired import is_exact, pack_gemm, padded
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap


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


def _layout(window: Window, in_c: int) -> tuple[int, int]:
    """(K padded to words, bytes left of all rows padded to words)."""
    row = window.size[1] * in_c
    left = padded(window.size[0] * (row % 4))
    return window.size[0] * (row // 4 * 4) + left, left


def _scratch(graph: Graph, node: Node, border: bool) -> int:
    """Bytes for the columns, what is left of rows, and copies of rows at the border."""
    in_c = graph.tensor(node.inputs[0]).shape[3]
    k, left = _layout(node.attrs.window, in_c)
    return 4 * k + 2 * left + (2 * node.attrs.window.size[1] * in_c if border else 0)


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


def _geometry(graph: Graph, node: Node, window: Window, size: tuple[int, int]) -> tuple[tuple[str, Value], ...]:
    """The fields of ``nn_conv2d_gemm_params`` for a window over an image of this size."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    k, left = _layout(window, x.shape[3])
    return (
        ("in_h", size[0]),
        ("in_w", size[1]),
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


def _call(name: str, params: tuple[tuple[str, Value], ...], node: Node, scratch: int) -> tuple[KernelCall, ...]:
    symbol = f"nn_conv2d_s8_{name}"
    header, struct = f"nn_conv2d_{name}.h", f"nn_conv2d_{name}_params"
    return (KernelCall(symbol, header, struct, params, node.inputs[:1], node.outputs, scratch_bytes=scratch),)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    params = _geometry(graph, node, window, (x.shape[1], x.shape[2]))
    return _call("gemm", params, node, _scratch(graph, node, _has_border(node)))


def _has_border(node: Node) -> bool:
    return any(width for side in node.attrs.window.pads for width in side)


def _padded_size(graph: Graph, node: Node) -> tuple[int, int, int]:
    """(height, width, bytes) of the copy with its border."""
    x = graph.tensor(node.inputs[0])
    height, width = (x.shape[1 + axis] + sum(node.attrs.window.pads[axis]) for axis in (0, 1))
    return height, width, height * width * x.shape[3]


def _lower_padded(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    height, width, size = _padded_size(graph, node)
    inner = dataclasses.replace(window, pad_top=0, pad_left=0, pad_bottom=0, pad_right=0)
    params = (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        *((f"inner.{name}", value) for name, value in _geometry(graph, node, inner, (height, width))),
    )
    return _call("gemm_padded", params, node, padded(size) + _scratch(graph, node, border=False))


def _padded_rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    window: Window = node.attrs.window
    extent = (window.size[0] - 1) * window.dilation[0] + 1
    return (
        RowField("in_h", in_h=1),
        RowField("pad_top", pad_top=1),
        RowField("inner.in_h", out_h=window.stride[0], constant=extent - window.stride[0]),
        RowField("inner.out_h", out_h=1),
    )


def _is_1x1(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    aligned = graph.tensor(node.inputs[0]).shape[3] % 4 == 0
    return window.size == window.stride == (1, 1) and not _has_border(node) and aligned and _supports(graph, node)


def _lower_1x1(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    pixels, in_c = x.shape[1] * x.shape[2], x.shape[3]
    params = (("pixels", pixels), ("in_c", in_c), *_product(graph, node, in_c))
    return _call("gemm_1x1", params, node, 4 * in_c)


def _product_cycles(graph: Graph, node: Node, k: int) -> float:
    """Of one call for two pixels."""
    out = graph.tensor(node.outputs[0])
    pairs = k // 2
    group = 96 + 15 * pairs + 7 * (pairs // 8) + 7 * -(-(pairs % 8) // 2) + (0 if out.zero_point == -128 else 16)
    return 45.0 + out.shape[3] / 4 * group


def _inside_cycles(graph: Graph, node: Node) -> float:
    """When no window leaves the image."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    k, left = _layout(window, x.shape[3])
    columns = 110.0 + 30.0 * window.size[0] + 3.75 * k + (24.0 * left + 60.0 if left else 0.0)
    return -(-out.shape[1] * out.shape[2] // 2) * (columns + _product_cycles(graph, node, k))


def _border_cycles(graph: Graph, node: Node) -> float:
    """What the pairs of pixels cost more of which one leaves the image: every row of both is copied."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    leaves = []
    for axis, before in ((0, window.pad_top), (1, window.pad_left)):
        first = np.arange(out.shape[1 + axis]) * window.stride[axis] - before
        last = first + (window.size[axis] - 1) * window.dilation[axis]
        leaves.append((first < 0) | (last >= x.shape[1 + axis]))
    pixels = (leaves[0][:, None] | leaves[1][None, :]).reshape(-1)
    pairs = np.append(pixels, [False] * (pixels.size % 2)).reshape(-1, 2)
    return float(pairs.any(axis=1).sum()) * 2 * window.size[0] * 100.0


def _padded_cycles(graph: Graph, node: Node) -> float:
    height, _, size = _padded_size(graph, node)
    return _inside_cycles(graph, node) + 100.0 + 40.0 * height + 0.6 * size


def _1x1_cycles(graph: Graph, node: Node) -> float:
    x = graph.tensor(node.inputs[0])
    per_pair = 12.0 + 3.75 * x.shape[3] + _product_cycles(graph, node, x.shape[3])
    return -(-x.shape[1] * x.shape[2] // 2) * per_pair


GEMM = KernelVariant(
    name="gemm",
    sources=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower,
    cost=lambda g, n: Cost(_inside_cycles(g, n) + _border_cycles(g, n)),
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_twin.c"),
    overlap=lambda g, n: window_overlap(g, n, together=2),
    rows=lambda g, n: WINDOW_FIELDS,
)

GEMM_PADDED = KernelVariant(
    name="gemm_padded",
    sources=("nn_conv2d_s8_gemm_padded.c", "nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower_padded,
    cost=lambda g, n: Cost(_padded_cycles(g, n)),
    supports=lambda g, n: _has_border(n) and _supports(g, n),
    features=GEMM.features,
    twins=("nn_conv2d_s8_gemm_padded.c", "nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_twin.c"),
    overlap=lambda g, n: Overlap(0),  # all of the input is copied first
    rows=_padded_rows,
)

GEMM_1X1 = KernelVariant(
    name="gemm_1x1",
    sources=("nn_conv2d_s8_gemm_1x1.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower_1x1,
    cost=lambda g, n: Cost(_1x1_cycles(g, n)),
    supports=_is_1x1,
    features=GEMM.features,
    twins=("nn_conv2d_s8_gemm_1x1.c", "nn_gemm_s8_2x4_twin.c"),
    # two pixels are widened before their outputs are written
    overlap=lambda g, n: window_overlap(g, n, together=2),
    rows=lambda g, n: (RowField("pixels", out_h=g.tensor(n.outputs[0]).shape[2]),),
)
