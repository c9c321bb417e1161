"""Layers as graphs of one node, with seeded constants: what the costs of kernels are measured on."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from toolchain.codegen.views import layer_text
from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops import by_tflite_name, registry
from toolchain.ops.base import Op, TfliteOperator, unmet
from toolchain.ops.lookup import LookupAttrs
from toolchain.passes.by_type import for_types

SAME, VALID = 0, 1  # schema.fbs, Padding
NONE, RELU, RELU6 = 0, 1, 3  # schema.fbs, ActivationFunctionType
Pair = tuple[int, int]
Quant = tuple[float, int]

QUANT = (0.05, -3)
WEIGHT_SCALE = 0.01
LARGEST_WEIGHT = 60  # trained weights seldom use the whole of int8, and sums of random ones would grow beyond theirs
ALL_CODES = range(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1)
SIGNS = range(-1, 2, 2)


@dataclass(frozen=True, eq=False)
class Shape:
    """A layer. ``name`` is unique among all that are measured; ``graph`` ends with it, all else limits its input.

    ``positive``: it is measured with inputs above 0, as functions are usually called that are defined only there.
    """

    name: str
    graph: Graph
    positive: bool = False

    @property
    def node(self) -> Node:
        return self.graph.nodes[-1]

    @property
    def macs(self) -> int:
        return registry()[self.node.op].macs(self.graph, self.node)


def _variable(shape: tuple[int, ...], quant: Quant | None = QUANT, dtype: str = "int8") -> Tensor:
    params = QuantParams((float(np.float32(quant[0])),), (quant[1],)) if quant else None
    return Tensor("", shape, dtype, params)


def _constant(data: Array, scales: tuple[float, ...] = (), axis: int = 0) -> Tensor:
    quant = QuantParams(scales, (0,) * len(scales), axis) if scales else None
    return Tensor("", data.shape, str(data.dtype), quant, data)


def _shape(
    builtin: str, inputs: tuple[Tensor, ...], out: Tensor, options: Mapping[str, Any], remark: str = ""
) -> Shape:
    """A node read by its operator as from a file. Raises ValueError for what mcuforge does not support."""
    op = by_tflite_name()[builtin]
    attrs = op.read(TfliteOperator(builtin, SimpleNamespace(**options), inputs, (out,)))
    return node_shape(op, attrs, inputs, out, remark)


def node_shape(op: Op, attrs: Any, inputs: tuple[Tensor, ...], out: Tensor, remark: str) -> Shape:
    plain = {f"in{i}": t for i, t in enumerate(inputs)} | {"out": out}
    node = Node(op.name, op.name, tuple(f"in{i}" for i in range(len(inputs))), ("out",), attrs)
    name = " ".join(layer_text(Graph("", plain, (node,), (), ()), node).split()) + (f", {remark}" if remark else "")
    tensors = {f"{name}/{key}": replace(t, name=f"{name}/{key}") for key, t in plain.items()}
    node = replace(node, inputs=tuple(f"{name}/{n}" for n in node.inputs), outputs=(f"{name}/out",))
    variables = tuple(n for n in node.inputs if tensors[n].data is None)
    graph = Graph(name, tensors, (node,), variables, node.outputs)
    if sentences := unmet(op, graph, node):
        raise ValueError(f"{name}: {'; '.join(sentences)}")
    return Shape(name, graph)


def _out_size(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent) // stride + 1


def _window_options(stride: Pair, padding: int, activation: int, dilation: Pair = (1, 1)) -> dict[str, int]:
    return {
        "fusedActivationFunction": activation,
        "padding": padding,
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
    }


def _weights(
    shape: tuple[int, ...],
    channels: int,
    per_channel: bool,
    axis: int,
    codes: Sequence[int],
    kept: int = 100,
    group: int = 0,
) -> tuple[Tensor, Tensor, float]:
    """Weights, bias, and the scale of an output that random inputs fill. ``kept``: of a hundred fours, not zero.

    With ``group`` each so many channels have codes of their own, by up to 15 smaller.
    """
    rng = np.random.default_rng(zlib.crc32(repr(shape).encode()))
    data = np.array(codes, np.int8)[rng.integers(0, len(codes), shape)]
    if group:
        shifts = np.arange(channels) // group * 7 % 16
        data -= shifts.astype(np.int8).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    if kept < 100:
        fours = data.reshape(-1, 4)
        fours *= rng.integers(0, 100, (len(fours), 1)) < kept
    spread = np.geomspace(0.5, 2.0, channels) if per_channel else np.ones(1)
    scales = tuple(float(s) for s in np.float32(WEIGHT_SCALE * spread))
    products = tuple(float(np.float32(QUANT[0]) * np.float32(s)) for s in scales)
    bias = rng.integers(-3000, 3001, channels).astype(np.int32)
    reach = QUANT[0] * WEIGHT_SCALE * math.sqrt(data.size / channels) * max(codes)
    return _constant(data, scales, axis), _constant(bias, products), float(np.float32(reach))


def _remark(padding: int, activation: int, dilation: Pair, zero_point: int, more: str = "") -> tuple[str, int]:
    """What the text of a layer leaves out, and the zero point of its output: -128 after ReLU as in trained models."""
    low = -128 if activation != NONE else zero_point
    parts = ["valid"] if padding == VALID else []
    parts += [f"dilation {dilation[0]}x{dilation[1]}"] if dilation != (1, 1) else []
    return ", ".join([*parts, *([more] if more else [])]), low


def convolution(
    image: tuple[int, int, int],
    channels: int,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: int = SAME,
    activation: int = RELU,
    codes: Sequence[int] = ALL_CODES,
    kept: int = 100,
    group: int = 0,
) -> Shape:
    """CONV_2D of an image (height, width, channels)."""
    weights, bias, scale = _weights((channels, *kernel, image[2]), channels, True, 0, codes, kept, group)
    operands = (weights, bias)
    more = _values(codes, kept, group)
    return _windowed("CONV_2D", image, channels, operands, kernel, scale, stride, dilation, padding, activation, more)


def of_signs(shape: Shape) -> Shape:
    """``shape`` behind a table that makes signs of its input's codes; what is measured is the layer alone.

    Zero point 1, as padding with +1 wants it.
    """
    x = shape.graph.tensor(shape.node.inputs[0])
    made = replace(x, quant=QuantParams((QUANT[0],), (1,)))
    source = replace(x, name=f"{x.name}, any codes")
    table = np.where(np.arange(-128, 128) < 0, -1, 1).astype(np.int8)
    signs = Node("signs", "lookup", (source.name,), (made.name,), LookupAttrs(tuple(int(c) for c in table)))
    tensors = {**shape.graph.tensors, made.name: made, source.name: source}
    graph = Graph(shape.name, tensors, (signs, shape.node), (source.name,), shape.graph.outputs)
    return Shape(f"{shape.name}, of signs", graph)


def _values(codes: Sequence[int], kept: int = 100, group: int = 0) -> str:
    """What a layer's name says of its weights."""
    if group:
        return f"{_values(codes, kept)} for each {group} channels"
    if kept < 100:
        return f"{kept} % of weights"
    if isinstance(codes, range):
        return "" if codes == ALL_CODES else f"weights {codes.start} to {codes[-1]} by {codes.step}"
    return f"weights {codes[0]} to {codes[-1]}, {len(codes)} values"


def depthwise(
    image: tuple[int, int, int],
    kernel: Pair,
    *,
    multiplier: int = 1,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: int = SAME,
    activation: int = RELU,
    codes: Sequence[int] = ALL_CODES,
    group: int = 0,
) -> Shape:
    """DEPTHWISE_CONV_2D with ``multiplier`` outputs for each input channel."""
    channels, builtin, more = image[2] * multiplier, "DEPTHWISE_CONV_2D", _values(codes, group=group)
    weights, bias, scale = _weights((1, *kernel, channels), channels, True, 3, codes, group=group)
    operands = (weights, bias)
    return _windowed(builtin, image, channels, operands, kernel, scale, stride, dilation, padding, activation, more)


def _windowed(
    builtin: str,
    image: tuple[int, int, int],
    channels: int,
    operands: tuple[Tensor, ...],
    kernel: Pair,
    scale: float,
    stride: Pair,
    dilation: Pair,
    padding: int,
    activation: int,
    more: str = "",
) -> Shape:
    sizes = [_out_size(image[a], kernel[a], stride[a], dilation[a], padding) for a in (0, 1)]
    remark, zero_point = _remark(padding, activation, dilation, 5, more)
    out = _variable((1, *sizes, channels), (scale, zero_point))
    options = {**_window_options(stride, padding, activation, dilation), "depthMultiplier": channels // image[2]}
    return _shape(builtin, (_variable((1, *image)), *operands), out, options, remark)


def fully_connected(
    columns: int,
    units: int,
    *,
    rows: int = 1,
    activation: int = RELU,
    per_channel: bool = False,
    codes: Sequence[int] = ALL_CODES,
    kept: int = 100,
    group: int = 0,
) -> Shape:
    """FULLY_CONNECTED of ``rows`` vectors."""
    weights, bias, scale = _weights((units, columns), units, per_channel, 0, codes, kept, group)
    parts = ["per channel" if per_channel else "", _values(codes, kept, group)]
    remark, zero_point = _remark(SAME, activation, (1, 1), 5, ", ".join(filter(None, parts)))
    out = _variable((rows, units), (scale, zero_point))
    options = {"fusedActivationFunction": activation, "weightsFormat": 0}
    return _shape("FULLY_CONNECTED", (_variable((rows, columns)), weights, bias), out, options, remark)


def pool(
    image: tuple[int, int, int],
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    padding: int = VALID,
    activation: int = NONE,
    largest: bool = False,
) -> Shape:
    """AVERAGE_POOL_2D, or MAX_POOL_2D with ``largest``."""
    sizes = [_out_size(image[a], kernel[a], stride[a], 1, padding) for a in (0, 1)]
    options = _window_options(stride, padding, activation) | {"filterHeight": kernel[0], "filterWidth": kernel[1]}
    out = _variable((1, *sizes, image[2]))
    builtin = "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D"
    return _shape(builtin, (_variable((1, *image)),), out, options, "valid" if padding == VALID else "")


def binary(
    builtin: str,
    first: tuple[int, ...],
    second: tuple[int, ...],
    *,
    activation: int = NONE,
    zero_point: int | None = None,
) -> Shape:
    """ADD or MUL; the first input has the output's shape."""
    low = zero_point if zero_point is not None else -128 if activation != NONE else 4
    out = _variable(first, (0.1, low))
    inputs = (_variable(first), _variable(second, (0.08, 11)))
    remark = f"zero point {low}" if zero_point is not None else ""
    return _shape(builtin, inputs, out, {"fusedActivationFunction": activation}, remark)


def mean(shape: tuple[int, ...], axes: tuple[int, ...]) -> Shape:
    left = tuple(d for a, d in enumerate(shape) if a not in axes)
    inputs = (_variable(shape), _constant(np.array(axes, np.int32)))
    return _shape("MEAN", inputs, _variable(left, (0.04, 7)), {})


def softmax(rows: int, columns: int, scale: float) -> Shape:
    """``scale`` is that of the logits."""
    inputs = (_variable((rows, columns), (scale, -3)),)
    out = _variable((rows, columns), (1 / 256, -128))
    return _shape("SOFTMAX", inputs, out, {"beta": 1.0}, f"logits in steps of {scale}")


def pad(shape: tuple[int, ...], widths: tuple[Pair, ...]) -> Shape:
    out = tuple(d + a + b for d, (a, b) in zip(shape, widths, strict=True))
    inputs = (_variable(shape), _constant(np.array(widths, np.int32)))
    return _shape("PAD", inputs, _variable(out), {}, f"{widths[-1][0]} and {widths[-1][1]} channels")


def concatenation(axis: int, *shapes: tuple[int, ...]) -> Shape:
    total = sum(s[axis] for s in shapes)
    out = (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
    inputs = tuple(_variable(s) for s in shapes)
    return _shape("CONCATENATION", inputs, _variable(out), {"axis": axis, "fusedActivationFunction": NONE})


def unary(builtin: str, shape: tuple[int, ...], out: Quant | None = QUANT, *, real: bool = False) -> Shape:
    """QUANTIZE (of float32 with ``real``), DEQUANTIZE (without ``out``), RELU or RELU6."""
    x = _variable(shape, None, "float32") if real else _variable(shape)
    y = _variable(shape, out) if out else _variable(shape, None, "float32")
    remark = "float32" if real or out is None else f"zero point {out[1]}"
    return _shape(builtin, (x,), y, {}, remark)


def lookup(shape: tuple[int, ...]) -> Shape:
    """The table that only passes make."""
    codes = tuple(np.random.default_rng(0).integers(-128, 128, 256).tolist())
    return node_shape(registry()["lookup"], LookupAttrs(codes), (_variable(shape),), _variable(shape), "")


def as_float(shape: Shape) -> Shape:
    """The layer on float32, with weights that all formats of float kernels hold: the codes' 64th parts."""
    indices = {n for n in shape.node.inputs[1:2] if shape.graph.tensor(n).dtype == "int32"}
    tensors = {n: t if n in indices else _float(t) for n, t in shape.graph.tensors.items()}
    return _typed(shape, tensors, "")


def _float(tensor: Tensor) -> Tensor:
    data = None if tensor.data is None else (tensor.data / 64).astype(np.float32)
    return Tensor(tensor.name, tensor.shape, "float32", None, data)


def as_int16(shape: Shape, *, inputs: bool = True, outputs: bool = True) -> Shape:
    """The layer with int16 activations, int8 weights and int64 biases; of QUANTIZE only one side when it is asked."""
    graph, node = shape.graph, shape.node
    wanted = {*(node.inputs if inputs else ()), *(node.outputs if outputs else ())}
    tensors = {n: _wide(t) if n in wanted else t for n, t in graph.tensors.items()}
    if node.op == "softmax":
        out = tensors[node.outputs[0]]
        tensors[out.name] = replace(out, quant=QuantParams((1 / 32768,), (0,)))
    remark = "" if inputs and outputs else ", to int16" if outputs else ", from int16"
    return _typed(shape, tensors, remark)


def _wide(tensor: Tensor) -> Tensor:
    """Activations as int16 and biases as int64, 256 times as fine; weights and indices as they are."""
    if tensor.quant is None or (tensor.data is not None and tensor.dtype == "int8"):
        return tensor
    quant = QuantParams(tuple(float(np.float32(s / 256)) for s in tensor.quant.scale), (0,) * len(tensor.quant.scale))
    if tensor.data is None:
        return replace(tensor, dtype="int16", quant=quant)
    return replace(tensor, dtype="int64", quant=quant, data=tensor.data.astype(np.int64) * 256)


def _typed(shape: Shape, tensors: Mapping[str, Tensor], remark: str) -> Shape:
    """The layer with these tensors, by the operator for their types."""
    graph = replace(shape.graph, tensors=tensors)
    node = for_types(graph).nodes[0]
    name = shape.name.replace(shape.node.op, node.op, 1) + remark
    new = {old: old.replace(shape.name, name, 1) for old in tensors}
    renamed = {new[old]: replace(t, name=new[old]) for old, t in tensors.items()}
    node = replace(node, name=node.op, inputs=tuple(new[n] for n in node.inputs), outputs=(new[node.outputs[0]],))
    made = Graph(name, renamed, (node,), tuple(new[n] for n in graph.inputs), node.outputs)
    if sentences := unmet(registry()[node.op], made, node):
        raise ValueError(f"{name}: {'; '.join(sentences)}")
    return Shape(name, made)
