"""DYNAMIC_UPDATE_SLICE, of any type: a tensor with another one put over a part of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    no_attrs,
    same_shape,
)

MOST_DIMS = 6  # NN_UPDATE_SLICE_DIMS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    samples = max(len(a) for a in inputs)
    out = np.array(np.broadcast_to(inputs[0], (samples, *inputs[0].shape[1:])))
    for i in range(samples):
        update, begin = inputs[1][i % len(inputs[1])], inputs[2][i % len(inputs[2])]
        first = np.clip(begin, 0, np.array(out.shape[1:]) - update.shape)
        part = tuple(slice(int(a), int(a) + n) for a, n in zip(first, update.shape, strict=True))
        out[i][part] = update
    return [out]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, update = (graph.tensor(n) for n in node.inputs[:2])
    missing = (1,) * (MOST_DIMS - len(x.shape))
    params = (
        ("dims", len(x.shape)),
        ("bytes", x.nbytes),
        ("item", np.dtype(x.dtype).itemsize),
        ("size", x.shape + missing),
        ("part", update.shape + missing),
    )
    name = "nn_update_slice"
    return (KernelCall(name, f"{name}.h", f"{name}_params", params, node.inputs, node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, lines and bytes of the update, bytes of the whole."""
    x, update = (graph.tensor(n) for n in node.inputs[:2])
    return 1.0, float(update.size // update.shape[-1]), float(update.nbytes), float(x.nbytes)


def _types(graph: Graph, node: Node) -> bool:
    types = {graph.tensor(n).dtype for n in (*node.inputs[:2], *node.outputs)}
    return len(types) == 1 and graph.tensor(node.inputs[2]).dtype == "int32"


def _fits(graph: Graph, node: Node) -> bool:
    x, update, begin = (graph.tensor(n).shape for n in node.inputs)
    return 1 <= len(x) == len(update) <= MOST_DIMS and begin == (len(x),) and all(np.array(update) <= x)


OPS = (
    Op(
        name="update_slice",
        tflite=("DYNAMIC_UPDATE_SLICE",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("DYNAMIC_UPDATE_SLICE", n.inputs, 1),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            Constraint("its tensor, update and output must be of one type, and its positions int32", _types),
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its update must fit into its input, with a position for each dimension", _fits),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_update_slice.c",),
                lower=_lower,
                cost=FittedCost((149.9, 59.4, 0.7698, 0.8124), _terms),
                in_place=lambda g, n: (0,),
            ),
        ),
    ),
)
