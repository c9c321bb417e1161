"""CONV_2D and FULLY_CONNECTED of signs with weights of two opposite values: 32 products are one exclusive or, and their
sum a count of bits.

Portable C for every core: without an instruction that counts bits, these are counted in nibbles first, three words at a
time. Source: Rastegari et al., "XNOR-Net", 2016, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.code_sets import SIGNS, codes_of
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Overlap
from toolchain.ops.common import Window, activation_range, bias_of, channel_multipliers, constant

_ONE = Window((1, 1), (1, 1), (1, 1), 0, 0, 0, 0)
_MOST = 1 << 30  # shifted sums are below
OUTPUT_CYCLES = 44.63  # before its words


@dataclass(frozen=True)
class _Sizes:
    """A layer as a convolution. ``image`` and ``out`` are height, width and channels."""

    window: Window
    image: tuple[int, int, int]
    out: tuple[int, int, int]

    @property
    def products(self) -> int:
        """Of an output."""
        return self.window.size[0] * self.window.size[1] * self.image[2]

    @property
    def runs(self) -> tuple[int, int]:
        """Of a window's row: how many, and the bits of each."""
        taps, channels = self.window.size[1], self.image[2]
        return (1, taps * channels) if self.window.dilation[1] == 1 else (taps, channels)

    @property
    def lead(self) -> int:
        return _words(self.window.pad_left * self.image[2])

    @property
    def row_words(self) -> int:
        """Up to the last column that a window reaches."""
        window = self.window
        reached = (self.out[1] - 1) * window.stride[1] + (window.size[1] - 1) * window.dilation[1] - window.pad_left
        return self.lead + _words(max(self.image[1], reached + 1) * self.image[2])

    @property
    def words(self) -> int:
        """Of a window."""
        return _words(self.products)

    @property
    def gathered(self) -> bool:
        """Whether the window of some pixel is not whole words of one row."""
        window, (runs, bits) = self.window, self.runs
        if window.size[0] > 1 or runs > 1 or any(map(sum, window.pads)):
            return True
        whole = bits % 32 == 0 and window.stride[1] * self.image[2] % 32 == 0
        return not whole and bits != self.image[1] * self.image[2]


def _words(bits: int) -> int:
    return -(-bits // 32)


def _sizes(graph: Graph, node: Node) -> _Sizes:
    """The pixels of a fully connected layer lie below each other: rows begin with whole words."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if node.op == "conv2d":
        return _Sizes(
            node.attrs.window, (x.shape[1], x.shape[2], x.shape[3]), (out.shape[1], out.shape[2], out.shape[3])
        )
    channels, size = graph.tensor(node.inputs[1]).shape
    rows = x.size // size
    return _Sizes(_ONE, (rows, 1, size), (rows, 1, channels))


def _bias(graph: Graph, node: Node) -> Array:
    """What the sum of an output is when no bit differs."""
    rows = constant(graph, node.inputs[1]).astype(np.int64)
    rows = rows.reshape(len(rows), -1)
    products = np.abs(rows[0]).sum()
    # of each product, that with the input's zero point is taken away
    zero_point = graph.tensor(node.inputs[0]).zero_point
    bias: Array = bias_of(graph, node, len(rows)) + products - zero_point * rows.sum(axis=1)
    return bias


def _unit(weights: Array) -> int:
    """By how much the two values of weights differ; 0 when they are not opposites."""
    size = np.abs(weights.astype(np.int64))
    return 2 * int(size.flat[0]) if (size == size.flat[0]).all() else 0


def _supports(graph: Graph, node: Node) -> bool:
    """Of every product one factor is a sign, in padding too, the other one of two opposites; shifted sums fit."""
    weights = constant(graph, node.inputs[1])
    unit = _unit(weights)
    if not unit or not codes_of(graph, node.inputs[0]) <= SIGNS:
        return False
    sizes = _sizes(graph, node)
    if graph.tensor(node.inputs[0]).zero_point not in SIGNS and any(map(sum, sizes.window.pads)):
        return False
    _, shift = channel_multipliers(graph, node, len(weights))
    largest = np.abs(_bias(graph, node)) + unit * sizes.products
    return bool(np.all(largest << np.maximum(shift, 0) < _MOST))


def _pack(weights: Array) -> Array:
    """(channels, ...) of two opposites as the uint32 words of ``nn_conv2d_xnor.h``."""
    bits = weights.reshape(len(weights), -1) < 0
    whole = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 32)))
    words: Array = np.packbits(whole, axis=1, bitorder="little").reshape(-1).view("<u4").astype(np.uint32)
    return words


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out, sizes = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), _sizes(graph, node)
    window, channels = sizes.window, sizes.image[2]
    low, high = activation_range(node.attrs.activation, out)
    multiplier, shift = channel_multipliers(graph, node, sizes.out[2])
    params = (
        ("in_h", sizes.image[0]),
        ("row_codes", sizes.image[1] * channels),
        ("lead", sizes.lead),
        ("row_words", sizes.row_words),
        ("fill", 0xFFFFFFFF if any(map(sum, window.pads)) and x.zero_point < 0 else 0),
        ("out_h", sizes.out[0]),
        ("out_w", sizes.out[1]),
        ("out_c", sizes.out[2]),
        ("pad_top", window.pad_top),
        ("stride_h", window.stride[0]),
        ("dilation_h", window.dilation[0]),
        ("kernel_h", window.size[0]),
        ("first", 32 * sizes.lead - window.pad_left * channels),
        ("step", window.stride[1] * channels),
        ("runs", sizes.runs[0]),
        ("run_bits", sizes.runs[1]),
        ("run_step", window.dilation[1] * channels),
        ("words", sizes.words),
        ("gathered", int(sizes.gathered)),
        ("unit", _unit(constant(graph, node.inputs[1]))),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
        ("weights", Const("weights", "uint32_t", _pack(constant(graph, node.inputs[1])))),
        ("numbers", Const("numbers", "int32_t", np.stack([_bias(graph, node), multiplier], axis=1).astype(np.int32))),
        ("shift", Const("shift", "int8_t", shift.astype(np.int8))),
    )
    call = KernelCall(
        "nn_conv2d_s8_xnor",
        "nn_conv2d_xnor.h",
        "nn_conv2d_xnor_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=4 * ((sizes.image[0] + 1) * sizes.row_words + sizes.words + sizes.out[2]),
    )
    return (call,)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Words of the image, codes behind these; windows, of those gathered runs and words of these; outputs, their
    triples of words, those with a rest, and with one of two.
    """
    sizes = _sizes(graph, node)
    height, codes = sizes.image[0], sizes.image[1] * sizes.image[2]
    windows = sizes.out[0] * sizes.out[1]
    runs, bits = sizes.runs
    gathered = windows * runs * sizes.window.size[0] if sizes.gathered else 0
    outputs, (triples, rest) = windows * sizes.out[2], divmod(sizes.words, 3)
    image = height * (codes // 32), height * (codes % 32)
    compared = outputs, outputs * triples, outputs * (rest > 0), outputs * (rest > 1)
    return tuple(map(float, (*image, windows, gathered, gathered * _words(bits), *compared)))


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return (0,) if x.nbytes == out.nbytes else ()


XNOR = KernelVariant(
    name="xnor",
    sources=("nn_conv2d_s8_xnor.c",),
    lower=_lower,
    cost=FittedCost((64.45, 13.34, 34.07, 87.39, 28.7, OUTPUT_CYCLES, 42.02, 17.74, 10.56), _terms),
    supports=_supports,
    in_place=_in_place,
    overlap=lambda g, n: Overlap(0),  # all of the input is packed first
)
