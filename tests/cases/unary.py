"""Functions of one element, of every type that they take."""

from __future__ import annotations

from support.case import TFLITE, TFLM, Case, Operator, TensorSpec
from support.make import act, plain

SHAPE = (1, 7, 5, 3)
SMALL = (0.5, -0.5, 1.5, 2.5, -2.5, 1.0, -1.0, 3.0, -3.0, 6.0, -9.0, 16.7, 0.785, 1.5707964, 1e-45, -1e-45)
LARGE = (88.7, 89.5, -87.5, -103.5, 8388609.0, 4194304.5, 1e30, 3.4028235e38, -3.4028235e38)
NUMBERS = (*SMALL, *LARGE, float("inf"), float("-inf"))
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


def _wide(name: str, builtin: str, x: float, out: float, sets: int | None = None, **options: float) -> Case:
    specs = [TensorSpec((1, 60), "int16", (scale,), (0,)) for scale in (x, out)]
    operator = Operator(builtin, (specs[0],), (specs[1],), options)
    return Case(f"{builtin.lower()}_s16_{name}", operator, oracle_sets=sets)


def _real(name: str, builtin: str, oracle: str = TFLM, ulps: int = 0, error: float = 0.0, **options: float) -> Case:
    operator = Operator(builtin, (plain((1, 40), "float32"),), (plain((1, 40), "float32"),), options)
    return Case(f"{builtin.lower()}_f32_{name}", operator, NUMBERS, oracle=oracle, ulps=ulps, error=error)


CODES = (
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
    _case("only_beyond", "LOGISTIC", (8.3, 0), PROBABILITY),
    _case("other_scale", "LOGISTIC", (0.03, 0), (0.005, -128)),
    _case("usual", "RELU_N1_TO_1", (0.02, 5), (0.008, -3), TFLITE),
    _case("usual", "RSQRT", (0.05, -128), (0.02, -128)),
    _case("fine", "RSQRT", (0.002, -128), (0.1, -120)),
    _case("usual", "TANH", (0.04, -8), SIGNED),
    _case("fine", "TANH", (0.0005, 12), SIGNED),
    _case("coarse", "TANH", (3.0, -1), SIGNED),
    _case("only_beyond", "TANH", (8.3, 0), SIGNED),
)
WORDS = (
    _wide("same_scale", "ABS", 0.0002, 0.0002),
    _wide("rescaled", "ABS", 0.0002, 0.00031),
    _wide("usual", "LEAKY_RELU", 0.0002, 0.00015, alpha=0.2),
    _wide("falling", "LEAKY_RELU", 0.0002, 0.0003, alpha=-1.5),
    _wide("usual", "LOGISTIC", 0.0003, 2.0**-15),
    _wide("power_of_two", "LOGISTIC", 2.0**-12, 2.0**-15),
    _wide("usual", "RSQRT", 0.0002, 0.001, 0),  # TFLM refuses negative codes
    _wide("usual", "TANH", 0.0001, 2.0**-15),
    _wide("power_of_two", "TANH", 2.0**-11, 2.0**-15),
    _wide("coarse", "TANH", 2.6, 2.0**-15),
)
REAL = (
    *(_real("plain", name) for name in ("ABS", "CEIL", "FLOOR", "HARD_SWISH", "NEG", "ROUND", "RSQRT", "SQRT")),
    _real("plain", "SQUARE"),
    _real("plain", "RELU_N1_TO_1", TFLITE),
    _real("rising", "LEAKY_RELU", alpha=1.7),
    _real("falling", "LEAKY_RELU", alpha=-0.3),
    *(_real("plain", name, ulps=4) for name in ("COS", "ELU", "EXP", "LOG", "LOGISTIC", "SIN", "TANH")),
    _real("plain", "GELU", TFLITE, ulps=14),
    _real("approximate", "GELU", TFLITE, ulps=4, error=2e-6, approximate=1),
)
CASES = (*CODES, *WORDS, *REAL)
