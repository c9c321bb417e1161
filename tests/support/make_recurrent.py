"""Short ways to write cases of operators whose state lasts from one inference to the next."""

from __future__ import annotations

import dataclasses

import numpy as np

from support.case import Case, Operator, Real, Seeded, TensorSpec
from support.make import RELU, Quant

_TANH = 4
_NEARLY = 2.0**-21  # of numbers up to 1: what a few units in the last place become from step to step
_HIDDEN: Quant = (1 / 128, 3)


def lstm(
    name: str,
    shape: tuple[int, int, int],
    units: int,
    *,
    dtype: str = "int8",
    x: Quant = (0.05, -3),
    hidden: Quant = _HIDDEN,
    cell: float = 2.0**-11,
    weights: float = 0.01,
    clip: float = 0.0,
    time_major: bool = False,
) -> Case:
    """``shape`` is (batch, time, features). The gates' weights have scales of their own."""
    batch, steps, in_c = shape
    real = dtype == "float32"
    places = (steps, batch) if time_major else (batch, steps)
    wide = dtype == "int16"

    def spec(shape: tuple[int, ...], quant: Quant, variable: bool = False) -> TensorSpec:
        return TensorSpec(
            shape, dtype, () if real else quant[:1], () if real else (0 if wide else quant[1],), variable=variable
        )

    def weight(columns: int, k: int) -> TensorSpec:
        if real:
            return TensorSpec((units, columns), dtype, data=Real())
        scale = float(np.float32(weights * 1.2**k))
        return TensorSpec((units, columns), "int8", (scale,), (0,), data=Seeded())

    def bias() -> TensorSpec:
        if real:
            return TensorSpec((units,), dtype, data=Real(1.0))
        codes = 3000 * (256 if wide else 1)
        return TensorSpec((units,), "int64" if wide else "int32", (1e-3,), (0,), data=Seeded(-codes, codes))

    def matrices(columns: int) -> list[TensorSpec]:
        return [weight(columns, k) for k in range(4)]

    out = spec((*places, units), hidden)
    states = (
        spec((batch, units), hidden, variable=True),
        TensorSpec(
            (batch, units), dtype if real else "int16", () if real else (cell,), () if real else (0,), variable=True
        ),
    )
    inputs = (spec((*places, in_c), x), *matrices(in_c), *matrices(units), None, None, None)
    more = (*(bias() for _ in range(4)), None, None, *states, None, None, None, None)
    options = {"fusedActivationFunction": _TANH, "cellClip": clip, "timeMajor": time_major}
    operator = Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", (*inputs, *more), (out,), options)
    return Case(f"lstm_{name}", operator, ulps=4 if real else 0, error=_NEARLY if real else 0.0)


def svdf(
    name: str,
    shape: tuple[int, int],
    filters: int,
    memory: int,
    *,
    rank: int = 1,
    dtype: str = "int8",
    over_time: str = "int16",
    x: Quant = (0.05, -3),
    state: Quant = (0.004, 0),
    out: Quant = (0.06, -128),
    activation: int = RELU,
) -> Case:
    """``shape`` is (batch, features); ``over_time`` the type of the state and of the weights over time."""
    batch, in_c = shape
    real = dtype == "float32"
    scale = 0.01 if over_time == "int8" else 0.01 / 256
    wide = 127 if over_time == "int8" else 20000

    def spec(shape: tuple[int, ...], dtype: str, quant: Quant, data: Seeded | None = None) -> TensorSpec:
        if real:
            return TensorSpec(shape, "float32", data=Real() if data else None)
        return TensorSpec(shape, dtype, quant[:1], quant[1:], data=data)

    state_scale = state[0] if over_time == "int8" else state[0] / 16
    inputs = (
        spec((batch, in_c), "int8", x),
        spec((filters, in_c), "int8", (0.01, 0), Seeded()),
        spec((filters, memory), over_time, (scale, 0), Seeded(-wide, wide)),
        spec((filters // rank,), "int32", (scale * state_scale, 0), Seeded(-wide * 200, wide * 200)),
        dataclasses.replace(spec((batch, filters * memory), over_time, (state_scale, state[1])), variable=True),
    )
    result = spec((batch, filters // rank), "int8", out)
    return Case(
        f"svdf_{name}", Operator("SVDF", inputs, (result,), {"rank": rank, "fusedActivationFunction": activation})
    )


def circular_buffer(
    name: str, slots: int, *, width: int = 1, channels: int = 5, timed: bool = False, **options: int
) -> Case:
    shapes = ((1, n, width, channels) for n in (1, slots))
    x, out = (TensorSpec(s, "int8", (0.05,), (-3,), variable=k == 1) for k, s in enumerate(shapes))
    outputs = (out, TensorSpec((1,), "bool")) if timed else (out,)
    return Case(f"circular_buffer_{name}", Operator("CUSTOM CIRCULAR_BUFFER", (x,), outputs, options))
