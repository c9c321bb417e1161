"""Sums, means, extremes and ALL over any axes, and where extremes are, of every type."""

from __future__ import annotations

from support.case import Case, Operator, TensorSpec
from support.make import act, numbers, plain

SHAPE = (2, 3, 4, 5)
A, B, COARSE = (0.05, -3), (0.04, 7), (0.4, -20)
MIDDLE, APART, ENDS, ALL = (1, 2), (0, 2), (-4, 3), (0, 1, 2, 3)


def _tensor(shape: tuple[int, ...], dtype: str, quant: tuple[float, int]) -> TensorSpec:
    if dtype == "int8":
        return act(shape, quant)
    if dtype == "int16":
        return TensorSpec(shape, dtype, (quant[0] / 256,), (0,))
    return plain(shape, dtype)


def _case(
    builtin: str,
    dtype: str,
    axes: tuple[int, ...],
    shape: tuple[int, ...] = SHAPE,
    scales: tuple[tuple[float, int], tuple[float, int]] = (A, A),
    keep: bool = False,
    name: str = "",
) -> Case:
    gone = {a % len(shape) for a in axes}
    left = tuple(1 if d in gone else n for d, n in enumerate(shape) if keep or d not in gone)
    x, out = _tensor(shape, dtype, scales[0]), _tensor(left, dtype, scales[1])
    values = (1e30, -1e30, float("inf"), -float("inf"), float("nan")) if builtin.startswith("REDUCE") else ()
    label = "_".join([builtin.lower(), dtype, name or "".join(str(a % len(shape)) for a in axes), *["keep"] * keep])
    return Case(label, Operator(builtin, (x, numbers(*axes)), (out,), {"keepDims": keep}), values=values)


def _place(builtin: str, dtype: str, axis: int, shape: tuple[int, ...] = SHAPE) -> Case:
    left = shape[:axis] + shape[axis % len(shape) + 1 :]
    x, out = _tensor(shape, dtype, A), plain(left, "int32")
    values = (0.5, float("nan"), -0.0, 0.0, float("inf"), -float("inf"), 2.0, 2.0, -1.0)
    operator = Operator(builtin, (x, plain((), "int32", axis)), (out,), {"outputType": 2})
    return Case(f"{builtin.lower()}_{dtype}_{axis % len(shape)}", operator, values=values)


CASES = (
    *(_case("SUM", "int8", axes, scales=(A, COARSE)) for axes in (MIDDLE, APART, ENDS, ALL)),
    _case("SUM", "int8", (1,), scales=(A, A), keep=True),
    _case("SUM", "int8", (1, 2), (1, 20, 30, 3), ((0.05, 127), (4.0, -127)), name="many"),
    _case("SUM", "int8", (2, 4, 0), (2, 3, 2, 2, 3), (A, COARSE), name="three_loops"),
    _case("SUM", "int8", (3,), scales=((0.5, 10), (0.01, 0)), name="rising"),
    *(_case("SUM", "int16", axes, scales=(A, COARSE)) for axes in (MIDDLE, ENDS)),
    *(_case("SUM", "float32", axes) for axes in (MIDDLE, APART, ENDS, ALL)),
    _case("SUM", "float32", (1, 1), keep=True),
    _case("MEAN", "int8", APART, scales=(A, B)),
    _case("MEAN", "int8", ENDS, scales=(A, B), keep=True),
    _case("MEAN", "int8", (1, 3), scales=(A, A)),
    _case("MEAN", "int8", (0, 3), (1, 3, 2, 5), scales=(A, B), name="one_of_length_1"),
    _case("MEAN", "int16", APART, scales=(A, B)),
    _case("MEAN", "float32", APART),
    _case("MEAN", "float32", (0, 2, 3)),
    *(_case(b, "int8", axes) for b in ("REDUCE_MAX", "REDUCE_MIN") for axes in (MIDDLE, ENDS)),
    *(_case(b, "float32", axes) for b in ("REDUCE_MAX", "REDUCE_MIN") for axes in (APART, (3,))),
    _case("REDUCE_MAX", "int8", (2,), keep=True),
    *(_case("REDUCE_ALL", "bool", axes) for axes in ((0,), ENDS)),
    *(_place(b, "int8", axis) for b in ("ARG_MAX", "ARG_MIN") for axis in (0, 1, -1)),
    *(_place(b, "float32", axis) for b in ("ARG_MAX", "ARG_MIN") for axis in (2, 3)),
)
