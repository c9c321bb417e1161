"""ZEROS_LIKE, of any type: codes of 0 in the shape of the input, as TFLM has them whatever the zero point is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, FittedCost, KernelVariant, Op, TfliteRecord, no_attrs, same_shape
from toolchain.ops.moves import FILL_CYCLES, SAME_TYPE, fill_terms, filling


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.zeros_like(inputs[0])]


OPS = (
    Op(
        name="zeros_like",
        tflite=("ZEROS_LIKE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("ZEROS_LIKE", n.inputs, 1, "ZerosLikeOptions"),
        reference=_reference,
        constraints=(SAME_TYPE, Constraint("its input and output must have the same shape", same_shape)),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_fill.c",),
                lower=lambda g, n: (filling(g, n),),
                cost=FittedCost(FILL_CYCLES, fill_terms),
            ),
        ),
    ),
)
