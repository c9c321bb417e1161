"""VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE, of any type: values that last from one inference to the next; copies.

A handle names a variable, by container and name. ``importers/variables.py`` makes a state of each variable and puts it
in the place of the handles, so nothing of them is left to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    no_attrs,
)
from toolchain.ops.common import copy_cycles


@dataclass(frozen=True)
class Handle:
    """Which variable is meant."""

    container: str
    name: str


def _read_handle(op: TfliteOperator) -> Handle:
    return Handle(*(_text(raw) for raw in (op.options.container, op.options.sharedName)))


def _text(raw: bytes | str | None) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""


def _same(a: Tensor, b: Tensor) -> bool:
    return (a.shape, a.dtype) == (b.shape, b.dtype)


def _reads(graph: Graph, node: Node) -> bool:
    variable = graph.tensor(node.inputs[0])
    return variable.initial is not None and _same(variable, graph.tensor(node.outputs[0]))


def _assigns(graph: Graph, node: Node) -> bool:
    variable = graph.tensor(node.inputs[0])
    return variable.initial is not None and _same(variable, graph.tensor(node.inputs[1]))


def _assign(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [inputs[1]]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    """An assignment copies its second input to the first."""
    params = (("bytes", graph.tensor(node.inputs[0]).nbytes),)
    return (KernelCall("nn_copy", "nn_copy.h", "nn_copy_params", params, node.inputs[::-1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, and what copying takes."""
    return 1.0, copy_cycles(graph.tensor(node.inputs[0]).nbytes, 1, 0, 0, 0)


VARIANTS = (
    KernelVariant(
        name="portable",
        sources=("nn_copy.c",),
        lower=_lower,
        cost=FittedCost((9.5, 1.0), _terms),
    ),
)

OPS = (
    Op(
        name="var_handle",
        tflite=("VAR_HANDLE",),
        read=_read_handle,
        reference=lambda graph, node, inputs: [],
        offline=True,
    ),
    Op(
        name="read_variable",
        tflite=("READ_VARIABLE",),
        read=no_attrs,
        reference=lambda graph, node, inputs: [inputs[0]],
        constraints=(
            Constraint("its variable must be one that the model assigns values of its output's shape and type", _reads),
        ),
        variants=VARIANTS,
    ),
    Op(
        name="assign_variable",
        tflite=("ASSIGN_VARIABLE",),
        read=no_attrs,
        reference=_assign,
        constraints=(
            Constraint("its variable must have a handle, and all values that it gets one shape and type", _assigns),
        ),
        variants=VARIANTS,
        updates=lambda node: (0,),
    ),
    Op(
        name="copy",
        tflite=(),
        read=no_attrs,
        reference=lambda graph, node, inputs: [inputs[0].reshape(-1, *graph.tensor(node.outputs[0]).shape)],
        variants=VARIANTS,
    ),
)
