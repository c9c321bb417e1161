"""DEPTHWISE_CONV_2D by kernels one pixel wide or high, for cores with the DSP extension and an FPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, RowField, Symbol
from toolchain.ops.channels import Channels
from toolchain.ops.common import Window
from toolchain.ops.depthwise_dsp import (
    Axis,
    axes,
    bytes_to_words,
    depthwise_channels,
    fours,
    is_exact,
    to_words,
    with_common_zero_point,
)

_LARGEST = 15  # taps: eight pairs
_TAP_BYTES = 64  # scratch for them


@dataclass(frozen=True)
class _Plan:
    """``along`` is the axis that the kernel of ``size`` taps slides along."""

    along: Axis
    across: Axis
    size: int

    @property
    def tap_pairs(self) -> int:
        return self.size // 2 + 1

    @property
    def tap_words(self) -> int:
        return -(-self.tap_pairs // 2)

    @property
    def scratch_bytes(self) -> int:
        """The last four outputs are computed even where fewer are wanted."""
        return _TAP_BYTES + 16 * (2 * -(-self.along.out_size // 4) + self.tap_pairs - 1)

    def cycles(self, channels: int) -> float:
        """Modelled cycles of the whole layer."""
        outputs = self.along.out_size
        channel = 19 * self.tap_words + 50 + -(-outputs // 4) * (9 * self.tap_pairs + 48)
        border = -(-self.along.pad // 2) + max(0, outputs + self.size - self.along.pad - self.along.in_size) // 2
        pack = 17 * -(-(outputs + self.size - 1) // 2) + 60 + 55 * border
        return -(-channels // 4) * self.across.out_size * (4 * channel + pack + 60)


def _plan(graph: Graph, node: Node) -> _Plan:
    height, width = axes(graph, node)
    size = node.attrs.window.size
    return _Plan(height, width, size[0]) if size[1] == 1 else _Plan(width, height, size[1])


def _supports(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    along = 0 if window.size[1] == 1 else 1
    if window.size[1 - along] != 1 or window.size[along] > _LARGEST:
        return False
    if window.stride[along] != 1 or window.dilation[along] != 1:
        return False
    return is_exact(graph, node)


def _pack(channels: Channels, tap_words: int) -> Array:
    """The words of ``nn_depthwise_line.h``."""
    count, size = channels.weights.shape
    taps = np.zeros((count, 4 * tap_words), np.int64)
    taps[:, :size] = channels.weights
    taps = taps.reshape(count, tap_words, 4)[:, :, (0, 2, 1, 3)].reshape(count, -1)
    numbers = np.stack([2 * channels.bias, channels.multiplier], axis=1)
    rows = np.concatenate([bytes_to_words(taps), to_words(numbers)], axis=1)
    stream = []
    for four in fours(count):
        stream += [bytes_to_words(-channels.shift[four]), rows[four].reshape(-1)]
    return np.concatenate(stream)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    plan = _plan(graph, node)
    along, across = plan.along, plan.across
    line = (
        ("outputs", along.out_size),
        ("out_step", along.out_step),
        ("tap_pairs", plan.tap_pairs),
        ("tap_words", plan.tap_words),
        ("zero_term", 2 * out.zero_point + 1),
    )
    words = _pack(with_common_zero_point(depthwise_channels(graph, node), out.zero_point), plan.tap_words)
    params = (
        ("channels", out.shape[3]),
        ("lines", across.out_size),
        ("in_line_step", across.in_step * across.stride),
        ("out_line_step", across.out_step),
        ("in_size", along.in_size),
        ("in_step", along.in_step),
        ("size", plan.size),
        ("pad", along.pad),
        ("in_zero_point", x.zero_point),
        ("line", Fields(line)),
        ("kernel", Symbol("nn_depthwise_s8_line" + ("_relu" if out.zero_point == -128 else ""))),
        ("weights", Const("weights", "uint32_t", words)),
    )
    call = KernelCall(
        "nn_depthwise_conv2d_s8_line",
        "nn_depthwise_line.h",
        "nn_depthwise_line_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=plan.scratch_bytes,
    )
    return (call,)


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """A line is packed before its outputs overwrite it; no channel is computed twice."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return (0,) if x.shape == out.shape and node.attrs.window.stride == (1, 1) and x.shape[3] % 4 == 0 else ()


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    if node.attrs.window.size[1] != 1:
        return (RowField("lines", out_h=1),)
    return (RowField("in_size", in_h=1), RowField("line.outputs", out_h=1), RowField("pad", pad_top=1))


def _cost(graph: Graph, node: Node) -> Cost:
    return Cost(_plan(graph, node).cycles(graph.tensor(node.outputs[0]).shape[3]))


LINE = KernelVariant(
    name="packed line",
    sources=("nn_depthwise_conv2d_s8_line.c", "nn_depthwise_line_dsp.S"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_depthwise_conv2d_s8_line.c", "nn_depthwise_line_twin.c"),
    in_place=_in_place,
    rows=_rows,
)
