"""Random cases of functions of one element, and of what turns one type into another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from support.case import TFLITE, TFLM, Case, TensorSpec

from randoms.common import Draw, Quant, case, f32, quants, ratios, shapes, steps, tensor
from randoms.functions import FROM_INT32, OTHER_PAIRS, other_codes

PROBABILITY, SIGNED = (1 / 256, -128), (1 / 128, 0)
NUMBERS: tuple[float, ...] = (
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1.0,
    -1.0,
    6.0,
    16.7,
    88.7,
    89.5,
    -87.5,
    -103.5,
    1e-45,
    3.4028235e38,
)
NUMBERS += (8388609.0, 4194304.5, 0.785, 1.5707964, 1e30, -1e30, float("inf"), float("-inf"))
TIES = tuple(k + 0.5 for k in (-129, -128, -127, -3, -2, -1, 0, 1, 2, 126, 127, 128))


def _beside(draw: Draw, quant: Quant, dtype: str = "int8", usual: float = 0.7, far: float = 3.0) -> Quant:
    """The output's parameters: a scale that is some times the input's."""
    return f32(quant[0] * draw(ratios(usual, far))), draw(quants(dtype))[1]


@dataclasses.dataclass(frozen=True)
class Real:
    """How near to the oracle's a function of float32 is, and which oracle that is."""

    ulps: int = 0
    error: float = 0.0
    oracle: str = TFLM


@dataclasses.dataclass(frozen=True)
class Codes:
    """Of int8 or int16. ``out``: the output's usual parameters; ``positive``: no input is below its zero point.

    Scales of the input reach so many ``decades`` to both sides, the output's so ``far`` from it. ``sets``: how many
    inputs TFLM takes.
    """

    out: Quant | None = None
    positive: bool = False
    decades: float = 1.5
    far: float = 3.0
    oracle: str = TFLM
    sets: int | None = None


Options = Mapping[str, st.SearchStrategy[Any]]
NO_OPTIONS: Options = {}


@st.composite
def _function(draw: Draw, builtin: str, types: Mapping[str, Codes | Real], options: Options = NO_OPTIONS) -> Case:
    shape = draw(shapes((1, 4), (1, 7)))
    dtype = draw(st.sampled_from(tuple(types)))
    chosen = {name: draw(strategy) for name, strategy in options.items()}
    kind = types[dtype]
    if isinstance(kind, Real):
        ulps = 14 if builtin == "GELU" and not chosen.get("approximate") else kind.ulps
        near: dict[str, Any] = {"ulps": ulps, "error": kind.error, "oracle": kind.oracle, "values": NUMBERS}
        x = tensor(shape, dtype)
        return draw(case(builtin, (x,), (tensor(shape, dtype),), **near, **chosen))
    quant = draw(quants(dtype, kind.decades))
    if kind.positive and dtype == "int8":
        quant = quant[0], -128
    out = kind.out or _beside(draw, quant, dtype, far=kind.far)
    tensors = tensor(shape, dtype, quant), tensor(shape, dtype, out)
    return draw(case(builtin, tensors[:1], tensors[1:], oracle=kind.oracle, oracle_sets=kind.sets, **chosen))


@st.composite
def _relu(draw: Draw, builtin: str) -> Case:
    shape = draw(shapes((1, 4), (1, 7)))
    dtype = draw(st.sampled_from(("int8", "int16", "float32")))
    x = draw(quants(dtype))
    out = x if builtin == "RELU6" or draw(st.booleans()) else _beside(draw, x, dtype, far=6.0)
    return draw(case(builtin, (tensor(shape, dtype, x),), (tensor(shape, dtype, out),)))


@st.composite
def _quantize(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 7)))
    types = ("float32", "int8"), ("float32", "int16"), ("int8", "int8"), ("int16", "int16"), ("int8", "int16")
    source, target = draw(st.sampled_from((*types, ("int16", "int8"))))
    x = draw(quants(source, 2.0))
    if source == "float32":
        out = draw(quants(target, 4.0))
    elif source == target:
        out = _beside(draw, x, target, far=6.0)
    else:
        out = draw(quants(target, 2.0))
    values = tuple(v * out[0] for v in TIES) if source == "float32" else ()
    return draw(case("QUANTIZE", (tensor(shape, source, x),), (tensor(shape, target, out),), values=values))


@st.composite
def _dequantize(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 7)))
    dtype = draw(st.sampled_from(("int8", "int16", "uint8")))
    scale, zero_point = draw(quants(dtype, 8.0))
    x = TensorSpec(shape, dtype, (scale,), (zero_point + (128 if dtype == "uint8" else 0),))
    return draw(case("DEQUANTIZE", (x,), (tensor(shape, "float32"),)))


@st.composite
def _not(draw: Draw) -> Case:
    shape = draw(shapes())
    return draw(case("LOGICAL_NOT", (tensor(shape, "bool"),), (tensor(shape, "bool"),)))


ALPHAS = st.tuples(steps(1.5), st.sampled_from((1, -1))).map(lambda pair: f32(pair[0] * pair[1]))

WORD = (2.0**-15, 0)
# What TFLM refuses at run time is compared with nothing but the reference.
ROOT16 = Codes(sets=0)
EXACT, NEAR, LITERT = Real(), Real(4), Real(oracle=TFLITE)
ONE_TYPE = {"COS": NEAR, "LOG": NEAR, "SIN": NEAR}
ONE_TYPE |= dict.fromkeys(("CEIL", "FLOOR", "NEG", "ROUND", "SQRT", "SQUARE"), EXACT)

STRATEGIES = {
    "ABS": _function("ABS", {"int8": Codes(far=6.0), "int16": Codes(far=6.0), "float32": EXACT}),
    "ELU": _function("ELU", {"int8": Codes(), "float32": NEAR}),
    "EXP": _function("EXP", {"int8": Codes(oracle=TFLITE, decades=1.0), "float32": NEAR}),
    "GELU": _function(
        "GELU", {"int8": Codes(oracle=TFLITE), "float32": Real(4, 2e-6, TFLITE)}, {"approximate": st.booleans()}
    ),
    "HARD_SWISH": _function("HARD_SWISH", {"int8": Codes(far=1.5), "float32": EXACT}),
    "LEAKY_RELU": _function(
        "LEAKY_RELU", {"int8": Codes(far=6.0), "int16": Codes(far=6.0), "float32": EXACT}, {"alpha": ALPHAS}
    ),
    "LOGISTIC": _function(
        "LOGISTIC", {"int8": Codes(PROBABILITY, decades=2.4), "int16": Codes(WORD, decades=4.0), "float32": NEAR}
    ),
    "RELU_N1_TO_1": _function("RELU_N1_TO_1", {"int8": Codes(oracle=TFLITE), "float32": LITERT}),
    "RSQRT": _function("RSQRT", {"int8": Codes(positive=True), "int16": ROOT16, "float32": EXACT}),
    "TANH": _function("TANH", {"int8": Codes(SIGNED, decades=2.4), "int16": Codes(WORD, decades=4.0), "float32": NEAR}),
    **{builtin: _function(builtin, {"float32": kind}) for builtin, kind in ONE_TYPE.items()},
    "RELU": _relu("RELU"),
    "RELU6": _relu("RELU6"),
    "QUANTIZE": st.one_of(_quantize(), *map(other_codes, (*OTHER_PAIRS, *FROM_INT32))),
    "DEQUANTIZE": _dequantize(),
    "LOGICAL_NOT": _not(),
}
