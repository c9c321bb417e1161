"""TRANSPOSE_CONV: int8 with int8 weights, int16 with int8 weights, float32; weights OHWI, by tensor or by channel.

An input pixel adds its products with the kernel to a window of the output. The kernels gather instead: an output pixel
takes every ``stride``-th tap. The references follow TFLM's ``reference_integer_ops::TransposeConv`` and
``reference_ops::TransposeConv``, which adds in the order of rows, columns and channels of the input. The operand with
the output's shape, which TFLM does not read, is left out of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import conv2d, float32, int16, products_f32, products_s16
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    clamp_int8,
)
from toolchain.ops.common import (
    ACTIVATION,
    Window,
    activation_code,
    activation_name,
    activation_range,
    bias_of,
    channel_multipliers,
    constant,
    flatten_samples,
    sums_within_32_bits,
    window_from_tflite,
    window_to_tflite,
)
from toolchain.ops.items import ITEMS
from toolchain.ops.matmul import short_shifts
from toolchain.ops.pixels import LANES, window_fields

_HEADER = "nn_transpose_conv.h"
Predicate = Callable[[Graph, Node], bool]


@dataclass(frozen=True)
class TransposeConvAttrs:
    """``window`` slides over the output, as that of a convolution that makes the input of the output."""

    window: Window
    activation: str


def _read(op: TfliteOperator) -> TransposeConvAttrs:
    weights = op.inputs[1]
    assert weights is not None
    window = window_from_tflite(op.options, op.outputs[0], (weights.shape[1], weights.shape[2]), dilated=False)
    return TransposeConvAttrs(window, activation_name(int(op.options.fusedActivationFunction)))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    out = graph.tensor(node.outputs[0])
    x, weights, *bias = node.inputs
    fields = (
        *window_to_tflite(node.attrs.window, out, dilated=False),
        ("fusedActivationFunction", activation_code(node.attrs.activation)),
    )
    version = 4 if node.attrs.activation != "none" else 3 if any(bias) else 2
    shape = np.array(out.shape, np.int32)
    return TfliteRecord("TRANSPOSE_CONV", (shape, weights, x, *bias), version, "TransposeConvOptions", fields)


def gathered(x: Array, window: Window, out_hw: tuple[int, int]) -> Array:
    """What each tap of ``x`` (N, H, W, C) adds to each output pixel: (N, out_h, out_w, kernel_h, kernel_w, C).

    Zeros where a tap reaches no input.
    """
    (height, width), (kernel_h, kernel_w) = x.shape[1:3], window.size
    rows = _inputs_of(out_hw[0], np.arange(kernel_h), window.pad_top, window.stride[0], height)
    columns = _inputs_of(out_hw[1], np.arange(kernel_w), window.pad_left, window.stride[1], width)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))  # index -1: nothing
    picked: Array = padded[:, rows[:, None, :, None], columns[None, :, None, :], :]
    return picked


def _inputs_of(size: int, taps: Array, pad: int, stride: int, extent: int) -> Array:
    """(size, taps): which input of one axis each tap of each output takes, -1 for none."""
    at = np.arange(size)[:, None] + pad - taps
    found = at // stride
    return np.where((at % stride == 0) & (at >= 0) & (found < extent), found, -1)


def _sums(graph: Graph, node: Node, x: Array) -> Array:
    """int64 sums of products (N, out_h, out_w, channels) of codes less their zero point."""
    _, out_h, out_w, out_c = graph.tensor(node.outputs[0]).shape
    window: Window = node.attrs.window
    weights = constant(graph, node.inputs[1]).astype(np.float64)
    # float64 sums of products are exact below 2**53
    products = np.tensordot(x.astype(np.float64), weights, ([3], [3])).astype(np.int64)  # N, H, W, O, kh, kw
    (n, height, width), (kernel_h, kernel_w) = x.shape[:3], window.size
    below, right = max(kernel_h + out_h, height * window.stride[0]), max(kernel_w + out_w, width * window.stride[1])
    total = np.zeros((n, window.pad_top + below + kernel_h, window.pad_left + right + kernel_w, out_c), np.int64)
    for ky in range(kernel_h):
        for kx in range(kernel_w):
            rows = slice(ky, ky + height * window.stride[0], window.stride[0])
            columns = slice(kx, kx + width * window.stride[1], window.stride[1])
            total[:, rows, columns] += products[..., ky, kx]
    top, left = window.pad_top, window.pad_left
    return total[:, top : top + out_h, left : left + out_w]


def _float_sums(graph: Graph, node: Node, x: Array) -> Array:
    """float32 sums, rounded after each product, in the order of rows, columns and channels of the input."""
    _, out_h, out_w, out_c = graph.tensor(node.outputs[0]).shape
    window: Window = node.attrs.window
    weights = constant(graph, node.inputs[1])
    # a tap more, of zeros, at -1, for what does not exist: adding a zero changes no sum
    weights = np.pad(weights, ((0, 0), (0, 1), (0, 1), (0, 0)))
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    rows, ky = _in_order(out_h, window.size[0], window.pad_top, window.stride[0], x.shape[1])
    columns, kx = _in_order(out_w, window.size[1], window.pad_left, window.stride[1], x.shape[2])
    total = np.zeros((len(x), out_h, out_w, out_c), np.float32)
    for i in range(rows.shape[1]):
        for j in range(columns.shape[1]):
            pixels = padded[:, rows[:, i, None], columns[None, :, j]]  # N, out_h, out_w, C
            taps = weights[:, ky[:, i, None], kx[None, :, j]]  # O, out_h, out_w, C
            for c in range(x.shape[3]):
                total += pixels[..., c, None] * np.moveaxis(taps[..., c], 0, -1)
    return total


def _in_order(size: int, kernel: int, pad: int, stride: int, extent: int) -> tuple[Array, Array]:
    """(inputs, taps), each (size, most taps of an output): ascending inputs of one axis and their taps, -1 for none."""
    at = np.arange(size)[:, None] + pad
    first = np.maximum((at - kernel) // stride + 1, 0)
    inputs = first + np.arange(-(-kernel // stride))
    taps = at - inputs * stride
    there = (taps >= 0) & (inputs < extent)
    return np.where(there, inputs, -1), np.where(there, taps, -1)


def _int8(graph: Graph, node: Node, x: Array) -> Array:
    out, channels = graph.tensor(node.outputs[0]), graph.tensor(node.outputs[0]).shape[3]
    total = _sums(graph, node, x.astype(np.int64) - graph.tensor(node.inputs[0]).zero_point)
    total += bias_of(graph, node, channels)
    scaled = fixedpoint.requantize(total, *channel_multipliers(graph, node, channels)) + out.zero_point
    return clamp_int8(scaled, *activation_range(node.attrs.activation, out))


def _float32(graph: Graph, node: Node, x: Array) -> Array:
    channels = graph.tensor(node.outputs[0]).shape[3]
    return float32.activated(node, _float_sums(graph, node, x) + float32.bias_of(graph, node, channels))


_MADE = {
    "int8": _int8,
    "int16": lambda g, n, x: products_s16.codes(g, n, _sums(g, n, x)),
    "float32": _float32,
}


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    return [_MADE[out.dtype](graph, node, flatten_samples(inputs[0])).reshape(-1, *out.shape)]


def _macs(graph: Graph, node: Node) -> int:
    """Nominal: every input with all taps, whether these reach the output or not."""
    weights = graph.tensor(node.inputs[1])
    return graph.tensor(node.inputs[0]).size * weights.size // weights.shape[3]


def _turned(graph: Graph, node: Node) -> Array:
    """The weights with every kernel turned by half a turn."""
    return np.ascontiguousarray(constant(graph, node.inputs[1])[:, ::-1, ::-1])


def _fours(weights: Array) -> Array:
    """OHWI weights as the kernel for the DSP extension has them: (groups, height, width, fours of I, LANES, 4)."""
    channels, height, width, depth = weights.shape
    filled = np.pad(weights, ((0, -channels % LANES), (0, 0), (0, 0), (0, -depth % 4)))
    fours = filled.reshape(-1, LANES, height, width, filled.shape[3] // 4, 4)
    return np.ascontiguousarray(fours.transpose(0, 2, 3, 4, 1, 5))


def _call(symbol: str, graph: Graph, node: Node, weights: Array) -> tuple[KernelCall, ...]:
    params = conv2d.conv_params(graph, node, Const("weights", "int8_t", weights))
    return (KernelCall(symbol, _HEADER, "nn_conv2d_params", params, node.inputs[:1], node.outputs),)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    return _call("nn_transpose_conv_s8", graph, node, _turned(graph, node))


def _lower_dsp(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    return _call("nn_transpose_conv_s8_dsp", graph, node, _fours(_turned(graph, node)))


def _lower_s16(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = _turned(graph, node)
    call = products_s16.call("nn_transpose_conv_s16", graph, node, window_fields(graph, node), weights)
    return (replace(call, header=_HEADER),)


def _counts(graph: Graph, node: Node) -> tuple[int, int, int, int, int, int]:
    """Pixels, and of all of them pairs with rows and with taps that reach them; channels of input and output."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = _reached(node.attrs.window, x, out)
    pairs = int(rows.sum()) * out.shape[2], int(rows.sum() * columns.sum())
    return out.shape[1] * out.shape[2], *pairs, x.shape[3], out.shape[3], -(-out.shape[3] // LANES)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, outputs; for four channels together and for single ones: rows, taps and these times inputs."""
    pixels, rows, taps, in_c, out_c, _ = _counts(graph, node)
    terms = [1, pixels, pixels * out_c]
    for count in divmod(out_c, LANES):
        terms += [count * rows, count * taps, count * taps * in_c]
    return tuple(map(float, terms))


def _single_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, outputs; their rows, taps and products."""
    pixels, rows, taps, in_c, out_c, _ = _counts(graph, node)
    return tuple(map(float, (1, pixels, pixels * out_c, rows * out_c, taps * out_c, taps * out_c * in_c)))


def _group_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, outputs; for each group of channels its rows, taps and these times inputs."""
    pixels, rows, taps, in_c, out_c, groups = _counts(graph, node)
    return tuple(map(float, (1, pixels, pixels * out_c, rows * groups, taps * groups, taps * groups * in_c)))


def _dsp_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, outputs; for each group of channels its rows, taps, their fours of inputs and the last ones."""
    pixels, rows, taps, in_c, out_c, groups = _counts(graph, node)
    terms = (1, pixels, pixels * out_c, rows * groups, taps * groups, taps * groups * (in_c // 4))
    return *map(float, terms), float(taps * groups * (in_c % 4 > 0))


def _reached(window: Window, x: Tensor, out: Tensor) -> tuple[Array, Array]:
    """How many inputs reach each row and each column of the output."""
    pads = (window.pad_top, window.pad_left)
    rows, columns = (
        (_in_order(out.shape[1 + a], window.size[a], pads[a], window.stride[a], x.shape[1 + a])[0] >= 0).sum(axis=1)
        for a in (0, 1)
    )
    return rows, columns


def _of(dtype: str, constraint: Constraint) -> Constraint:
    """For tensors of this type."""
    return Constraint(constraint.sentence, lambda g, n: g.tensor(n.inputs[0]).dtype != dtype or constraint.holds(g, n))


def _types(graph: Graph, node: Node) -> bool:
    types = {graph.tensor(n).dtype for n in (node.inputs[0], node.outputs[0])}
    return len(types) == 1 and types <= set(_MADE)


def _large_enough(graph: Graph, node: Node) -> bool:
    """Then SAME and VALID padding are what TFLM makes of them."""
    window, out = node.attrs.window, graph.tensor(node.outputs[0])
    return all(out.shape[1 + a] >= window.size[a] - window.stride[a] or any(window.pads[a]) for a in (0, 1))


CONSTRAINTS = (
    Constraint("its input and output must be of one type of int8, int16, float32", _types),
    conv2d.IMAGE,
    Constraint("its strides must be positive", lambda g, n: min(n.attrs.window.stride) >= 1),
    ITEMS,
    Constraint("its output must not be smaller than its kernel", _large_enough),
    *conv2d.SPANNING,
    ACTIVATION,
    *(_of("int8", c) for c in (*conv2d.WEIGHTS, conv2d.weights_per_channel(0), sums_within_32_bits(0))),
    *(
        _of("int16", c)
        for c in (
            int16.SYMMETRIC,
            *products_s16.WEIGHTS,
            conv2d.weights_per_channel(0),
            int16.sums_are_defined(0),
        )
    ),
    _of("float32", float32.WEIGHTS),
)


def _is(dtype: str) -> Predicate:
    return lambda g, n: g.tensor(n.inputs[0]).dtype == dtype


def _dsp_fits(graph: Graph, node: Node) -> bool:
    weights = constant(graph, node.inputs[1]).astype(np.int64)
    channels = len(weights)
    most = 255 * np.abs(weights.reshape(channels, -1)).sum(axis=1) + np.abs(bias_of(graph, node, channels))
    return short_shifts(float(most.max()), channel_multipliers(graph, node, channels)[1])


def _both(first: Predicate, second: Predicate) -> Predicate:
    return lambda g, n: first(g, n) and second(g, n)


# By format of the weights: as they are, float16, bfloat16.
_FLOAT_CYCLES = (
    (262.7, 71.11, 29.53, 122.4, 18.98, 23.27),
    (266.3, 71.27, 29.46, 122.2, 18.99, 24.29),
    (267.4, 71.21, 29.59, 113.8, 21.69, 27.27),
)
_FLOATS = products_f32.by_format(
    window_fields,
    _group_terms,
    _FLOAT_CYCLES,
    products_f32.Kernel("nn_transpose_conv_f32", _HEADER, _turned),
)

OPS = (
    Op(
        name="transpose_conv",
        tflite=("TRANSPOSE_CONV",),
        order=(2, 1, 3),
        read=_read,
        write=_write,
        ptq=PtqRule(weights_axis=0),
        by_items=True,
        reference=_reference,
        macs=_macs,
        constraints=CONSTRAINTS,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_transpose_conv_s8.c",),
                lower=_lower,
                cost=FittedCost((256.4, 62.14, 75.14, 46.31, 51.05, 17.81, 113.9, 4.336, 9.139), _terms),
                supports=_is("int8"),
            ),
            KernelVariant(
                name="dsp",
                sources=("nn_transpose_conv_s8_dsp.c",),
                lower=_lower_dsp,
                cost=FittedCost((62.48, 66.61, 56.89, 113.0, 31.46, 31.84, 63.67), _dsp_terms),
                supports=_both(_is("int8"), _dsp_fits),
                features=frozenset({"dsp"}),
            ),
            KernelVariant(
                name="portable_s16",
                sources=("nn_transpose_conv_s16.c",),
                lower=_lower_s16,
                cost=FittedCost((134.3, 87.0, 75.2, 26.66, 20.63, 8.027), _single_terms),
                supports=_is("int16"),
            ),
            *(replace(v, name=f"{v.name}_f32", supports=_both(_is("float32"), v.supports)) for v in _FLOATS),
        ),
    ),
)
