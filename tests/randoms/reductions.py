"""Random cases of operators that make one element of many, along any axes, and of sums of all that comes before."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.case import Case, Exact, TensorSpec

from randoms.common import Draw, axes, case, f32, quants, ratios, shapes, tensor, vector

TYPES = ("int8", "float32", "int16")
EXTREMES = (1e30, -1e30, float("inf"), -float("inf"), float("nan"))
TIES = (0.5, -0.0, 0.0, 2.0, 2.0, -1.0, float("inf"), -float("inf"), float("nan"))


@st.composite
def _reduced(draw: Draw, builtin: str, types: tuple[str, ...], one_scale: bool = False) -> Case:
    """Along some axes, in any order, counted from either end."""
    shape = draw(shapes((1, 4), (1, 8)))
    gone = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    keep = draw(st.booleans())
    out = tuple(1 if d in gone else n for d, n in enumerate(shape) if keep or d not in gone)
    dtype = draw(st.sampled_from(types))
    x = draw(quants(dtype))
    made = x
    if not one_scale and draw(st.booleans()):
        made = f32(x[0] * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1]
    inputs = (tensor(shape, dtype, x), vector([d - len(shape) if draw(st.booleans()) else d for d in gone]))
    values = EXTREMES if builtin.startswith("REDUCE") else ()
    return draw(case(builtin, inputs, (tensor(out, dtype, made),), values=values, keepDims=keep))


@st.composite
def _place(draw: Draw, builtin: str) -> Case:
    shape = draw(shapes((1, 4), (1, 8)))
    axis = draw(axes(len(shape)))
    at = axis % len(shape)
    dtype = draw(st.sampled_from(("int8", "float32")))
    where = TensorSpec((), "int32", data=Exact((axis,)))
    out = tensor(shape[:at] + shape[at + 1 :], "int32")
    inputs = (tensor(shape, dtype, draw(quants(dtype))), where)
    return draw(case(builtin, inputs, (out,), values=TIES, outputType=2))


@st.composite
def _cumsum(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 8)))
    where = TensorSpec((), "int32", data=Exact((draw(axes(len(shape))),)))
    dtype = draw(st.sampled_from(("int8", "float32")))
    x = draw(quants(dtype))
    out = f32(x[0] * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1]
    options: dict[str, Any] = {"reverse": draw(st.booleans()), "exclusive": draw(st.booleans())}
    return draw(case("CUMSUM", (tensor(shape, dtype, x), where), (tensor(shape, dtype, out),), **options))


STRATEGIES = {
    "MEAN": _reduced("MEAN", TYPES),
    "SUM": _reduced("SUM", TYPES),
    "REDUCE_MAX": _reduced("REDUCE_MAX", ("int8", "float32"), one_scale=True),
    "REDUCE_MIN": _reduced("REDUCE_MIN", ("int8", "float32"), one_scale=True),
    "REDUCE_ALL": _reduced("REDUCE_ALL", ("bool",)),
    "ARG_MAX": _place("ARG_MAX"),
    "ARG_MIN": _place("ARG_MIN"),
    "CUMSUM": _cumsum(),
}
