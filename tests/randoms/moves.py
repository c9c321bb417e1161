"""Random cases of operators that put elements in another order, repeat them or add a border."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from support.case import TFLITE, TFLM, Case, Exact, TensorSpec

from randoms.common import (
    Draw,
    Shape,
    axes,
    case,
    moved,
    pairs,
    quants,
    shapes,
    tensor,
    vector,
    within,
)

REFLECT, SYMMETRIC = 0, 1
MOST = 300  # elements of an output
Pairs = list[tuple[int, int]]


@st.composite
def _transpose(draw: Draw) -> Case:
    shape = draw(shapes((1, 5)))
    order = draw(st.permutations(range(len(shape))))
    out = tuple(shape[d] for d in order)
    return moved(draw, "TRANSPOSE", ("int8", "float32", "int16"), shape, out, vector(order))


@st.composite
def _reverse(draw: Draw) -> Case:
    """Along axes that follow one another, which is what TFLM takes."""
    shape = draw(shapes((1, 5)))
    first = draw(st.integers(0, len(shape) - 1))
    turned = list(range(first, draw(st.integers(first, len(shape) - 1)) + 1))
    if draw(st.booleans()):
        turned = [d - len(shape) for d in turned]
    types = ("int8", "float32", "int16", "int32", "bool")
    return moved(draw, "REVERSE_V2", types, shape, shape, vector(turned))


@st.composite
def _broadcast_to(draw: Draw) -> Case:
    out = draw(shapes((1, 5), most=MOST))
    shape = tuple(1 if draw(st.booleans()) else n for n in out)
    shape = shape[draw(st.integers(0, len(out) - 1)) :]
    return moved(draw, "BROADCAST_TO", ("int8", "float32", "int16", "int32"), shape, out, vector(out))


@st.composite
def _tile(draw: Draw) -> Case:
    shape = draw(shapes((1, 5), most=60))
    times = within([draw(st.integers(1, 4)) for _ in shape], MOST // math.prod(shape))
    out = tuple(n * t for n, t in zip(shape, times, strict=True))
    return moved(draw, "TILE", ("int8", "float32", "int32", "bool"), shape, out, vector(times), oracle=TFLITE)


@st.composite
def _depth(draw: Draw, builtin: str) -> Case:
    block = draw(st.integers(1, 4))
    n, h, w, c = draw(st.tuples(*(st.integers(1, most) for most in (2, 3, 3, 4))))
    wide, deep = (n, h * block, w * block, c), (n, h, w, c * block * block)
    shape, out = (wide, deep) if builtin == "SPACE_TO_DEPTH" else (deep, wide)
    return moved(draw, builtin, ("int8", "float32"), shape, out, blockSize=block)


@st.composite
def _batch(draw: Draw, builtin: str) -> Case:
    """One or two dimensions in blocks, with a border that is added or cut off."""
    dims = draw(st.integers(1, 2))
    block = [draw(st.integers(1, 3)) for _ in range(dims)]
    parts = [draw(st.integers(1, 4)) for _ in range(dims)]
    borders: Pairs = []
    for b, n in zip(block, parts, strict=True):
        before = draw(st.integers(0, min(3, b * n - 1)))
        borders.append((before, draw(st.integers(0, min(3, b * n - 1 - before)))))
    batch, depth = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    inner = [b * n - sum(border) for b, n, border in zip(block, parts, borders, strict=True)]
    image, images = (batch, *inner, depth), (batch * math.prod(block), *parts, depth)
    shape, out = (image, images) if builtin == "SPACE_TO_BATCH_ND" else (images, image)
    # TFLM's SPACE_TO_BATCH_ND computes borders and batches in another way than it documents.
    oracle = TFLITE if builtin == "SPACE_TO_BATCH_ND" else TFLM
    return moved(draw, builtin, ("int8", "float32"), shape, out, vector(block), pairs(borders), oracle=oracle)


def _padded(shape: Shape, widths: Pairs) -> Shape:
    return tuple(n + sum(pair) for n, pair in zip(shape, widths, strict=True))


@st.composite
def _mirror_pad(draw: Draw) -> Case:
    shape = draw(shapes((1, 4), (1, 5), 60))
    mode = draw(st.sampled_from((SYMMETRIC, REFLECT)))
    most = [n if mode == SYMMETRIC else n - 1 for n in shape]
    widths = [(draw(st.integers(0, min(n, 3))), draw(st.integers(0, min(n, 3)))) for n in most]
    types = ("int8", "float32")
    return moved(draw, "MIRROR_PAD", types, shape, _padded(shape, widths), pairs(widths), mode=mode)


@st.composite
def _pad(draw: Draw, builtin: str) -> Case:
    shape = draw(shapes((1, 4), (1, 5), 60))
    widths = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in shape]
    dtype = draw(st.sampled_from(("int8", "float32", "int16")))
    quant = draw(quants(dtype))
    fill: tuple[TensorSpec, ...] = ()
    if builtin == "PADV2":
        code = draw(st.integers(-128, 127)) if dtype == "int8" else 0
        fill = (tensor((1,), dtype, quant, Exact((code,))),)
    inputs = (tensor(shape, dtype, quant), pairs(widths), *fill)
    return draw(case(builtin, inputs, (tensor(_padded(shape, widths), dtype, quant),)))


@st.composite
def _reshape(draw: Draw) -> Case:
    """To dimensions in another order, some of them joined, one of them open."""
    shape = draw(shapes((1, 4)))
    out = list(draw(st.permutations(shape)))
    while len(out) > 1 and draw(st.booleans()):
        out[-2:] = [out[-2] * out[-1]]
    wanted = list(out)
    if draw(st.booleans()):
        wanted[draw(st.integers(0, len(out) - 1))] = -1
    types = ("int8", "float32", "int16", "int32", "bool")
    return moved(draw, "RESHAPE", types, shape, tuple(out), vector(wanted), newShape=tuple(wanted))


@st.composite
def _squeeze(draw: Draw) -> Case:
    kept = draw(shapes((1, 3)))
    shape, dropped = list(kept), []
    for _ in range(draw(st.integers(1, 2))):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    dropped = [d for d, n in enumerate(shape) if n == 1]
    if draw(st.booleans()):
        dropped = dropped[:1]
    out = tuple(n for d, n in enumerate(shape) if d not in dropped)
    types = ("int8", "float32", "int16", "int32", "bool")
    return moved(draw, "SQUEEZE", types, tuple(shape), out, squeezeDims=tuple(dropped))


@st.composite
def _expand_dims(draw: Draw) -> Case:
    shape = draw(shapes((1, 4)))
    axis = draw(axes(len(shape) + 1))
    out = list(shape)
    out.insert(axis % (len(shape) + 1), 1)
    types, oracle = draw(st.sampled_from(((("int8", "float32"), TFLM), (("int16", "int32"), TFLITE))))
    return moved(draw, "EXPAND_DIMS", types, shape, tuple(out), vector([axis]), oracle=oracle)


STRATEGIES = {
    "TRANSPOSE": _transpose(),
    "REVERSE_V2": _reverse(),
    "BROADCAST_TO": _broadcast_to(),
    "TILE": _tile(),
    "SPACE_TO_DEPTH": _depth("SPACE_TO_DEPTH"),
    "DEPTH_TO_SPACE": _depth("DEPTH_TO_SPACE"),
    "SPACE_TO_BATCH_ND": _batch("SPACE_TO_BATCH_ND"),
    "BATCH_TO_SPACE_ND": _batch("BATCH_TO_SPACE_ND"),
    "MIRROR_PAD": _mirror_pad(),
    "PAD": _pad("PAD"),
    "PADV2": _pad("PADV2"),
    "RESHAPE": _reshape(),
    "SQUEEZE": _squeeze(),
    "EXPAND_DIMS": _expand_dims(),
}
