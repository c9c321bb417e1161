"""Random cases of pooling."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.case import Case
from support.make import VALID, out_size

from randoms.common import ACTIVATIONS, PADDINGS, Draw, case, images, quants, tensor

TYPES = ("int8", "float32", "int16")


@st.composite
def _pool(draw: Draw, builtin: str, types: tuple[str, ...] = TYPES) -> Case:
    image = draw(images())
    padding = draw(PADDINGS)
    kernel = [draw(st.integers(1, side if padding == VALID else 5)) for side in image[1:3]]
    stride = draw(st.sampled_from(((1, 1), (2, 2), (1, 2), (3, 1))))
    sizes = [out_size(n, k, s, 1, padding) for n, k, s in zip(image[1:3], kernel, stride, strict=True)]
    dtype = draw(st.sampled_from(types))
    quant = draw(quants(dtype))
    options: dict[str, Any] = {
        "strideH": stride[0],
        "strideW": stride[1],
        "filterHeight": kernel[0],
        "filterWidth": kernel[1],
    }
    options |= {"fusedActivationFunction": draw(ACTIVATIONS), "padding": padding}
    out = tensor((image[0], *sizes, image[3]), dtype, quant)
    return draw(case(builtin, (tensor(image, dtype, quant),), (out,), **options))


STRATEGIES = {
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "L2_POOL_2D": _pool("L2_POOL_2D", ("float32",)),
}
