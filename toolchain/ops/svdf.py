"""SVDF: int8 with int8 weights over features and int16 or int8 ones over time, or float32.

Inputs are x (batch, features), the weights over features (filters, features) and over time (filters, memory), the bias
and the state (batch, filters * memory), which lasts between inferences. The references follow TFLM's
``svdf_common.cc``. There the int8 kernels clamp to the output's codes alone, whatever the activation is, and sums over
time wrap. A zero point is added to a state of int8 before it is clamped; releases of TFLM up to 2026 clamp first, and
what leaves the codes then wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from toolchain.fixedpoint import quantize_multiplier, requantize, wrap32
from toolchain.graph import Array, Graph, Node
from toolchain.ops import float32
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    TfliteRecord,
    Value,
)
from toolchain.ops.common import (
    ACTIVATION,
    WITHIN_32_BITS,
    activation_code,
    activation_name,
    constant,
    within_32_bits,
)
from toolchain.ops.lstm_fixed import in_fours

_X, _FEATURES, _TIME, _BIAS, _STATE = range(5)
_FIXED = ("none", "relu")
_GROUP = 4
_TYPES = {  # of input, weights over features and over time, bias and state
    ("int8", "int8", "int16", "int32", "int16"),
    ("int8", "int8", "int8", "int32", "int8"),
    ("float32", "float32", "float32", "float32", "float32"),
}
_F = np.float32


@dataclass(frozen=True)
class SvdfAttrs:
    """``rank`` filters make an output."""

    rank: int
    activation: str


@dataclass(frozen=True)
class _Sizes:
    batches: int
    in_c: int
    filters: int
    memory: int
    units: int


def _read(op: TfliteOperator) -> SvdfAttrs:
    return SvdfAttrs(int(op.options.rank), activation_name(int(op.options.fusedActivationFunction)))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (("rank", node.attrs.rank), ("fusedActivationFunction", activation_code(node.attrs.activation)))
    return TfliteRecord("SVDF", node.inputs, 3, "SVDFOptions", fields)


def _sizes(graph: Graph, node: Node) -> _Sizes:
    batches, in_c = graph.tensor(node.inputs[_X]).shape
    filters, memory = graph.tensor(node.inputs[_TIME]).shape
    return _Sizes(batches, in_c, filters, memory, filters // int(node.attrs.rank))


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[_X]).dtype == "float32"


def _narrow(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[_STATE]).dtype == "int8"


def _state_factor(graph: Graph, node: Node) -> tuple[int, int]:
    x, features, state = (_F(graph.tensor(node.inputs[k]).scale) for k in (_X, _FEATURES, _STATE))
    return quantize_multiplier(float(x * features / state))


def _out_factor(graph: Graph, node: Node) -> tuple[int, int]:
    time, state = (_F(graph.tensor(node.inputs[k]).scale) for k in (_TIME, _STATE))
    return quantize_multiplier(float(state * time / _F(graph.tensor(node.outputs[0]).scale)))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """Samples are as many more batches; the state may be one for all."""
    size, samples = _sizes(graph, node), len(inputs[_X])
    state = np.broadcast_to(inputs[_STATE], (samples, *inputs[_STATE].shape[1:]))
    old = state.reshape(-1, size.filters, size.memory)
    compute = _reference_f32 if _is_float(graph, node) else _reference_s8
    out, newest = compute(graph, node, inputs[_X].reshape(-1, size.in_c), old)
    new = np.concatenate([old[..., 1:], newest[..., None]], axis=2)
    return [out.reshape(samples, size.batches, size.units), new.reshape(state.shape)]


def _reference_s8(graph: Graph, node: Node, x: Array, old: Array) -> tuple[Array, Array]:
    """(outputs, newest entries of the state)."""
    size, out, state = _sizes(graph, node), graph.tensor(node.outputs[0]), graph.tensor(node.inputs[_STATE])
    features, time, bias = (constant(graph, node.inputs[k]).astype(np.int64) for k in (_FEATURES, _TIME, _BIAS))
    zero_point = graph.tensor(node.inputs[_X]).zero_point
    limits = np.iinfo(state.dtype)
    sums = (x.astype(np.int64) - zero_point) @ features.T
    code = requantize(sums, *_state_factor(graph, node)) + state.zero_point
    newest = np.clip(code, limits.min, limits.max).astype(state.dtype)
    rows = np.concatenate([old[..., 1:], newest[..., None]], axis=2).astype(np.int64) - state.zero_point
    by_filter = (rows * time).sum(axis=2)
    totals = wrap32(by_filter.reshape(len(x), size.units, -1).sum(axis=2) + bias)
    codes = requantize(totals, *_out_factor(graph, node)) + out.zero_point
    return np.clip(codes, -128, 127).astype(np.int8), newest


def _reference_f32(graph: Graph, node: Node, x: Array, old: Array) -> tuple[Array, Array]:
    size = _sizes(graph, node)
    features, time, bias = (constant(graph, node.inputs[k]) for k in (_FEATURES, _TIME, _BIAS))
    with np.errstate(all="ignore"):
        newest = float32.sums_of_products(x, features)
        rows = np.concatenate([old[..., 1:], newest[..., None]], axis=2)
        by_filter = np.zeros(newest.shape, np.float32)
        for j in range(size.memory):
            by_filter += rows[..., j] * time[:, j]
        total = np.tile(bias, (len(x), 1))
        for r in range(node.attrs.rank):
            total += by_filter.reshape(len(x), size.units, -1)[..., r]
    return float32.activated(node, total), newest


def _by_size(graph: Graph, node: Node) -> tuple[tuple[str, Value], ...]:
    size = _sizes(graph, node)
    counts = (("batches", size.batches), ("in_c", size.in_c), ("filters", size.filters))
    return (*counts, ("rank", node.attrs.rank), ("memory", size.memory))


def _call(symbol: str, params: tuple[tuple[str, Value], ...], node: Node) -> tuple[KernelCall, ...]:
    struct = "nn_svdf_f32_params" if symbol == "nn_svdf_f32" else "nn_svdf_params"
    return (KernelCall(symbol, "nn_svdf.h", struct, params, (node.inputs[_X], node.inputs[_STATE]), node.outputs),)


def _lower(dsp: bool, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, state, out = (graph.tensor(n) for n in (node.inputs[_X], node.inputs[_STATE], node.outputs[0]))
    features = constant(graph, node.inputs[_FEATURES])
    if dsp:
        features = np.pad(features, ((0, -len(features) % _GROUP), (0, 0)))
    feature_bias = -x.zero_point * features.astype(np.int64).sum(axis=1)
    state_factor, out_factor = _state_factor(graph, node), _out_factor(graph, node)
    weights = in_fours(features.reshape(-1, _GROUP, features.shape[1]), swapped=False) if dsp else features
    params = (
        *_by_size(graph, node),
        ("state_multiplier", state_factor[0]),
        ("state_shift", state_factor[1]),
        ("state_zero_point", state.zero_point),
        ("out_multiplier", out_factor[0]),
        ("out_shift", out_factor[1]),
        ("out_zero_point", out.zero_point),
        ("feature_weights", Const("features", "int8_t", weights)),
        ("feature_bias", Const("feature_bias", "int32_t", feature_bias.astype(np.int32))),
        ("time_weights", Const("time", "int16_t", constant(graph, node.inputs[_TIME]).astype(np.int16))),
        ("bias", Const("bias", "int32_t", constant(graph, node.inputs[_BIAS]))),
    )
    symbol = "nn_svdf_s8_dsp" if dsp else "nn_svdf_s8_narrow" if _narrow(graph, node) else "nn_svdf_s8"
    return _call(symbol, params, node)


def _lower_f32(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    named = (("feature_weights", "features", _FEATURES), ("time_weights", "time", _TIME), ("bias", "bias", _BIAS))
    consts = tuple((field, Const(suffix, "float", constant(graph, node.inputs[k]))) for field, suffix, k in named)
    return _call("nn_svdf_f32", (*_by_size(graph, node), *float32.range_fields(node), *consts), node)


def _macs(graph: Graph, node: Node) -> int:
    size = _sizes(graph, node)
    return size.batches * size.filters * (size.in_c + size.memory)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outputs, filters, and a filter's products over features, over time, and over time of an int8 state."""
    size = _sizes(graph, node)
    filters = size.batches * size.filters
    over_time = filters * size.memory
    narrow = over_time if graph.tensor(node.inputs[_STATE]).dtype == "int8" else 0
    counts = (1, size.batches * size.units, filters, filters * size.in_c, over_time, narrow)
    return tuple(map(float, counts))


def _types(graph: Graph, node: Node) -> bool:
    kinds = tuple(graph.tensor(n).dtype for n in node.inputs)
    return kinds in _TYPES and graph.tensor(node.outputs[0]).dtype == kinds[0]


def _constants(graph: Graph, node: Node) -> bool:
    return all(graph.is_constant(node.inputs[k]) for k in (_FEATURES, _TIME, _BIAS))


def _shapes(graph: Graph, node: Node) -> bool:
    size, rank = _sizes(graph, node), node.attrs.rank
    wanted = {
        _FEATURES: (size.filters, size.in_c),
        _BIAS: (size.units,),
        _STATE: (size.batches, size.filters * size.memory),
    }
    agree = all(graph.tensor(node.inputs[k]).shape == shape for k, shape in wanted.items())
    out = graph.tensor(node.outputs[0]).shape == (size.batches, size.units)
    return agree and out and rank > 0 and size.filters % rank == 0 and min(size.memory, size.in_c, size.units) > 0


def _quantized(graph: Graph, node: Node) -> bool:
    """One scale each; weights symmetric, and what is int16."""
    for k, name in enumerate((*node.inputs[:_BIAS], node.inputs[_STATE], node.outputs[0])):
        quant = graph.tensor(name).quant
        if quant is None or len(quant.scale) != 1 or quant.scale[0] <= 0:
            return False
        if quant.zero_point != (0,) and (k in (_FEATURES, _TIME) or graph.tensor(name).dtype == "int16"):
            return False
    return True


def _sums_ok(graph: Graph, node: Node) -> bool:
    """Sums over features stay within 32 bits when rescaled; those over time wrap, but their codes stay so."""
    features = constant(graph, node.inputs[_FEATURES]).astype(np.int64)
    largest = 255.0 * float(np.abs(features).sum(axis=1).max())
    fits = within_32_bits(largest, _state_factor(graph, node)[1]) and largest < 1 << 31
    return fits and _out_factor(graph, node)[1] < 0


def _fixed(sentence: str, holds: Callable[[Graph, Node], bool]) -> Constraint:
    return Constraint(sentence, lambda g, n: _is_float(g, n) or holds(g, n))


OPS = (
    Op(
        name="svdf",
        tflite=("SVDF",),
        read=_read,
        write=_write,
        reference=_reference,
        macs=_macs,
        updates=lambda node: (_STATE,),
        constraints=(
            Constraint(
                "it must have an input, weights over features and over time, a bias and a state",
                lambda g, n: len(n.inputs) == _STATE + 1 and all(n.inputs) and len(n.outputs) == 1,
            ),
            Constraint(
                "its state must be a variable, which lasts between inferences",
                lambda g, n: g.tensor(n.inputs[_STATE]).initial is not None,
            ),
            Constraint(
                "it must be of float32 throughout, or its input, output and weights over features int8, its bias "
                "int32, and its state and weights over time both int8 or int16",
                _types,
            ),
            Constraint("its weights and bias must be constants", _constants),
            Constraint(
                "its shapes must agree: input (batch, I), weights (F, I) and (F, memory), output (batch, F / rank)",
                _shapes,
            ),
            ACTIVATION,
            _fixed("its activation must be none or ReLU for int8", lambda g, n: n.attrs.activation in _FIXED),
            _fixed(
                "its weights and int16 tensors must have one scale and the zero point 0, all others one scale",
                _quantized,
            ),
            _fixed(WITHIN_32_BITS, _sums_ok),
        ),
        variants=(
            KernelVariant(
                name="portable_s8",
                sources=("nn_svdf_s8.c",),
                lower=partial(_lower, False),
                cost=FittedCost((112.2, 45.18, 91.73, 4.179, 10.37, 4.321), _terms),
                supports=lambda g, n: not _is_float(g, n),
            ),
            KernelVariant(
                name="dsp_s8",
                sources=("nn_svdf_s8_dsp.c",),
                lower=partial(_lower, True),
                cost=FittedCost((223.0, 52.1, 103.1, 1.678, 5.965, 0.0), _terms),
                supports=lambda g, n: not _is_float(g, n) and not _narrow(g, n),
                features=frozenset({"dsp"}),
            ),
            KernelVariant(
                name="portable_f32",
                sources=("nn_svdf_f32.c",),
                lower=_lower_f32,
                cost=FittedCost((88.91, 66.77, 17.83, 9.981, 11.88, 0.0), _terms),
                supports=_is_float,
            ),
        ),
    ),
)
