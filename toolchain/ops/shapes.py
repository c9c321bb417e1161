"""SHAPE: what a dynamic batch leaves behind; constant folding removes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Op, no_attrs


def _shape(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.array([graph.tensor(node.inputs[0]).shape], graph.tensor(node.outputs[0]).dtype)]


OPS = (Op(name="shape", tflite=("SHAPE",), read=no_attrs, reference=_shape, offline=True),)
