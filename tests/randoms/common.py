"""What strategies share: shapes, quantizations, tensors and constants. All shrink to what is simplest.

Numbers are drawn as whole steps, for these shrink to round ones: a scale is 0.05 times a power of 10**(1/50).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.case import TFLM, Case, Choice, Exact, Operator, Real, Seeded, TensorSpec
from support.make import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID

Draw = st.DrawFn
Shape = tuple[int, ...]
Quant = tuple[float, int]
Ints = tuple[int, int]  # lowest and highest, both included
Data = Seeded | Real | Choice | Exact

STEPS_OF_DECADE = 50
USUAL_SCALE = 0.05
INT16_STEP = 256  # codes of int16 to one of int8
QUANTIZED = ("int8", "int16")

ACTIVATIONS = st.sampled_from((NONE, RELU, RELU6, RELU_N1_TO_1))
PADDINGS = st.sampled_from((VALID, SAME))
ANY_TYPE = st.sampled_from(("int8", "float32", "int16", "int32", "bool"))
ZERO_POINTS = st.one_of(st.integers(-20, 20), st.integers(-128, 127), st.sampled_from((-128, 127)))


def shapes(ranks: Ints = (1, 4), sides: Ints = (1, 6), most: int = 300) -> st.SearchStrategy[Shape]:
    """Shapes of at most ``most`` elements."""
    sizes = st.lists(st.integers(*sides), min_size=ranks[0], max_size=ranks[1])
    return sizes.map(lambda shape: within(shape, most))


def images(sides: Ints = (1, 8), channels: Ints = (1, 6), batches: Ints = (1, 1)) -> st.SearchStrategy[Shape]:
    """Shapes (batch, height, width, channels)."""
    side = st.integers(*sides)
    return st.tuples(st.integers(*batches), side, side, st.integers(*channels))


def within(shape: Sequence[int], most: int) -> Shape:
    """The shape with its longest sides halved until it has at most ``most`` elements."""
    sides = list(shape)
    while math.prod(sides) > most:
        longest = sides.index(max(sides))
        sides[longest] = -(-sides[longest] // 2)
    return tuple(sides)


@st.composite
def broadcast_shapes(draw: Draw, ranks: Ints = (1, 4), sides: Ints = (1, 5), most: int = 200) -> tuple[Shape, Shape]:
    """Two shapes: equal ones, or either one is 1 in some dimensions or lacks leading ones."""
    whole = draw(shapes(ranks, sides, most))
    if draw(st.booleans()):
        return whole, whole
    ones = draw(st.tuples(*(st.sampled_from((0, 0, 1, 2)) for _ in whole)))
    pair = [tuple(1 if one == which else n for n, one in zip(whole, ones, strict=True)) for which in (1, 2)]
    shorter = draw(st.integers(0, 1))
    leading = next((d for d, n in enumerate(pair[shorter]) if n != 1), len(whole))
    pair[shorter] = pair[shorter][draw(st.integers(0, leading)) :]
    return pair[0], pair[1]


def axes(rank: int) -> st.SearchStrategy[int]:
    """One dimension, counted from the front or from the end."""
    return st.integers(0, rank - 1) | st.integers(-rank, -1)


def steps(decades: float) -> st.SearchStrategy[float]:
    """A factor around 1, at most so many decades up or down."""
    most = round(decades * STEPS_OF_DECADE)
    return st.integers(-most, most).map(lambda k: float(10.0 ** (k / STEPS_OF_DECADE)))


def ratios(usual: float = 0.7, far: float = 6.0) -> st.SearchStrategy[float]:
    """What one scale is times another: mostly within ``usual`` decades, sometimes ``far``."""
    return st.one_of(steps(usual), steps(usual), steps(usual), steps(far))


def f32(value: float) -> float:
    return float(np.float32(value))


@st.composite
def quants(draw: Draw, dtype: str = "int8", decades: float = 1.5) -> Quant:
    """(scale, zero point) of a tensor; scales around 0.05, or 256 times finer for int16, whose zero point is 0."""
    scale = USUAL_SCALE * draw(steps(decades))
    if dtype == "int16":
        return f32(scale / INT16_STEP), 0
    return f32(scale), draw(ZERO_POINTS)


def tensor(shape: Sequence[int], dtype: str, quant: Quant | None = None, data: Data | None = None) -> TensorSpec:
    """A tensor; ``quant`` only counts for int8 and int16."""
    if quant is None or dtype not in QUANTIZED:
        return TensorSpec(tuple(shape), dtype, data=data)
    return TensorSpec(tuple(shape), dtype, (quant[0],), (quant[1],), data=data)


def vector(values: Sequence[int], dtype: str = "int32") -> TensorSpec:
    """A constant vector."""
    return TensorSpec((len(values),), dtype, data=Exact(tuple(values)))


def pairs(values: Sequence[Ints]) -> TensorSpec:
    """The constant (before, after) of each dimension."""
    return TensorSpec((len(values), 2), "int32", data=Exact(tuple(n for pair in values for n in pair)))


def data_of(dtype: str) -> st.SearchStrategy[Data]:
    """What a constant operand of this type holds."""
    if dtype == "float32":
        return st.sampled_from((Real(), Real(5.0)))
    if dtype == "bool":
        return st.just(Seeded(0, 1))
    lows = {"int8": -128, "int16": -32768, "int32": -1000, "int64": -1000}
    high = -lows[dtype] - 1
    return st.sampled_from((Seeded(lows[dtype], high), Seeded(-3, 3), Seeded(high, high), Seeded(lows[dtype], 0)))


@st.composite
def maybe_constant(draw: Draw, spec: TensorSpec) -> TensorSpec:
    """The tensor, or a constant in its place."""
    if not draw(st.booleans()):
        return spec
    return TensorSpec(spec.shape, spec.dtype, spec.scale, spec.zero_point, spec.axis, draw(data_of(spec.dtype)))


@st.composite
def one_constant_at_most(draw: Draw, first: TensorSpec, second: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    """Both operands of which one may have become a constant."""
    if draw(st.booleans()):
        return draw(maybe_constant(first)), second
    return first, draw(maybe_constant(second))


def out_scale(values: float, dtype: str = "int8") -> float:
    """The scale at which values up to ``values`` in magnitude fill the type."""
    return f32(values / (127 if dtype == "int8" else 32767))


@st.composite
def case(
    draw: Draw,
    /,
    builtin: str,
    inputs: Sequence[TensorSpec | None],
    outputs: Sequence[TensorSpec],
    *,
    values: tuple[float, ...] = (),
    positions: tuple[int, int] | None = None,
    oracle_sets: int | None = None,
    oracle: str = TFLM,
    ulps: int = 0,
    error: float = 0.0,
    **options: Any,
) -> Case:
    """A case whose name is the seed of its constants and inputs."""
    operator = Operator(builtin, tuple(inputs), tuple(outputs), options)
    return Case(
        f"{builtin.lower()}_{draw(st.integers(0, 999))}",
        operator,
        values=values,
        positions=positions,
        oracle_sets=oracle_sets,
        oracle=oracle,
        ulps=ulps,
        error=error,
    )


def moved(
    draw: Draw,
    builtin: str,
    types: Sequence[str],
    shape: Shape,
    out: Shape,
    *operands: TensorSpec,
    oracle: str = TFLM,
    **options: Any,
) -> Case:
    """A case that copies elements of one of the types from ``shape`` to ``out``."""
    dtype = draw(st.sampled_from(types))
    quant = draw(quants(dtype))
    inputs = (tensor(shape, dtype, quant), *operands)
    return draw(case(builtin, inputs, (tensor(out, dtype, quant),), oracle=oracle, **options))
