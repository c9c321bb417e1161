"""CONV_2D in groups of channels, or with weights that the network makes: int8, int16 with int8 weights, float32.

CONV_2D and FULLY_CONNECTED of int16 with int32 biases, too, whose sums are int32 in TFLM and rounded twice.

The references follow TFLM's ``reference_integer_ops::ConvPerChannel`` and ``reference_ops::Conv``: the group of an
output channel is its number divided by the output channels of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, float32, int16
from toolchain.ops.base import Const, Constraint, FittedCost, KernelCall, KernelVariant, Op, Value, clamp_int8, no_attrs
from toolchain.ops.common import (
    ACTIVATION,
    WITHIN_32_BITS,
    activation_range,
    bias_of,
    channel_multipliers,
    flatten_samples,
    patches,
    requantize_consts,
    taps_inside,
    within_32_bits,
)
from toolchain.ops.matmul import float_sums
from toolchain.ops.pixels import window_fields

(_INT8,) = conv2d.OPS
Cycles = tuple[float, float, float, float, float]
Params = tuple[tuple[str, Value], ...]
NARROW = "s16_narrow"
_WEIGHTS = {"int8": "int8", "int16": "int8", "float32": "float32"}
_BIASES = {"int8": ("int32",), "int16": ("int64", "int32"), "float32": ("float32",)}


def _type_of(graph: Graph, node: Node) -> str:
    return graph.tensor(node.inputs[0]).dtype


def is_narrow(graph: Graph, node: Node) -> bool:
    """Whether activations are int16 and biases int32."""
    return _type_of(graph, node) == "int16" and any(node.inputs[2:]) and graph.tensor(node.inputs[2]).dtype == "int32"


def _is_meant(graph: Graph, node: Node) -> bool:
    x, weights = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1])
    if len(x.shape) != 4 or len(weights.shape) != 4:
        return False
    return weights.data is None or 0 < weights.shape[3] < x.shape[3] or is_narrow(graph, node)


def _groups(graph: Graph, node: Node) -> int:
    return graph.tensor(node.inputs[0]).shape[3] // graph.tensor(node.inputs[1]).shape[3]


def _sums(graph: Graph, node: Node, x: Array, weights: Array, fill: int) -> Array:
    """Sums (N, pixels, channels) of the input's samples, each with its own weights or all with the same."""
    out, groups = graph.tensor(node.outputs[0]), _groups(graph, node)
    images = patches(flatten_samples(x), node.attrs.window, (out.shape[1], out.shape[2]), fill)
    n = len(images) // len(x)
    columns = images.reshape(len(x), n * out.shape[1] * out.shape[2], -1, groups, weights.shape[4])
    columns = columns.transpose(0, 3, 1, 2, 4).reshape(len(x), groups, columns.shape[1], -1)
    filters = weights.reshape(len(weights), groups, out.shape[3] // groups, -1).swapaxes(2, 3)
    if out.dtype == "float32":
        total = float_sums(columns, filters)
    else:
        # float64 sums are exact below 2**53
        total = ((columns.astype(np.float64) - fill) @ filters.astype(np.float64)).astype(np.int64)
    made: Array = total.transpose(0, 2, 1, 3).reshape(-1, *out.shape)
    return made


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out, dtype = graph.tensor(node.outputs[0]), _type_of(graph, node)
    channels = out.shape[3]
    fill = graph.tensor(node.inputs[0]).zero_point if dtype == "int8" else 0
    total = _sums(graph, node, inputs[0], inputs[1], fill)
    if dtype == "float32":
        return [float32.activated(node, total + float32.bias_of(graph, node, channels))]
    if is_narrow(graph, node):
        return [narrow_codes(graph, node, total)]
    if dtype == "int16":
        scaled = int16.requantize_wide(
            total + int16.bias_of(graph, node, channels), *int16.wide_factors(graph, node, channels)
        )
        return [int16.clamp(scaled, *int16.activation_range(node.attrs.activation, out))]
    scaled = fixedpoint.requantize(total + bias_of(graph, node, channels), *channel_multipliers(graph, node, channels))
    return [clamp_int8(scaled + out.zero_point, *activation_range(node.attrs.activation, out))]


def narrow_codes(graph: Graph, node: Node, total: Array) -> Array:
    """The int16 codes of sums without bias, channels last."""
    out = graph.tensor(node.outputs[0])
    channels = out.shape[-1]
    scaled = fixedpoint.requantize(total + bias_of(graph, node, channels), *channel_multipliers(graph, node, channels))
    return int16.clamp(scaled, *int16.activation_range(node.attrs.activation, out))


def narrow_params(graph: Graph, node: Node) -> Params:
    channels = graph.tensor(node.outputs[0]).shape[-1]
    return (
        ("in_zero_point", 0),
        ("out_zero_point", 0),
        *int16.range_fields(graph, node),
        *requantize_consts(bias_of(graph, node, channels), *channel_multipliers(graph, node, channels)),
    )


def _int8_params(graph: Graph, node: Node) -> Params:
    out = graph.tensor(node.outputs[0])
    channels = out.shape[3]
    low, high = activation_range(node.attrs.activation, out)
    return (
        ("in_zero_point", graph.tensor(node.inputs[0]).zero_point),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
        *requantize_consts(bias_of(graph, node, channels), *channel_multipliers(graph, node, channels)),
    )


def _int16_params(graph: Graph, node: Node) -> Params:
    channels = graph.tensor(node.outputs[0]).shape[3]
    return *int16.range_fields(graph, node), *int16.wide_consts(graph, node, channels)


def _float_params(graph: Graph, node: Node) -> Params:
    bias = float32.bias_of(graph, node, graph.tensor(node.outputs[0]).shape[3])
    return *float32.range_fields(node), ("bias", Const("bias", "float", bias))


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outputs; their rows of taps, taps, products."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    lines, taps = rows * out.shape[2] * out.shape[3], rows * columns * out.shape[3]
    return 1.0, float(out.size), float(lines), float(taps), float(taps * graph.tensor(node.inputs[1]).shape[3])


def _variant(dtype: str, suffix: str, params: Callable[[Graph, Node], Params], cycles: Cycles) -> KernelVariant:
    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        out = graph.tensor(node.outputs[0]).shape[3]
        groups = _groups(graph, node)
        fields = (
            *((f"shape.{name}", value) for name, value in window_fields(graph, node)),
            ("shape.group_in", graph.tensor(node.inputs[1]).shape[3]),
            ("shape.group_out", out // groups),
            *params(graph, node),
        )
        struct = f"nn_conv2d_general{'' if suffix in ('s8', NARROW) else f'_{suffix}'}_params"
        symbol, inputs = f"nn_conv2d_general_{suffix}", node.inputs[:2]
        return (KernelCall(symbol, "nn_conv2d_general.h", struct, fields, inputs, node.outputs),)

    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_conv2d_general.c",),
        lower=lower,
        cost=FittedCost(cycles, _terms),
        supports=lambda g, n: _type_of(g, n) == dtype and is_narrow(g, n) == (suffix == NARROW),
    )


def _types(graph: Graph, node: Node) -> bool:
    dtype = _type_of(graph, node)
    return graph.tensor(node.outputs[0]).dtype == dtype and graph.tensor(node.inputs[1]).dtype == _WEIGHTS.get(dtype)


def _channels(graph: Graph, node: Node) -> bool:
    x, weights, out = (graph.tensor(n).shape for n in (*node.inputs[:2], node.outputs[0]))
    fits = len(weights) == 4 and weights[0] == out[3] and weights[1:3] == node.attrs.window.size
    return fits and x[3] % weights[3] == 0 and out[3] % (x[3] // weights[3]) == 0


def narrow_sums_fit(graph: Graph, node: Node) -> bool:
    return _fit_32_bits(graph, node, -int16.LOW)


def _fit_32_bits(graph: Graph, node: Node, largest: int) -> bool:
    """For inputs, less their zero point, of up to ``largest`` in size; for any weights where these are no constant."""
    most = largest * _sizes(graph, node) + np.abs(bias_of(graph, node, graph.tensor(node.outputs[0]).shape[-1]))
    _, shift = channel_multipliers(graph, node, len(most))
    return all(within_32_bits(float(m), int(s)) for m, s in zip(most, shift, strict=True))


def _sizes(graph: Graph, node: Node) -> Array:
    """The most that each channel's weights can be in size, together."""
    weights, channels = graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0]).shape[-1]
    if weights.data is None:
        return np.full(channels, 128.0 * (weights.size // channels))
    sizes: Array = np.abs(weights.data.reshape(channels, -1).astype(np.float64)).sum(axis=1)
    return sizes


def _bias_ok(graph: Graph, node: Node) -> bool:
    if not any(node.inputs[2:]):
        return True
    bias = graph.tensor(node.inputs[2])
    size = graph.tensor(node.outputs[0]).shape[3]
    return bias.data is not None and bias.dtype in _BIASES[_type_of(graph, node)] and bias.size == size


def _quantized(constraint: Constraint) -> Constraint:
    return Constraint(constraint.sentence, lambda g, n: _type_of(g, n) == "float32" or constraint.holds(g, n))


def _sums_fit(graph: Graph, node: Node) -> bool:
    if is_narrow(graph, node):
        return narrow_sums_fit(graph, node)
    if _type_of(graph, node) == "int8":
        return _fit_32_bits(graph, node, 255)
    most = -int16.LOW * _sizes(graph, node) + np.abs(int16.bias_of(graph, node, graph.tensor(node.outputs[0]).shape[3]))
    _, shift = channel_multipliers(graph, node, len(most))
    return int16.are_defined(most, shift)


OPS = (
    Op(
        name="conv2d_general",
        tflite=(),
        instead=("conv2d", _is_meant),
        read=no_attrs,
        write=_INT8.write,
        by_items=True,
        reference=_reference,
        macs=_INT8.macs,
        constraints=(
            Constraint("its input, weights and output must be int8, int16 with int8 weights, or float32", _types),
            *conv2d.SPATIAL_ITEMS,
            Constraint("its groups must divide its input and output channels, and its weights agree", _channels),
            Constraint("its bias must be a constant vector with one entry for each output channel", _bias_ok),
            ACTIVATION,
            _quantized(Constraint("its weights must be quantized symmetrically (zero point 0)", conv2d.symmetric)),
            _quantized(conv2d.weights_per_channel(0)),
            int16.SYMMETRIC,
            _quantized(Constraint(WITHIN_32_BITS, _sums_fit)),
        ),
        variants=(
            _variant("int8", "s8", _int8_params, (149.7, 151.8, 44.63, 19.72, 9.04)),
            _variant("int16", "s16", _int16_params, (233.7, 162.6, 48.4, 20.24, 7.865)),
            _variant("int16", NARROW, narrow_params, (256.6, 149.2, 40.37, 17.13, 7.937)),
            _variant("float32", "f32", _float_params, (182.8, 133.3, 43.55, 12.67, 9.904)),
        ),
    ),
)
