"""Random cases of operators whose state lasts from one inference to the next."""

from __future__ import annotations

from hypothesis import strategies as st
from support.case import Case
from support.make_recurrent import circular_buffer, lstm, svdf

from randoms.common import ACTIVATIONS, Draw, f32, quants, steps

_NAMES = st.integers(0, 999).map(str)
_CLIPS = st.sampled_from((0.0, 0.0, 0.3, 1.7, 40.0))


@st.composite
def _lstm(draw: Draw) -> Case:
    dtype = draw(st.sampled_from(("int8", "float32", "int16")))
    out_scale = (1 / 128 if dtype == "int8" else 1 / 32768) * draw(steps(0.3))
    return lstm(
        draw(_NAMES),
        draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9))),
        draw(st.integers(1, 9)),
        dtype=dtype,
        x=draw(quants(dtype, 0.7)),
        hidden=(f32(out_scale), draw(st.integers(-128, 127))),
        cell=2.0 ** draw(st.integers(-16, -2)),
        weights=0.01 * draw(steps(1.0)),
        clip=draw(_CLIPS),
        time_major=draw(st.booleans()),
    )


@st.composite
def _svdf(draw: Draw) -> Case:
    """States of int8 have the zero point 0: with others, releases of TFLM let codes wrap."""
    dtype, over_time = draw(st.sampled_from((("int8", "int16"), ("int8", "int8"), ("float32", "int16"))))
    rank = draw(st.integers(1, 4))
    return svdf(
        draw(_NAMES),
        draw(st.tuples(st.integers(1, 3), st.integers(1, 13))),
        rank * draw(st.integers(1, 4)),
        draw(st.integers(1, 9)),
        rank=rank,
        dtype=dtype,
        over_time=over_time,
        x=draw(quants(decades=0.7)),
        state=(f32((0.3 if over_time == "int8" else 0.004) * draw(steps(0.7))), 0),
        out=draw(quants(decades=0.7)),
        activation=draw(ACTIVATIONS) if dtype == "float32" else draw(st.integers(0, 1)),
    )


@st.composite
def _circular_buffer(draw: Draw) -> Case:
    timed = draw(st.booleans())
    told = {"cycles_max": draw(st.integers(1, 4)) if timed else 1}
    return circular_buffer(
        draw(_NAMES),
        draw(st.integers(1, 6)),
        width=draw(st.integers(1, 3)),
        channels=draw(st.integers(1, 7)),
        timed=timed,
        **told,
    )


STRATEGIES = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm(),
    "SVDF": _svdf(),
    "CUSTOM CIRCULAR_BUFFER": _circular_buffer(),
}
