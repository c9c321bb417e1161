"""Random cases of products of matrices and of transposed convolutions."""

from __future__ import annotations

import dataclasses
import math

from hypothesis import strategies as st
from support.case import Case, Real, TensorSpec
from support.make_products import batched, real_products, transpose_conv
from support.make_s16 import wide

from randoms.common import (
    ACTIVATIONS,
    PADDINGS,
    Draw,
    Shape,
    case,
    f32,
    one_constant_at_most,
    quants,
    ratios,
    steps,
    tensor,
    within,
)
from randoms.conv import BIASES, FINEST, REAL_WEIGHTS, TYPES, WEIGHTS


@st.composite
def _batch_matmul(draw: Draw) -> Case:
    dtype = draw(TYPES)
    outer = draw(st.lists(st.integers(1, 3), max_size=3))
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    depth = draw(st.integers(1, 20))
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    matrices = ((depth, rows) if adj_x else (rows, depth), (columns, depth) if adj_y else (depth, columns))
    shapes = [(*_outer(draw, outer), *matrix) for matrix in matrices]
    specs = [tensor(shape, dtype, draw(quants(dtype))) for shape in shapes]
    a, b = draw(one_constant_at_most(*specs))
    turns = tuple(max(n) for n in zip(*(_filled(s, len(outer)) for s in shapes), strict=True))
    lead = turns[len(turns) - max(len(s) - 2 for s in shapes) :]
    out = _result((*lead, rows, columns), dtype, a, b, depth * draw(ratios(0.7, 3.0)), draw(quants())[1])
    return draw(case("BATCH_MATMUL", (a, b), (out,), adjX=adj_x, adjY=adj_y))


def _outer(draw: Draw, whole: list[int]) -> Shape:
    """The outer dimensions of one input: some are 1, leading ones may be missing."""
    sides = [1 if draw(st.integers(0, 3)) == 3 else n for n in whole]
    return tuple(sides[draw(st.integers(0, len(sides))) if draw(st.integers(0, 3)) == 3 else 0 :])


def _filled(shape: Shape, outer: int) -> Shape:
    return (1,) * (outer - (len(shape) - 2)) + shape[:-2]


def _result(shape: Shape, dtype: str, a: TensorSpec, b: TensorSpec, wide_as: float, zero_point: int) -> TensorSpec:
    """The output; sums of ``wide_as`` products of random codes fill it."""
    if dtype == "float32":
        return tensor(shape, dtype)
    scale = f32(a.scale[0] * b.scale[0] * math.sqrt(wide_as) * (70 if dtype == "int8" else 1 << 14))
    return tensor(shape, dtype, (scale, 0 if dtype == "int16" else zero_point))


@st.composite
def _transpose_conv(draw: Draw) -> Case:
    dtype = draw(TYPES)
    height, width, channels = within(draw(st.tuples(*(st.integers(1, 6) for _ in range(3)))), 60)
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = draw(st.sampled_from(((2, 2), (1, 1), (2, 1), (1, 3), (3, 2))))
    made = transpose_conv(
        "case",
        (height, width, channels),
        draw(st.integers(1, 9)),
        kernel,
        stride=stride,
        padding=draw(PADDINGS),
        activation=draw(ACTIVATIONS),
        x=draw(quants()),
        w=f32(0.01 * draw(steps(1.5))),
        spread=draw(st.sampled_from((None, 3.0, 1.0, 100.0))),
        weights=draw(WEIGHTS),
        bias=draw(BIASES),
    )
    out = made.operator.outputs[0]
    scale = max(f32(out.scale[0] * draw(ratios(0.7, 3.0))), FINEST)
    scaled = dataclasses.replace(out, scale=(scale,))
    made = dataclasses.replace(made, operator=dataclasses.replace(made.operator, outputs=(scaled,)))
    batch = draw(st.sampled_from((1, 1, 1, 2, 3)))
    made = made if batch == 1 else batched(made, batch)
    if dtype == "float32":
        made = real_products(made, draw(REAL_WEIGHTS), Real(1.0))
    made = wide(made) if dtype == "int16" else made
    return dataclasses.replace(made, id=f"transpose_conv_{draw(st.integers(0, 999))}")


STRATEGIES = {"BATCH_MATMUL": _batch_matmul(), "TRANSPOSE_CONV": _transpose_conv()}
