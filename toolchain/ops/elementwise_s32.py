"""ADD and MUL of two int32 tensors with broadcasting; they wrap. The activation of ADD is ignored, as by TFLM."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import Constraint, Op, Value, no_attrs
from toolchain.ops.binary import INT32_RANGE, int32_range
from toolchain.ops.common import ACTIVATION
from toolchain.ops.row_parts import same_rows


def _range(graph: Graph, node: Node) -> tuple[int, int]:
    return INT32_RANGE if node.op == "add_s32" else int32_range(node.attrs.activation)


def _fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    low, high = _range(graph, node)
    return ("act_min", low), ("act_max", high)


def _op(name: str, combine: Callable[[Array, Array], Array]) -> Op:
    def reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
        with np.errstate(over="ignore"):
            made = combine(*elementwise.of_equal_rank(graph, node, inputs))
        return [np.clip(made, *_range(graph, node)).astype(np.int32)]

    of = next(op for op in elementwise.OPS if op.name == name)
    tensors = Constraint(
        "its inputs and output must be int32",
        lambda g, n: all(g.tensor(t).dtype == "int32" for t in (*n.inputs, *n.outputs)),
    )
    return Op(
        name=f"{name}_s32",
        tflite=(),
        typed=(name, "int32"),
        read=no_attrs,
        write=of.write,
        reference=reference,
        constraints=(elementwise.SHAPES[0], tensors, elementwise.SHAPES[1], ACTIVATION),
        rows=same_rows,
        variants=(elementwise.deep(name, "s32", "s32", _fields, lambda g, n: True),),
    )


OPS = (_op("add", lambda a, b: a + b), _op("mul", lambda a, b: a * b))
