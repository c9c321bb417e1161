"""PAD and PADV2 on int8: copies the input into a larger tensor filled with the zero point or with a given code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    no_attrs,
)
from toolchain.ops.common import constant, copy_cycles

MAX_RANK = 4


def widths(graph: Graph, node: Node) -> tuple[tuple[int, int], ...]:
    """(before, after) of each dimension."""
    return tuple((int(a), int(b)) for a, b in constant(graph, node.inputs[1]).reshape(-1, 2))


def fill_code(graph: Graph, node: Node) -> int:
    """The code that the border holds."""
    if len(node.inputs) > 2 and node.inputs[2]:
        return int(constant(graph, node.inputs[2]).reshape(-1)[0])
    return graph.tensor(node.outputs[0]).zero_point


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [np.pad(inputs[0], ((0, 0), *widths(graph, node)), constant_values=fill_code(graph, node))]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    missing = MAX_RANK - len(x.shape)
    params = (
        ("in_dims", (1,) * missing + x.shape),
        ("out_dims", (1,) * missing + out.shape),
        ("before", (0,) * missing + tuple(b for b, _ in widths(graph, node))),
        ("fill", fill_code(graph, node)),
    )
    return (KernelCall("nn_pad_s8", "nn_pad.h", "nn_pad_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, bytes to fill, rows to copy, and what copying them takes."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    row, before = x.shape[-1], widths(graph, node)[-1][0]
    rows = x.size // row
    return 1.0, float(out.size), float(rows), copy_cycles(row, rows, row, before, out.shape[-1])


def _constant_operands(graph: Graph, node: Node) -> bool:
    return all(graph.is_constant(n) for n in node.inputs[1:] if n)


def _shapes(graph: Graph, node: Node) -> bool:
    if not graph.is_constant(node.inputs[1]):
        return False
    x, out, pads = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), widths(graph, node)
    if len(pads) != len(x.shape) or any(a < 0 or b < 0 for a, b in pads):
        return False
    return out.shape == tuple(d + a + b for d, (a, b) in zip(x.shape, pads, strict=True))


def _fill_ok(graph: Graph, node: Node) -> bool:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return True
    fill = graph.tensor(node.inputs[2])
    return fill.dtype == "int8" and fill.size == 1


def _write(graph: Graph, node: Node) -> TfliteRecord:
    builtin = "PADV2" if len(node.inputs) > 2 else "PAD"
    return TfliteRecord(builtin, node.inputs, 2, "PadV2Options" if builtin == "PADV2" else "PadOptions")


CONSTANT = Constraint("its paddings and fill value must be constants", _constant_operands)
SHAPES = (
    Constraint("its paddings must not be negative and must agree with its shapes", _shapes),
    Constraint("it must have at most 4 dimensions", lambda g, n: len(g.tensor(n.inputs[0]).shape) <= MAX_RANK),
)

OPS = (
    Op(
        name="pad",
        tflite=("PAD", "PADV2"),
        read=no_attrs,
        write=_write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            INT8,
            CONSTANT,
            Constraint("its fill value must be one int8 code", _fill_ok),
            *SHAPES,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_pad_s8.c",),
                lower=_lower,
                cost=FittedCost((148.0, 0.7, 44.06, 0.58), _terms),
            ),
        ),
    ),
)
