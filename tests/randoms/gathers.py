"""Random cases of operators that look elements up or make them of nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.case import Case, Seeded, TensorSpec

from randoms.common import Draw, case, moved, quants, shapes, tensor, vector

TYPES = ("int8", "float32")


def _positions(draw: Draw, shape: tuple[int, ...], most: int) -> TensorSpec:
    """Variable or constant positions up to ``most``."""
    return TensorSpec(shape, "int32", data=Seeded(0, most) if draw(st.booleans()) else None)


@st.composite
def _gather(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 5), 100))
    at = draw(st.integers(0, len(shape) - 1))
    batch = draw(st.integers(0, at))
    wanted = (*shape[:batch], *draw(shapes((0, 2), (1, 4), 12)))
    dtype = draw(st.sampled_from(TYPES))
    quant = draw(quants(dtype))
    most = shape[at] - 1
    inputs = (tensor(shape, dtype, quant), _positions(draw, wanted, most))
    out = tensor((*shape[:at], *wanted[batch:], *shape[at + 1 :]), dtype, quant)
    axis = at - len(shape) if draw(st.booleans()) else at
    return draw(case("GATHER", inputs, (out,), positions=(0, most), axis=axis, batchDims=batch))


@st.composite
def _gather_nd(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 5), 100))
    depth = draw(st.integers(1, len(shape)))
    where = draw(shapes((1, 2), (1, 4), 12))
    dtype = draw(st.sampled_from(TYPES))
    quant = draw(quants(dtype))
    most = min(shape[:depth]) - 1
    inputs = (tensor(shape, dtype, quant), _positions(draw, (*where, depth), most))
    out = tensor((*where, *shape[depth:]), dtype, quant)
    return draw(case("GATHER_ND", inputs, (out,), positions=(0, most)))


@st.composite
def _embedding_lookup(draw: Draw) -> Case:
    shape = draw(shapes((2, 4), (1, 5), 100))
    count = draw(st.integers(1, 6))
    dtype = draw(st.sampled_from(TYPES))
    quant = draw(quants(dtype))
    inputs = (_positions(draw, (count,), shape[0] - 1), tensor(shape, dtype, quant))
    out = tensor((count, *shape[1:]), dtype, quant)
    return draw(case("EMBEDDING_LOOKUP", inputs, (out,), positions=(0, shape[0] - 1)))


@st.composite
def _resize_nearest(draw: Draw) -> Case:
    n, h, w, c = draw(st.tuples(*(st.integers(1, most) for most in (2, 6, 6, 3))))
    size = draw(st.tuples(st.integers(1, 13), st.integers(1, 13)))
    corners, centers = draw(st.sampled_from(((False, False), (True, False), (False, True))))
    options: dict[str, Any] = {"alignCorners": corners, "halfPixelCenters": centers}
    types = ("int8", "float32", "int16")
    return moved(draw, "RESIZE_NEAREST_NEIGHBOR", types, (n, h, w, c), (n, *size, c), vector(size), **options)


@st.composite
def _zeros_like(draw: Draw) -> Case:
    shape = draw(shapes())
    return moved(draw, "ZEROS_LIKE", ("int8", "float32", "int32"), shape, shape)


@st.composite
def _fill(draw: Draw) -> Case:
    shape = draw(shapes())
    dtype = draw(st.sampled_from(("int8", "float32", "int32")))
    quant = draw(quants(dtype))
    return draw(case("FILL", (vector(shape), tensor((), dtype, quant)), (tensor(shape, dtype, quant),)))


STRATEGIES = {
    "GATHER": _gather(),
    "GATHER_ND": _gather_nd(),
    "EMBEDDING_LOOKUP": _embedding_lookup(),
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest(),
    "ZEROS_LIKE": _zeros_like(),
    "FILL": _fill(),
}
