"""CONV_2D by vectors of 16 products, for cores with Helium (MVE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import Cost, KernelCall, KernelVariant, Overlap, RowField
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.mve import FEATURES, VECTOR, clamp_cost, is_exact, is_relu, product, product_cost, vectors
from toolchain.ops.row_parts import WINDOW_FIELDS


@dataclass(frozen=True)
class _Spread:
    """How the rows of a window lie in scratch (``nn_conv2d_mve.h``), in bytes. ``by_column``: K over columns first."""

    by_column: bool
    piece: int
    count: int
    from_step: int
    to_step: int
    in_step: int
    taps: int = 1

    @property
    def instructions(self) -> float:
        """For one row of the window."""
        if self.piece <= VECTOR:
            return self.taps * (16.0 + 6.0 * self.count)
        return self.taps * (10.0 + self.count * (6.0 + 3.0 * vectors(self.piece)))


@dataclass(frozen=True)
class _Row:
    """A row of the image with its border, in bytes. ``total`` is 0 where nothing lies outside."""

    left: int
    inner: int
    right: int
    total: int


def _spread(graph: Graph, node: Node) -> _Spread:
    """The form that takes fewer instructions."""
    in_c, out_w = graph.tensor(node.inputs[0]).shape[3], graph.tensor(node.outputs[0]).shape[2]
    (rows, columns), stride = node.attrs.window.size, node.attrs.window.stride[1]
    column, k = rows * in_c, rows * columns * in_c
    if node.attrs.window.dilation[1] > 1:
        return _Spread(False, in_c, out_w, stride * in_c, k, k, taps=columns)
    forms = (
        _Spread(False, columns * in_c, out_w, stride * in_c, k, k),
        _Spread(True, in_c, (out_w - 1) * stride + columns, in_c, column, stride * column),
    )
    return min(forms, key=lambda form: form.instructions)


def _row(graph: Graph, node: Node) -> _Row:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    columns = (out.shape[2] - 1) * window.stride[1] + (window.size[1] - 1) * window.dilation[1] + 1
    inner = min(x.shape[2], columns - window.pad_left)
    left, right = window.pad_left, columns - window.pad_left - inner
    outside = left or right or window.pad_top or window.pad_bottom
    in_c = x.shape[3]
    return _Row(left * in_c, inner * in_c, right * in_c, columns * in_c if outside else 0)


def _channels(graph: Graph, node: Node, by_column: bool) -> Channels:
    data = constant(graph, node.inputs[1])
    ordered = np.swapaxes(data, 1, 2) if by_column else data
    return channels_of(graph, node, ordered.reshape(len(data), -1))


def _supports(graph: Graph, node: Node) -> bool:
    return _row(graph, node).inner > 0 and is_exact(_channels(graph, node, by_column=False))


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    spread, row = _spread(graph, node), _row(graph, node)
    low, high = activation_range(node.attrs.activation, out)
    params = (
        ("in_h", x.shape[1]),
        ("in_pitch", x.shape[2] * x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("kernel_h", window.size[0]),
        ("stride_h", window.stride[0]),
        ("dilation_h", window.dilation[0]),
        ("pad_top", window.pad_top),
        ("left_bytes", row.left),
        ("inner_bytes", row.inner),
        ("right_bytes", row.right),
        ("in_zero_point", x.zero_point),
        ("piece", spread.piece),
        ("count", spread.count),
        ("from_step", spread.from_step),
        ("to_step", spread.to_step),
        ("taps", spread.taps),
        ("tap_step", window.dilation[1] * x.shape[3] if spread.taps > 1 else 0),
        ("act_min", low),
        ("act_max", high),
        *product(graph, node, _channels(graph, node, spread.by_column), spread.in_step),
    )
    call = KernelCall(
        "nn_conv2d_s8_mve",
        "nn_conv2d_mve.h",
        "nn_conv2d_mve_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=spread.count * spread.to_step + row.total,
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    out = graph.tensor(node.outputs[0])
    spread, row = _spread(graph, node), _row(graph, node)
    k = node.attrs.window.size[0] * node.attrs.window.size[1] * graph.tensor(node.inputs[0]).shape[3]
    border = 25.0 + 3.0 * vectors(row.total) if row.left or row.right else 0.0
    window = node.attrs.window.size[0] * (25.0 + border + spread.instructions)
    products = product_cost(out.shape[2], k, out.shape[3], is_relu(graph, node))
    return Cost(30.0 + out.shape[1] * (20.0 + window + products) + clamp_cost(graph, node))


def _is_1x1(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    inside = not any(width for side in window.pads for width in side)
    return window.size == window.stride == (1, 1) and inside and _supports(graph, node)


COPIED = 12  # NN_MATMUL_MVE_COPIED
PIXELS = 3  # at a time in nn_gemm_s8_mve


def matmul(graph: Graph, node: Node, channels: Channels, in_place: bool = False) -> tuple[KernelCall, ...]:
    """The call that makes ``out_c`` outputs of every K bytes of the input."""
    out = graph.tensor(node.outputs[0])
    count, k = channels.weights.shape
    low, high = activation_range(node.attrs.activation, out)
    params = (
        ("pixels", out.size // count),
        ("act_min", low),
        ("act_max", high),
        *product(graph, node, channels, in_step=k),
    )
    call = KernelCall(
        "nn_matmul_s8_mve_in_place" if in_place else "nn_matmul_s8_mve",
        "nn_matmul_mve.h",
        "nn_matmul_mve_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=COPIED * k if in_place else 0,
    )
    return (call,)


def matmul_cost(graph: Graph, node: Node, k: int, out_c: int) -> Cost:
    """Instructions of that call."""
    pixels = graph.tensor(node.outputs[0]).size // out_c
    return Cost(20.0 + product_cost(pixels, k, out_c, is_relu(graph, node)) + clamp_cost(graph, node))


def _cost_1x1(graph: Graph, node: Node) -> Cost:
    return matmul_cost(graph, node, graph.tensor(node.inputs[0]).shape[3], graph.tensor(node.outputs[0]).shape[3])


def _overlap(graph: Graph, node: Node) -> Overlap:
    """A row of windows is copied before its outputs are written."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    written = np.arange(1, out.shape[1]) * out.shape[2] * out.shape[3]
    read = np.maximum(np.arange(1, out.shape[1]) * window.stride[0] - window.pad_top, 0) * x.shape[2] * x.shape[3]
    return Overlap(int(np.max(written - read, initial=0)))


def _overlap_1x1(graph: Graph, node: Node) -> Overlap:
    """Pixels of a group are still read while their outputs are written; a group may begin at any pixel of a row."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    first = np.arange(x.shape[1] * x.shape[2])
    ends = np.minimum(first + PIXELS, len(first))
    return Overlap(int(np.max(ends * out.shape[3] - first * x.shape[3], initial=0)))


def _rows_1x1(graph: Graph, node: Node) -> tuple[RowField, ...]:
    return (RowField("pixels", out_h=graph.tensor(node.outputs[0]).shape[2]),)


def _same_shape(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape


def _cost_in_place(graph: Graph, node: Node) -> Cost:
    """Beside the products their calls and copies."""
    out = graph.tensor(node.outputs[0])
    channels = out.shape[3]
    calls, rest = divmod(out.size // channels, COPIED)
    relu = is_relu(graph, node)
    copied = 3.0 * vectors(out.size) + 40.0 * (calls + 1)
    products = calls * product_cost(COPIED, channels, channels, relu)
    products += product_cost(rest, channels, channels, relu) if rest else 0.0
    return Cost(30.0 + copied + products + clamp_cost(graph, node))


MVE = KernelVariant(
    name="mve",
    sources=("nn_conv2d_s8_mve.c", "nn_gemm_s8_mve.S"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    features=FEATURES,
    twins=("nn_conv2d_s8_mve.c", "nn_gemm_mve_twin.c"),
    overlap=_overlap,
    rows=lambda g, n: WINDOW_FIELDS,
)
MVE_1X1 = KernelVariant(
    name="mve_1x1",
    sources=("nn_matmul_s8_mve.c", "nn_gemm_s8_mve.S"),
    lower=lambda g, n: matmul(g, n, _channels(g, n, by_column=False)),
    cost=_cost_1x1,
    supports=_is_1x1,
    features=FEATURES,
    twins=("nn_matmul_s8_mve.c", "nn_gemm_mve_twin.c"),
    overlap=_overlap_1x1,
    rows=_rows_1x1,
)
MVE_1X1_IN_PLACE = KernelVariant(
    name="mve_1x1_in_place",
    sources=("nn_matmul_s8_mve_in_place.c", "nn_gemm_s8_mve.S"),
    lower=lambda g, n: matmul(g, n, _channels(g, n, by_column=False), in_place=True),
    cost=_cost_in_place,
    supports=lambda g, n: _is_1x1(g, n) and _same_shape(g, n),
    features=FEATURES,
    twins=("nn_matmul_s8_mve_in_place.c", "nn_gemm_mve_twin.c"),
    in_place=lambda g, n: (0,),
    overlap=lambda g, n: Overlap(0),
    rows=_rows_1x1,
)
