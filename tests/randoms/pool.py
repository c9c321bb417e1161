"""Random cases of operators that make one number of many: pooling, means and softmax."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.case import Case
from support.make import VALID, out_size

from randoms.common import ACTIVATIONS, PADDINGS, Draw, case, f32, images, quants, ratios, shapes, steps, tensor, vector

TYPES = ("int8", "float32", "int16")


@st.composite
def _pool(draw: Draw, builtin: str) -> Case:
    image = draw(images())
    padding = draw(PADDINGS)
    kernel = [draw(st.integers(1, side if padding == VALID else 5)) for side in image[1:3]]
    stride = draw(st.sampled_from(((1, 1), (2, 2), (1, 2), (3, 1))))
    sizes = [out_size(n, k, s, 1, padding) for n, k, s in zip(image[1:3], kernel, stride, strict=True)]
    dtype = draw(st.sampled_from(TYPES))
    quant = draw(quants(dtype))
    options: dict[str, Any] = {
        "strideH": stride[0],
        "strideW": stride[1],
        "filterHeight": kernel[0],
        "filterWidth": kernel[1],
    }
    options |= {"fusedActivationFunction": draw(ACTIVATIONS), "padding": padding}
    out = tensor((image[0], *sizes, image[3]), dtype, quant)
    return draw(case(builtin, (tensor(image, dtype, quant),), (out,), **options))


@st.composite
def _mean(draw: Draw) -> Case:
    """Over dimensions that follow one another."""
    shape = draw(shapes((2, 4), (1, 8)))
    first = draw(st.integers(1, len(shape) - 1))
    axes = list(range(first, draw(st.integers(first, len(shape) - 1)) + 1))
    keep = draw(st.booleans())
    out = tuple(1 if d in axes else n for d, n in enumerate(shape) if keep or d not in axes)
    dtype = draw(st.sampled_from(TYPES))
    x = draw(quants(dtype))
    made = x if draw(st.booleans()) else (f32(x[0] * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1])
    order = draw(st.permutations(axes))
    inputs = (tensor(shape, dtype, x), vector([d - len(shape) if draw(st.booleans()) else d for d in order]))
    return draw(case("MEAN", inputs, (tensor(out, dtype, made),), keepDims=keep))


@st.composite
def _softmax(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 20)))
    dtype = draw(st.sampled_from(TYPES))
    out = (1 / 256, -128) if dtype == "int8" else (1 / 32768, 0)
    beta = f32(draw(st.just(1.0) | steps(1.0)))
    x = draw(quants(dtype, 1.2))
    ulps = 4 if dtype == "float32" else 0
    return draw(case("SOFTMAX", (tensor(shape, dtype, x),), (tensor(shape, dtype, out),), ulps=ulps, beta=beta))


STRATEGIES = {
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": _mean(),
    "SOFTMAX": _softmax(),
}
