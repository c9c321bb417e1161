"""Functions of one int8 code."""

from __future__ import annotations

from support.case import TFLITE, TFLM, Case, Operator
from support.make import act

SHAPE = (1, 7, 5, 3)
PROBABILITY, SIGNED = (1 / 256, -128), (1 / 128, 0)


def _case(
    name: str,
    builtin: str,
    x: tuple[float, int],
    out: tuple[float, int],
    oracle: str = TFLM,
    sets: int | None = None,
    **options: float,
) -> Case:
    operator = Operator(builtin, (act(SHAPE, x),), (act(SHAPE, out),), options)
    return Case(f"{builtin.lower()}_{name}", operator, oracle=oracle, oracle_sets=sets)


CASES = (
    _case("same_scale", "ABS", (0.05, -3), (0.05, -128)),
    _case("rescaled", "ABS", (0.05, 20), (0.031, -100)),
    _case("usual", "ELU", (0.04, 10), (0.03, -95)),
    _case("coarse", "ELU", (0.7, -20), (0.5, -126)),
    _case("usual", "EXP", (0.02, 30), (0.08, -128), TFLITE),
    _case("usual", "GELU", (0.05, -10), (0.04, -124), TFLITE),
    _case("approximate", "GELU", (0.05, -10), (0.04, -124), TFLITE, approximate=1),
    _case("usual", "HARD_SWISH", (0.05, -10), (0.03, -120)),
    _case("wide", "HARD_SWISH", (0.4, 0), (0.25, -126)),
    _case("narrow", "HARD_SWISH", (0.006, 0), (0.005, -80)),
    _case("usual", "LEAKY_RELU", (0.05, -10), (0.04, -60), alpha=0.2),
    _case("rising", "LEAKY_RELU", (0.02, 10), (0.06, 3), alpha=1.7),
    _case("falling", "LEAKY_RELU", (0.02, 10), (0.03, -90), alpha=-0.5),
    _case("usual", "LOGISTIC", (0.06, 5), PROBABILITY),
    _case("fine", "LOGISTIC", (0.001, -30), PROBABILITY),
    _case("coarse", "LOGISTIC", (2.5, 11), PROBABILITY),
    _case("other_scale", "LOGISTIC", (0.03, 0), (0.005, -128)),
    _case("usual", "RELU_N1_TO_1", (0.02, 5), (0.008, -3), TFLITE),
    _case("usual", "RSQRT", (0.05, -128), (0.02, -128)),
    _case("fine", "RSQRT", (0.002, -128), (0.1, -120)),
    _case("usual", "TANH", (0.04, -8), SIGNED),
    _case("fine", "TANH", (0.0005, 12), SIGNED),
    _case("coarse", "TANH", (3.0, -1), SIGNED),
)
