"""QUANTIZE (float32, int8, uint8 or int32 to int8, int8 to uint8 or int32) and DEQUANTIZE (int8 or uint8 to float32).

The references follow TFLM: ``AffineQuantize`` divides in float32 and rounds halves away from zero, ``Requantize`` is
the fixed-point rescaling, ``Dequantize`` one multiplication.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.affine import dequantize_array, quantize_array
from toolchain.graph import Array, Graph, Node, Tensor
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
from toolchain.ops.common import WITHIN_32_BITS, once_and_elements, within_32_bits
from toolchain.ops.row_parts import count_field, same_rows

_SHORT = {"int8": "s8", "uint8": "u8", "int16": "s16", "int32": "s32"}
_PAIRS = (("int8", "int8"), ("int8", "uint8"), ("int8", "int32"), ("uint8", "int8"), ("int32", "int8"))
_CYCLES = ((43.0, 46.0), (43.0, 46.0), (42.0, 40.0), (43.0, 46.0), (46.0, 55.0))
_OTHERS = "nn_requantize_pairs"


def _tensor(graph: Graph, node: Node, end: int) -> Tensor:
    """The input (0) or the output (1)."""
    return graph.tensor((node.inputs[0], node.outputs[0])[end])


def types_of(graph: Graph, node: Node) -> tuple[str, str]:
    """Of the input and of the output."""
    return _tensor(graph, node, 0).dtype, _tensor(graph, node, 1).dtype


def factor(graph: Graph, node: Node) -> tuple[int, int]:
    return fixedpoint.quantize_multiplier(graph.tensor(node.inputs[0]).scale / graph.tensor(node.outputs[0]).scale)


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "float32"


def _quantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    if _is_float(graph, node):
        return [quantize_array(inputs[0], out.scale, out.zero_point)]
    return [requantized(graph, node, inputs[0])]


def requantized(graph: Graph, node: Node, codes: Array) -> Array:
    """Codes of one integer type as codes of another one."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    scaled = fixedpoint.requantize(codes.astype(np.int64) - x.zero_point, *factor(graph, node)) + out.zero_point
    limits = np.iinfo(out.dtype)
    made: Array = np.clip(scaled, limits.min, limits.max).astype(out.dtype)
    return made


def _dequantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x = graph.tensor(node.inputs[0])
    return [dequantize_array(inputs[0], x.scale, x.zero_point)]


def _lower_float(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out = graph.tensor(node.outputs[0])
    params = (("size", out.size), ("zero_point", out.zero_point), ("scale", out.scale))
    call = KernelCall("nn_quantize_f32_s8", "nn_quantize.h", "nn_affine_params", params, node.inputs, node.outputs)
    return (call,)


def between(source: str, target: str, cycles: tuple[float, ...], file: str, header: str = "") -> KernelVariant:
    """The kernel between two integer types."""
    short = _SHORT[source] if source == target else f"{_SHORT[source]}_{_SHORT[target]}"

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
        multiplier, shift = factor(graph, node)
        params = (
            ("size", x.size),
            ("in_zero_point", x.zero_point),
            ("out_zero_point", out.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
        )
        symbol = f"nn_requantize_{short}"
        call = KernelCall(symbol, f"{header or file}.h", "nn_requantize_params", params, node.inputs, node.outputs)
        return (call,)

    return KernelVariant(
        name="portable" if short == "s8" else f"portable_{short}",
        sources=(f"{file}.c",),
        lower=lower,
        cost=FittedCost(cycles, once_and_elements),
        supports=lambda g, n: types_of(g, n) == (source, target),
        in_place=lambda g, n: (0,) if np.dtype(source).itemsize == np.dtype(target).itemsize else (),
        rows=lambda g, n: count_field("size", g, n),
    )


def _lower_dequantize(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("size", x.size), ("zero_point", x.zero_point), ("scale", x.scale))
    symbol, header = ("nn_dequantize_s8_f32", "nn_quantize") if x.dtype == "int8" else ("nn_dequantize_u8_f32", _OTHERS)
    return (KernelCall(symbol, f"{header}.h", "nn_affine_params", params, node.inputs, node.outputs),)


def _wide(graph: Graph, node: Node) -> bool:
    """An int32 input can hold any number: none may leave 32 bits when it is rescaled."""
    x = graph.tensor(node.inputs[0])
    return x.dtype != "int32" or factor(graph, node)[1] < 0


def _within(graph: Graph, node: Node) -> bool:
    x = graph.tensor(node.inputs[0])
    if x.dtype in ("float32", "int32"):
        return True
    return within_32_bits(1 << 16 if x.dtype == "int16" else 255, factor(graph, node)[1])


WIDE = (
    Constraint(
        "its int32 tensor must have the zero point 0",
        lambda g, n: all(t.zero_point == 0 for t in (_tensor(g, n, 0), _tensor(g, n, 1)) if t.dtype == "int32"),
    ),
    Constraint("its int32 input's scale must be below half of its output's", _wide),
    Constraint(WITHIN_32_BITS, _within),
)
SAME_SHAPE = Constraint("its input and output must have the same shape", same_shape)

OPS = (
    Op(
        name="quantize",
        tflite=("QUANTIZE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("QUANTIZE", n.inputs, 2, "QuantizeOptions"),
        reference=_quantize,
        codewise=lambda g, n: set(types_of(g, n)) <= {"int8", "float32"},
        rows=same_rows,
        constraints=(
            Constraint(
                "it must turn float32, int8, uint8 or int32 into int8, or int8 into uint8 or int32",
                lambda g, n: types_of(g, n) in (("float32", "int8"), *_PAIRS),
            ),
            SAME_SHAPE,
            *WIDE,
        ),
        variants=(
            KernelVariant(
                name="portable_f32",
                sources=("nn_quantize_f32_s8.c",),
                lower=_lower_float,
                supports=_is_float,
                cost=FittedCost((38.66, 62.0), once_and_elements),
            ),
            between("int8", "int8", _CYCLES[0], "nn_requantize_s8", "nn_quantize"),
            *(between(*pair, cycles, _OTHERS) for pair, cycles in zip(_PAIRS[1:], _CYCLES[1:], strict=True)),
        ),
    ),
    Op(
        name="dequantize",
        tflite=("DEQUANTIZE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("DEQUANTIZE", n.inputs, 2, "DequantizeOptions"),
        reference=_dequantize,
        codewise=lambda g, n: set(types_of(g, n)) <= {"int8", "float32"},
        constraints=(
            Constraint(
                "it must turn int8 or uint8 into float32",
                lambda g, n: types_of(g, n) in (("int8", "float32"), ("uint8", "float32")),
            ),
            SAME_SHAPE,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_dequantize_s8_f32.c",),
                lower=_lower_dequantize,
                supports=lambda g, n: _tensor(g, n, 0).dtype == "int8",
                cost=FittedCost((20.0, 14.0), once_and_elements),
            ),
            KernelVariant(
                name="portable_u8",
                sources=(f"{_OTHERS}.c",),
                lower=_lower_dequantize,
                supports=lambda g, n: _tensor(g, n, 0).dtype == "uint8",
                cost=FittedCost((20.0, 14.0), once_and_elements),
            ),
        ),
    ),
)
