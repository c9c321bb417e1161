"""LOOKUP: every code by a table of 256, int8 to int8. No TFLite file holds it; passes make it of operators in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import INT8, Const, Constraint, FittedCost, KernelCall, KernelVariant, Op, no_attrs, same_shape
from toolchain.ops.row_parts import count_field


@dataclass(frozen=True)
class LookupAttrs:
    """``codes`` are the outputs for the inputs -128 to 127."""

    codes: tuple[int, ...]


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    codes: Array = np.array(node.attrs.codes, np.int8)
    return [codes[inputs[0].astype(np.int64) + 128]]


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, fours of codes, single ones behind them."""
    size = graph.tensor(node.outputs[0]).size
    return 1.0, float(size // 4), float(size % 4)


def table_kernel(codes: Callable[[Graph, Node], Array]) -> KernelVariant:
    """The kernel of an operator that turns the codes -128 to 127 into ``codes``."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        by_byte = np.roll(codes(graph, node).astype(np.int8), 128)  # the code read as an unsigned byte is the index
        params = (("size", graph.tensor(node.outputs[0]).size), ("table", Const("table", "int8_t", by_byte)))
        return (KernelCall("nn_lookup_s8", "nn_lookup.h", "nn_lookup_params", params, node.inputs, node.outputs),)

    return KernelVariant(
        name="table",
        sources=("nn_lookup_s8.c",),
        lower=lower,
        cost=FittedCost((30.0, 25.0, 14.0), _terms),
        in_place=lambda g, n: (0,),
        rows=lambda g, n: count_field("size", g, n),
    )


def _codes_ok(graph: Graph, node: Node) -> bool:
    codes = node.attrs.codes
    return len(codes) == 256 and all(-128 <= c <= 127 for c in codes)


OPS = (
    Op(
        name="lookup",
        tflite=(),
        read=no_attrs,
        reference=_reference,
        constraints=(
            INT8,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its table must have 256 int8 codes", _codes_ok),
        ),
        variants=(replace(table_kernel(lambda g, n: np.array(n.attrs.codes)), name="portable"),),
        codewise=lambda g, n: True,
    ),
)
