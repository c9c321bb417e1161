"""CONCATENATION: every input copied to its place in the output; as in TFLM nothing is rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    dtype_in,
    same_quantization,
)
from toolchain.ops.common import copy_cycles, elements

_TYPES = ("int8", "int16", "int32", "float32", "bool")


@dataclass(frozen=True)
class ConcatenateAttrs:
    """``axis`` is not negative."""

    axis: int
    activation: int


def _read(op: TfliteOperator) -> ConcatenateAttrs:
    axis = int(op.options.axis)
    return ConcatenateAttrs(axis % max(len(op.outputs[0].shape), 1), int(op.options.fusedActivationFunction))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (("axis", node.attrs.axis), ("fusedActivationFunction", node.attrs.activation))
    return TfliteRecord("CONCATENATION", node.inputs, 2, "ConcatenationOptions", fields)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    samples = max(x.shape[0] for x in inputs)
    wide = [np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs]
    return [np.concatenate(wide, axis=node.attrs.axis + 1)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    out = graph.tensor(node.outputs[0])
    axis: int = node.attrs.axis
    item = np.dtype(out.dtype).itemsize
    stride = elements(out.shape[axis:]) * item
    calls = []
    offset = 0
    for name in node.inputs:
        chunk = elements(graph.tensor(name).shape[axis:]) * item
        params = (("outer", elements(out.shape[:axis])), ("chunk", chunk), ("stride", stride), ("offset", offset))
        calls.append(
            KernelCall("nn_concatenate", "nn_concatenate.h", "nn_concatenate_params", params, (name,), node.outputs)
        )
        offset += chunk
    return tuple(calls)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Calls, pieces to copy, and what copying them takes."""
    out = graph.tensor(node.outputs[0])
    axis: int = node.attrs.axis
    pieces = elements(out.shape[:axis])
    chunks = [elements(graph.tensor(n).shape[axis:]) for n in node.inputs]
    copies = sum(copy_cycles(n, pieces, n, sum(chunks[:i]), sum(chunks)) for i, n in enumerate(chunks))
    return float(len(chunks)), float(pieces * len(chunks)), copies


def _shapes(graph: Graph, node: Node) -> bool:
    out = graph.tensor(node.outputs[0]).shape
    axis: int = node.attrs.axis
    shapes = [graph.tensor(n).shape for n in node.inputs]
    if any(len(s) != len(out) or s[:axis] != out[:axis] or s[axis + 1 :] != out[axis + 1 :] for s in shapes):
        return False
    return sum(s[axis] for s in shapes) == out[axis]


OPS = (
    Op(
        name="concatenate",
        tflite=("CONCATENATION",),
        read=_read,
        write=_write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            Constraint("its tensors must be int8, int16, int32, float32 or bool", dtype_in(*_TYPES)),
            Constraint(
                "its inputs and output must have the same type, scale and zero point",
                lambda g, n: same_quantization(g, n) and len({g.tensor(t).dtype for t in (*n.inputs, *n.outputs)}) == 1,
            ),
            Constraint("its shapes must agree outside its axis", _shapes),
            Constraint("it must not have a fused activation", lambda g, n: n.attrs.activation == 0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_concatenate.c",),
                lower=_lower,
                cost=FittedCost((26.48, 10.27, 0.98), _terms),
            ),
        ),
    ),
)
