"""Random cases of operators with weights."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from hypothesis import strategies as st
from support import make, make_f32
from support.case import Case, Choice, Real, Seeded, Sparse
from support.make_products import batched, in_groups, int4, narrow, of_operand
from support.make_s16 import wide

from randoms.common import ACTIVATIONS, PADDINGS, Draw, f32, quants, ratios, shapes, steps

TYPES = st.sampled_from(("int8", "int8", "float32", "int16"))
# Codes of all kinds: any, few bits, few values, mostly zeros, none but the ends.
WEIGHTS: st.SearchStrategy[Seeded | Choice | Sparse] = st.sampled_from(
    (
        Seeded(),
        Seeded(-7, 7),
        Seeded(-128, 127),
        Choice((-90, -3, 0, 40)),
        Choice((-50, 0, 50)),
        Choice((-60, 60)),
        Choice((-128, 127)),
        Sparse(20),
        Seeded(0, 0),
    )
)
REAL_WEIGHTS = st.sampled_from((Real(), Real(rounded="float16"), Real(rounded="bfloat16")))
FINEST = f32(1e-5)  # scale of an output: TFLM refuses activations whose limits are beyond int32
FORMS = (("batch",), ("groups",), ("int4",), ("operand",), ("zero_point",), ("groups", "operand"), ("groups", "batch"))
BIASES = st.sampled_from((make.BIAS, Seeded(-100_000, 100_000), None))


@st.composite
def _quantization(draw: Draw) -> dict[str, Any]:
    """Of input, weights and bias; per channel or per tensor."""
    return {
        "x": draw(quants()),
        "w": f32(0.01 * draw(steps(1.5))),
        "spread": draw(st.sampled_from((None, 3.0, 1.0, 100.0))),
        "weights": draw(WEIGHTS),
        "bias": draw(BIASES),
        "activation": draw(ACTIVATIONS),
    }


def _finished(draw: Draw, case: Case, dtype: str) -> Case:
    """The case with an output scale at which most codes occur, or many times that; in ``dtype``.

    Some have several images, channels in groups, weights of four bits, or such that the network makes.
    """
    for form in draw(st.sampled_from(((), (), (), *FORMS))):
        case = _in_form(draw, case, form, dtype)
    operator = case.operator
    if dtype != "float32":
        (out,) = operator.outputs
        scale = max(f32(out.scale[0] * draw(ratios(0.7, 3.0))), FINEST)
        out = dataclasses.replace(out, scale=(scale,), zero_point=(draw(quants())[1],))
        case = dataclasses.replace(case, operator=dataclasses.replace(operator, outputs=(out,)))
    name = f"{operator.builtin.lower()}_{draw(st.integers(0, 999))}"
    case = wide(case) if dtype == "int16" else case
    if dtype == "int16" and operator.builtin != "DEPTHWISE_CONV_2D" and draw(st.integers(0, 3)) == 3:
        case = narrow(case)  # TFLM's DEPTHWISE_CONV_2D would read such biases as int64
    return dataclasses.replace(case, id=name)


def _in_form(draw: Draw, case: Case, form: str, dtype: str) -> Case:
    """The case unless there is no such form of it."""
    builtin, weights = case.operator.builtin, case.operator.inputs[1]
    assert weights is not None
    if form == "batch" and builtin != "FULLY_CONNECTED":
        return batched(case, draw(st.integers(2, 3)))
    if form == "groups" and builtin == "CONV_2D":
        most = math.gcd(weights.shape[0], weights.shape[3])
        return in_groups(case, draw(st.sampled_from([n for n in range(most, 0, -1) if most % n == 0])))
    if form == "int4" and dtype == "int8" and (builtin != "FULLY_CONNECTED" or len(weights.scale) == 1):
        return int4(case)
    if form == "operand" and (builtin == "CONV_2D" or (builtin == "FULLY_CONNECTED" and dtype != "int16")):
        return of_operand(case)
    if form == "zero_point" and builtin == "FULLY_CONNECTED" and dtype == "int8" and len(weights.scale) == 1:
        return of_operand(case, draw(st.integers(-128, 127)))
    return case


@st.composite
def _windowed(draw: Draw, depthwise: bool) -> Case:
    image = draw(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)))
    padding = draw(PADDINGS)
    dilation, kernel = [], []
    for side in image[:2]:
        step = draw(st.sampled_from((1, 1, 2, 3)))
        most = (side - 1) // step + 1 if padding == make.VALID else 5
        kernel.append(draw(st.integers(1, min(most, 5))))
        dilation.append(step)
    stride = draw(st.sampled_from(((1, 1), (2, 2), (1, 2), (3, 1))))
    more: dict[str, Any] = {"stride": stride, "dilation": tuple(dilation), "padding": padding}
    dtype = draw(TYPES)
    quantization = draw(_quantization())
    shape = ("case", image) if depthwise else ("case", image, draw(st.integers(1, 17)))
    if depthwise:
        more["multiplier"] = draw(st.sampled_from((1, 1, 1, 2, 3)))
    if dtype == "float32":
        more |= {"weights": draw(REAL_WEIGHTS), "activation": quantization["activation"]}
        more |= {} if quantization["bias"] else {"bias": None}
    else:
        more |= quantization
    makers = (make_f32.depthwise_f32, make.depthwise) if depthwise else (make_f32.conv2d_f32, make.conv2d)
    maker: Any = makers[0 if dtype == "float32" else 1]
    return _finished(draw, maker(*shape, tuple(kernel), **more), dtype)


@st.composite
def _fully_connected(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 20), 120))
    units = draw(st.integers(1, 17))
    dtype = draw(TYPES)
    keep = draw(st.booleans())
    quantization = draw(_quantization())
    if dtype == "float32":
        more: dict[str, Any] = {"weights": draw(REAL_WEIGHTS), "activation": quantization["activation"]}
        more |= {} if quantization["bias"] else {"bias": None}
        return _finished(draw, make_f32.fully_connected_f32("case", shape, units, keep_dims=keep, **more), dtype)
    return _finished(draw, make.fully_connected("case", shape, units, keep_dims=keep, **quantization), dtype)


STRATEGIES = {
    "CONV_2D": _windowed(False),
    "DEPTHWISE_CONV_2D": _windowed(True),
    "FULLY_CONNECTED": _fully_connected(),
}
