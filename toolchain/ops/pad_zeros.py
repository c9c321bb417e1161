"""PAD and PADV2 on float32, int32 and int16, filled with 0: the kernel for int8 fills with zeros as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import pad
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    dtype_in,
    no_attrs,
    same_quantization,
)
from toolchain.ops.common import constant, copy_cycles
from toolchain.ops.float32 import FLOAT32
from toolchain.ops.int16 import INT16, SYMMETRIC

(_INT8,) = pad.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.pad(inputs[0], ((0, 0), *pad.widths(graph, node)))]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    """In bytes, for any type whose zero is that of its bytes."""
    x, out, before = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), pad.widths(graph, node)
    missing, item = pad.MAX_RANK - len(x.shape), np.dtype(x.dtype).itemsize
    first = tuple(b for b, _ in before)
    params = (
        ("in_dims", (1,) * missing + (*x.shape[:-1], x.shape[-1] * item)),
        ("out_dims", (1,) * missing + (*out.shape[:-1], out.shape[-1] * item)),
        ("before", (0,) * missing + (*first[:-1], first[-1] * item)),
        ("fill", 0),
    )
    return (KernelCall("nn_pad_s8", "nn_pad.h", "nn_pad_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, bytes to fill, rows to copy, and what copying them takes."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    item = np.dtype(x.dtype).itemsize
    row, before = x.shape[-1] * item, pad.widths(graph, node)[-1][0] * item
    rows = x.size // x.shape[-1]
    return 1.0, float(out.nbytes), float(rows), copy_cycles(row, rows, row, before, out.shape[-1] * item)


def _fills_with_zeros(graph: Graph, node: Node) -> bool:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return True
    fill = constant(graph, node.inputs[2])
    return fill.size == 1 and not any(fill.tobytes())


SAME = Constraint("its input and output must have the same scale", same_quantization)
FILL = Constraint("its fill value must be 0", _fills_with_zeros)


_is_int32 = dtype_in("int32")
WORDS = Constraint(
    "its input and output must both be float32 or both int32",
    lambda g, n: FLOAT32.holds(g, n) or _is_int32(g, n),
)


def _op(name: str, dtype: str, cycles: tuple[float, ...], *types: Constraint) -> Op:
    return Op(
        name=name,
        tflite=(),
        typed=("pad", dtype),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        constraints=(*types, pad.CONSTANT, FILL, *pad.SHAPES),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_pad_s8.c",),
                lower=_lower,
                cost=FittedCost(cycles, _terms),
            ),
        ),
    )


OPS = (
    dataclasses.replace(
        _op("pad_f32", "float32", (19.59, 0.9875, 39.93, 0.5054), WORDS),
        instead=("pad", _is_int32),  # of words like float32, and 0 has the same bytes
    ),
    _op("pad_s16", "int16", (87.42, 0.4751, 21.0, 1.165), INT16, SYMMETRIC, SAME),
)
