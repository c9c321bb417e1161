"""The sign as its own operator: -1.0 below 0.0 and 0.0 from there on; +1 less the other, half of it.

No TFLite operator is that: ``passes/fuse_signs.py`` makes it of two, and for the device it becomes two QUANTIZE
(``quantize/signs.py``). Its codes are -1 and 1 with zero point 1, so that padding adds what +1 does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import INT8, Constraint, Op, PtqRule, no_attrs, same_shape

SCALE, ZERO_POINT = 0.5, 1


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    zero_point = graph.tensor(node.inputs[0]).zero_point
    return [np.where(inputs[0] < zero_point, -1, 1).astype(np.int8)]


OPS = (
    Op(
        name="sign",
        tflite=(),
        read=no_attrs,
        reference=_reference,
        codewise=lambda g, n: True,
        ptq=PtqRule(fixed=(SCALE, ZERO_POINT)),
        constraints=(INT8, Constraint("its input and output must have the same shape", same_shape)),
    ),
)
