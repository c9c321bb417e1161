"""Random cases of CAST, PRELU, ADD_N, SELECT, BROADCAST_ARGS; of DIV on int8, and of QUANTIZE with other types."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from support.case import TFLITE, TFLM, Case, Choice, Exact, TensorSpec

from randoms.common import (
    ACTIVATIONS,
    Draw,
    broadcast_shapes,
    case,
    f32,
    maybe_constant,
    quants,
    ratios,
    shapes,
    tensor,
)

CASTABLE = ("int8", "int16", "int32", "float32", "bool")
LIMITS = (127.5, -128.5, 32768.5, -32769.0, 2147483520.0, 2147483648.0, -2147483648.0, -3e9, 1e30)
NUMBERS = (*LIMITS, 0.99, -0.99, 1e-45, float("inf"), float("-inf"), float("nan"))
OTHER_PAIRS = (("int8", "uint8"), ("uint8", "int8"), ("int8", "int32"), ("int16", "int32"))
FROM_INT32 = (("int32", "int8"), ("int32", "int16"))


@st.composite
def _cast(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 7)))
    source, target = draw(st.sampled_from(CASTABLE)), draw(st.sampled_from(CASTABLE))
    return draw(case("CAST", (tensor(shape, source),), (tensor(shape, target),), values=NUMBERS))


@st.composite
def _prelu(draw: Draw) -> Case:
    first, second = draw(broadcast_shapes())
    dtype = draw(st.sampled_from(("int8", "int16", "float32")))
    alpha_type = "int8" if dtype == "int16" else dtype
    x, alpha = draw(quants(dtype)), draw(quants(alpha_type))
    out = f32(x[0] * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1]
    inputs = tensor(first, dtype, x), draw(maybe_constant(tensor(second, alpha_type, alpha)))
    return draw(case("PRELU", inputs, (tensor(np.broadcast_shapes(first, second), dtype, out),)))


@st.composite
def _sum(draw: Draw) -> Case:
    shape = draw(shapes())
    dtype = draw(st.sampled_from(("int8", "float32")))
    x = draw(quants(dtype))
    count = draw(st.integers(2, 8))
    out = f32(x[0] * count * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1]
    inputs = tuple(tensor(shape, dtype, x) for _ in range(count))
    return draw(case("ADD_N", inputs, (tensor(shape, dtype, out),)))


@st.composite
def _select(draw: Draw) -> Case:
    first, second = draw(broadcast_shapes())
    condition = draw(st.sampled_from((first, second, np.broadcast_shapes(first, second), (1,))))
    dtype = draw(st.sampled_from(("int8", "int16", "float32", "int32", "bool")))
    quant = draw(quants(dtype))
    result = tensor(np.broadcast_shapes(condition, first, second), dtype, quant)
    inputs = tensor(condition, "bool"), tensor(first, dtype, quant), draw(maybe_constant(tensor(second, dtype, quant)))
    return draw(case("SELECT_V2", inputs, (result,), oracle=TFLITE if dtype in ("int32", "bool") else TFLM))


@st.composite
def _select_whole(draw: Draw) -> Case:
    shape = draw(shapes())
    dtype = draw(st.sampled_from(("int8", "int16", "float32", "int32", "bool")))
    x = tensor(shape, dtype, draw(quants(dtype)))
    condition = tensor(draw(st.sampled_from((shape, ()))), "bool")
    inputs = condition, x, draw(maybe_constant(tensor(shape, dtype, draw(quants(dtype)))))
    return draw(case("SELECT", inputs, (tensor(shape, dtype, draw(quants(dtype))),), oracle=TFLITE))


@st.composite
def _shapes_of_both(draw: Draw) -> Case:
    """Of a constant shape and of one of ones and twos: TFLM refuses what does not broadcast."""
    lengths = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    alone = max(lengths[0] - lengths[1], 0)
    sides = [draw(st.integers(1, 9) if i < alone else st.integers(1, 2)) for i in range(lengths[0])]
    first = TensorSpec((lengths[0],), "int32", data=Exact(tuple(sides)))
    inputs = draw(st.permutations((first, tensor((lengths[1],), "int32"))))
    return draw(case("BROADCAST_ARGS", inputs, (tensor((max(lengths),), "int32"),), positions=(1, 2)))


@st.composite
def quotient_of_codes(draw: Draw) -> Case:
    """Quotients that TFLM shifts by 31 at most; it refuses to divide by 0."""
    first, second = draw(broadcast_shapes())
    a, b = draw(quants()), (draw(quants())[0], 0)
    out = f32(a[0] / b[0] / (140.0 * draw(ratios(0.3, 0.3)))), draw(quants())[1]
    divisor = TensorSpec(second, "int8", (b[0],), (0,), data=Choice((7, -3, 1, -1, 127, -128)))
    result = tensor(np.broadcast_shapes(first, second), "int8", out)
    inputs = tensor(first, "int8", a), divisor
    return draw(case("DIV", inputs, (result,), fusedActivationFunction=draw(ACTIVATIONS)))


@st.composite
def other_codes(draw: Draw, types: tuple[str, str]) -> Case:
    """QUANTIZE where a type is uint8 or int32, whose zero point is 0."""
    shape = draw(shapes((1, 4), (1, 7)))
    made: list[TensorSpec] = []
    scale = draw(quants(types[0]))[0]
    for dtype in types:
        usual, zero_point = draw(quants("int8" if dtype == "uint8" else dtype))
        if dtype == "int32":
            usual, zero_point = scale * 1e-3 if made else usual * 1e-7, 0
        zero_point += 128 if dtype == "uint8" else 0
        made.append(TensorSpec(shape, dtype, (f32(usual),), (zero_point,)))
    return draw(case("QUANTIZE", made[:1], made[1:]))


STRATEGIES = {
    "CAST": _cast(),
    "PRELU": _prelu(),
    "ADD_N": _sum(),
    "SELECT": _select_whole(),
    "SELECT_V2": _select(),
    "BROADCAST_ARGS": _shapes_of_both(),
}
