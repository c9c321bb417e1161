"""ADD and MUL of two int8 tensors with broadcasting.

The references follow TFLM's ``reference_integer_ops::Add`` (both inputs shifted left by 20 and rescaled to twice the
larger input scale, summed, rescaled to the output) and ``Mul``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.add_dsp import BUILT, DSP, LEFT_SHIFT, TABLES, factors
from toolchain.ops.add_mve import MVE
from toolchain.ops.base import (
    INT8,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    Value,
    clamp_int8,
)
from toolchain.ops.common import (
    ACTIVATION,
    WITHIN_32_BITS,
    activation_code,
    activation_name,
    activation_range,
    elements,
    within_32_bits,
)
from toolchain.ops.row_parts import same_rows

FEW_LOOPS, MOST_LOOPS = 4, 6  # of kernels of ADD and MUL, and of those of all operators (nn_binary.h)


@dataclass(frozen=True)
class BinaryAttrs:
    activation: str


def read(op: TfliteOperator) -> BinaryAttrs:
    return BinaryAttrs(activation_name(int(op.options.fusedActivationFunction)))


def broadcast_strides(
    out: tuple[int, ...], inputs: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Loop extents and each input's strides in elements (0 where it is broadcast), neighbours merged.

    Tensors of equal shape become one loop.
    """
    rank = len(out)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in inputs]
    strides = [tuple(elements(s[d + 1 :]) if s[d] != 1 else 0 for d in range(rank)) for s in padded]
    dims: list[int] = []
    steps: list[list[int]] = [[] for _ in inputs]
    for d in range(rank):
        if out[d] == 1:
            continue
        if dims and all(s[-1] == strides[i][d] * out[d] for i, s in enumerate(steps)):
            dims[-1] *= out[d]
            for i, s in enumerate(steps):
                s[-1] = strides[i][d]
        else:
            dims.append(out[d])
            for i, s in enumerate(steps):
                s.append(strides[i][d])
    return tuple(dims), [tuple(s) for s in steps]


def loops(graph: Graph, node: Node, count: int = FEW_LOOPS) -> tuple[tuple[str, Value], ...]:
    """The fields of a kernel with so many nested loops."""
    out = graph.tensor(node.outputs[0])
    dims, steps = broadcast_strides(out.shape, [graph.tensor(n).shape for n in node.inputs])
    missing = count - len(dims)
    return (
        ("dims", (1,) * missing + dims),
        *((f"stride{i}", (0,) * missing + step) for i, step in enumerate(steps, 1)),
    )


def of_equal_rank(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """All inputs, with ranks made equal behind the sample axis."""
    rank = len(graph.tensor(node.outputs[0]).shape)
    shapes = [graph.tensor(name).shape for name in node.inputs]
    return [x.reshape(x.shape[0], *(1,) * (rank - len(shape)), *shape) for x, shape in zip(inputs, shapes, strict=True)]


def _centred(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """Both inputs minus their zero points, with ranks made equal behind the sample axis."""
    wide = of_equal_rank(graph, node, inputs)
    return [x.astype(np.int64) - graph.tensor(n).zero_point for n, x in zip(node.inputs, wide, strict=True)]


def _add(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    first, second, total = factors(graph, node)
    a, b = (x << LEFT_SHIFT for x in _centred(graph, node, inputs))
    raw = fixedpoint.requantize(a, *first) + fixedpoint.requantize(b, *second)
    return [
        clamp_int8(fixedpoint.requantize(raw, *total) + out.zero_point, *activation_range(node.attrs.activation, out))
    ]


def _mul_factor(graph: Graph, node: Node) -> tuple[int, int]:
    a, b = (graph.tensor(n).scale for n in node.inputs)
    return fixedpoint.quantize_multiplier(a * b / graph.tensor(node.outputs[0]).scale)


def _mul(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    a, b = _centred(graph, node, inputs)
    scaled = fixedpoint.requantize(a * b, *_mul_factor(graph, node)) + out.zero_point
    return [clamp_int8(scaled, *activation_range(node.attrs.activation, out))]


def _zero_points_and_range(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    a, b = (graph.tensor(n) for n in node.inputs)
    out = graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    return (
        ("zero_point1", a.zero_point),
        ("zero_point2", b.zero_point),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
    )


def _add_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    (m1, s1), (m2, s2), (m, s) = factors(graph, node)
    scaling = (
        ("multiplier1", m1),
        ("multiplier2", m2),
        ("out_multiplier", m),
        ("shift1", s1),
        ("shift2", s2),
        ("out_shift", s),
    )
    return *scaling, *_zero_points_and_range(graph, node)


def _lower_add(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*loops(graph, node), *_add_fields(graph, node))
    return (KernelCall("nn_add_s8", "nn_elementwise.h", "nn_add_params", params, node.inputs, node.outputs),)


def _mul_fields(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    multiplier, shift = _mul_factor(graph, node)
    return ("out_multiplier", multiplier), ("out_shift", shift), *_zero_points_and_range(graph, node)


def _lower_mul(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (*loops(graph, node), *_mul_fields(graph, node))
    return (KernelCall("nn_mul_s8", "nn_elementwise.h", "nn_mul_params", params, node.inputs, node.outputs),)


def in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """Inputs of the output's shape are read element by element before the element is written."""
    shape = graph.tensor(node.outputs[0]).shape
    return tuple(i for i, n in enumerate(node.inputs) if graph.tensor(n).shape == shape)


def is_codewise(graph: Graph, node: Node) -> bool:
    """With one number as the other operand."""
    shape = graph.tensor(node.outputs[0]).shape
    variables = [n for n in node.inputs if not graph.is_constant(n)]
    numbers = [n for n in node.inputs if graph.is_constant(n) and graph.tensor(n).size == 1]
    return len(variables) == len(numbers) == 1 and graph.tensor(variables[0]).shape == shape


def _broadcasts(graph: Graph, node: Node) -> bool:
    shapes = [graph.tensor(n).shape for n in node.inputs]
    out = graph.tensor(node.outputs[0]).shape
    try:
        fits = np.broadcast_shapes(*shapes) == out
    except ValueError:
        return False
    return fits and len(broadcast_strides(out, shapes)[0]) <= MOST_LOOPS


SHAPES = (
    Constraint("it must have two inputs", lambda g, n: len(n.inputs) == 2),
    Constraint("its inputs' shapes must broadcast to its output's, in at most 6 loops", _broadcasts),
)
CONSTRAINTS = (
    INT8,
    SHAPES[0],
    Constraint("its inputs must both be int8", lambda g, n: all(g.tensor(t).dtype == "int8" for t in n.inputs)),
    SHAPES[1],
    ACTIVATION,
)


# Of a product neither factor is rescaled.
UNSCALED = tuple((name, 0) for name in ("left_shift", "multiplier1", "multiplier2", "shift1", "shift2"))


def has_few_loops(graph: Graph, node: Node) -> bool:
    shapes = [graph.tensor(n).shape for n in node.inputs]
    return len(broadcast_strides(graph.tensor(node.outputs[0]).shape, shapes)[0]) <= FEW_LOOPS


def runs_and_elements(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, runs of the innermost loop, elements."""
    out = graph.tensor(node.outputs[0])
    dims, _ = broadcast_strides(out.shape, [graph.tensor(n).shape for n in node.inputs])
    return 1.0, float(elements(dims[:-1])), float(out.size)


# By kernel: of a call, of each run of the innermost loop, and of each element.
_DEEP_CYCLES = {
    "add_s8": (908.8, 28.35, 135.8),
    "mul_s8": (997.5, 40.16, 65.99),
    "add_s16": (1112.0, 42.95, 128.9),
    "mul_s16": (1192.0, 95.58, 39.98),
    "add_s32": (882.5, 21.36, 27.02),
    "mul_s32": (882.5, 21.36, 27.02),
    "add_f32": (944.2, 33.36, 25.98),
    "mul_f32": (944.2, 33.36, 25.98),
}


def deep(
    name: str,
    suffix: str,
    struct: str,
    fields: Callable[[Graph, Node], tuple[tuple[str, Value], ...]],
    supports: Callable[[Graph, Node], bool] = lambda graph, node: not has_few_loops(graph, node),
) -> KernelVariant:
    """The kernel of ADD or MUL for more loops than others have."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = (*loops(graph, node, MOST_LOOPS), *fields(graph, node))
        symbol, header = f"nn_{name}_deep_{suffix}", "nn_elementwise_deep.h"
        return (KernelCall(symbol, header, f"nn_binary_{struct}_params", params, node.inputs, node.outputs),)

    return KernelVariant(
        name="portable_deep",
        sources=("nn_elementwise_deep.c",),
        lower=lower,
        cost=FittedCost(_DEEP_CYCLES[f"{name}_{suffix}"], runs_and_elements),
        supports=supports,
        in_place=in_place,
    )


# Of two centred int8 codes. ADD halves both before it adds them.
LARGEST_SUM, LARGEST_PRODUCT = 255 << LEFT_SHIFT, 255 * 255


def _op(
    name: str,
    tflite: str,
    reference: Callable[[Graph, Node, Sequence[Array]], list[Array]],
    lower: Callable[[Graph, Node], tuple[KernelCall, ...]],
    cycles: tuple[float, ...],
    within: Callable[[Graph, Node], bool],
    *variants: KernelVariant,
) -> Op:
    variant = KernelVariant(
        name="portable",
        sources=(f"nn_{name}_s8.c",),
        lower=lower,
        cost=FittedCost(cycles, runs_and_elements),
        supports=has_few_loops,
        in_place=in_place,
    )
    return Op(
        name=name,
        tflite=(tflite,),
        read=read,
        write=lambda g, n: _write(tflite, f"{name.capitalize()}Options", n),
        ptq=PtqRule(),
        rows=same_rows,
        reference=reference,
        constraints=(*CONSTRAINTS, Constraint(WITHIN_32_BITS, within)),
        variants=(variant, *variants),
        codewise=is_codewise,
    )


def _write(builtin: str, table: str, node: Node) -> TfliteRecord:
    fields = (("fusedActivationFunction", activation_code(node.attrs.activation)),)
    return TfliteRecord(builtin, node.inputs, 2, table, fields)


OPS = (
    _op(
        "add",
        "ADD",
        _add,
        _lower_add,
        (57.51, 47.46, 109.4),
        lambda g, n: within_32_bits(LARGEST_SUM, factors(g, n)[2][1]),
        TABLES,
        BUILT,
        DSP,
        MVE,
        deep("add", "s8", "scaled", lambda g, n: (("left_shift", LEFT_SHIFT), *_add_fields(g, n))),
    ),
    _op(
        "mul",
        "MUL",
        _mul,
        _lower_mul,
        (142.5, 43.39, 65.73),
        lambda g, n: within_32_bits(LARGEST_PRODUCT, _mul_factor(g, n)[1]),
        deep("mul", "s8", "scaled", lambda g, n: (*UNSCALED, *_mul_fields(g, n))),
    ),
)
