"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape, no code at all.

REINTERPRET is the same where scale and zero point differ too: TFLM copies the codes. Passes make it of other operators
that hand every code on as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteRecord, no_attrs, same_quantization


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    return [inputs[0].reshape(-1, *graph.tensor(node.outputs[0]).shape)]


def _same_bytes(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return x.size == out.size and x.dtype == out.dtype


def _differ(graph: Graph, node: Node) -> bool:
    """Whether the codes stand for other numbers before and after."""
    return not same_quantization(graph, Node(node.name, node.op, node.inputs[:1], node.outputs))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    shape = graph.tensor(node.outputs[0]).shape
    return TfliteRecord("RESHAPE", node.inputs[:1], 1, "ReshapeOptions", (("newShape", shape),))


OPS = (
    Op(
        name="reshape",
        tflite=("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
        read=no_attrs,
        write=_write,
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(Constraint("its input and output must have the same size and type", _same_bytes),),
        view=True,
    ),
    Op(
        name="reinterpret",
        tflite=(),
        read=no_attrs,
        write=_write,
        instead=("reshape", _differ),
        reference=_reference,
        constraints=(Constraint("its input and output must have the same size and type", _same_bytes),),
        view=True,
    ),
)
