"""SOFTMAX over the last dimension on float32, as TFLM's ``reference_ops::Softmax`` but for the exponential.

TFLM's is the C library's, which is another one on every machine; ours (``floatmath.py``) has the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import floatmath
from toolchain.graph import Array, Graph, Node
from toolchain.ops import softmax
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs, same_shape
from toolchain.ops.common import rows_and_elements
from toolchain.ops.float32 import FLOAT32

(_INT8,) = softmax.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, beta = inputs[0], np.float32(node.attrs.beta)
    exps = floatmath.exp((x - x.max(axis=-1, keepdims=True)) * beta)
    total = np.zeros(exps.shape[:-1], np.float32)
    for k in range(exps.shape[-1]):
        total += exps[..., k]
    return [exps / total[..., None]]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    params = (("rows", x.size // x.shape[-1]), ("columns", x.shape[-1]), ("beta", float(node.attrs.beta)))
    header = "nn_softmax_f32"
    return (KernelCall(header, f"{header}.h", f"{header}_params", params, node.inputs, node.outputs),)


OPS = (
    Op(
        name="softmax_f32",
        tflite=(),
        typed=("softmax", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        nearly=lambda g, n: True,
        reference=_reference,
        constraints=(
            FLOAT32,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its input must have a dimension at least", lambda g, n: g.tensor(n.inputs[0]).shape != ()),
            Constraint("its beta must be above 0 and at most 1000", lambda g, n: 0.0 < n.attrs.beta <= 1000.0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_softmax_f32.c",),
                lower=_lower,
                cost=FittedCost((55.0, 25.0, 96.0), rows_and_elements),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
