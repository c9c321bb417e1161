"""SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL over any axes.

The references follow TFLM: ``QuantizedMeanOrSum`` for sums of codes, ``ReduceGeneric`` for all else, which starts from
the lowest or highest finite float and passes over a NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import reduced
from toolchain.ops.base import Constraint, KernelVariant, Op, PtqRule, no_attrs, same_quantization
from toolchain.ops.common import WITHIN_32_BITS, within_32_bits
from toolchain.ops.float32 import LARGEST
from toolchain.ops.int16 import SYMMETRIC

Combine = Callable[[Graph, Node, Array], Array]  # of (..., elements)
_MOST = {"int8": 255, "int16": 1 << 15}  # of a code less its zero point


def _dtype(graph: Graph, node: Node) -> str:
    return graph.tensor(node.inputs[0]).dtype


def _factor(graph: Graph, node: Node) -> tuple[int, int]:
    return fixedpoint.quantize_multiplier(graph.tensor(node.inputs[0]).scale / graph.tensor(node.outputs[0]).scale)


def _sum(graph: Graph, node: Node, values: Array) -> Array:
    if values.dtype == np.float32:
        return reduced.in_order(np.add, 0.0, values)
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    total = (values.astype(np.int64) - x.zero_point).sum(axis=-1)
    scaled = fixedpoint.requantize(total, *_factor(graph, node)) + out.zero_point
    limits = np.iinfo(out.dtype)
    codes: Array = np.clip(scaled, limits.min, limits.max).astype(out.dtype)
    return codes


def _extremum(better: Callable[[Array, Array], Array], start: float, graph: Graph, node: Node, values: Array) -> Array:
    """``start`` is the worst float."""
    first = start if values.dtype == np.float32 else np.copysign(127.5, start) - 0.5
    return reduced.in_order(lambda best, x: np.where(better(x, best), x, best), first, values)


def _all(graph: Graph, node: Node, values: Array) -> Array:
    return reduced.in_order(np.logical_and, True, values)


def _within(graph: Graph, node: Node) -> bool:
    dtype = _dtype(graph, node)
    if dtype == "float32":
        return True
    largest = _MOST[dtype] * reduced.count(graph, node)
    return largest < 1 << 31 and within_32_bits(largest, _factor(graph, node)[1])


def _op(
    name: str,
    builtin: str,
    combine: Combine,
    kernels: Mapping[str, KernelVariant],
    *constraints: Constraint,
    version: int = 1,
    ptq: PtqRule | None = None,
) -> Op:
    listed = f"of one type of {', '.join(kernels)}" if len(kernels) > 1 else next(iter(kernels))

    def types_agree(graph: Graph, node: Node) -> bool:
        return _dtype(graph, node) in kernels and _dtype(graph, node) == graph.tensor(node.outputs[0]).dtype

    return Op(
        name=name,
        tflite=(builtin,),
        read=no_attrs,
        write=lambda g, n: reduced.record(builtin, version, g, n),
        ptq=ptq,
        reference=lambda g, n, inputs: [
            combine(g, n, reduced.lines(g, n, inputs[0])).reshape(-1, *g.tensor(n.outputs[0]).shape)
        ],
        constraints=(
            Constraint(f"its input and output must be {listed}", types_agree),
            *reduced.AXES,
            *constraints,
        ),
        variants=tuple(kernels.values()),
        copies=lambda g, n: name != "sum" and _dtype(g, n) != "float32" and reduced.count(g, n) == 1,
    )


def _extrema(name: str) -> dict[str, KernelVariant]:
    return {
        "int8": reduced.kernel(name, "int8", (57.84, 53.97, 10.25, 9.995)),
        "float32": reduced.kernel(name, "float32", (94.5, 42.92, 14.83, 11.98)),
    }


_ONE_SCALE = Constraint("its input and output must have the same scale and zero point", same_quantization)

OPS = (
    _op(
        "sum",
        "SUM",
        _sum,
        {
            "int8": reduced.sum_kernel("int8", _factor),
            "int16": reduced.sum_kernel("int16", _factor),
            "float32": reduced.mean_kernel_f32(lambda g, n: 1),
        },
        SYMMETRIC,
        Constraint(WITHIN_32_BITS, _within),
        version=2,
        ptq=PtqRule(),
    ),
    _op(
        "reduce_max",
        "REDUCE_MAX",
        partial(_extremum, np.greater, -LARGEST),
        _extrema("reduce_max"),
        _ONE_SCALE,
        version=2,
        ptq=PtqRule(shared=True),
    ),
    _op(
        "reduce_min",
        "REDUCE_MIN",
        partial(_extremum, np.less, LARGEST),
        _extrema("reduce_min"),
        _ONE_SCALE,
        version=2,
        ptq=PtqRule(shared=True),
    ),
    _op("reduce_all", "REDUCE_ALL", _all, {"bool": reduced.kernel("reduce_all", "bool", (57.84, 53.97, 10.24, 7.996))}),
)
