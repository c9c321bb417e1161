"""Functions of one element, exhaustively: int16 codes against TFLM; the elementary functions against real ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from support.case import Array, Case, Operator, TensorSpec
from support.flatbuffer import case_model
from support.oracle import run_tflm
from support.suite import case_graph, near

from toolchain import floatmath
from toolchain.reference import run

EVERY_CODE = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
UNIT = 2.0**-15
F = np.float32


@pytest.mark.parametrize(
    ("builtin", "scale", "out", "codes"),
    [
        *(("LOGISTIC", scale, UNIT, EVERY_CODE) for scale in (1e-7, 0.00011, 2.0**-12, 0.9995 * 2.0**-12, 0.01, 2.66)),
        *(("TANH", scale, UNIT, EVERY_CODE) for scale in (1e-7, 0.00011, 2.0**-12, 2.0**-11, 2.0**-10, 0.01, 2.66)),
        *(("RSQRT", scale, out, EVERY_CODE[1 << 15 :]) for scale, out in ((0.0002, 0.001), (1.0, UNIT), (0.5, 0.03))),
    ],
)
def test_every_int16_code_is_as_in_tflm(builtin: str, scale: float, out: float, codes: Array) -> None:
    """Of RSQRT those that are not negative, which TFLM refuses."""
    x, y = (TensorSpec((1, codes.size), "int16", (s,), (0,)) for s in (scale, out))
    case = Case(f"{builtin}_{scale}_{out}", Operator(builtin, (x,), (y,)))
    inputs = [codes.reshape(1, 1, -1)]
    (expected,) = run_tflm(case_model(case), inputs)
    (got,) = run(case_graph(case), inputs)
    assert got.tobytes() == expected.tobytes()
    assert len(np.unique(got)) > 1


def _of_all_sizes() -> Array:
    rng = np.random.default_rng(5)
    parts = [rng.uniform(-reach, reach, 20000) for reach in (1.0, 4.0, 20.0, 110.0)]
    parts += [rng.choice((-1.0, 1.0), 20000) * 10.0 ** rng.uniform(-45.0, 38.4, 20000)]
    hardest = [16367173 * 2.0**72, 0.785, 0.55, 0.5, 10.05, 88.72283, 88.72284, -103.28, -103.98]
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, -1e-45, 2.0**-126, 1.0]
    return np.concatenate([*parts, hardest, edges]).astype(F)


@pytest.mark.parametrize(
    ("function", "real", "ulps"),
    [
        (floatmath.exp, np.exp, 1),
        (floatmath.tanh, np.tanh, 1),
        (floatmath.log, np.log, 1),
        (floatmath.sin, np.sin, 2),
        (floatmath.cos, np.cos, 2),
        (floatmath.erfc, np.vectorize(math.erfc), 5),
        (lambda x: floatmath.expm1_of_negative(-np.abs(x)), lambda x: np.expm1(-np.abs(x)), 1),
    ],
)
def test_elementary_functions_are_near_the_real_ones(
    function: Callable[[Array], Array], real: Callable[[Array], Array], ulps: int
) -> None:
    x = _of_all_sizes()
    with np.errstate(all="ignore"):
        got, expected = function(x), real(x.astype(np.float64)).astype(F)
    assert got.dtype == F
    assert near(got, expected, ulps, 0.0)
    assert not near(got, expected, 0, 0.0), "their rounding is known to differ somewhere"
