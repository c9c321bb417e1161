"""GATHER, GATHER_ND and EMBEDDING_LOOKUP: slices of a tensor of any type, by their positions.

Positions that are known at build time must lie inside. Of those that are not, TFLM's behaviour is undefined outside:
the nearest position inside is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    no_attrs,
)
from toolchain.ops.common import elements, piece_terms
from toolchain.ops.moves import steps_of

MOST_DEPTH = 5  # NN_GATHER_ND_DEPTH


@dataclass(frozen=True)
class GatherAttrs:
    """``axis`` of the input, not negative; the first ``batch_dims`` dimensions of input and positions are the same."""

    axis: int
    batch_dims: int


def _read(op: TfliteOperator) -> GatherAttrs:
    x, positions = op.inputs[0], op.inputs[1]
    assert x is not None
    assert positions is not None
    axis, batch_dims = int(op.options.axis), int(op.options.batchDims)
    return GatherAttrs(
        axis + len(x.shape) if axis < 0 else axis, batch_dims + len(positions.shape) if batch_dims < 0 else batch_dims
    )


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (("axis", node.attrs.axis), ("batchDims", node.attrs.batch_dims))
    return TfliteRecord("GATHER", node.inputs, 2, "GatherOptions", fields)


def _operands(graph: Graph, node: Node) -> tuple[Tensor, Tensor]:
    """(what is gathered from, positions)."""
    first, second = (graph.tensor(n) for n in node.inputs[:2])
    return (second, first) if node.op == "embedding_lookup" else (first, second)


def positions_of(graph: Graph, node: Node) -> tuple[str, int] | None:
    """The tensor of positions of a node that gathers and how many of them lie inside; None for any other node."""
    if node.op not in ("gather", "gather_nd", "embedding_lookup"):
        return None
    x, positions = _operands(graph, node)
    sizes = x.shape[: positions.shape[-1]] if node.op == "gather_nd" else (x.shape[_attrs(node).axis],)
    return positions.name, min(sizes)


def _attrs(node: Node) -> GatherAttrs:
    return GatherAttrs(0, 0) if node.op == "embedding_lookup" else node.attrs


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, positions = inputs[::-1] if node.op == "embedding_lookup" else inputs
    attrs, samples = _attrs(node), max(len(a) for a in inputs)
    made = [
        _gathered(x[i % len(x)], np.clip(positions[i % len(positions)], 0, x.shape[1 + attrs.axis] - 1), attrs)
        for i in range(samples)
    ]
    return [np.stack(made)]


def _gathered(x: Array, positions: Array, attrs: GatherAttrs) -> Array:
    if not attrs.batch_dims:
        return x.take(positions, axis=attrs.axis)
    inner = GatherAttrs(attrs.axis - 1, attrs.batch_dims - 1)
    return np.stack([_gathered(a, b, inner) for a, b in zip(x, positions, strict=True)])


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    (x, positions), attrs = _operands(graph, node), _attrs(node)
    params = (
        ("batches", elements(x.shape[: attrs.batch_dims])),
        ("outer", elements(x.shape[attrs.batch_dims : attrs.axis])),
        ("count", elements(positions.shape[attrs.batch_dims :])),
        ("size", x.shape[attrs.axis]),
        ("slice", elements(x.shape[attrs.axis + 1 :]) * np.dtype(x.dtype).itemsize),
    )
    operands = (x.name, positions.name)
    return (KernelCall("nn_gather", "nn_gather.h", "nn_gather_params", params, operands, node.outputs),)


def _nd(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, positions = inputs
    depth, samples = positions.shape[-1], max(len(a) for a in inputs)
    limits = np.array(x.shape[1 : 1 + depth]) - 1
    made = [
        x[i % len(x)][tuple(np.moveaxis(np.clip(positions[i % len(positions)], 0, limits), -1, 0))]
        for i in range(samples)
    ]
    return [np.stack(made)]


def _lower_nd(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, positions = (graph.tensor(n) for n in node.inputs)
    item, depth = np.dtype(x.dtype).itemsize, positions.shape[-1]
    missing = (0,) * (MOST_DEPTH - depth)
    params = (
        ("count", elements(positions.shape[:-1])),
        ("depth", depth),
        ("slice", elements(x.shape[depth:]) * item),
        ("size", x.shape[:depth] + missing),
        ("step", tuple(step * item for step in steps_of(x.shape)[:depth]) + missing),
    )
    return (KernelCall("nn_gather_nd", "nn_gather_nd.h", "nn_gather_nd_params", params, node.inputs, node.outputs),)


def _one_type(graph: Graph, node: Node) -> bool:
    x, positions = _operands(graph, node)
    return x.dtype == graph.tensor(node.outputs[0]).dtype and positions.dtype == "int32"


def _agree(graph: Graph, node: Node) -> bool:
    (x, positions), a, out = _operands(graph, node), _attrs(node), graph.tensor(node.outputs[0])
    if not 0 <= a.batch_dims <= a.axis < len(x.shape) or x.shape[: a.batch_dims] != positions.shape[: a.batch_dims]:
        return False
    return out.shape == x.shape[: a.axis] + positions.shape[a.batch_dims :] + x.shape[a.axis + 1 :]


def _agree_nd(graph: Graph, node: Node) -> bool:
    x, positions = (graph.tensor(n).shape for n in node.inputs)
    depth = positions[-1]
    if not 1 <= depth <= min(len(x), MOST_DEPTH):
        return False
    return graph.tensor(node.outputs[0]).shape == positions[:-1] + x[depth:]


def _inside(graph: Graph, node: Node) -> bool:
    x, positions = _operands(graph, node)
    if positions.data is None:
        return True
    limits = x.shape[: positions.shape[-1]] if node.op == "gather_nd" else (x.shape[_attrs(node).axis],)
    return bool(((positions.data >= 0) & (positions.data < np.array(limits))).all())


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, lines of positions, pieces as of ``piece_terms``."""
    x, out, a = _operands(graph, node)[0], graph.tensor(node.outputs[0]), _attrs(node)
    size = elements(x.shape[a.axis + 1 :]) * np.dtype(x.dtype).itemsize
    pieces = out.nbytes // max(size, 1)
    return 1.0, float(elements(x.shape[: a.axis])), *piece_terms(size, pieces)


def _nd_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, positions, pieces as of ``piece_terms``."""
    x, positions = (graph.tensor(n) for n in node.inputs)
    depth = positions.shape[-1]
    size, pieces = elements(x.shape[depth:]) * np.dtype(x.dtype).itemsize, positions.size // depth
    return 1.0, float(positions.size), *piece_terms(size, pieces)


CONSTRAINTS = (
    Constraint("its input and output must be of one type, and its positions int32", _one_type),
    Constraint("its positions must lie inside its input", _inside),
)
GATHER = KernelVariant("portable", ("nn_gather.c",), _lower, FittedCost((77.11, 0.0, 14.98, 38.74, 0.0, 0.981), _terms))
AGREE = Constraint("its shapes must agree", _agree)

OPS = (
    Op(
        name="gather",
        tflite=("GATHER",),
        read=_read,
        write=_write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(*CONSTRAINTS, AGREE),
        variants=(GATHER,),
    ),
    Op(
        name="embedding_lookup",
        tflite=("EMBEDDING_LOOKUP",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("EMBEDDING_LOOKUP", n.inputs, 1),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(*CONSTRAINTS, AGREE),
        variants=(GATHER,),
    ),
    Op(
        name="gather_nd",
        tflite=("GATHER_ND",),
        read=no_attrs,
        write=lambda g, n: TfliteRecord("GATHER_ND", n.inputs, 2, "GatherNdOptions"),
        ptq=PtqRule(shared=True),
        reference=_nd,
        constraints=(*CONSTRAINTS, Constraint(AGREE.sentence, _agree_nd)),
        variants=(
            KernelVariant(
                "portable",
                ("nn_gather_nd.c",),
                _lower_nd,
                FittedCost((47.92, 17.87, 18.56, 38.05, 0.0, 0.988), _nd_terms),
            ),
        ),
    ),
)
