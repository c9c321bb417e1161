"""ADD and MUL of two float32 tensors with broadcasting, as TFLM's ``reference_ops::Add`` and ``Mul``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import ACTIVATION
from toolchain.ops.float32 import FLOAT32, activated, range_fields
from toolchain.ops.row_parts import count_field, same_rows


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    outer, steps = [], []
    for name, values in elementwise.loops(graph, node):
        assert isinstance(values, tuple)
        outer.append((name, values[:-1]))
        steps.append(values[-1])
    inner = zip(("count", "step1", "step2"), steps, strict=True)
    params = (*outer, *inner, *range_fields(node))
    header = "nn_elementwise_f32"
    return (KernelCall(symbol, f"{header}.h", f"{header}_params", params, node.inputs, node.outputs),)


def _op(name: str, combine: Callable[[Array, Array], Array], cycles: tuple[float, ...]) -> Op:
    def reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
        a, b = elementwise.of_equal_rank(graph, node, inputs)
        return [activated(node, combine(a, b))]

    of = next(op for op in elementwise.OPS if op.name == name)
    return Op(
        name=f"{name}_f32",
        tflite=(),
        typed=(name, "float32"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        reference=reference,
        constraints=(
            FLOAT32,
            elementwise.SHAPES[0],
            Constraint(
                "its inputs must both be float32", lambda g, n: all(g.tensor(t).dtype == "float32" for t in n.inputs)
            ),
            elementwise.SHAPES[1],
            ACTIVATION,
        ),
        rows=same_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=(f"nn_{name}_f32.c",),
                lower=lambda g, n: _lower(f"nn_{name}_f32", g, n),
                cost=FittedCost(cycles, elementwise.runs_and_elements),
                supports=elementwise.has_few_loops,
                in_place=elementwise.in_place,
                rows=lambda g, n: count_field("count", g, n) if same_rows(g, n) else None,
            ),
            elementwise.deep(name, "f32", "f32", lambda g, n: range_fields(n)),
        ),
    )


OPS = (
    _op("add", lambda a, b: a + b, (108.0, 22.0, 25.0)),
    _op("mul", lambda a, b: a * b, (108.0, 22.0, 25.0)),
)
