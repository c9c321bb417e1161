"""RELU and RELU6 as operators of their own on float32."""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import relu
from toolchain.ops.base import FittedCost, KernelCall, KernelVariant, Op, no_attrs
from toolchain.ops.common import once_and_elements
from toolchain.ops.float32 import FLOAT32, RANGES, clamp
from toolchain.ops.row_parts import count_field, same_rows


def _lower(name: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    low, high = RANGES[name]
    params = (("size", graph.tensor(node.outputs[0]).size), ("low", low), ("high", high))
    return (KernelCall("nn_relu_f32", "nn_relu_f32.h", "nn_relu_f32_params", params, node.inputs, node.outputs),)


def _op(name: str) -> Op:
    def reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
        return [clamp(inputs[0], *RANGES[name])]

    of = next(op for op in relu.OPS if op.name == name)
    return Op(
        name=f"{name}_f32",
        tflite=(),
        typed=(name, "float32"),
        read=no_attrs,
        write=of.write,
        ptq=of.ptq,
        reference=reference,
        constraints=(FLOAT32, relu.SAME_SIZE),
        rows=same_rows,
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_relu_f32.c",),
                lower=lambda g, n: _lower(name, g, n),
                cost=FittedCost((12.0, 20.0), once_and_elements),
                in_place=lambda g, n: (0,),
                rows=lambda g, n: count_field("size", g, n),
            ),
        ),
    )


OPS = (_op("relu"), _op("relu6"))
