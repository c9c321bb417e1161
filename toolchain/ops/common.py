"""Arithmetic that several operators share, as TFLite defines it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Const, Constraint

SAME, VALID = 0, 1  # schema.fbs, Padding
ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}

ACTIVATION = Constraint(
    "its fused activation must be none, ReLU, ReLU6 or ReLU_N1_TO_1",
    lambda g, n: n.attrs.activation in ACTIVATIONS.values(),
)
SINGLE = (1, 2, 4)  # bytes of a piece that is not copied by memcpy where its size is known
SHORT = range(5, 8)  # bytes that memcpy copies one by one, unless they begin at addresses of words


def activation_name(code: int) -> str:
    """The name of a fused activation; one that the schema has but TFLM lacks gets its number."""
    return ACTIVATIONS.get(code, f"activation {code}")


def quantize_real(value: float, tensor: Tensor) -> int:
    """The code of a real value before clamping; the division is in float32 as in TFLite."""
    with np.errstate(over="ignore"):
        quotient = float(np.float32(value) / np.float32(tensor.scale))
    return tensor.zero_point + fixedpoint.round_half_away(min(max(quotient, -(2.0**30)), 2.0**30))


def activation_range(activation: str, output: Tensor) -> tuple[int, int]:
    """The int8 codes that a fused activation clamps to (TFLite ``CalculateActivationRangeQuantized``)."""
    low, high = -128, 127
    if activation in ("relu", "relu6"):
        low = max(low, quantize_real(0.0, output))
    if activation == "relu6":
        high = min(high, quantize_real(6.0, output))
    if activation == "relu_n1_to_1":
        low, high = max(low, quantize_real(-1.0, output)), min(high, quantize_real(1.0, output))
    return low, high


@dataclass(frozen=True)
class Window:
    """How a kernel slides: (height, width) of size, stride and dilation; pads are rows and columns of the border."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad_top: int
    pad_left: int
    pad_bottom: int
    pad_right: int

    @property
    def pads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.pad_top, self.pad_bottom), (self.pad_left, self.pad_right)


def window_from_tflite(options: Any, x: Tensor, size: tuple[int, int], dilated: bool) -> Window:
    """Window of a TFLite convolution or pooling of an NHWC tensor (``ComputePaddingHeightWidth``)."""
    stride = (int(options.strideH), int(options.strideW))
    dilation = (int(options.dilationHFactor), int(options.dilationWFactor)) if dilated else (1, 1)
    pads = []
    for axis in (0, 1):
        if int(options.padding) != SAME or stride[axis] < 1:
            pads.append((0, 0))
            continue
        extent = (size[axis] - 1) * dilation[axis] + 1
        steps = -(-x.shape[1 + axis] // stride[axis])
        total = max((steps - 1) * stride[axis] + extent - x.shape[1 + axis], 0)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    return Window(size, stride, dilation, top, left, bottom, right)


def activation_code(name: str) -> int:
    """The schema's number of a fused activation that ``activation_name`` gave a name."""
    return next(code for code, known in ACTIVATIONS.items() if known == name)


def window_to_tflite(window: Window, x: Tensor, dilated: bool) -> tuple[tuple[str, int], ...]:
    """Option fields from which ``window_from_tflite`` makes the same window of ``x``; ValueError when none do."""
    fields = {"strideH": window.stride[0], "strideW": window.stride[1]}
    if dilated:
        fields |= {"dilationHFactor": window.dilation[0], "dilationWFactor": window.dilation[1]}
    for padding in (VALID, SAME):
        fields["padding"] = padding
        if window_from_tflite(SimpleNamespace(**fields), x, window.size, dilated) == window:
            return tuple(fields.items())
    raise ValueError(f"padding {window.pads} is neither TFLite's SAME nor VALID")


def window_fits(window: Window, x: Tensor, out: Tensor) -> bool:
    """True when the output's height and width are what the window makes of the input."""
    for axis in (0, 1):
        extent = (window.size[axis] - 1) * window.dilation[axis] + 1
        room = x.shape[1 + axis] + sum(window.pads[axis]) - extent
        if min(window.stride) < 1 or min(window.dilation) < 1 or room < 0:
            return False
        if out.shape[1 + axis] != room // window.stride[axis] + 1:
            return False
    return True


def taps_inside(window: Window, x: Tensor, out: Tensor) -> tuple[Array, Array]:
    """How many taps of the kernel lie inside the image, for each row and for each column of the output."""
    counts = []
    for axis, before in ((0, window.pad_top), (1, window.pad_left)):
        first = np.arange(out.shape[1 + axis]) * window.stride[axis] - before
        taps = first[:, None] + np.arange(window.size[axis]) * window.dilation[axis]
        counts.append(((taps >= 0) & (taps < x.shape[1 + axis])).sum(axis=1))
    return counts[0], counts[1]


def patches(x: Array, window: Window, out_hw: tuple[int, int], fill: int) -> Array:
    """All windows of x (N, H, W, C) as (N, out_h, out_w, kernel_h, kernel_w, C); the border holds ``fill``."""
    (top, bottom), (left, right) = window.pads
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    rows = np.arange(out_hw[0])[:, None] * window.stride[0] + np.arange(window.size[0]) * window.dilation[0]
    cols = np.arange(out_hw[1])[:, None] * window.stride[1] + np.arange(window.size[1]) * window.dilation[1]
    picked: Array = padded[:, rows[:, None, :, None], cols[None, :, None, :], :]
    return picked


def flatten_samples(x: Array) -> Array:
    """(samples, batch, ...) to (samples * batch, ...)."""
    flat: Array = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    return flat


def channel_multipliers(graph: Graph, node: Node, channels: int) -> tuple[Array, Array]:
    """Per-channel (multiplier, shift) of a convolution; the product is formed in double precision.

    Source: TFLite ``PopulateConvolutionQuantizationParams``.
    """
    x, w, out = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    assert w.quant is not None
    scales = w.quant.scale if w.quant.per_channel else w.quant.scale * channels
    return _multipliers(x.scale, scales, out.scale)


@functools.lru_cache(maxsize=256)  # kernels are compared one after the other
def _multipliers(x: float, weights: tuple[float, ...], out: float) -> tuple[Array, Array]:
    pairs = [fixedpoint.quantize_multiplier(x * w / out) for w in weights]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


WITHIN_32_BITS = "its sums, rescaled, must stay within 32 bits: its scales are too far apart"


def within_32_bits(largest: float, shift: int) -> bool:
    """Whether sums up to ``largest`` can be requantized with this shift, and a zero point be added to the result."""
    return largest * 2.0 ** max(shift, 0) < (1 << 31) - 256


def sums_within_32_bits(axis: int) -> Constraint:
    """For weights with the output channels along ``axis``: no input can overflow the accumulators."""

    def holds(graph: Graph, node: Node) -> bool:
        weights = np.moveaxis(constant(graph, node.inputs[1]), axis, 0)
        channels = weights.shape[0]
        largest = 255.0 * np.abs(weights.reshape(channels, -1).astype(np.int64)).sum(axis=1)
        largest = largest + np.abs(bias_of(graph, node, channels))
        _, shift = channel_multipliers(graph, node, channels)
        return all(within_32_bits(float(m), int(s)) for m, s in zip(largest, shift, strict=True))

    return Constraint(WITHIN_32_BITS, holds)


def bias_of(graph: Graph, node: Node, channels: int) -> Array:
    """The int32 bias of a convolution or fully connected node as int64, zeros when it is absent."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.int64)
    data = graph.tensor(node.inputs[2]).data
    assert data is not None
    return data.astype(np.int64)


def constant(graph: Graph, name: str) -> Array:
    """The data of a constant tensor."""
    data = graph.tensor(name).data
    assert data is not None, name
    return data


def requantize_consts(bias: Array, multiplier: Array, shift: Array) -> tuple[tuple[str, Const], ...]:
    """The per-channel parameter arrays of a kernel."""
    return (
        ("bias", Const("bias", "int32_t", bias.astype(np.int32))),
        ("multiplier", Const("multiplier", "int32_t", multiplier.astype(np.int32))),
        ("shift", Const("shift", "int8_t", shift.astype(np.int8))),
    )


def once_and_elements(graph: Graph, node: Node) -> tuple[float, ...]:
    """Terms of a fitted cost: the call, and each element of the output."""
    return 1.0, float(graph.tensor(node.outputs[0]).size)


def rows_and_elements(graph: Graph, node: Node) -> tuple[float, ...]:
    """Terms of a fitted cost: the call, and each row and element of the input."""
    x = graph.tensor(node.inputs[0])
    return 1.0, float(x.size // x.shape[-1]), float(x.size)


def copy_cycles(size: int, pieces: int, source_step: int, target: int, target_step: int) -> float:
    """Of so many memcpy of ``size`` bytes, from address 0 and to ``target`` on, in newlib for the Cortex-M4.

    Counted by its instructions; alignment repeats after four steps.
    """
    phases = [_one_copy_cycles(size, i * source_step % 4, (target + i * target_step) % 4) for i in range(4)]
    return sum(phases[: pieces % 4]) + pieces // 4 * sum(phases)


def copies_cycles(size: int, sources: Array, targets: Array) -> float:
    """Of one memcpy of ``size`` bytes for each of ``sources`` and ``targets``, which are addresses."""
    phases, counts = np.unique(sources % 4 * 4 + targets % 4, return_counts=True)
    return sum(int(n) * _one_copy_cycles(size, int(p) // 4, int(p) % 4) for p, n in zip(phases, counts, strict=True))


def piece_terms(size: int, pieces: int) -> tuple[float, float, float, float]:
    """Terms of so many memcpy of ``size`` bytes to one place after the other from pieces anywhere in a table.

    Pieces; those of one, two and four bytes; those of a few bytes more; and what copying takes but for single ones.
    """
    if size in SINGLE:
        return float(pieces), float(pieces), 0.0, 0.0
    phases = np.arange(4) * size
    copied = pieces / 16 * copies_cycles(size, np.repeat(phases, 4), np.tile(phases, 4))
    return float(pieces), 0.0, float(pieces if size in SHORT else 0), copied


def _one_copy_cycles(size: int, source: int, target: int) -> float:
    cycles = 28.0
    if source or target:
        if size < 8:
            return 17.0 + 7.0 * size
        cycles += 5.0
    if source and target:  # bytes until the target is aligned
        cycles += 12.0
        size, source, target = size - (4 - target), (source + 4 - target) % 4, 0
    cycles += 52.0 * (size // 64) + 16.0 * (size % 64 // 16) + 7.0 * (size % 16 // 4)
    return cycles + (5.0 if size % 4 else 0.0) + (size // 4 if source or target else 0.0)


def elements(shape: tuple[int, ...]) -> int:
    return math.prod(shape)
