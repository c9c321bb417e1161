"""Images of another size, and pooling of what pooling of single int8 images leaves out."""

from __future__ import annotations

import dataclasses
from typing import Any

from support.case import Case, Operator
from support.make import RELU6, SAME, numbers, pool
from support.make_f32 import pool_f32
from support.make_moves import tensor
from support.make_products import batched
from support.make_s16 import wide

Size = tuple[int, int]


def _bilinear(name: str, dtype: str, shape: tuple[int, int, int, int], size: Size, **options: int) -> Case:
    out = (shape[0], *size, shape[3])
    operator = Operator("RESIZE_BILINEAR", (tensor(shape, dtype), numbers(*size)), (tensor(out, dtype),), options)
    return Case(f"bilinear_{name}_{dtype}", operator)


def _all_ways(dtype: str, shape: tuple[int, int, int, int], size: Size) -> tuple[Case, ...]:
    name = "x".join(map(str, size))
    return (
        _bilinear(name, dtype, shape, size),
        _bilinear(f"{name}_corners", dtype, shape, size, alignCorners=1),
        _bilinear(f"{name}_centres", dtype, shape, size, halfPixelCenters=1),
    )


def _l2(name: str, image: tuple[int, int, int], kernel: Size, **options: Any) -> Case:
    case = pool_f32(f"l2_{name}", image, kernel, **options)
    return dataclasses.replace(case, operator=dataclasses.replace(case.operator, builtin="L2_POOL_2D"))


CASES = (
    *_all_ways("int8", (1, 4, 5, 3), (8, 10)),
    *_all_ways("int8", (2, 7, 9, 2), (3, 5)),
    *_all_ways("int8", (1, 3, 2, 1), (1, 13)),
    *_all_ways("float32", (1, 4, 5, 3), (7, 10)),
    *_all_ways("float32", (2, 7, 9, 2), (3, 13)),
    _l2("3x2_same", (5, 6, 3), (3, 2), stride=(2, 1), padding=SAME),
    batched(pool_f32("average_3x3_same", (5, 4, 5), (3, 3), padding=SAME), 3),
    batched(pool_f32("max_2x2", (4, 4, 3), (2, 2), stride=(2, 2), largest=True), 2),
    batched(wide(pool("average_2x2", (3, 4, 2), (2, 2))), 2),
    batched(_l2("2x2", (3, 4, 5), (2, 2), stride=(1, 2), padding=SAME), 2),
    _l2("2x2_relu6", (4, 4, 5), (2, 2), stride=(2, 2), activation=RELU6),
)
