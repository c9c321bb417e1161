"""SELECT_V2 with broadcasting: elements of the second input where the first is true, else of the third. SELECT without.

As in TFLM codes are taken as they are, whatever their scales. It has no SELECT: that is TensorFlow Lite's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    no_attrs,
)
from toolchain.ops.binary import SUFFIXES


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    chosen: Array = np.where(*elementwise.of_equal_rank(graph, node, inputs))
    return [chosen]


# By type: of a call, of each run of the innermost loop, and of each element.
_CYCLES = {
    "int8": (102.0, 95.01, 20.0),
    "int16": (102.0, 110.0, 16.0),
    "int32": (97.95, 112.0, 20.0),
    "float32": (99.94, 117.0, 17.0),
    "bool": (103.0, 95.03, 20.0),
}


def _type(graph: Graph, node: Node) -> str:
    return graph.tensor(node.outputs[0]).dtype


def _variant(dtype: str) -> KernelVariant:
    symbol = f"nn_select_{SUFFIXES[dtype]}"

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = elementwise.loops(graph, node, elementwise.MOST_LOOPS)
        return (KernelCall(symbol, "nn_select.h", "nn_select_params", params, node.inputs, node.outputs),)

    return KernelVariant(
        name=f"portable_{SUFFIXES[dtype]}",
        sources=("nn_select.c",),
        lower=lower,
        cost=FittedCost(_CYCLES[dtype], elementwise.runs_and_elements),
        supports=lambda g, n: _type(g, n) == dtype,
        in_place=_in_place,
    )


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """Inputs of the output's shape and size."""
    same = graph.tensor(node.outputs[0]).nbytes
    return tuple(i for i in elementwise.in_place(graph, node) if graph.tensor(node.inputs[i]).nbytes == same)


def _types_ok(graph: Graph, node: Node) -> bool:
    condition, *others = (graph.tensor(name).dtype for name in (*node.inputs, *node.outputs))
    return condition == "bool" and len(set(others)) == 1 and others[0] in SUFFIXES


def _whole(graph: Graph, node: Node) -> bool:
    """A shorter condition would choose along the first dimension."""
    condition, *others = (graph.tensor(name) for name in node.inputs)
    shape = graph.tensor(node.outputs[0]).shape
    return all(t.shape == shape for t in others) and (condition.shape == shape or condition.size == 1)


def _op(name: str, table: str, shapes: Constraint) -> Op:
    return Op(
        name=name,
        tflite=(name.upper(),),
        read=no_attrs,
        write=lambda g, n: TfliteRecord(name.upper(), n.inputs, 1, table),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            Constraint("it must have three inputs", lambda g, n: len(n.inputs) == 3),
            Constraint(
                f"its condition must be bool, its other inputs and its output of one type of {', '.join(SUFFIXES)}",
                _types_ok,
            ),
            shapes,
        ),
        variants=tuple(_variant(dtype) for dtype in SUFFIXES),
    )


OPS = (
    _op("select_v2", "SelectV2Options", elementwise.SHAPES[1]),
    _op(
        "select",
        "SelectOptions",
        Constraint("its tensors must have its output's shape, the condition that or one element", _whole),
    ),
)
