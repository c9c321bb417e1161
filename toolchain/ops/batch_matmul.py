"""BATCH_MATMUL of int8, int16 and float32: matrices of both inputs multiplied, their outer dimensions broadcast.

The reference follows TFLM's ``reference_ops::BatchMatMul``; either input may be a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import int16
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord
from toolchain.ops.common import WITHIN_32_BITS
from toolchain.ops.matmul import (
    MOST_TURNS,
    TYPES,
    Params,
    Product,
    Scaling,
    codes,
    float_sums,
    float_variant,
    int8_variants,
    is_type,
    matrices,
    stays_within,
    wide_codes,
    wide_factor,
    wide_is_defined,
    wide_variant,
)


@dataclass(frozen=True)
class BatchMatmulAttrs:
    """Which input's matrices are stored with rows and columns exchanged."""

    turned_a: bool
    turned_b: bool


def _read(op: TfliteOperator) -> BatchMatmulAttrs:
    return BatchMatmulAttrs(bool(op.options.adjX), bool(op.options.adjY))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    version = {"int8": 2, "int16": 3}.get(graph.tensor(node.outputs[0]).dtype, 1)
    fields = (("adjX", node.attrs.turned_a), ("adjY", node.attrs.turned_b))
    return TfliteRecord("BATCH_MATMUL", node.inputs, version, "BatchMatMulOptions", fields)


def _product(graph: Graph, node: Node) -> Product:
    a, b = (graph.tensor(n) for n in node.inputs)
    turned_a, turned_b = node.attrs.turned_a, node.attrs.turned_b
    return Product(
        node.inputs[0],
        node.inputs[1],
        matrices(a, -1 if turned_a else -2),
        matrices(b, -2 if turned_b else -1),
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2]),
        a.shape[-1 if turned_a else -2],
        b.shape[-2 if turned_b else -1],
        a.shape[-2 if turned_a else -1],
    )


def _factors(graph: Graph, node: Node) -> tuple[int, int]:
    """(multiplier, shift), formed in double precision."""
    a, b, out = (graph.tensor(n).scale for n in (*node.inputs, node.outputs[0]))
    return fixedpoint.quantize_multiplier(a * b / out)


def _scaling(graph: Graph, node: Node) -> Scaling:
    multiplier, shift = _factors(graph, node)
    return Scaling(np.array([multiplier], np.int64), np.array([shift], np.int64), -128, 127)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    rank = max(x.ndim for x in inputs)
    # the samples come first, whatever the rank
    a, b = (x.reshape(x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]) for x in inputs)
    a = a.swapaxes(-1, -2) if node.attrs.turned_a else a
    b = b.swapaxes(-1, -2) if node.attrs.turned_b else b
    if is_type(graph, node, "float32"):
        return [float_sums(a, b)]
    if is_type(graph, node, "int16"):
        return [wide_codes(a, b, *wide_factor(*_factors(graph, node)))]
    return [codes(graph, node, _product(graph, node), _scaling(graph, node), a, b)]


def _types(graph: Graph, node: Node) -> bool:
    types = {graph.tensor(n).dtype for n in (*node.inputs, *node.outputs)}
    return len(node.inputs) == 2 and len(types) == 1 and types <= set(TYPES)


def _shapes(graph: Graph, node: Node) -> bool:
    a, b = (graph.tensor(n).shape for n in node.inputs)
    product = _product(graph, node)
    depth = b[-1 if node.attrs.turned_b else -2]
    shape = (*product.turns, product.rows, product.columns)
    fits = all(2 <= len(s) <= 2 + MOST_TURNS for s in (a, b)) and min((*a, *b)) > 0
    return fits and depth == product.depth and graph.tensor(node.outputs[0]).shape == shape


def _per_tensor(graph: Graph, node: Node) -> bool:
    if is_type(graph, node, "float32"):
        return True
    quants = [graph.tensor(n).quant for n in (*node.inputs, *node.outputs)]
    return all(q is not None and not q.per_channel for q in quants)


def _sums_fit(graph: Graph, node: Node) -> bool:
    if is_type(graph, node, "int8"):
        return stays_within(graph, _product(graph, node), _scaling(graph, node))
    if is_type(graph, node, "int16"):
        return wide_is_defined(_product(graph, node).depth, _factors(graph, node)[1])
    return True


def _float_params(graph: Graph, node: Node) -> Params:
    return ("is_clamped", 0), ("act_min", 0.0), ("act_max", 0.0), ("bias", 0)


OPS = (
    Op(
        name="batch_matmul",
        tflite=("BATCH_MATMUL",),
        read=_read,
        write=_write,
        ptq=PtqRule(),
        reference=_reference,
        macs=lambda g, n: _product(g, n).macs,
        constraints=(
            Constraint(f"its inputs and output must be of one type of {', '.join(TYPES)}", _types),
            Constraint(
                "its inputs must have 2 to 5 dimensions, the last two of which are matrices that fit each other, "
                "the others must broadcast, and its output must agree",
                _shapes,
            ),
            Constraint("its tensors must each have one scale", _per_tensor),
            int16.SYMMETRIC,
            Constraint(WITHIN_32_BITS, _sums_fit),
        ),
        variants=(
            *int8_variants(_product, _scaling),
            wide_variant(_product, _factors),
            float_variant(_product, _float_params),
        ),
    ),
)
