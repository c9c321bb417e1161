"""Functions of one element.

ABS, ELU, EXP, GELU, HARD_SWISH, LEAKY_RELU, LOGISTIC, RELU_N1_TO_1, RSQRT and TANH of int8, of float32 and, as far as
TFLM has them, of int16; CEIL, COS, FLOOR, LOG, NEG, ROUND, SIN, SQRT and SQUARE of float32.

On int8 each is a table of 256 outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolchain import floatmath
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops import unary_codes as codes
from toolchain.ops import unary_f32 as real
from toolchain.ops import unary_s16 as words
from toolchain.ops.base import (
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
    no_attrs,
    same_shape,
)
from toolchain.ops.common import once_and_elements
from toolchain.ops.float32 import clamp
from toolchain.ops.int16 import SYMMETRIC
from toolchain.ops.int16 import clamp as clamp_int16
from toolchain.ops.lookup import table_kernel
from toolchain.ops.row_parts import count_field, same_rows
from toolchain.ops.unary_codes import GeluAttrs, LeakyAttrs

Fields = tuple[tuple[str, Value], ...]
_SOURCES = {"nn_unary_s16": ("nn_unary_s16.c", "nn_sigmoid16.c")}
_NEARLY = ("cos", "elu", "exp", "gelu", "log", "logistic", "sin", "tanh")  # by floatmath.py
_F = np.float32
# By kernel: of a call, and of each element.
_CYCLES: Mapping[str, tuple[float, float]] = {
    "nn_abs_s16": (48.0, 30.0),
    "nn_abs_f32": (13.0, 9.0),
    "nn_ceil_f32": (23.27, 41.07),
    "nn_cos_f32": (-15.49, 194.6),
    "nn_elu_f32": (120.8, 33.72),
    "nn_exp_f32": (47.0, 72.0),
    "nn_floor_f32": (28.99, 41.2),
    "nn_gelu_f32": (20.33, 248.0),
    "nn_hard_swish_f32": (14.38, 31.36),
    "nn_leaky_relu_s16": (61.96, 43.0),
    "nn_leaky_relu_f32": (14.95, 13.5),
    "nn_log_f32": (35.01, 118.0),
    "nn_logistic_s16": (51.0, 28.0),
    "nn_logistic_f32": (34.0, 103.0),
    "nn_neg_f32": (13.0, 9.0),
    "nn_relu_n1_to_1_f32": (13.31, 13.67),
    "nn_round_f32": (47.06, 50.19),
    "nn_rsqrt_s16": (71.06, 360.7),
    "nn_rsqrt_f32": (27.0, 40.0),
    "nn_sin_f32": (-19.49, 192.2),
    "nn_sqrt_f32": (20.0, 26.0),
    "nn_square_f32": (13.0, 9.0),
    "nn_tanh_s16": (46.49, 30.25),
    "nn_tanh_f32": (34.08, 92.09),
}


@dataclass(frozen=True)
class Typed:
    """An operator on one type: its output, the kernel for it, and what it demands beyond what all do."""

    compute: Callable[[Graph, Node, Array], Array]
    variant: KernelVariant
    demands: tuple[Constraint, ...] = ()
    nearly: bool = False


def _tensors(graph: Graph, node: Node) -> tuple[Tensor, Tensor]:
    return graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])


def _s8(function: codes.Function, *demands: Constraint) -> Typed:
    def compute(graph: Graph, node: Node, x: Array) -> Array:
        source, out = _tensors(graph, node)
        return clamp_int8(function(x.astype(np.int64) - source.zero_point, source, out, node.attrs))

    return Typed(compute, table_kernel(lambda g, n: compute(g, n, np.arange(-128, 128))), demands)


def _portable(
    symbol: str,
    source: str,
    struct: str,
    fields: Callable[[Graph, Node], Fields] = lambda graph, node: (),
) -> KernelVariant:
    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = (("size", graph.tensor(node.outputs[0]).size), *fields(graph, node))
        return (KernelCall(symbol, f"{source}.h", struct, params, node.inputs, node.outputs),)

    return KernelVariant(
        name=f"portable_{symbol.rsplit('_', 1)[1]}",
        sources=_SOURCES.get(source, (f"{source}.c",)),
        lower=lower,
        cost=FittedCost(_CYCLES[symbol], once_and_elements),
        in_place=lambda g, n: (0,),
        rows=lambda g, n: count_field("size", g, n),
    )


def _s16(
    name: str, function: codes.Function, fields: Callable[[Tensor, Tensor, Any], Fields], *demands: Constraint
) -> Typed:
    def compute(graph: Graph, node: Node, x: Array) -> Array:
        return clamp_int16(function(x.astype(np.int64), *_tensors(graph, node), node.attrs))

    struct = "nn_table_s16_params" if name in ("logistic", "tanh") else f"nn_{name}_s16_params"
    made = _portable(f"nn_{name}_s16", "nn_unary_s16", struct, lambda g, n: fields(*_tensors(g, n), n.attrs))
    return Typed(compute, made, (SYMMETRIC, *demands))


def _f32(symbol: str, function: Callable[[Array, Any], Array], fields: Callable[[Any], Fields] | None = None) -> Typed:
    def compute(graph: Graph, node: Node, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return function(x, node.attrs)

    struct = "nn_unary_f32_params" if fields is None else f"nn_{symbol}_f32_params"
    made = _portable(
        f"nn_{symbol}_f32",
        "nn_unary_f32",
        struct,
        lambda g, n: () if fields is None else fields(n.attrs),
    )
    return Typed(compute, made, nearly=symbol in _NEARLY)


def _abs_fields(x: Tensor, out: Tensor, attrs: None) -> Fields:
    multiplier, shift = codes.identity_factor(x, out)
    return ("multiplier", multiplier), ("shift", shift)


def _leaky_fields(x: Tensor, out: Tensor, attrs: LeakyAttrs) -> Fields:
    (rising, rising_shift), (falling, falling_shift) = codes.leaky_factors(x, out, attrs)
    return ("rising", rising), ("falling", falling), ("rising_shift", rising_shift), ("falling_shift", falling_shift)


def _rsqrt_fields(x: Tensor, out: Tensor, attrs: None) -> Fields:
    multiplier, shift = codes.rsqrt_factor(x, out)
    return ("multiplier", multiplier), ("shift", shift)


def _table_fields(factor: Callable[[Tensor], tuple[int, int]]) -> Callable[[Tensor, Tensor, Any], Fields]:
    def fields(x: Tensor, out: Tensor, attrs: None) -> Fields:
        multiplier, shift = factor(x)
        return ("multiplier", multiplier), ("shift", shift)

    return fields


def _of_type(types: Mapping[str, Typed]) -> Constraint:
    def holds(graph: Graph, node: Node) -> bool:
        x, out = _tensors(graph, node)
        return x.dtype == out.dtype and x.dtype in types

    listed = ", ".join(types)
    return Constraint(f"its input and output must {'be' if len(types) == 1 else 'be of one type of'} {listed}", holds)


def _only_for(dtype: str, demand: Constraint) -> Constraint:
    return Constraint(demand.sentence, lambda g, n: _tensors(g, n)[0].dtype != dtype or demand.holds(g, n))


def _of(dtype: str, typed: Typed) -> KernelVariant:
    return replace(typed.variant, supports=lambda g, n: _tensors(g, n)[0].dtype == dtype)


def _op(
    name: str,
    types: Mapping[str, Typed],
    *,
    version: int = 1,
    read: Callable[[TfliteOperator], Any] = no_attrs,
    table: str = "",
    fields: Callable[[Any], tuple[tuple[str, float], ...]] = lambda attrs: (),
    ptq: PtqRule = PtqRule(),  # noqa: B008
) -> Op:
    builtin = name.upper()
    demands = tuple(_only_for(dtype, demand) for dtype, typed in types.items() for demand in typed.demands)

    def reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
        return [types[_tensors(graph, node)[0].dtype].compute(graph, node, inputs[0])]

    return Op(
        name=name,
        tflite=(builtin,),
        read=read,
        write=lambda g, n: TfliteRecord(builtin, n.inputs, version, table, fields(n.attrs)),
        ptq=ptq if "int8" in types else None,
        reference=reference,
        codewise=lambda g, n: _tensors(g, n)[0].dtype == "int8",
        rows=same_rows,
        nearly=lambda g, n: types[_tensors(g, n)[0].dtype].nearly,
        constraints=(
            _of_type(types),
            Constraint("its input and output must have the same shape", same_shape),
            *demands,
        ),
        variants=tuple(_of(dtype, typed) for dtype, typed in types.items()),
    )


def _plain(name: str, function: Callable[[Array], Array], table: str = "") -> Op:
    """An operator on float32 alone, as TFLM has it."""
    return _op(name, {"float32": _f32(name, lambda x, attrs: function(x))}, table=table)


def _read_leaky(op: TfliteOperator) -> LeakyAttrs:
    return LeakyAttrs(float(_F(op.options.alpha)))


def _read_gelu(op: TfliteOperator) -> GeluAttrs:
    return GeluAttrs(bool(op.options.approximate))


_LOWEST = Constraint("its output must have the zero point -128", lambda g, n: g.tensor(n.outputs[0]).zero_point == -128)

OPS = (
    _op(
        "abs",
        {
            "int8": _s8(codes.abs_codes, codes.RESCALED),
            "int16": _s16("abs", codes.abs_codes, _abs_fields, codes.RESCALED),
            "float32": _f32("abs", lambda x, attrs: np.abs(x)),
        },
        version=2,
        table="AbsOptions",
    ),
    _op("elu", {"int8": _s8(codes.by_float(codes.elu_values)), "float32": _f32("elu", real.elu)}),
    _op(
        "exp",
        {
            "int8": _s8(codes.by_float(codes.exp_values)),
            "float32": _f32("exp", lambda x, attrs: floatmath.exp(x)),
        },
        version=2,
        table="ExpOptions",
    ),
    _op(
        "gelu",
        {
            "int8": _s8(codes.by_float(codes.gelu_values)),
            "float32": _f32("gelu", real.gelu, lambda a: (("approximate", int(a.approximate)),)),
        },
        version=2,
        read=_read_gelu,
        table="GeluOptions",
        fields=lambda a: (("approximate", a.approximate),),
    ),
    _op(
        "hard_swish",
        {"int8": _s8(codes.hard_swish_codes, codes.SWISHING), "float32": _f32("hard_swish", real.hard_swish)},
        table="HardSwishOptions",
    ),
    _op(
        "leaky_relu",
        {
            "int8": _s8(codes.leaky_relu_codes, codes.RESCALED),
            "int16": _s16("leaky_relu", codes.leaky_relu_codes, _leaky_fields, codes.RESCALED),
            "float32": _f32("leaky_relu", real.leaky_relu, lambda a: (("alpha", a.alpha),)),
        },
        version=2,
        read=_read_leaky,
        table="LeakyReluOptions",
        fields=lambda a: (("alpha", a.alpha),),
    ),
    _op(
        "logistic",
        {
            "int8": _s8(codes.logistic_codes, codes.STEP, _LOWEST),
            "int16": _s16(
                "logistic", words.logistic_codes, _table_fields(words.logistic_factor), words.ARGUMENT, words.UNIT
            ),
            "float32": _f32("logistic", real.logistic),
        },
        version=2,
        ptq=PtqRule(fixed=(1 / 256, -128), fixed_scale16=1 / 32768),
    ),
    _op(
        "relu_n1_to_1",
        {
            "int8": _s8(codes.relu_n1_to_1_codes, codes.RESCALED),
            "float32": _f32("relu_n1_to_1", lambda x, attrs: clamp(x, -1.0, 1.0)),
        },
    ),
    _op(
        "rsqrt",
        {
            "int8": _s8(codes.rsqrt_codes, codes.ROOTED),
            "int16": _s16("rsqrt", codes.rsqrt_codes, _rsqrt_fields, codes.ROOTED),
            "float32": _f32("rsqrt", real.rsqrt),
        },
        version=2,
    ),
    _op(
        "tanh",
        {
            "int8": _s8(codes.tanh_codes, codes.STEP),
            "int16": _s16("tanh", words.tanh_codes, _table_fields(words.tanh_factor), words.ARGUMENT, words.UNIT),
            "float32": _f32("tanh", lambda x, attrs: floatmath.tanh(x)),
        },
        version=2,
        ptq=PtqRule(fixed=(1 / 128, 0), fixed_scale16=1 / 32768),
    ),
    _plain("ceil", np.ceil),
    _plain("cos", floatmath.cos, "CosOptions"),
    _plain("floor", np.floor),
    _plain("log", floatmath.log),
    _plain("neg", np.negative, "NegOptions"),
    _op("round", {"float32": _f32("round", real.round_half_even)}),
    _plain("sin", floatmath.sin),
    _plain("sqrt", np.sqrt),
    _plain("square", np.square, "SquareOptions"),
)
