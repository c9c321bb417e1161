"""Random cases of functions of one element, and of what turns one type into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from support.case import TFLITE, TFLM, Case, TensorSpec

from randoms.common import Draw, Quant, case, f32, quants, ratios, shapes, steps, tensor
from randoms.functions import FROM_INT32, OTHER_PAIRS, other_codes

PROBABILITY, SIGNED = (1 / 256, -128), (1 / 128, 0)
TIES = tuple(k + 0.5 for k in (-129, -128, -127, -3, -2, -1, 0, 1, 2, 126, 127, 128))


def _beside(draw: Draw, quant: Quant, dtype: str = "int8", usual: float = 0.7, far: float = 3.0) -> Quant:
    """The output's parameters: a scale that is some times the input's."""
    return f32(quant[0] * draw(ratios(usual, far))), draw(quants(dtype))[1]


@st.composite
def _function(
    draw: Draw,
    builtin: str,
    *,
    oracle: str = TFLM,
    out: Quant | None = None,
    low_zero_point: bool = False,
    decades: float = 1.5,
    far: float = 3.0,
    options: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> Case:
    """Of int8. ``out``: the output's usual parameters; with ``low_zero_point`` all inputs are positive."""
    shape = draw(shapes((1, 4), (1, 7)))
    x = draw(quants(decades=decades))
    if low_zero_point:
        x = x[0], -128
    made = out or _beside(draw, x, far=far)
    chosen = {name: draw(strategy) for name, strategy in (options or {}).items()}
    return draw(case(builtin, (tensor(shape, "int8", x),), (tensor(shape, "int8", made),), oracle=oracle, **chosen))


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

STRATEGIES = {
    "ABS": _function("ABS", far=6.0),
    "ELU": _function("ELU"),
    "EXP": _function("EXP", oracle=TFLITE, decades=1.0),
    "GELU": _function("GELU", oracle=TFLITE, options={"approximate": st.booleans()}),
    "HARD_SWISH": _function("HARD_SWISH", far=1.5),
    "LEAKY_RELU": _function("LEAKY_RELU", far=6.0, options={"alpha": ALPHAS}),
    "LOGISTIC": _function("LOGISTIC", out=PROBABILITY, decades=2.4),
    "RELU_N1_TO_1": _function("RELU_N1_TO_1", oracle=TFLITE),
    "RSQRT": _function("RSQRT", low_zero_point=True),
    "TANH": _function("TANH", out=SIGNED, decades=2.4),
    "RELU": _relu("RELU"),
    "RELU6": _relu("RELU6"),
    "QUANTIZE": st.one_of(_quantize(), *map(other_codes, (*OTHER_PAIRS, *FROM_INT32))),
    "DEQUANTIZE": _dequantize(),
    "LOGICAL_NOT": _not(),
}
