"""Random cases of operators that put elements in another order."""

from __future__ import annotations

from hypothesis import strategies as st
from support.case import TFLM, Case

from randoms.common import Draw, Shape, case, quants, shapes, tensor, vector

REFLECT, SYMMETRIC = 0, 1
MOST_RANK = {"TRANSPOSE": 6, "TILE": 6, "BROADCAST_TO": 5}


def _moved(
    draw: Draw, builtin: str, types: tuple[str, ...], shape: Shape, out: Shape, *operands: object, oracle: str = TFLM
) -> Case:
    """A case that moves elements of one of the types."""
    dtype = draw(st.sampled_from(types))
    quant = draw(quants(dtype))
    return draw(
        case(builtin, (tensor(shape, dtype, quant), *operands), (tensor(out, dtype, quant),), oracle=oracle)  # type: ignore[arg-type]
    )


@st.composite
def _transpose(draw: Draw) -> Case:
    shape = draw(shapes((1, 5)))
    order = draw(st.permutations(range(len(shape))))
    out = tuple(shape[d] for d in order)
    return _moved(draw, "TRANSPOSE", ("int8", "float32", "int16"), shape, out, vector(order))


STRATEGIES = {"TRANSPOSE": _transpose()}
