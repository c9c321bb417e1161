"""Random cases of operators that cut tensors into parts and put parts together."""

from __future__ import annotations

from hypothesis import strategies as st
from support.case import TFLITE, TFLM, Case, TensorSpec

from randoms.common import Data, Draw, Shape, axes, case, data_of, moved, quants, shapes, tensor, vector

TYPES = ("int8", "float32", "int16", "int32")


@st.composite
def _slice(draw: Draw) -> Case:
    shape = draw(shapes((1, 5)))
    begin = [draw(st.integers(0, n - 1)) for n in shape]
    out = tuple(draw(st.integers(1, n - b)) for n, b in zip(shape, begin, strict=True))
    sizes = [-1 if b + n == whole and draw(st.booleans()) else n for whole, b, n in zip(shape, begin, out, strict=True)]
    return moved(draw, "SLICE", (*TYPES, "bool"), shape, out, vector(begin), vector(sizes))


@st.composite
def _strided(draw: Draw) -> Case:
    """In every dimension some elements, forwards or backwards, from and to an end or a place, or just one of them."""
    shape = draw(shapes((1, 5)))
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
    begins, ends, strides, out = [], [], [], []
    for d, n in enumerate(shape):
        stride = draw(st.sampled_from((1, 2, 3, -1, -2)))
        begin = draw(st.integers(0, n - 1))
        if draw(st.integers(0, 5)) == 5:
            masks["shrinkAxisMask"] |= 1 << d
            taken, stride, end = range(begin, begin + 1), 1, begin + 1
        else:
            end = draw(st.integers(begin + 1, n + 2) if stride > 0 else st.integers(-1, begin - 1))
            low, high = draw(st.booleans()), draw(st.booleans())
            masks["beginMask"] |= low << d
            masks["endMask"] |= (high or end < 0) << d
            first = (0 if stride > 0 else n - 1) if low else begin
            last = (n if stride > 0 else -1) if high else min(end, n)
            taken = range(first, last, stride)
            out.append(len(taken))
        begins.append(begin - n if draw(st.booleans()) else begin)
        ends.append(end)
        strides.append(stride)
    operands = (vector(begins), vector(ends), vector(strides))
    oracle = TFLM if len(shape) <= 4 else TFLITE
    return moved(draw, "STRIDED_SLICE", TYPES, shape, tuple(out), *operands, oracle=oracle, **masks)


def _with(shape: Shape, axis: int, size: int) -> Shape:
    at = axis % len(shape)
    return (*shape[:at], size, *shape[at + 1 :])


@st.composite
def _split(draw: Draw, builtin: str) -> Case:
    shape = draw(shapes((1, 4), (1, 5), 120))
    axis = draw(axes(len(shape)))
    count = draw(st.integers(1, 4))
    sizes = [draw(st.integers(1, 3)) for _ in range(count)] if builtin == "SPLIT_V" else [shape[axis]] * count
    dtype = draw(st.sampled_from(TYPES if builtin == "SPLIT" else ("int8", "float32", "int16")))
    quant = draw(quants(dtype))
    x = tensor(_with(shape, axis, sum(sizes)), dtype, quant)
    outputs = [tensor(_with(shape, axis, n), dtype, quant) for n in sizes]
    where = TensorSpec((), "int32", data=vector([axis]).data)
    inputs = (x, vector(sizes), where) if builtin == "SPLIT_V" else (where, x)
    return draw(case(builtin, inputs, outputs, numSplits=count))


@st.composite
def _unpack(draw: Draw) -> Case:
    shape = draw(shapes((2, 4), (1, 4), 100))
    axis = draw(axes(len(shape)))
    dtype = draw(st.sampled_from(("int8", "float32", "int32")))
    quant = draw(quants(dtype))
    at = axis % len(shape)
    outputs = [tensor(shape[:at] + shape[at + 1 :], dtype, quant) for _ in range(shape[at])]
    return draw(case("UNPACK", (tensor(shape, dtype, quant),), outputs, num=shape[at], axis=axis))


def _joined(draw: Draw, parts: list[Shape], dtype: str) -> tuple[list[TensorSpec], tuple[float, int]]:
    """Tensors of these shapes: variables, and at most one constant among them."""
    quant = draw(quants(dtype))
    constant = draw(st.integers(-1, len(parts) - 1)) if len(parts) > 1 else -1
    data: list[Data | None] = [draw(data_of(dtype)) if i == constant else None for i in range(len(parts))]
    return [tensor(p, dtype, quant, d) for p, d in zip(parts, data, strict=True)], quant


@st.composite
def _pack(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 4), 80))
    axis = draw(axes(len(shape) + 1))
    count = draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(("int8", "float32", "int32")))
    inputs, quant = _joined(draw, [shape] * count, dtype)
    out = list(shape)
    out.insert(axis % (len(shape) + 1), count)
    return draw(case("PACK", inputs, (tensor(out, dtype, quant),), axis=axis, valuesCount=count))


@st.composite
def _concatenation(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 4), 80))
    axis = draw(axes(len(shape)))
    sizes = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, 5)))]
    dtype = draw(st.sampled_from(("int8", "float32", "int16")))
    inputs, quant = _joined(draw, [_with(shape, axis, n) for n in sizes], dtype)
    return draw(case("CONCATENATION", inputs, (tensor(_with(shape, axis, sum(sizes)), dtype, quant),), axis=axis))


@st.composite
def _update(draw: Draw) -> Case:
    """At places that are known or not, also where the update would not fit."""
    shape = draw(shapes((1, 5)))
    part = tuple(draw(st.integers(1, n)) for n in shape)
    dtype = draw(st.sampled_from(("int8", "float32")))
    quant = draw(quants(dtype))
    begin = TensorSpec((len(shape),), "int32")
    if draw(st.booleans()):
        begin = vector([draw(st.integers(-1, n)) for n in shape])
    inputs = (tensor(shape, dtype, quant), tensor(part, dtype, quant), begin)
    return draw(case("DYNAMIC_UPDATE_SLICE", inputs, (tensor(shape, dtype, quant),), positions=(-1, max(shape))))


STRATEGIES = {
    "SLICE": _slice(),
    "STRIDED_SLICE": _strided(),
    "SPLIT": _split("SPLIT"),
    "SPLIT_V": _split("SPLIT_V"),
    "UNPACK": _unpack(),
    "PACK": _pack(),
    "CONCATENATION": _concatenation(),
    "DYNAMIC_UPDATE_SLICE": _update(),
}
