"""Random cases of operators that compare an element with those beside it, and of images made larger and smaller."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.case import Case

from randoms.common import Draw, case, f32, moved, quants, shapes, steps, tensor, vector

PROBABILITY, WORD, WIDE, LOG, UNIT = (1 / 256, -128), (1 / 32768, 0), (1 / 65536, -32768), (1 / 16, 127), (1 / 128, 0)
NEXT_TO_ONE = 2.0**-23  # a unit in the last place of sums from 1 to 2, whose logarithms may be next to 0


@st.composite
def _softmax(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 20)))
    pairs = ("int8", "int8"), ("float32", "float32"), ("int16", "int16"), ("int8", "int16")
    dtype, made = draw(st.sampled_from(pairs))
    out = {"int8": PROBABILITY, "int16": WORD if dtype == "int16" else WIDE, "float32": None}[made]
    beta = f32(draw(st.just(1.0) | steps(1.0)))
    x = draw(quants(dtype, 1.2))
    ulps = 4 if dtype == "float32" else 0
    return draw(case("SOFTMAX", (tensor(shape, dtype, x),), (tensor(shape, made, out),), ulps=ulps, beta=beta))


@st.composite
def _log_softmax(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 20)))
    dtype = draw(st.sampled_from(("int8", "float32")))
    x = draw(quants(dtype, 2.0))
    ulps = 4 if dtype == "float32" else 0
    return draw(
        case(
            "LOG_SOFTMAX", (tensor(shape, dtype, x),), (tensor(shape, dtype, LOG),), ulps=ulps, error=ulps * NEXT_TO_ONE
        )
    )


@st.composite
def _l2_normalization(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 20)))
    dtype = draw(st.sampled_from(("int8", "float32")))
    out = UNIT if draw(st.booleans()) else draw(quants(dtype))
    values = (0.0, 1e-8, -1e-7, 3.0)
    inputs = (tensor(shape, dtype, draw(quants(dtype))),)
    return draw(case("L2_NORMALIZATION", inputs, (tensor(shape, dtype, out),), values=values))


@st.composite
def _bilinear(draw: Draw) -> Case:
    n, h, w, c = draw(st.tuples(*(st.integers(1, most) for most in (2, 7, 7, 3))))
    size = draw(st.tuples(st.integers(1, 13), st.integers(1, 13)))
    corners, centers = draw(st.sampled_from(((False, False), (True, False), (False, True))))
    options: dict[str, Any] = {"alignCorners": corners, "halfPixelCenters": centers}
    return moved(draw, "RESIZE_BILINEAR", ("int8", "float32"), (n, h, w, c), (n, *size, c), vector(size), **options)


STRATEGIES = {
    "SOFTMAX": _softmax(),
    "LOG_SOFTMAX": _log_softmax(),
    "L2_NORMALIZATION": _l2_normalization(),
    "RESIZE_BILINEAR": _bilinear(),
}
