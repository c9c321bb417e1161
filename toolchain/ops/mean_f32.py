"""MEAN over adjacent axes on float32, as TFLM's ``reference_ops::Mean``: a sum in order, divided by the number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import mean
from toolchain.ops.base import FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.float32 import FLOAT32

(_INT8,) = mean.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    outer, count, inner = mean.dimensions(graph, node)
    parts = inputs[0].reshape(-1, outer, count, inner)
    total = np.zeros((len(parts), outer, inner), np.float32)
    for k in range(count):
        total += parts[:, :, k]
    return [(total / np.float32(count)).reshape(-1, *graph.tensor(node.outputs[0]).shape)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    outer, count, inner = mean.dimensions(graph, node)
    params = (("outer", outer), ("count", count), ("inner", inner))
    return (KernelCall("nn_mean_f32", "nn_mean_f32.h", "nn_mean_f32_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outer elements; means and elements of four inner ones together, and of single ones."""
    outer, count, inner = mean.dimensions(graph, node)
    fours, rest = divmod(inner, 4)
    return 1.0, *(float(outer * n) for n in (1, fours, fours * count, rest, rest * count))


OPS = (
    Op(
        name="mean_f32",
        tflite=(),
        typed=("mean", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        constraints=(FLOAT32, *mean.AXES),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_mean_f32.c",),
                lower=_lower,
                cost=FittedCost((-3.54, 11.44, 76.79, 17.07, 7.898, 10.0), _terms),
            ),
        ),
    ),
)
