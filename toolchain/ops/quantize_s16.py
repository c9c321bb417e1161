"""QUANTIZE from float32, int8 or int16 to int16, and from int16 to int8; DEQUANTIZE from int16 to float32.

The references follow TFLM's ``AffineQuantize``, ``Requantize`` and ``Dequantize``, as for int8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.affine import dequantize_array, quantize_array
from toolchain.graph import Array, Graph, Node
from toolchain.ops import quantize
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import WITHIN_32_BITS, once_and_elements, within_32_bits
from toolchain.ops.int16 import SYMMETRIC
from toolchain.ops.row_parts import count_field, same_rows

_OF, _BACK = quantize.OPS
_SHORT = {"int8": "s8", "int16": "s16", "float32": "f32"}


def _types(graph: Graph, node: Node) -> tuple[str, str]:
    return graph.tensor(node.inputs[0]).dtype, graph.tensor(node.outputs[0]).dtype


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    return fixedpoint.quantize_multiplier(graph.tensor(node.inputs[0]).scale / graph.tensor(node.outputs[0]).scale)


def _quantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if x.dtype == "float32":
        return [quantize_array(inputs[0], out.scale, out.zero_point, "int16")]
    scaled = fixedpoint.requantize(inputs[0].astype(np.int64) - x.zero_point, *_factor(graph, node)) + out.zero_point
    limits = np.iinfo(out.dtype)
    return [np.clip(scaled, limits.min, limits.max).astype(out.dtype)]


def _dequantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x = graph.tensor(node.inputs[0])
    return [dequantize_array(inputs[0], x.scale, x.zero_point)]


def _lower_affine(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    tensor = graph.tensor(node.outputs[0] if symbol.startswith("nn_quantize") else node.inputs[0])
    params = (("size", tensor.size), ("zero_point", tensor.zero_point), ("scale", tensor.scale))
    return (KernelCall(symbol, "nn_quantize_s16.h", "nn_affine_params", params, node.inputs, node.outputs),)


def _lower_integer(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    multiplier, shift = _factor(graph, node)
    params = (
        ("size", x.size),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("multiplier", multiplier),
        ("shift", shift),
    )
    return (KernelCall(symbol, "nn_quantize_s16.h", "nn_requantize_params", params, node.inputs, node.outputs),)


def _between(source: str, target: str, cycles: tuple[float, ...]) -> KernelVariant:
    """A kernel between two integer types."""
    short = _SHORT[source] if source == target else f"{_SHORT[source]}_{_SHORT[target]}"
    symbol = f"nn_requantize_{short}"
    return KernelVariant(
        name=f"portable_{short}",
        sources=(f"{symbol}.c",),
        lower=lambda g, n: _lower_integer(symbol, g, n),
        supports=lambda g, n: _types(g, n) == (source, target),
        in_place=lambda g, n: (0,) if source == target else (),
        cost=FittedCost(cycles, once_and_elements),
        rows=lambda g, n: count_field("size", g, n),
    )


def _within(graph: Graph, node: Node) -> bool:
    source, _ = _types(graph, node)
    return source == "float32" or within_32_bits(1 << 16, _factor(graph, node)[1])


OPS = (
    Op(
        name="quantize_s16",
        tflite=(),
        typed=("quantize", "int16"),
        read=no_attrs,
        write=_OF.write,
        reference=_quantize,
        rows=same_rows,
        constraints=(
            Constraint(
                "it must turn float32, int8 or int16 into int16, or int16 into int8",
                lambda g, n: (
                    _types(g, n) in (("float32", "int16"), ("int8", "int16"), ("int16", "int16"), ("int16", "int8"))
                ),
            ),
            quantize.SAME_SHAPE,
            SYMMETRIC,
            Constraint(WITHIN_32_BITS, _within),
        ),
        variants=(
            KernelVariant(
                name="portable_f32",
                sources=("nn_quantize_f32_s16.c",),
                lower=lambda g, n: _lower_affine("nn_quantize_f32_s16", g, n),
                supports=lambda g, n: _types(g, n)[0] == "float32",
                cost=FittedCost((49.26, 54.0), once_and_elements),
            ),
            _between("int16", "int16", (56.0, 32.0)),
            _between("int8", "int16", (57.26, 32.0)),
            _between("int16", "int8", (40.63, 52.0)),
        ),
    ),
    Op(
        name="dequantize_s16",
        tflite=(),
        typed=("dequantize", "int16"),
        read=no_attrs,
        write=_BACK.write,
        reference=_dequantize,
        constraints=(
            Constraint("it must turn int16 into float32", lambda g, n: _types(g, n) == ("int16", "float32")),
            quantize.SAME_SHAPE,
            SYMMETRIC,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_dequantize_s16_f32.c",),
                lower=lambda g, n: _lower_affine("nn_dequantize_s16_f32", g, n),
                cost=FittedCost((20.0, 14.0), once_and_elements),
            ),
        ),
    ),
)
