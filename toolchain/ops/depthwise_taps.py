"""DEPTHWISE_CONV_2D of any window, tap by tap for four channels, for cores with the DSP extension and an FPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Symbol
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


@dataclass(frozen=True)
class _Side:
    """An axis of the image with the kernel's extent along it."""

    axis: Axis
    taps: int
    dilation: int

    @property
    def inside(self) -> tuple[int, int]:
        """The first output whose window does not leave the image, and the first after it whose window does."""
        start = np.arange(self.axis.out_size) * self.axis.stride - self.axis.pad
        fits = (start >= 0) & (start + (self.taps - 1) * self.dilation < self.axis.in_size)
        first = int(np.argmax(fits))
        return first, first + int(np.sum(fits))

    @property
    def fields(self) -> Fields:
        inside, outside = self.inside
        a = self.axis
        return Fields(
            (
                ("in_size", a.in_size),
                ("out_size", a.out_size),
                ("in_step", a.in_step),
                ("out_step", a.out_step),
                ("pad", a.pad),
                ("stride", a.stride),
                ("dilation", self.dilation),
                ("inside", inside),
                ("outside", outside),
            )
        )


@dataclass(frozen=True)
class _Plan:
    """What the kernel calls rows and columns; ``transposed`` when they are the image's columns and rows."""

    rows: _Side
    columns: _Side
    transposed: bool

    def cycles(self, channels: int, relu: bool) -> float:
        """Modelled cycles of the whole layer."""
        pairs, odd = divmod(self.columns.taps, 2)
        window = self.rows.taps * (26 * pairs + 9 * odd + 17) + (52 if relu else 60)
        (top, bottom), (left, right) = self.rows.inside, self.columns.inside
        runs = bottom - top if right > left else 0
        outputs = self.rows.axis.out_size * self.columns.axis.out_size
        border = outputs - (bottom - top) * (right - left)
        gather = self.rows.taps * (20 * self.columns.taps + 20) + 150
        return -(-channels // 4) * (window * outputs + runs * 230 + border * gather + 60 * self.rows.axis.out_size)


def _plan(graph: Graph, node: Node) -> _Plan:
    """The faster way round."""
    window: Window = node.attrs.window
    height, width = (_Side(a, s, d) for a, s, d in zip(axes(graph, node), window.size, window.dilation, strict=True))
    plans = (_Plan(height, width, False), _Plan(width, height, True))
    return min(plans, key=lambda plan: plan.cycles(graph.tensor(node.outputs[0]).shape[3], True))


def _pack(channels: Channels) -> Array:
    """The words of ``nn_depthwise_taps.h``."""
    stream = []
    for four in fours(len(channels.bias)):
        taps = bytes_to_words(channels.weights[four].T).reshape(-1)
        numbers = to_words(np.concatenate([channels.bias[four], channels.multiplier[four]]))
        stream += [bytes_to_words(-channels.shift[four]), numbers, taps]
    return np.concatenate(stream)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    plan = _plan(graph, node)
    rows, columns = plan.rows, plan.columns
    window = (
        ("outputs", 1),
        ("in_step", columns.axis.in_step * columns.axis.stride),
        ("out_step", columns.axis.out_step),
        ("rows", rows.taps),
        ("columns", columns.taps),
        ("row_step", rows.axis.in_step * rows.dilation),
        ("tap_step", columns.axis.in_step * columns.dilation),
        ("zero_term", 2 * out.zero_point + 1),
    )
    words = _pack(with_common_zero_point(depthwise_channels(graph, node, plan.transposed), out.zero_point))
    params = (
        ("channels", out.shape[3]),
        ("rows", rows.fields),
        ("columns", columns.fields),
        ("in_zero_point", x.zero_point),
        ("window", Fields(window)),
        ("kernel", Symbol("nn_depthwise_s8_taps" + ("_relu" if out.zero_point == -128 else ""))),
        ("weights", Const("weights", "uint32_t", words)),
    )
    call = KernelCall(
        "nn_depthwise_conv2d_s8_taps",
        "nn_depthwise_taps.h",
        "nn_depthwise_taps_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=4 * rows.taps * columns.taps,
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    out = graph.tensor(node.outputs[0])
    return Cost(_plan(graph, node).cycles(out.shape[3], out.zero_point == -128))


TAPS = KernelVariant(
    name="taps",
    sources=("nn_depthwise_conv2d_s8_taps.c", "nn_depthwise_taps_dsp.S"),
    lower=_lower,
    cost=_cost,
    supports=is_exact,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_depthwise_conv2d_s8_taps.c", "nn_depthwise_taps_twin.c"),
)
