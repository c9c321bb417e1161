"""QUANTIZE from float32, int8, int16 or int32 to int16, from int16 to int8 or int32; DEQUANTIZE from int16 to float32.

The references follow TFLM's ``AffineQuantize``, ``Requantize`` and ``Dequantize``, as for int8.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.affine import dequantize_array, quantize_array
from toolchain.graph import Array, Graph, Node
from toolchain.ops import quantize
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import once_and_elements
from toolchain.ops.int16 import SYMMETRIC
from toolchain.ops.quantize import between, requantized, types_of
from toolchain.ops.row_parts import same_rows

_OF, _BACK = quantize.OPS
_PAIRS = (("int16", "int16"), ("int8", "int16"), ("int16", "int8"), ("int16", "int32"), ("int32", "int16"))
_CYCLES = ((56.0, 32.0), (57.26, 32.0), (40.63, 52.0), (44.0, 38.0), (43.0, 35.0))


def _quantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if x.dtype == "float32":
        return [quantize_array(inputs[0], out.scale, out.zero_point, "int16")]
    return [requantized(graph, node, inputs[0])]


def _dequantize(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x = graph.tensor(node.inputs[0])
    return [dequantize_array(inputs[0], x.scale, x.zero_point)]


def _lower_affine(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    tensor = graph.tensor(node.outputs[0] if symbol.startswith("nn_quantize") else node.inputs[0])
    params = (("size", tensor.size), ("zero_point", tensor.zero_point), ("scale", tensor.scale))
    return (KernelCall(symbol, "nn_quantize_s16.h", "nn_affine_params", params, node.inputs, node.outputs),)


def _between(source: str, target: str, cycles: tuple[float, float]) -> KernelVariant:
    if "int32" in (source, target):
        return between(source, target, cycles, "nn_requantize_pairs")
    short = "_".join(dict.fromkeys(f"s{dtype[3:]}" for dtype in (source, target)))
    return between(source, target, cycles, f"nn_requantize_{short}", "nn_quantize_s16")


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
                "it must turn float32, int8, int16 or int32 into int16, or int16 into int8 or int32",
                lambda g, n: types_of(g, n) in (("float32", "int16"), *_PAIRS),
            ),
            quantize.SAME_SHAPE,
            SYMMETRIC,
            *quantize.WIDE,
        ),
        variants=(
            KernelVariant(
                name="portable_f32",
                sources=("nn_quantize_f32_s16.c",),
                lower=lambda g, n: _lower_affine("nn_quantize_f32_s16", g, n),
                supports=lambda g, n: types_of(g, n)[0] == "float32",
                cost=FittedCost((49.26, 54.0), once_and_elements),
            ),
            *(_between(*pair, cycles) for pair, cycles in zip(_PAIRS, _CYCLES, strict=True)),
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
            Constraint("it must turn int16 into float32", lambda g, n: types_of(g, n) == ("int16", "float32")),
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
