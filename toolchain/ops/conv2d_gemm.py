"""CONV_2D by paired-byte matrix products, for cores with the DSP extension and an FPU."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Overlap, RowField, Symbol, Value
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.paired import WORD_ORDER, is_exact, pack_gemm, padded
from toolchain.ops.pixels import image_fields, pad_fields, stride_fields
from toolchain.ops.row_parts import WINDOW_FIELDS, window_overlap
from toolchain.ops.single_floor import SingleFloor, single_floor

FLOOR_SHIFT = 12  # NN_GEMM_FLOOR_SHIFT


@dataclass(frozen=True)
class Layout:
    """A window as ``nn_gemm.h`` sees it: rows of whole words, and perhaps one byte more of each."""

    rows: int
    row_bytes: int
    longer_rows: int
    taps: int

    @property
    def order(self) -> Array:
        """The taps in the order in which they are multiplied, in pairs; -1 where there is none."""
        step = self.row_bytes + (1 if self.longer_rows else 0)
        words = np.arange(self.row_bytes).reshape(-1, 4)[:, WORD_ORDER].reshape(-1)
        taps = [(np.arange(self.rows)[:, None] * step + words).reshape(-1)]
        taps.append(np.arange(self.longer_rows) * step + self.row_bytes)
        order = np.concatenate(taps)
        order[order >= self.taps] = -1
        return np.pad(order, (0, max(4 - order.size, order.size % 2)), constant_values=-1)

    @property
    def k(self) -> int:
        """Of the product, with what fills it up."""
        return int(self.order.size)


def is_copied(window: Window, in_c: int) -> bool:
    """Whether windows are copied to one long row of whole words because their own rows are none."""
    return window.size[1] * in_c % 4 > 1


def layout_of(window: Window, in_c: int) -> Layout:
    row, rows = window.size[1] * in_c, window.size[0]
    if is_copied(window, in_c):
        return Layout(1, padded(rows * row), 0, rows * row)
    return Layout(rows, row // 4 * 4, rows if row % 4 else 0, rows * row)


def _channels(graph: Graph, node: Node) -> Channels:
    data = constant(graph, node.inputs[1])
    return channels_of(graph, node, data.reshape(len(data), -1))


def floor_of(graph: Graph, node: Node, channels: Channels) -> SingleFloor | None:
    """Tried where the zero point hides the sign; elsewhere there is hardly ever one."""
    if graph.tensor(node.outputs[0]).zero_point != -128:
        return None
    return single_floor(channels, FLOOR_SHIFT)


def _floor(graph: Graph, node: Node) -> SingleFloor | None:
    return floor_of(graph, node, _channels(graph, node))


def fits_tiles(graph: Graph, node: Node) -> bool:
    """Whether windows, channels and the codes of the output are such that the product takes them."""
    out = graph.tensor(node.outputs[0])
    channels = out.shape[3]
    window: Window = node.attrs.window
    if channels % 4 or window.dilation[1] != 1:
        return False
    return activation_range(node.attrs.activation, out) == (-128, 127)


def _supports(graph: Graph, node: Node) -> bool:
    return fits_tiles(graph, node) and is_exact(_channels(graph, node))


def _copies(window: Window, in_c: int, border: bool) -> tuple[int, int]:
    """(where copied windows begin, bytes of scratch)."""
    layout, row = layout_of(window, in_c), window.size[1] * in_c
    if is_copied(window, in_c):
        return 4 * layout.k, 6 * layout.row_bytes
    if not border:
        return 0, 4 * layout.k
    copies = 2 * window.size[0] * row
    start = 4 * layout.k if layout.longer_rows else copies + row
    return start, start + copies


def product_shape(graph: Graph, node: Node) -> Fields:
    """``nn_gemm_shape``."""
    layout = layout_of(node.attrs.window, graph.tensor(node.inputs[0]).shape[3])
    return Fields(
        (
            ("rows", layout.rows),
            ("row_bytes", layout.row_bytes),
            ("longer_rows", layout.longer_rows),
            ("pairs", layout.k // 2),
            ("groups", graph.tensor(node.outputs[0]).shape[3] // 4),
        )
    )


def _product(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    """The fields that ``nn_gemm.h`` explains."""
    layout = layout_of(node.attrs.window, graph.tensor(node.inputs[0]).shape[3])
    channels = _channels(graph, node)
    floor = _floor(graph, node)
    return (
        ("shape", product_shape(graph, node)),
        ("gemm", Symbol("nn_gemm_s8_2x4" + ("_floor" if floor else ""))),
        ("weights", _weights(channels, layout, floor)),
    )


@functools.lru_cache(maxsize=32)
def _weights(channels: Channels, layout: Layout, floor: SingleFloor | None) -> Const:
    return Const("weights", "uint32_t", pack_gemm(channels, layout.order, floor))


def window_fields(graph: Graph, node: Node, window: Window, size: tuple[int, int]) -> tuple[tuple[str, Value], ...]:
    """The first fields of ``nn_conv2d_gemm_params``, for a window over an image of this size."""
    x = graph.tensor(node.inputs[0])
    return (
        ("in_h", size[0]),
        ("in_w", size[1]),
        *image_fields(graph, node)[2:],
        *stride_fields(window),
        ("dilation_h", window.dilation[0]),
        *pad_fields(window),
        ("in_zero_point", x.zero_point),
    )


def _geometry(graph: Graph, node: Node, window: Window, size: tuple[int, int]) -> tuple[tuple[str, Value], ...]:
    copies = _copies(window, graph.tensor(node.inputs[0]).shape[3], has_border(window))[0]
    return *window_fields(graph, node, window, size), ("copies", copies), *_product(graph, node)


def _call(name: str, params: tuple[tuple[str, Value], ...], node: Node, scratch: int) -> tuple[KernelCall, ...]:
    symbol = f"nn_conv2d_s8_{name}"
    header, struct = f"nn_conv2d_{name}.h", f"nn_conv2d_{name}_params"
    return (KernelCall(symbol, header, struct, params, node.inputs[:1], node.outputs, scratch_bytes=scratch),)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    params = _geometry(graph, node, window, (x.shape[1], x.shape[2]))
    return _call("gemm", params, node, _copies(window, x.shape[3], has_border(window))[1])


def has_border(window: Window) -> bool:
    return any(width for side in window.pads for width in side)


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
    return _call("gemm_padded", params, node, padded(size) + _copies(inner, x.shape[3], False)[1])


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
    if window.size != (1, 1) or window.stride != (1, 1) or has_border(window):
        return False
    return not is_copied(window, graph.tensor(node.inputs[0]).shape[3]) and _supports(graph, node)


def _lower_1x1(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    pixels, in_c, out_c = x.shape[1] * x.shape[2], x.shape[3], graph.tensor(node.outputs[0]).shape[3]
    params = (("pixels", pixels), ("in_c", in_c), ("out_c", out_c), *_product(graph, node))
    return _call("gemm_1x1", params, node, _copies(node.attrs.window, in_c, False)[1])


def _pair_cycles(graph: Graph, node: Node) -> float:
    """Of two pixels whose windows are read where they are."""
    out = graph.tensor(node.outputs[0])
    layout = layout_of(node.attrs.window, graph.tensor(node.inputs[0]).shape[3])
    eights, four = divmod(layout.row_bytes, 8)
    gather = 22 + layout.rows * (12 + 25 * eights + (17 if four else 0)) + 8 * layout.longer_rows
    pairs = layout.k // 2
    group = (66 if _floor(graph, node) else 100) + 15 * pairs + 5 * ((pairs - 2) // 8)
    return 14.0 + gather + out.shape[3] / 4 * group


def _runs_cycles(graph: Graph, node: Node, copied: int) -> float:
    """Of all pixels, when the windows of so many pairs of them are copied."""
    out = graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    pairs = -(-out.shape[1] * out.shape[2] // 2)
    # a run in each row, and one more where two rows of an odd number of pixels meet
    calls = min(pairs, copied + out.shape[1] * (1.5 if out.shape[2] % 2 else 1))
    row = window.size[1] * graph.tensor(node.inputs[0]).shape[3]
    copy = 60.0 + 2 * window.size[0] * (70.0 + 2 * min(row, 16) + 0.6 * max(row - 16, 0))
    return pairs * _pair_cycles(graph, node) + calls * 220.0 + copied * copy


def copied_pairs(graph: Graph, node: Node) -> int:
    """Pairs of pixels of which one leaves the image."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    if is_copied(window, x.shape[3]):
        return -(-out.shape[1] * out.shape[2] // 2)
    leaves = []
    for axis, before in ((0, window.pad_top), (1, window.pad_left)):
        first = np.arange(out.shape[1 + axis]) * window.stride[axis] - before
        last = first + (window.size[axis] - 1) * window.dilation[axis]
        leaves.append((first < 0) | (last >= x.shape[1 + axis]))
    pixels = (leaves[0][:, None] | leaves[1][None, :]).reshape(-1)
    pairs = np.append(pixels, [False] * (pixels.size % 2)).reshape(-1, 2)
    return int(pairs.any(axis=1).sum())


def _padded_cycles(graph: Graph, node: Node) -> float:
    height, _, size = _padded_size(graph, node)
    copied = copied_pairs(graph, node) if is_copied(node.attrs.window, graph.tensor(node.inputs[0]).shape[3]) else 0
    return _runs_cycles(graph, node, copied) + 100.0 + 40.0 * height + 0.6 * size


def _1x1_cycles(graph: Graph, node: Node) -> float:
    x = graph.tensor(node.inputs[0])
    return 150.0 + -(-x.shape[1] * x.shape[2] // 2) * _pair_cycles(graph, node)


GEMM = KernelVariant(
    name="gemm",
    sources=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower,
    cost=lambda g, n: Cost(_runs_cycles(g, n, copied_pairs(g, n))),
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_twin.c"),
    overlap=lambda g, n: window_overlap(g, n, copied=True),
    rows=lambda g, n: WINDOW_FIELDS,
)

GEMM_PADDED = KernelVariant(
    name="gemm_padded",
    sources=("nn_conv2d_s8_gemm_padded.c", "nn_conv2d_s8_gemm.c", "nn_gemm_s8_2x4_dsp.S"),
    lower=_lower_padded,
    cost=lambda g, n: Cost(_padded_cycles(g, n)),
    supports=lambda g, n: has_border(n.attrs.window) and _supports(g, n),
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
    # pixels are widened before their outputs are written
    overlap=lambda g, n: window_overlap(g, n, copied=True),
    rows=lambda g, n: (RowField("pixels", out_h=g.tensor(n.outputs[0]).shape[2]),),
)
