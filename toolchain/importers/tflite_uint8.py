"""Models with codes of 8 bits without a sign, TFLite's first quantization, become int8 ones with the same outputs.

Codes and zero points are 128 less, so every difference of the two is what it was, and so is what operators make of
these differences. Four things are not the same for int8, and are proven anew for each layer:

- TFLite rounds the product of input and weight scale to float32 first, but not for int8. The weights get a scale with
  which every sum has its code: both requantizations are step functions, and their steps are compared.
- int8 weights have the zero point 0. Weights without it that need more than 8 bits are split into parts; the input is
  laid beside itself, once for each, so that the sums are those of the whole.
- Averages of negative codes are rounded the other way where they end on one half. A window of an even size becomes a
  depthwise convolution by 64 with a bias of 32, which has no halves.
- Functions of one code, and means, are computed in another way; for each layer all codes are tried.

What is left is refused by name. LiteRT's reference kernels give the same for both files, but for the 128. They round
products once, TFLM twice: with either both agree, and TFLM, which takes no uint8, is the oracle of what comes out.
Source: ``GetQuantizedConvolutionMultipler`` of TFLite's ``kernel_util.cc``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from toolchain import fixedpoint
from toolchain.errors import ModelError
from toolchain.exporters.tflite import pack
from toolchain.graph import Array
from toolchain.importers.layer_names import layers_of
from toolchain.importers.tflite_uint8_trial import is_function_of_codes, is_mean_of_codes

_LARGEST = 127  # of a weight
_TAP, _HALF = 64, 32
_KIND = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
# They copy codes, compare them, or compute with nothing but their differences from the zero point.
_THE_SAME = re.compile(
    "ADD|ARG_MAX|ARG_MIN|BATCH_TO_SPACE_ND|BROADCAST_TO|CONCATENATION|DEPTH_TO_SPACE|DEQUANTIZE|EQUAL|EXPAND_DIMS|GATHER"
    "|GATHER_ND|GREATER|GREATER_EQUAL|LESS|LESS_EQUAL|MAXIMUM|MAX_POOL_2D|MINIMUM|MIRROR_PAD|MUL|NOT_EQUAL|PACK|PAD|PADV2"
    "|QUANTIZE|RELU|RELU6|RELU_N1_TO_1|RESHAPE|RESIZE_NEAREST_NEIGHBOR|REVERSE_V2|SELECT_V2|SHAPE|SLICE|SOFTMAX"
    "|SPACE_TO_BATCH_ND|SPACE_TO_DEPTH|SPLIT|SPLIT_V|SQUEEZE|STRIDED_SLICE|SUB|TILE|TRANSPOSE|UNPACK"
)
_OF_ONE_CODE = ("ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "RSQRT", "SQRT", "TANH")
_DETECTION = "TFLite_Detection_PostProcess"
_HINT = "convert the float model to int8 (TFLITE_BUILTINS_INT8), or give mcuforge the float model"


def signed(content: bytes, where: str) -> bytes:
    """``content`` with int8 in the place of quantized uint8; the same bytes when no operator makes or takes such.

    ModelError that names every operator for which that would change results.
    """
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        if len(model.subgraphs) != 1 or not _computes_unsigned(model):
            return content
        made = _Signed(model)
        made.convert()
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        return content  # damaged: the reader says how
    if made.reasons:
        raise ModelError(
            f"{where}: its uint8 codes cannot become int8 ones\n  " + "\n  ".join(dict.fromkeys(made.reasons)), _HINT
        )
    return pack(model)


def _is_unsigned(tensor: Any) -> bool:
    quant = tensor.quantization
    return bool(
        tensor.type == schema.TensorType.UINT8 and quant is not None and quant.scale is not None and len(quant.scale)
    )


def _computes_unsigned(model: Any) -> bool:
    graph = model.subgraphs[0]
    ends = {int(i) for op in graph.operators or [] for i in op.outputs} | {int(i) for i in graph.inputs}
    return any(_is_unsigned(graph.tensors[i]) for i in ends)


def same_codes(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether two (multiplier, shift) give every sum of 32 bits the same code within 255 of the zero point, rounded
    once as well as twice."""
    if first == second:
        return True
    factor = first[0] * 2.0 ** (first[1] - 31)
    codes = np.arange(-255, 257)
    near = np.ceil((codes - 0.5) / factor) if factor else np.full(len(codes), np.inf)
    possible = np.abs(near) < 2.0 ** (31 - max(first[1], second[1], 0)) - 8
    sums = near[possible].astype(np.int64)[:, None] + np.arange(-4, 5)
    return all(
        _rise_together(*(rounded(sums, *pair) >= codes[possible][:, None] for pair in (first, second)))
        for rounded in (fixedpoint.requantize, _rounded_once)
    )


def _rise_together(first: Array, second: Array) -> bool:
    """Whether every code is reached at the same of the sums that are looked at, and at none outside of them."""
    return not first[:, 0].any() and bool(first[:, -1].all()) and bool((first == second).all())


def _rounded_once(sums: Array, multiplier: int, shift: int) -> Array:
    """What LiteRT makes of sums: halves go up."""
    result: Array = (sums * multiplier + (1 << (30 - shift))) >> (31 - shift)
    return result


def weight_scale(x: np.float32, weights: np.float32, out: np.float32) -> float | None:
    """The weights' scale for int8 with which all sums get the codes that they have for uint8; None when none near."""
    wanted = fixedpoint.quantize_multiplier(float(np.float32(x * weights)) / float(out))
    bits = int(weights.view(np.int32))
    for near in sorted(range(-8, 9), key=abs):
        tried = np.frombuffer(np.int32(bits + near).tobytes(), np.float32)[0]
        if same_codes(wanted, fixedpoint.quantize_multiplier(float(x) * float(tried) / float(out))):
            return float(tried)
    return None


def parts_of(weights: Array) -> list[Array]:
    """Weights less their zero point as parts that int8 holds and that add up to them; most often it is one."""
    count = max(1, -(-int(np.abs(weights).max(initial=0)) // _LARGEST))
    parts = [np.clip(weights, -_LARGEST, _LARGEST)]
    while len(parts) < count:
        parts.append(np.clip(weights - np.sum(parts, axis=0), -_LARGEST, _LARGEST))
    return parts


class _Signed:
    """Rewrites the ``ModelT`` in place; ``reasons`` are why it cannot be done."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.tensors = self.graph.tensors
        self.reasons: list[str] = []
        self.operators: list[Any] = []
        self.done: set[int] = set()  # the tensors whose codes are int8 already

    def convert(self) -> None:
        for op in self.graph.operators:
            self._operator(op)
        self.graph.operators = self.operators
        for index, tensor in enumerate(self.tensors):
            if index not in self.done and _is_unsigned(tensor):
                self._shift(tensor)

    def _operator(self, op: Any) -> None:
        code = self.model.operatorCodes[int(op.opcodeIndex)]
        kind = _KIND[max(int(code.builtinCode), int(code.deprecatedBuiltinCode))]
        ends = [self.tensors[int(i)] for i in (*op.inputs, *op.outputs) if int(i) >= 0]
        if any(map(_is_unsigned, ends)):
            if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
                self._products(op, kind)
            elif kind == "AVERAGE_POOL_2D":
                self._average(op)
            elif kind == "CUSTOM" and _text(code.customCode) == _DETECTION:
                op.inputs = [self._as_float(int(i)) for i in op.inputs]
            elif kind == "MEAN" and _is_unsigned(ends[0]):
                self._trial(op, kind, is_mean_of_codes)
            elif kind in _OF_ONE_CODE and all(map(_is_unsigned, ends)):
                self._trial(op, kind, is_function_of_codes)
            elif kind == "CONCATENATION" and not _one_grid(ends):
                self._refuse(op, kind, "it rescales its inputs, which int8 ones may not need")
            elif not _THE_SAME.fullmatch(kind):
                self._refuse(op, kind, "it rounds uint8 and int8 codes in different ways")
        self.operators.append(op)

    def _refuse(self, op: Any, kind: str, reason: str) -> None:
        name = _text(self.tensors[int(op.outputs[0])].name)
        self.reasons.append(f"layer {(*layers_of(name), name)[0]} ({kind}): {reason}")

    def _as_float(self, index: int) -> int:
        """A tensor's numbers as float32, which is what the detection computes with."""
        tensor = self.tensors[index]
        if not _is_unsigned(tensor):
            return index
        shape, stored, data = tuple(int(n) for n in tensor.shape), self.model.buffers[int(tensor.buffer)].data, None
        if stored is not None and len(stored):
            scale, zero = np.float32(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
            data = (scale * (np.asarray(stored, np.float32) - zero)).astype("<f4")
        made = self._tensor(tensor, f"float{len(self.tensors)}", shape, schema.TensorType.FLOAT32, data)
        self.tensors[made].quantization = None
        if data is None:
            self._insert("DEQUANTIZE", [index], made, schema.DequantizeOptionsT())
        return made

    def _trial(self, op: Any, kind: str, is_the_same: Callable[[Any, Any], bool]) -> None:
        if not is_the_same(self.model, op):
            self._refuse(op, kind, "int8 does not give all of its uint8 codes, or there are too many to try")

    def _shift(self, tensor: Any) -> None:
        tensor.type = schema.TensorType.INT8
        zero = tensor.quantization.zeroPoint
        tensor.quantization.zeroPoint = np.array([int(z) - 128 for z in zero if zero is not None], np.int64)
        stored = self.model.buffers[int(tensor.buffer)].data
        if stored is not None and len(stored):
            tensor.buffer = self._buffer(np.asarray(stored, np.uint8) ^ 0x80)

    def _buffer(self, data: Array) -> int:
        made = schema.BufferT()
        made.data = np.frombuffer(data.tobytes(), np.uint8)
        self.model.buffers.append(made)
        return len(self.model.buffers) - 1

    def _tensor(self, like: Any, suffix: str, shape: tuple[int, ...], kind: int, data: Array | None = None) -> int:
        """A new tensor with the quantization of another."""
        made = schema.TensorT()
        made.name = f"{_text(like.name)}/{suffix}"
        made.shape, made.hasRank, made.type = list(shape), True, kind
        made.buffer = 0 if data is None else self._buffer(data)
        quant = like.quantization
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = np.array(quant.scale, np.float32)
        made.quantization.zeroPoint = np.array(quant.zeroPoint, np.int64)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def _insert(self, kind: str, inputs: list[int], output: int, options: Any) -> None:
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self._code(kind), inputs, [output]
        op.builtinOptions = options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        self.operators.append(op)

    def _code(self, kind: str) -> int:
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        self.model.operatorCodes.append(made)
        return len(self.model.operatorCodes) - 1

    def _products(self, op: Any, kind: str) -> None:
        """int8 weights with the zero point 0, in parts where they must, and the scale that keeps every code."""
        x, out = self.tensors[int(op.inputs[0])], self.tensors[int(op.outputs[0])]
        old = self.tensors[int(op.inputs[1])]
        stored = self.model.buffers[int(old.buffer)].data
        if not all(map(_is_unsigned, (x, old, out))) or stored is None:
            self._refuse(op, kind, "its input, output and constant weights must all be uint8")
            return
        scale = weight_scale(*(np.float32(t.quantization.scale[0]) for t in (x, old, out)))
        if scale is None:
            self._refuse(op, kind, "no scale of int8 weights gives every sum its code")
            return
        weights = np.asarray(stored, np.uint8).reshape(old.shape).astype(np.int64) - int(old.quantization.zeroPoint[0])
        parts = parts_of(weights)
        if len(parts) > 1:
            self._beside_itself(op, kind, len(parts))
        wide = _depthwise_parts(parts) if kind == "DEPTHWISE_CONV_2D" and len(parts) > 1 else np.concatenate(parts, -1)
        made = self._tensor(old, "int8", wide.shape, schema.TensorType.INT8, wide.astype(np.int8))
        self.tensors[made].quantization.scale = np.array([scale], np.float32)
        self.tensors[made].quantization.zeroPoint = np.array([0], np.int64)
        self.done.add(made)
        op.inputs = [int(op.inputs[0]), made, *(int(i) for i in op.inputs[2:])]

    def _beside_itself(self, op: Any, kind: str, count: int) -> None:
        """The operator's input becomes itself ``count`` times over: channel by channel for a depthwise convolution,
        which becomes one in groups, else one after the other."""
        index, weights = int(op.inputs[0]), self.tensors[int(op.inputs[1])]
        x = self.tensors[index]
        shape = tuple(int(size) for size in x.shape)
        wide = (*shape[:-1], shape[-1] * count)
        if kind == "DEPTHWISE_CONV_2D":
            index = self._reshaped(index, (*shape, 1))
            whole = self._beside(index, (*shape, count), count)
            whole = self._reshaped(whole, wide)
            options = schema.Conv2DOptionsT()
            for name in vars(options):
                setattr(options, name, getattr(op.builtinOptions, name, getattr(options, name)))
            op.opcodeIndex, op.builtinOptions = self._code("CONV_2D"), options
            op.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        else:
            columns = int(weights.shape[-1])
            if shape[-1] != columns:  # a fully connected layer takes its input for rows of so many
                index = self._reshaped(index, (int(np.prod(shape)) // columns, columns))
                wide = (int(np.prod(shape)) // columns, columns * count)
            whole = self._beside(index, wide, count)
        op.inputs = [whole, *(int(i) for i in op.inputs[1:])]

    def _reshaped(self, index: int, shape: tuple[int, ...]) -> int:
        made = self._tensor(self.tensors[index], f"shape{len(self.tensors)}", shape, self.tensors[index].type)
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        self._insert("RESHAPE", [index], made, options)
        return made

    def _beside(self, index: int, shape: tuple[int, ...], count: int) -> int:
        made = self._tensor(self.tensors[index], f"parts{len(self.tensors)}", shape, self.tensors[index].type)
        options = schema.ConcatenationOptionsT()
        options.axis = len(shape) - 1
        self._insert("CONCATENATION", [index] * count, made, options)
        return made

    def _average(self, op: Any) -> None:
        """A window of an odd size rounds no half; one of an even size becomes a convolution."""
        x, options = self.tensors[int(op.inputs[0])], op.builtinOptions
        size = int(options.filterHeight) * int(options.filterWidth)
        if size % 2 and not _is_cut(x, self.tensors[int(op.outputs[0])], options):
            return
        if _is_cut(x, self.tensors[int(op.outputs[0])], options) or not _rounds_halves_up(size):
            self._refuse(op, "AVERAGE_POOL_2D", "its averages are rounded in different ways for uint8 and int8")
            return
        channels = int(x.shape[-1])
        taps = np.full((1, int(options.filterHeight), int(options.filterWidth), channels), _TAP, np.int8)
        weights = self._tensor(x, "average", taps.shape, schema.TensorType.INT8, taps)
        bias = self._tensor(
            x, "average/half", (channels,), schema.TensorType.INT32, np.full(channels, _HALF, np.dtype("<i4"))
        )
        for index, factor in ((weights, np.float32(1)), (bias, np.float32(x.quantization.scale[0]))):
            scale = np.float32(1 / (_TAP * size)) * factor
            self.tensors[index].quantization.scale = np.array([scale], np.float32)
            self.tensors[index].quantization.zeroPoint = np.array([0], np.int64)
            self.done.add(index)
        made = schema.DepthwiseConv2DOptionsT()
        made.padding, made.depthMultiplier = schema.Padding.VALID, 1
        made.strideH, made.strideW = options.strideH, options.strideW
        made.fusedActivationFunction = options.fusedActivationFunction
        op.opcodeIndex, op.inputs = self._code("DEPTHWISE_CONV_2D"), [int(op.inputs[0]), weights, bias]
        op.builtinOptions, op.builtinOptionsType = made, schema.BuiltinOptions.DepthwiseConv2DOptions


def _depthwise_parts(parts: list[Array]) -> Array:
    """Weights (1, height, width, outputs) as those of a convolution in groups: (outputs, height, width, parts)."""
    filters: Array = np.stack([part[0] for part in parts], axis=-1).transpose(2, 0, 1, 3)
    return filters


def _one_grid(tensors: list[Any]) -> bool:
    return len({(float(t.quantization.scale[0]), int(t.quantization.zeroPoint[0])) for t in tensors}) == 1


def _is_cut(x: Any, out: Any, options: Any) -> bool:
    """Whether some window reaches over a border."""
    reach = [
        (int(out.shape[axis]) - 1) * int(stride) + int(size) - int(x.shape[axis])
        for axis, stride, size in (
            (1, options.strideH, options.filterHeight),
            (2, options.strideW, options.filterWidth),
        )
    ]
    return max(reach) > 0


def _rounds_halves_up(size: int) -> bool:
    """Whether the convolution gives every sum of ``size`` codes its average, halves upwards."""
    multiplier, shift = fixedpoint.quantize_multiplier(float(np.float32(1 / (_TAP * size))))
    sums = np.arange(-255 * size, 255 * size + 1, dtype=np.int64)
    return bool(
        (fixedpoint.requantize(_TAP * sums + _HALF, multiplier, shift) == (2 * sums + size) // (2 * size)).all()
    )


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
