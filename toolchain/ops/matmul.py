"""Products of matrices that are both tensors: the kernels, and what their types demand.

a (..., rows, depth) times b (..., depth, columns), either of which may be stored the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Value
from toolchain.ops.common import elements, within_32_bits
from toolchain.ops.int16 import HIGH, LOW, are_defined, clamp, requantize_wide

TYPES = ("int8", "int16", "float32")
MOST_TURNS = 3  # nn_matmul_shape
Params = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Matrices:
    """The matrices of one input: their number in each of the outer dimensions, and the steps of one, in elements.

    ``along`` leads from one k to the next, ``across`` from row to row of a, or from column to column of b.
    """

    outer: tuple[int, ...]
    across: int
    along: int
    size: int

    def steps(self, turns: Sequence[int]) -> tuple[int, ...]:
        """Between the matrices of each of so many turns; 0 where there is one for all."""
        outer = (1,) * (len(turns) - len(self.outer)) + self.outer
        inner = (elements(outer[d + 1 :]) * self.size for d in range(len(outer)))
        return tuple(0 if n == 1 else step for n, step in zip(outer, inner, strict=True))


def matrices(tensor: Tensor, across: int) -> Matrices:
    """``across``: which of the last two dimensions leads from row to row of a or from column to column of b."""
    *outer, height, width = tensor.shape
    steps = {-2: width, -1: 1}
    return Matrices(tuple(outer), steps[across], steps[-3 - across], height * width)


@dataclass(frozen=True)
class Product:
    """``a`` and ``b`` are the names of the inputs."""

    a: str
    b: str
    of_a: Matrices
    of_b: Matrices
    turns: tuple[int, ...]
    rows: int
    columns: int
    depth: int

    @property
    def macs(self) -> int:
        return elements(self.turns) * self.rows * self.columns * self.depth

    def fields(self) -> Params:
        turns = (1,) * (MOST_TURNS - len(self.turns)) + self.turns
        return (
            ("shape.turns", turns),
            ("shape.a_turn", self.of_a.steps(turns)),
            ("shape.b_turn", self.of_b.steps(turns)),
            ("shape.rows", self.rows),
            ("shape.columns", self.columns),
            ("shape.depth", self.depth),
            ("shape.a_row", self.of_a.across),
            ("shape.a_depth", self.of_a.along),
            ("shape.b_column", self.of_b.across),
            ("shape.b_depth", self.of_b.along),
        )


@dataclass(frozen=True, eq=False)
class Scaling:
    """What int8 sums become codes by: an entry for each column, or ``multiplier`` and ``shift`` of one entry."""

    multiplier: Array
    shift: Array
    low: int
    high: int
    bias: Array | None = None


ProductOf = Callable[[Graph, Node], Product]
ScalingOf = Callable[[Graph, Node], Scaling]


def largest_sum(graph: Graph, product: Product, scaling: Scaling) -> float:
    """The most that an int8 sum can be in size."""
    spans = (max(127 - z, 128 + z) for z in (graph.tensor(n).zero_point for n in (product.a, product.b)))
    a, b = spans
    bias = 0 if scaling.bias is None else int(np.abs(scaling.bias).max(initial=0))
    return float(a * b * product.depth + bias)


def stays_within(graph: Graph, product: Product, scaling: Scaling) -> bool:
    largest = largest_sum(graph, product, scaling)
    return all(within_32_bits(largest, int(shift)) for shift in scaling.shift)


def codes(graph: Graph, node: Node, product: Product, scaling: Scaling, a: Array, b: Array) -> Array:
    """The int8 codes of matrices (..., rows, depth) and (..., depth, columns)."""
    wide = (x.astype(np.float64) - graph.tensor(n).zero_point for x, n in ((a, product.a), (b, product.b)))
    first, second = wide
    total = (first @ second).astype(np.int64)  # float64 sums of int8 products are exact below 2**53
    if scaling.bias is not None:
        total += scaling.bias
    scaled = fixedpoint.requantize(total, scaling.multiplier, scaling.shift)
    result: Array = np.clip(scaled + graph.tensor(node.outputs[0]).zero_point, scaling.low, scaling.high)
    return result.astype(np.int8)


def wide_codes(a: Array, b: Array, factor: int, shift: int) -> Array:
    """The int16 codes; products of int16 fill 2**30, and float64 would not hold many of them."""
    total = a.astype(np.int64) @ b.astype(np.int64)
    return clamp(requantize_wide(total, np.int64(factor), np.int64(shift)))


def float_sums(a: Array, b: Array) -> Array:
    """float32 sums, rounded after each product, in the order of k."""
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), np.float32)
    with np.errstate(all="ignore"):
        for k in range(a.shape[-1]):
            total += a[..., :, k, None] * b[..., k, None, :]
    return total


def wide_factor(multiplier: int, shift: int) -> tuple[int, int]:
    """(factor, right shift) of ``nn_requantize_wide``."""
    factor = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    return factor, 15 - shift


def wide_is_defined(depth: int, shift: int) -> bool:
    """Whether no sum of int16 products leaves what TFLite's rescaling is defined for."""
    return are_defined(np.array([float(depth) * (1 << 30)]), np.array([shift]))


def _call(symbol: str, struct: str, product: Product, params: Params, node: Node, scratch: int = 0) -> KernelCall:
    inputs = (product.a, product.b)
    return KernelCall(symbol, "nn_matmul.h", struct, (*product.fields(), *params), inputs, node.outputs, scratch)


def int8_params(graph: Graph, node: Node, product: Product, scaling: Scaling) -> Params:
    names = (product.a, product.b, node.outputs[0])
    bias: Value = 0 if scaling.bias is None else Const("bias", "int32_t", scaling.bias.astype(np.int32))
    zero_points = zip(("a", "b", "out"), names, strict=True)
    return (
        *((f"{what}_zero_point", graph.tensor(n).zero_point) for what, n in zero_points),
        ("act_min", scaling.low),
        ("act_max", scaling.high),
        ("column", int(len(scaling.multiplier) > 1)),
        ("bias", bias),
        ("multiplier", Const("multiplier", "int32_t", scaling.multiplier.astype(np.int32))),
        ("shift", Const("shift", "int8_t", scaling.shift.astype(np.int8))),
    )


def short_shifts(largest: float, shift: Array) -> bool:
    """Whether ``nn_store_sums`` is exact for every sum up to ``largest``; ``shift`` is to the left."""
    return largest < 1 << 30 and bool(np.all((shift <= -1) & (shift >= -22)))


def is_type(graph: Graph, node: Node, dtype: str) -> bool:
    return graph.tensor(node.outputs[0]).dtype == dtype


def int8_variants(product_of: ProductOf, scaling_of: ScalingOf) -> tuple[KernelVariant, ...]:
    """``portable``, and ``dsp`` for matrices a that are stored row by row."""

    def lowering(symbol: str, fours: bool) -> Callable[[Graph, Node], tuple[KernelCall, ...]]:
        def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
            product = product_of(graph, node)
            params = int8_params(graph, node, product, scaling_of(graph, node))
            scratch = 32 * -(-product.depth // 4) if fours else 0
            return (_call(symbol, "nn_matmul_params", product, params, node, scratch),)

        return lower

    def dsp_fits(graph: Graph, node: Node) -> bool:
        if not is_type(graph, node, "int8"):
            return False
        product, scaling = product_of(graph, node), scaling_of(graph, node)
        return product.of_a.along == 1 and short_shifts(largest_sum(graph, product, scaling), scaling.shift)

    return (
        KernelVariant(
            name="portable",
            sources=("nn_matmul_s8.c",),
            lower=lowering("nn_matmul_s8", False),
            cost=FittedCost((152.5, 81.01, 12.0), lambda g, n: _terms(product_of(g, n))),
            supports=lambda g, n: is_type(g, n, "int8"),
        ),
        KernelVariant(
            name="dsp",
            sources=("nn_matmul_s8_dsp.c",),
            lower=lowering("nn_matmul_s8_dsp", True),
            cost=FittedCost((557.3, 294.2, 7.18, 34.05, 60.27), lambda g, n: _dsp_terms(product_of(g, n))),
            supports=dsp_fits,
            features=frozenset({"dsp"}),
        ),
    )


def _terms(product: Product) -> tuple[float, ...]:
    """The matrices, outputs and products."""
    turns = elements(product.turns)
    return tuple(map(float, (turns, turns * product.rows * product.columns, product.macs)))


def _dsp_terms(product: Product) -> tuple[float, ...]:
    """The matrices, groups of four columns, what is packed of them; fours of k of rows times groups; outputs."""
    turns, groups, fours = elements(product.turns), -(-product.columns // 4), -(-product.depth // 4)
    rows = turns * groups * product.rows
    terms = (turns, turns * groups, turns * groups * fours * 16, rows * fours)
    return *map(float, terms), float(turns * product.rows * product.columns)


def wide_variant(product_of: ProductOf, factors: Callable[[Graph, Node], tuple[int, int]]) -> KernelVariant:
    """For int16; ``factors`` are the multiplier and the shift."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        factor, shift = wide_factor(*factors(graph, node))
        params: Params = (("act_min", LOW), ("act_max", HIGH), ("factor", factor), ("shift", shift))
        return (_call("nn_matmul_s16", "nn_matmul_s16_params", product_of(graph, node), params, node),)

    return KernelVariant(
        name="portable_s16",
        sources=("nn_matmul_s16.c",),
        lower=lower,
        cost=FittedCost((301.2, 59.56, 10.01), lambda g, n: _terms(product_of(g, n))),
        supports=lambda g, n: is_type(g, n, "int16"),
    )


def float_variant(product_of: ProductOf, params_of: Callable[[Graph, Node], Params]) -> KernelVariant:
    """``params_of`` are the fields behind the shape."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = params_of(graph, node)
        return (_call("nn_matmul_f32", "nn_matmul_f32_params", product_of(graph, node), params, node),)

    return KernelVariant(
        name="portable_f32",
        sources=("nn_matmul_f32.c",),
        lower=lower,
        cost=FittedCost((248.5, 33.79, 12.01), lambda g, n: _terms(product_of(g, n))),
        supports=lambda g, n: is_type(g, n, "float32"),
    )
