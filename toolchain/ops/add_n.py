"""ADD_N of int8 tensors of one scale and zero point, and of float32 ones.

The reference follows TFLM's ``reference_ops::AddN``, whose sum of codes has the zero point subtracted once more than
there are tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteRecord,
    Value,
    clamp_int8,
    no_attrs,
    same_shape,
)
from toolchain.ops.row_parts import same_rows

FEWEST, MOST = 2, 8  # tensors
_SHIFT = 19  # by which sums of codes are rescaled with more digits


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return fixedpoint.quantize_multiplier(2.0 * x.scale / ((1 << _SHIFT + 1) * out.scale))


def _offset(graph: Graph, node: Node) -> int:
    return -graph.tensor(node.inputs[0]).zero_point * (len(node.inputs) + 1)


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype == "float32"


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    if _is_float(graph, node):
        total = np.zeros_like(inputs[0])
        for x in inputs:
            total = total + x
        return [total]
    codes = sum((x.astype(np.int64) for x in inputs), np.int64(_offset(graph, node)))
    scaled = fixedpoint.requantize(codes << _SHIFT, *_factor(graph, node))
    return [clamp_int8(scaled + graph.tensor(node.outputs[0]).zero_point)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out = graph.tensor(node.outputs[0])
    short = "f32" if _is_float(graph, node) else "s8"
    fields: tuple[tuple[str, Value], ...] = (("size", out.size),)
    if short == "s8":
        multiplier, shift = _factor(graph, node)
        fields += (("offset", _offset(graph, node)), ("multiplier", multiplier), ("shift", shift))
        fields += (("out_zero_point", out.zero_point),)
    symbol = f"nn_add_{len(node.inputs)}_{short}"
    return (KernelCall(symbol, "nn_add_n.h", f"nn_add_n_{short}_params", fields, node.inputs, node.outputs),)


def _alike(graph: Graph, node: Node) -> bool:
    """Types of all tensors, shapes, and the parameters of int8 inputs."""
    inputs, out = [graph.tensor(n) for n in node.inputs], graph.tensor(node.outputs[0])
    if len({t.dtype for t in (*inputs, out)}) != 1 or any(t.shape != out.shape for t in inputs):
        return False
    return out.dtype == "float32" or len({(t.scale, t.zero_point) for t in inputs}) == 1


def _shifts_right(graph: Graph, node: Node) -> bool:
    return _is_float(graph, node) or _factor(graph, node)[1] <= 0


_FEW = 3  # float32 inputs, whose loop the compiler unrolls


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, inputs; elements of the output and of the inputs: of int8, of a few of float32, of more of float32."""
    size = graph.tensor(node.outputs[0]).size
    kind = (1 if len(node.inputs) <= _FEW else 2) if _is_float(graph, node) else 0
    counts = np.zeros((3, 2))
    counts[kind] = size, size * len(node.inputs)
    return 1.0, float(len(node.inputs)), *counts.reshape(-1).tolist()


OPS = (
    Op(
        name="add_n",
        tflite=("ADD_N",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("ADD_N", n.inputs, 1, "AddNOptions"),
        reference=_reference,
        rows=same_rows,
        constraints=(
            Constraint("it must have two to eight inputs", lambda g, n: FEWEST <= len(n.inputs) <= MOST),
            Constraint(
                "its tensors must be all int8 or all float32",
                lambda g, n: {g.tensor(t).dtype for t in (*n.inputs, *n.outputs)} in ({"int8"}, {"float32"}),
            ),
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its inputs must have one shape, and if int8 one scale and zero point", _alike),
            Constraint("its inputs' scale must be at most 2**19 times its output's", _shifts_right),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_add_n.c",),
                lower=_lower,
                cost=FittedCost((-1.162, 9.858, 45.71, 8.817, -2.13, 7.026, 8.429, 9.862), _terms),
                in_place=lambda g, n: tuple(range(len(n.inputs))),
            ),
        ),
    ),
)
