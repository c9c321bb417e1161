"""CAST between int8, int16, int32, float32 and bool; codes are cast as they are, whatever their scales.

Whole numbers wrap; float32 numbers saturate, and what is no number becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteRecord,
    no_attrs,
    same_shape,
)
from toolchain.ops.common import once_and_elements
from toolchain.ops.quantize import types_of
from toolchain.ops.row_parts import count_field, same_rows

TYPES = {"int8": "s8", "int16": "s16", "int32": "s32", "float32": "f32", "bool": "b"}
# By types: of a call, and of each element.
_CYCLES = {
    "s8_s8": (19.0, 12.0),
    "s8_s16": (15.0, 7.0),
    "s8_s32": (18.0, 12.0),
    "s8_f32": (14.0, 10.0),
    "s8_b": (19.0, 15.0),
    "s16_s8": (19.0, 12.0),
    "s16_s16": (15.0, 7.0),
    "s16_s32": (19.0, 10.0),
    "s16_f32": (14.0, 10.0),
    "s16_b": (19.0, 15.0),
    "s32_s8": (19.0, 12.0),
    "s32_s16": (15.0, 7.0),
    "s32_s32": (19.0, 10.0),
    "s32_f32": (14.0, 10.0),
    "s32_b": (19.0, 15.0),
    "f32_s8": (29.0, 27.0),
    "f32_s16": (33.0, 22.0),
    "f32_s32": (25.0, 19.0),
    "f32_f32": (13.0, 7.0),
    "f32_b": (18.0, 17.0),
    "b_s8": (19.0, 12.0),
    "b_s16": (15.0, 7.0),
    "b_s32": (18.0, 12.0),
    "b_f32": (14.0, 10.0),
    "b_b": (19.0, 15.0),
}


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, dtype = inputs[0], graph.tensor(node.outputs[0]).dtype
    if x.dtype == np.float32 and dtype not in ("float32", "bool"):
        limits = np.iinfo(dtype)
        x = np.clip(np.nan_to_num(np.trunc(x.astype(np.float64))), limits.min, limits.max)
    return [x.astype(dtype)]


def _variant(source: str, target: str) -> KernelVariant:
    short = f"{TYPES[source]}_{TYPES[target]}"

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = (("size", graph.tensor(node.outputs[0]).size),)
        call = KernelCall(f"nn_cast_{short}", "nn_cast.h", "nn_cast_params", params, node.inputs, node.outputs)
        return (call,)

    return KernelVariant(
        name=f"portable_{short}",
        sources=("nn_cast.c",),
        lower=lower,
        cost=FittedCost(_CYCLES[short], once_and_elements),
        supports=lambda g, n: types_of(g, n) == (source, target),
        in_place=lambda g, n: (0,) if np.dtype(source).itemsize == np.dtype(target).itemsize else (),
        rows=lambda g, n: count_field("size", g, n),
    )


OPS = (
    Op(
        name="cast",
        tflite=("CAST",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("CAST", n.inputs, 1, "CastOptions"),
        reference=_reference,
        rows=same_rows,
        constraints=(
            Constraint(
                "it must turn one of int8, int16, int32, float32 and bool into one of these",
                lambda g, n: all(dtype in TYPES for dtype in types_of(g, n)),
            ),
            Constraint("its input and output must have the same shape", same_shape),
        ),
        variants=tuple(_variant(source, target) for source in TYPES for target in TYPES),
    ),
)
