"""QUANTIZE (float32 or int8 to int8) and DEQUANTIZE (int8 to float32).

The references follow TFLM: ``AffineQuantize`` divides in float32 and rounds halves away from zero, ``Requantize`` is
the fixed-point rescaling, ``Dequantize`` one multiplication.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.affine import dequantize_array, quantize_array
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteRecord,
    clamp_int8,
    no_attrs,
    same_shape,
)
from toolchain.ops.common import WITHIN_32_BITS, once_and_elements, within_32_bits
from toolchain.ops.row_parts import count_field, same_rows


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    return fixedpoint.quantize_multiplier(graph.tensor(node.inputs[0]).scale / graph.tensor(node.outputs[0]).scale)


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "float32"


def _quantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if _is_float(graph, node):
        return [quantize_array(inputs[0], out.scale, out.zero_point)]
    scaled = fixedpoint.requantize(inputs[0].astype(np.int64) - x.zero_point, *_factor(graph, node))
    return [clamp_int8(scaled + out.zero_point)]


def _dequantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x = graph.tensor(node.inputs[0])
    return [dequantize_array(inputs[0], x.scale, x.zero_point)]


def _lower_float(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out = graph.tensor(node.outputs[0])
    params = (("size", out.size), ("zero_point", out.zero_point), ("scale", out.scale))
    call = KernelCall("nn_quantize_f32_s8", "nn_quantize.h", "nn_affine_params", params, node.inputs, node.outputs)
    return (call,)


def _lower_int8(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    multiplier, shift = _factor(graph, node)
    params = (
        ("size", x.size),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("multiplier", multiplier),
        ("shift", shift),
    )
    call = KernelCall("nn_requantize_s8", "nn_quantize.h", "nn_requantize_params", params, node.inputs, node.outputs)
    return (call,)


def _lower_dequantize(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("size", x.size), ("zero_point", x.zero_point), ("scale", x.scale))
    call = KernelCall("nn_dequantize_s8_f32", "nn_quantize.h", "nn_affine_params", params, node.inputs, node.outputs)
    return (call,)


def _quantize_types(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype in ("float32", "int8") and graph.tensor(node.outputs[0]).dtype == "int8"


SAME_SHAPE = Constraint("its input and output must have the same shape", same_shape)

OPS = (
    Op(
        name="quantize",
        tflite=("QUANTIZE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("QUANTIZE", n.inputs, 2, "QuantizeOptions"),
        reference=_quantize,
        codewise=lambda g, n: True,
        rows=same_rows,
        constraints=(
            Constraint("it must turn float32 or int8 into int8", _quantize_types),
            SAME_SHAPE,
            Constraint(WITHIN_32_BITS, lambda g, n: _is_float(g, n) or within_32_bits(255, _factor(g, n)[1])),
        ),
        variants=(
            KernelVariant(
                name="portable_f32",
                sources=("nn_quantize_f32_s8.c",),
                lower=_lower_float,
                supports=_is_float,
                cost=FittedCost((38.66, 62.0), once_and_elements),
            ),
            KernelVariant(
                name="portable",
                sources=("nn_requantize_s8.c",),
                lower=_lower_int8,
                supports=lambda g, n: not _is_float(g, n),
                in_place=lambda g, n: (0,),
                cost=FittedCost((43.0, 46.0), once_and_elements),
                rows=lambda g, n: count_field("size", g, n),
            ),
        ),
    ),
    Op(
        name="dequantize",
        tflite=("DEQUANTIZE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("DEQUANTIZE", n.inputs, 2, "DequantizeOptions"),
        reference=_dequantize,
        codewise=lambda g, n: True,
        constraints=(
            Constraint(
                "it must turn int8 into float32",
                lambda g, n: g.tensor(n.inputs[0]).dtype == "int8" and g.tensor(n.outputs[0]).dtype == "float32",
            ),
            SAME_SHAPE,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_dequantize_s8_f32.c",),
                lower=_lower_dequantize,
                cost=FittedCost((20.0, 14.0), once_and_elements),
            ),
        ),
    ),
)
