"""Random cases of operators of two tensors, with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.case import Case, Choice, Real, TensorSpec

from randoms.common import (
    ACTIVATIONS,
    Draw,
    broadcast_shapes,
    case,
    f32,
    one_constant_at_most,
    quants,
    ratios,
    tensor,
)
from randoms.functions import quotient_of_codes

ALL_TYPES = ("int8", "float32", "int16", "int32")
COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
INTEGERS = (-1000, 1000)  # what int32 operands hold: no product leaves 32 bits


@st.composite
def _same(draw: Draw, builtin: str, types: tuple[str, ...]) -> Case:
    """All tensors of one type and, where they are quantized, with one scale and zero point."""
    shapes = draw(broadcast_shapes())
    dtype = draw(st.sampled_from(types))
    quant = draw(quants(dtype))
    inputs = draw(one_constant_at_most(*(tensor(s, dtype, quant) for s in shapes)))
    return draw(case(builtin, inputs, (tensor(np.broadcast_shapes(*shapes), dtype, quant),)))


@st.composite
def _comparison(draw: Draw, builtin: str) -> Case:
    shapes = draw(broadcast_shapes())
    types = ("int8", "float32", "int32")
    dtype = draw(st.sampled_from((*types, "bool") if builtin in ("EQUAL", "NOT_EQUAL") else types))
    first = draw(quants(dtype, 1.2))
    second = first if draw(st.booleans()) else draw(quants(dtype, 1.2))
    operands = (tensor(s, dtype, q) for s, q in zip(shapes, (first, second), strict=True))
    inputs = draw(one_constant_at_most(*operands))
    # Of so few different numbers some are equal.
    return draw(case(builtin, inputs, (tensor(np.broadcast_shapes(*shapes), "bool"),), positions=(-3, 3)))


@st.composite
def _arithmetic(draw: Draw, builtin: str, types: tuple[str, ...], activated: bool = True) -> Case:
    """Each tensor with a scale of its own; the output's is what the results span, or far from it."""
    shapes = draw(broadcast_shapes())
    dtype = draw(st.sampled_from(types))
    a = draw(quants(dtype))
    b = draw(quants(dtype))
    b = (f32(a[0] * draw(ratios())), b[1])
    codes = 128 if dtype == "int8" else 1 << 15
    natural = {"ADD": a[0] + b[0], "SUB": a[0] + b[0], "MUL": a[0] * b[0] * codes / 2}
    base = natural.get(builtin, (a[0] + b[0]) ** 2 * codes / 2)
    out = f32(base * draw(ratios(0.7, 3.0))), draw(quants(dtype))[1]
    operands = (tensor(s, dtype, q) for s, q in zip(shapes, (a, b), strict=True))
    inputs = draw(one_constant_at_most(*operands))
    options: dict[str, Any] = {"fusedActivationFunction": draw(ACTIVATIONS)} if activated else {}
    result = tensor(np.broadcast_shapes(*shapes), dtype, out)
    return draw(case(builtin, inputs, (result,), positions=INTEGERS, **options))


@st.composite
def _division(draw: Draw, builtin: str) -> Case:
    """TFLM refuses to divide integers by 0, and to take the floor: such divisors are constants."""
    shapes = draw(broadcast_shapes())
    dtype = draw(st.sampled_from(("int32", "float32") if builtin == "DIV" else ("float32",)))
    if dtype == "int32":
        divisor = TensorSpec(shapes[1], dtype, data=Choice((7, -3, 1, -1, 250)))
        inputs = (tensor(shapes[0], dtype), divisor)
    elif builtin == "FLOOR_DIV":
        inputs = (tensor(shapes[0], dtype), TensorSpec(shapes[1], dtype, data=Real(5.0)))
    else:
        inputs = draw(one_constant_at_most(*(tensor(s, dtype) for s in shapes)))
    options: dict[str, Any] = {"fusedActivationFunction": draw(ACTIVATIONS)} if builtin == "DIV" else {}
    result = tensor(np.broadcast_shapes(*shapes), dtype)
    return draw(case(builtin, inputs, (result,), positions=INTEGERS, **options))


STRATEGIES = {
    **{name: _same(name, ALL_TYPES) for name in ("MAXIMUM", "MINIMUM")},
    **{name: _same(name, ("bool",)) for name in ("LOGICAL_AND", "LOGICAL_OR")},
    **{name: _comparison(name) for name in COMPARISONS},
    **{name: _arithmetic(name, ALL_TYPES) for name in ("ADD", "MUL")},
    "SUB": _arithmetic("SUB", ALL_TYPES),
    "SQUARED_DIFFERENCE": _arithmetic("SQUARED_DIFFERENCE", ALL_TYPES, activated=False),
    "DIV": st.one_of(_division("DIV"), quotient_of_codes()),
    **{name: _division(name) for name in ("FLOOR_DIV", "FLOOR_MOD")},
}
