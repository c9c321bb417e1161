"""The layers that the costs of reductions, sums, lines, bilinear images and L2 pools are measured on."""

from __future__ import annotations

from benchmarks.layers import Dims, integers, layer, scaled, tensor
from benchmarks.shapes import SAME, VALID, Quant, Shape, as_float, as_int16, mean

_SUM: Quant = (0.5, -3)
_REDUCED = (
    ((1, 8, 8, 32), (1, 2)),
    ((1, 16, 16, 8), (1, 2)),
    ((1, 5, 5, 3), (1, 2)),
    ((1, 10, 12, 16), (1,)),
    ((1, 10, 12, 16), (3,)),
    ((1, 10, 12, 16), (1, 3)),
    ((1, 40, 40), (2,)),
    ((1, 6, 7, 8), (1, 2, 3)),
    ((1, 25, 5, 64), (1, 2)),
    ((1, 12, 3, 30), (2,)),
    ((1, 300, 3), (1,)),
    ((4, 5, 6, 7), (0, 2)),
)
_SCATTERED = (
    ((1, 10, 12, 16), (1, 3)),
    ((4, 5, 6, 7), (0, 2)),
    ((1, 20, 6, 9), (1, 3)),
    ((4, 25, 3, 10), (0, 2)),
    ((1, 6, 50, 3), (1, 3)),
    ((1, 4, 3, 100), (1, 3)),
    ((5, 6, 7, 8), (0, 2, 3)),
    ((3, 40, 2, 40), (1, 3)),
)
_LINES = (
    ((1, 10), 1),
    ((20, 10), 1),
    ((1, 100), 1),
    ((1, 49, 49), 1),
    ((7, 3, 11), 0),
    ((30, 3), 1),
    ((6, 6, 6), 1),
    *((shape, axes[0]) for shape, axes in _REDUCED if len(axes) == 1),
)
_ROWS: tuple[Dims, ...] = ((1, 10), (1, 100), (20, 10), (49, 49), (1, 3), (7, 30, 20), (200, 3), (1, 1000))
_IMAGES = (
    ((8, 8, 8), (16, 16)),
    ((8, 8, 1), (16, 16)),
    ((16, 16, 3), (32, 24)),
    ((12, 12, 16), (6, 6)),
    ((5, 5, 64), (10, 10)),
    ((4, 4, 2), (5, 40)),
    ((20, 10, 5), (7, 9)),
)
_POOLED = (
    ((25, 5, 32), (25, 5), 1, VALID),
    ((8, 8, 64), (8, 8), 1, VALID),
    ((12, 12, 24), (2, 2), 2, VALID),
    ((15, 15, 10), (3, 3), 1, SAME),
    ((15, 15, 10), (3, 3), 3, VALID),
    ((10, 10, 3), (5, 1), 1, VALID),
    ((9, 9, 1), (2, 2), 1, SAME),
    ((20, 7, 6), (4, 2), 2, SAME),
    ((9, 9, 20), (2, 2), 1, SAME),
    ((9, 9, 5), (1, 1), 1, SAME),
    ((16, 4, 3), (4, 4), 4, VALID),
    ((6, 6, 40), (3, 3), 1, VALID),
)


def reductions() -> list[Shape]:
    return [*_sums(), *_means(), *_lines(), *_rows(), *_bilinear(), *_l2_pools()]


def _without(shape: Dims, axes: Dims) -> Dims:
    return tuple(d for a, d in enumerate(shape) if a not in axes)


def _sums() -> list[Shape]:
    kinds = [("SUM", dtype) for dtype in ("int8", "int16", "float32")]
    kinds += [(builtin, dtype) for builtin in ("REDUCE_MAX", "REDUCE_MIN") for dtype in ("int8", "float32")]
    shapes = []
    for shape, axes in _REDUCED:
        left, axis, remark = _without(shape, axes), integers(*axes), f"axes {axes}"
        for builtin, dtype in kinds:
            x, out = tensor(shape, dtype), tensor(left, dtype, _SUM) if builtin == "SUM" else tensor(left, dtype)
            shapes.append(layer(builtin, (x, axis), (out,), remark))
        flags = tensor(shape, "bool"), tensor(left, "bool")
        shapes.append(layer("REDUCE_ALL", (flags[0], axis), flags[1:], remark, whole=True))
    return shapes


def _means() -> list[Shape]:
    means = [mean(shape, axes) for shape, axes in _SCATTERED]
    return [typed for each in means for typed in (each, as_int16(each), as_float(each))]


def _lines() -> list[Shape]:
    shapes = []
    for shape, axis in _LINES:
        places, remark = tensor(_without(shape, (axis,)), "int32"), f"axis {axis}"
        for dtype in ("int8", "float32"):
            x = tensor(shape, dtype)
            for builtin in ("ARG_MAX", "ARG_MIN"):
                shapes.append(layer(builtin, (x, integers(axis)), (places,), remark, outputType=2))
            options = {"exclusive": False, "reverse": axis == 1}
            shapes.append(layer("CUMSUM", (x, integers(axis)), (tensor(shape, dtype, _SUM),), remark, **options))
    return shapes


def _rows() -> list[Shape]:
    shapes = []
    for shape in _ROWS:
        for builtin, quant in (("L2_NORMALIZATION", (1 / 128, 0)), ("LOG_SOFTMAX", (1 / 16, 127))):
            for dtype in ("int8", "float32"):
                out = tensor(shape, dtype, quant)
                shapes.append(layer(builtin, (tensor(shape, dtype),), (out,), fusedActivationFunction=0))
        shapes.append(layer("SOFTMAX", (tensor(shape),), (scaled(shape, "int16", 1 / 65536, -32768),), beta=1.0))
    return shapes


def _bilinear() -> list[Shape]:
    options = {"alignCorners": False, "halfPixelCenters": True}
    return [
        layer("RESIZE_BILINEAR", (tensor((1, *i), t), integers(*s)), (tensor((1, *s, i[2]), t),), **options)
        for i, s in _IMAGES
        for t in ("int8", "float32")
    ]


def _l2_pools() -> list[Shape]:
    shapes = []
    for image, kernel, step, padding in _POOLED:
        sizes = [-(-image[a] // step) if padding == SAME else (image[a] - kernel[a]) // step + 1 for a in (0, 1)]
        options = {"strideH": step, "strideW": step, "filterHeight": kernel[0], "filterWidth": kernel[1]}
        x, out = tensor((1, *image), "float32"), tensor((1, *sizes, image[2]), "float32")
        remark = f"{kernel[0]}x{kernel[1]}{', valid' if padding == VALID else ''}"
        shapes.append(layer("L2_POOL_2D", (x,), (out,), remark, padding=padding, fusedActivationFunction=0, **options))
    return shapes
