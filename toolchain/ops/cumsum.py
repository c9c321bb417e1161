"""CUMSUM along one axis on int8 and float32.

The reference follows TFLM's ``reference_ops::CumSum``. Of codes it has two peculiarities: each line starts from minus
the zero point instead of from nothing, and sums are kept with 19 binary places in 32 bits, which they may wrap around.
Hence float models are not quantized with it, by TFLiteConverter neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    TfliteRecord,
    Value,
    clamp_int8,
    same_shape,
)
from toolchain.ops.common import constant, elements
from toolchain.ops.float32 import INT8_OR_FLOAT32

PLACES = 19  # NN_CUMSUM_PLACES


@dataclass(frozen=True)
class CumsumAttrs:
    """``exclusive``: without the element itself. ``reverse``: from the end on."""

    exclusive: bool
    reverse: bool


def _read(op: TfliteOperator) -> CumsumAttrs:
    return CumsumAttrs(bool(op.options.exclusive), bool(op.options.reverse))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (("exclusive", node.attrs.exclusive), ("reverse", node.attrs.reverse))
    return TfliteRecord("CUMSUM", node.inputs, 1, "CumsumOptions", fields)


def _dimensions(graph: Graph, node: Node) -> tuple[int, int, int]:
    """(outer, count, inner): the sums are along the middle one."""
    shape = graph.tensor(node.inputs[0]).shape
    axis = int(constant(graph, node.inputs[1]).reshape(-1)[0]) % len(shape)
    return elements(shape[:axis]), shape[axis], elements(shape[axis + 1 :])


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return fixedpoint.quantize_multiplier(2.0 * x.scale / ((1 << (PLACES + 1)) * out.scale))


def _sums(node: Node, addends: Array, start: int) -> Array:
    """Along axis 2 of (samples, outer, count, inner), in the addends' type."""
    x = addends[:, :, ::-1] if node.attrs.reverse else addends
    sums, total = np.empty_like(x), np.full_like(x[:, :, 0], start)
    for k in range(x.shape[2]):
        after = total + x[:, :, k]
        sums[:, :, k] = total if node.attrs.exclusive else after
        total = after
    return sums[:, :, ::-1] if node.attrs.reverse else sums


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    values = inputs[0].reshape(-1, *_dimensions(graph, node))
    if values.dtype == np.float32:
        return [_sums(node, values, 0).reshape(inputs[0].shape)]
    total = _sums(node, values.astype(np.int64) - x.zero_point, -x.zero_point)
    wrapped = fixedpoint.wrap32(total << PLACES)
    codes = clamp_int8(fixedpoint.requantize(wrapped, *_factor(graph, node)) + out.zero_point)
    return [codes.reshape(inputs[0].shape)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    params: tuple[tuple[str, Value], ...] = (
        *zip(("outer", "count", "inner"), _dimensions(graph, node), strict=True),
        ("exclusive", int(node.attrs.exclusive)),
        ("reverse", int(node.attrs.reverse)),
    )
    symbol, struct = "nn_cumsum_f32", "nn_cumsum_params"
    if x.dtype == "int8":
        symbol, struct = "nn_cumsum_s8", "nn_cumsum_s8_params"
        multiplier, shift = _factor(graph, node)
        params += (("in_zero_point", x.zero_point), ("out_zero_point", out.zero_point))
        params += (("multiplier", multiplier), ("shift", shift))
    return (KernelCall(symbol, "nn_cumsum.h", struct, params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outer elements, lines, elements."""
    outer, count, inner = _dimensions(graph, node)
    return 1.0, float(outer), float(outer * inner), float(outer * count * inner)


def _variant(dtype: str, suffix: str, cycles: tuple[float, float, float, float]) -> KernelVariant:
    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_cumsum.c",),
        lower=_lower,
        cost=FittedCost(cycles, _terms),
        supports=lambda g, n: g.tensor(n.inputs[0]).dtype == dtype,
        in_place=lambda g, n: (0,),
    )


def _one_axis(graph: Graph, node: Node) -> bool:
    axis, rank = graph.tensor(node.inputs[1]), len(graph.tensor(node.inputs[0]).shape)
    return axis.dtype == "int32" and axis.size == 1 and -rank <= int(constant(graph, axis.name).reshape(-1)[0]) < rank


OPS = (
    Op(
        name="cumsum",
        tflite=("CUMSUM",),
        read=_read,
        write=_write,
        reference=_reference,
        constraints=(
            INT8_OR_FLOAT32,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its axis must be one constant int32, a dimension of its input", _one_axis),
            Constraint(
                "its output's scale must be above 2**-19 of its input's",
                lambda g, n: g.tensor(n.inputs[0]).dtype == "float32" or _factor(g, n)[1] <= 0,
            ),
        ),
        variants=(
            _variant("int8", "s8", (55.93, 23.09, 27.01, 62.0)),
            _variant("float32", "f32", (59.99, 22.95, 10.05, 15.0)),
        ),
    ),
)
