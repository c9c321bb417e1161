"""The layers that the costs of transposed and general convolutions and of products of two variables are measured on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.layers import Dims, filled, integers, layer, scaled, state, tensor
from benchmarks.shapes import QUANT, RELU, SAME, VALID, WEIGHT_SCALE, Pair, Quant, Shape
from toolchain.graph import QuantParams, Tensor

_FLOATS = ("", "float16", "bfloat16")
_TRANSPOSED: tuple[tuple[tuple[int, int, int], int, Pair, Pair, int], ...] = (
    ((4, 6, 16), 8, (2, 2), (2, 2), SAME),
    ((8, 8, 16), 8, (3, 3), (2, 2), SAME),
    ((5, 9, 7), 13, (4, 4), (2, 2), SAME),
    ((7, 6, 24), 4, (3, 3), (1, 1), SAME),
    ((1, 9, 32), 16, (1, 5), (1, 2), VALID),
    ((5, 4, 32), 16, (5, 5), (2, 2), VALID),
    ((7, 9, 4), 3, (3, 3), (2, 2), VALID),
    ((4, 4, 24), 13, (2, 2), (3, 3), SAME),
    ((6, 6, 16), 8, (3, 3), (1, 1), VALID),
    ((4, 4, 64), 32, (2, 2), (2, 2), VALID),
    ((7, 4, 16), 3, (4, 4), (2, 2), VALID),
    ((5, 5, 7), 16, (3, 3), (3, 3), SAME),
    ((1, 2, 3), 4, (2, 2), (2, 2), SAME),
    ((2, 2, 4), 3, (3, 3), (2, 2), VALID),
    ((1, 3, 8), 4, (1, 3), (1, 1), SAME),
)
# batches, rows, columns, depth, whether the first or second operand is transposed
_PRODUCTS = (
    (1, 16, 16, 16, False, False),
    (4, 9, 24, 8, False, True),
    (2, 32, 32, 24, False, True),
    (1, 20, 7, 32, False, False),
    (2, 4, 16, 6, True, False),
    (4, 16, 4, 32, False, False),
    (1, 32, 24, 4, True, True),
    (2, 9, 9, 16, False, True),
    (1, 49, 49, 16, False, True),
    (1, 4, 7, 4, False, False),
    (3, 5, 30, 50, False, False),
)
# image, channels, groups, kernel, step
_GROUPED = (
    ((8, 7, 8), 8, 2, (3, 3), 1),
    ((5, 9, 16), 4, 4, (1, 1), 1),
    ((8, 5, 32), 16, 4, (3, 3), 2),
    ((9, 9, 4), 6, 2, (5, 3), 1),
    ((12, 12, 16), 32, 2, (1, 1), 2),
    ((7, 7, 12), 12, 4, (3, 3), 1),
    ((6, 6, 32), 32, 2, (3, 3), 1),
    ((10, 4, 8), 24, 2, (3, 1), 1),
    ((1, 2, 4), 4, 2, (1, 1), 1),
    ((2, 2, 8), 2, 2, (3, 3), 1),
)
# rows, inputs, outputs
_CONNECTED = ((1, 64, 10), (1, 300, 16), (4, 100, 31), (9, 66, 17), (1, 8, 128), (1, 64, 64), (3, 30, 5), (2, 255, 6))


def products() -> list[Shape]:
    return [*_transposed(), *_matmuls(), *_grouped(), *_connected()]


def _weights(shape: Dims, dtype: str) -> Tensor:
    """Constant weights, of float32 such as float16 and bfloat16 hold; one scale for each of the first dimension."""
    if dtype == "float32":
        return filled(Tensor("", shape, dtype), -60, 60)
    scales = tuple(float(s) for s in np.float32(WEIGHT_SCALE * np.geomspace(0.5, 2.0, shape[0])))
    return filled(Tensor("", shape, "int8", QuantParams(scales, (0,) * len(scales), 0)), -60, 60)


def _bias(weights: Tensor, x: Tensor, dtype: str) -> Tensor:
    if weights.quant is None:
        return filled(Tensor("", weights.shape[:1], "float32"), -200, 200)
    assert x.quant is not None
    scales = tuple(float(np.float32(x.scale) * np.float32(s)) for s in weights.quant.scale)
    if len(scales) == 1:
        scales *= weights.shape[0]
    return filled(Tensor("", weights.shape[:1], dtype, QuantParams(scales, (0,) * len(scales), 0)), -3000, 3000)


def _sums(depth: int) -> Quant:
    """What so many products fill."""
    return QUANT[0] * WEIGHT_SCALE * math.sqrt(depth) * 60, -5


def _transposed() -> list[Shape]:
    shapes = []
    for image, channels, kernel, step, padding in _TRANSPOSED:
        more = [0 if padding == SAME else max(kernel[a] - step[a], 0) for a in (0, 1)]
        size = (1, *(image[a] * step[a] + more[a] for a in (0, 1)), channels)
        remark = f"{kernel[0]}x{kernel[1]}/{step[0]}x{step[1]}{', valid' if padding == VALID else ''}"
        options = {"padding": padding, "strideH": step[0], "strideW": step[1], "fusedActivationFunction": 0}
        for dtype, bias in (("int8", "int32"), ("int16", "int64"), ("float32", "float32")):
            x, weights = tensor((1, *image), dtype), _weights((channels, *kernel, image[2]), dtype)
            out = tensor(size, dtype, _sums(kernel[0] * kernel[1] * image[2]))
            operands = (integers(*size), weights, x, _bias(weights, x, bias))
            shapes.append(layer("TRANSPOSE_CONV", operands, (out,), remark, **options))
    return shapes


def _matmuls() -> list[Shape]:
    shapes = []
    for n, rows, columns, depth, first, second in _PRODUCTS:
        a = (n, depth, rows) if first else (n, rows, depth)
        b = (n, columns, depth) if second else (n, depth, columns)
        remark = f"transposed: {'first' if first else ''} {'second' if second else ''}"
        for dtype in ("int8", "int16", "float32"):
            out = tensor((n, rows, columns), dtype, (0.05 * 0.08 * math.sqrt(depth) * 70, 5))
            operands = tensor(a, dtype), tensor(b, dtype, (0.08, 9))
            shapes.append(layer("BATCH_MATMUL", operands, (out,), remark, adjX=first, adjY=second))
    return shapes


def _grouped() -> list[Shape]:
    shapes = []
    options = {"padding": SAME, "fusedActivationFunction": RELU, "dilationHFactor": 1, "dilationWFactor": 1}
    for image, channels, groups, kernel, step in _GROUPED:
        remark, inner = f"{kernel[0]}x{kernel[1]}/{step}, {groups} groups", image[2] // groups
        size = (1, *(-(-image[a] // step) for a in (0, 1)), channels)
        for dtype, bias in (("int8", "int32"), ("int16", "int64"), ("int16", "int32"), ("float32", "float32")):
            x, weights = tensor((1, *image), dtype), _weights((channels, *kernel, inner), dtype)
            out = tensor(size, dtype, _sums(kernel[0] * kernel[1] * inner))
            operands, more = (x, weights, _bias(weights, x, bias)), f"{remark}, {bias} biases"
            shapes.append(layer("CONV_2D", operands, (out,), more, strideH=step, strideW=step, **options))
    return shapes


def _connected() -> list[Shape]:
    """With weights that are an input, and of int16 with int32 biases."""
    shapes = []
    options = {"fusedActivationFunction": 0, "weightsFormat": 0}
    for rows, columns, units in _CONNECTED:
        for dtype in ("int8", "float32"):
            x, weights = tensor((rows, columns), dtype), tensor((units, columns), dtype, (WEIGHT_SCALE, 0))
            out, bias = tensor((rows, units), dtype, _sums(columns)), "int32" if dtype == "int8" else dtype
            shapes.append(layer("FULLY_CONNECTED", (x, weights, _bias(weights, x, bias)), (out,), **options))
        x, weights = tensor((rows, columns), "int16"), _weights((units, columns), "int8")
        out = tensor((rows, units), "int16", _sums(columns))
        operands = (x, weights, _bias(weights, x, "int32"))
        shapes.append(layer("FULLY_CONNECTED", operands, (out,), "int32 biases", **options))
    return shapes


_LSTM = (
    ((1, 1, 4), 4),
    ((1, 8, 10), 16),
    ((1, 4, 16), 32),
    ((1, 2, 40), 24),
    ((1, 1, 64), 64),
    ((2, 3, 5), 7),
    ((1, 6, 3), 9),
    ((1, 10, 1), 12),
)
# rows, features, filters, memory, rank
_SVDF = (
    (1, 13, 8, 10, 1),
    (1, 40, 64, 8, 1),
    (1, 20, 32, 5, 2),
    (2, 8, 9, 7, 3),
    (1, 64, 20, 10, 2),
    (1, 3, 5, 1, 1),
    (1, 10, 12, 20, 4),
)


def recurrent() -> list[Shape]:
    """LSTM, SVDF and what keeps the last inputs."""
    shapes = [_lstm(shape, units, dtype) for shape, units in _LSTM for dtype in ("int8", "int16", "float32")]
    shapes += [_svdf(sizes, over_time) for sizes in _SVDF for over_time in ("int16", "int8", "float32")]
    for slots, width, channels in ((4, 1, 8), (10, 1, 40), (25, 2, 16), (3, 3, 64)):
        x, out = (tensor((1, n, width, channels)) for n in (1, slots))
        shapes.append(layer("CUSTOM CIRCULAR_BUFFER", (x,), (out,), cycles_max=1))
    return shapes


def _lstm(shape: tuple[int, int, int], units: int, dtype: str) -> Shape:
    batch, steps, in_c = shape
    real, wide = dtype == "float32", dtype == "int16"
    hidden = (1 / 128, 0) if wide else (0.0061, -9)

    def weight(columns: int, gate: int) -> Tensor:
        like = Tensor("", (units, columns), dtype) if real else scaled((units, columns), "int8", 0.004 * 1.2**gate)
        return filled(like, -60 if real else -127, 60 if real else 127)

    def bias() -> Tensor:
        if real:
            return filled(Tensor("", (units,), dtype), -60, 60)
        limit = 3000 * 256 if wide else 3000
        return filled(scaled((units,), "int64" if wide else "int32", 1e-3), -limit, limit)

    states = tensor((batch, units), dtype, hidden), scaled((batch, units), "int16", 2.0**-11)
    if real:
        states = tensor((batch, units), dtype), tensor((batch, units), dtype)
    matrices = (*(weight(in_c, k) for k in range(4)), *(weight(units, k) for k in range(4)))
    biases = tuple(bias() for _ in range(4))
    inputs = (tensor(shape, dtype), *matrices, None, None, None, *biases, None, None, *map(_kept, states))
    options = {"fusedActivationFunction": 4, "cellClip": 0.0, "projClip": 0.0, "timeMajor": False}
    options |= {"asymmetricQuantizeInputs": False, "diagonalRecurrentTensors": False}
    out = tensor((batch, steps, units), dtype, hidden)
    return layer("UNIDIRECTIONAL_SEQUENCE_LSTM", (*inputs, *[None] * 4), (out,), f"{units} units", **options)


def _kept(like: Tensor) -> Tensor:
    return state(like)


def _svdf(sizes: tuple[int, int, int, int, int], over_time: str) -> Shape:
    rows, columns, filters, memory, rank = sizes
    units, real = filters // rank, over_time == "float32"
    step, kept = (0.01, 0.4) if over_time == "int8" else (0.01 / 256, 0.004 / 16)
    wide = 127 if over_time == "int8" else 20000

    def spec(shape: Dims, dtype: str, scale: float, zero_point: int = 0) -> Tensor:
        return Tensor("", shape, "float32") if real else scaled(shape, dtype, scale, zero_point)

    limits = [(60, 60, 60) if real else (127, wide, 200 * wide)][0]
    inputs = (
        spec((rows, columns), "int8", 0.05, -3),
        filled(spec((filters, columns), "int8", 0.01), -limits[0], limits[0]),
        filled(spec((filters, memory), over_time, step), -limits[1], limits[1]),
        filled(spec((units,), "int32", step * kept), -limits[2], limits[2]),
        state(replace(spec((rows, filters * memory), over_time, kept))),
    )
    out = spec((rows, units), "int8", 0.8 if over_time == "int8" else 0.06, -10)
    remark = f"{filters} filters, memory {memory} of {over_time}, rank {rank}"
    return layer("SVDF", inputs, (out,), remark, rank=rank, fusedActivationFunction=0)
