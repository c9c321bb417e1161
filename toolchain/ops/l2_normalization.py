"""L2_NORMALIZATION of each line along the last dimension, on int8 and float32.

The references follow TFLM's ``reference_integer_ops::L2Normalization``, which divides by the root of the sum of squares
whatever scale the output has (1/128 is meant), and ``reference_ops::L2Normalization``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    Value,
    clamp_int8,
    same_shape,
)
from toolchain.ops.common import rows_and_elements
from toolchain.ops.float32 import INT8_OR_FLOAT32

OUTPUT_BITS = 7  # the output's scale is 1/128
MAX_COLUMNS = ((1 << 31) - 1) // 255**2  # whose squares fit 32 bits
EPSILON = 1e-6  # the least length that floats are divided by


def _of_codes(x: Array) -> Array:
    """``x``: codes less their zero point."""
    factors = [fixedpoint.inverse_sqrt(int(square)) for square in (x * x).sum(axis=-1).reshape(-1)]
    multiplier, shift = (np.array(f, np.int64).reshape(*x.shape[:-1], 1) for f in zip(*factors, strict=True))
    return clamp_int8(fixedpoint.requantize(x, multiplier, shift + OUTPUT_BITS))


def _of_floats(x: Array) -> Array:
    square = np.zeros(x.shape[:-1], np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for k in range(x.shape[-1]):
            square += x[..., k] * x[..., k]
        length = np.sqrt(square)
        return x / np.where(length < np.float32(EPSILON), np.float32(EPSILON), length)[..., None]


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    if inputs[0].dtype == np.float32:
        return [_of_floats(inputs[0])]
    return [_of_codes(inputs[0].astype(np.int64) - graph.tensor(node.inputs[0]).zero_point)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    suffix = "s8" if x.dtype == "int8" else "f32"
    params: tuple[tuple[str, Value], ...] = (
        ("rows", x.size // x.shape[-1]),
        ("columns", x.shape[-1]),
        ("zero_point", x.zero_point if x.dtype == "int8" else 0),
    )
    name = "nn_l2_normalization"
    return (KernelCall(f"{name}_{suffix}", f"{name}.h", f"{name}_params", params, node.inputs, node.outputs),)


def _variant(dtype: str, suffix: str, cycles: tuple[float, float, float]) -> KernelVariant:
    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_l2_normalization.c",),
        lower=_lower,
        cost=FittedCost(cycles, rows_and_elements),
        supports=lambda g, n: g.tensor(n.inputs[0]).dtype == dtype,
        in_place=lambda g, n: (0,),
    )


def _short(graph: Graph, node: Node) -> bool:
    x = graph.tensor(node.inputs[0])
    return x.dtype == "float32" or 1 <= x.shape[-1] <= MAX_COLUMNS


OPS = (
    Op(
        name="l2_normalization",
        tflite=("L2_NORMALIZATION",),
        read=elementwise.read,
        write=lambda g, n: TfliteRecord("L2_NORMALIZATION", n.inputs, 2, "L2NormOptions"),
        ptq=PtqRule(fixed=(1 / 128, 0)),
        reference=_reference,
        constraints=(
            INT8_OR_FLOAT32,
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its fused activation must be none", lambda g, n: n.attrs.activation == "none"),
            Constraint(f"its last dimension must be at most {MAX_COLUMNS}", _short),
        ),
        variants=(
            _variant("int8", "s8", (40.1, 320.2, 44.76)),
            _variant("float32", "f32", (41.0, 33.0, 30.0)),
        ),
    ),
)
