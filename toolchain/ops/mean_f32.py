"""MEAN on float32, as TFLM's ``reference_ops::Mean``: a sum in order, divided by the number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import mean, reduced
from toolchain.ops.base import FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.float32 import FLOAT32

(_INT8,) = mean.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    total = reduced.in_order(np.add, 0.0, reduced.lines(graph, node, inputs[0]))
    return [(total / np.float32(reduced.count(graph, node))).reshape(-1, *graph.tensor(node.outputs[0]).shape)]


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
        constraints=(FLOAT32, *reduced.AXES),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_mean_f32.c",),
                lower=_lower,
                cost=FittedCost((-3.54, 11.44, 76.79, 17.07, 7.898, 10.0), _terms),
                supports=mean.adjacent,
            ),
            replace(
                reduced.mean_kernel_f32(reduced.count), name="scattered", supports=lambda g, n: not mean.adjacent(g, n)
            ),
        ),
    ),
)
