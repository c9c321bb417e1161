"""BROADCAST_ARGS: the shape to which two shapes broadcast, int32. Of constant shapes it is computed at build time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, TfliteRecord, no_attrs
from toolchain.ops.common import once_and_elements


def _sizes(graph: Graph, node: Node) -> list[int]:
    return [graph.tensor(name).size for name in (*node.inputs, *node.outputs)]


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """Of sides that do not broadcast, which TFLM refuses at run time, the first is taken."""
    count = graph.tensor(node.outputs[0]).size
    first, second = (np.concatenate([np.ones((len(x), count - x.shape[1]), np.int32), x], axis=1) for x in inputs)
    return [np.where(first == 1, second, first)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = tuple(zip(("size1", "size2", "out_size"), _sizes(graph, node), strict=True))
    header = "nn_broadcast_args"
    return (KernelCall(header, f"{header}.h", f"{header}_params", params, node.inputs, node.outputs),)


def _vectors(graph: Graph, node: Node) -> bool:
    tensors = [graph.tensor(name) for name in (*node.inputs, *node.outputs)]
    return len(tensors) == 3 and all(t.dtype == "int32" and len(t.shape) == 1 for t in tensors)


OPS = (
    Op(
        name="broadcast_args",
        tflite=("BROADCAST_ARGS",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("BROADCAST_ARGS", n.inputs, 1),
        reference=_reference,
        constraints=(
            Constraint("its two inputs and its output must be int32 vectors", _vectors),
            Constraint(
                "its output must be as long as the longer one of its inputs",
                lambda g, n: _sizes(g, n)[2] == max(_sizes(g, n)[:2]),
            ),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_broadcast_args.c",),
                lower=_lower,
                cost=FittedCost((24.13, 28.57), once_and_elements),
            ),
        ),
    ),
)
