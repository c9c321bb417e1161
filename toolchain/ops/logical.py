"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT, on bool."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    dtype_in,
    no_attrs,
    same_shape,
)
from toolchain.ops.binary import operator, simply
from toolchain.ops.common import once_and_elements


def _lower_not(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (("size", graph.tensor(node.outputs[0]).size),)
    call = KernelCall("nn_logical_not", "nn_logical.h", "nn_logical_not_params", params, node.inputs, node.outputs)
    return (call,)


OPS = (
    operator(
        "logical_and",
        "nn_logical",
        {"bool": simply(np.logical_and)},
        output="bool",
        table="LogicalAndOptions",
        version=1,
        ptq=PtqRule(),
    ),
    operator(
        "logical_or",
        "nn_logical",
        {"bool": simply(np.logical_or)},
        output="bool",
        table="LogicalOrOptions",
        version=1,
        ptq=PtqRule(),
    ),
    Op(
        name="logical_not",
        tflite=("LOGICAL_NOT",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("LOGICAL_NOT", n.inputs, 1, "LogicalNotOptions"),
        ptq=PtqRule(),
        reference=lambda g, n, inputs: [np.logical_not(inputs[0])],
        constraints=(
            Constraint("its input and output must be bool", dtype_in("bool")),
            Constraint("its input and output must have the same shape", same_shape),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_logical.c",),
                lower=_lower_not,
                cost=FittedCost((19.0, 14.0), once_and_elements),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
