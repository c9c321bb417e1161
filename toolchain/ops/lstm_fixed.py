"""LSTM of int8 or int16 with int8 weights and int16 cell states.

Each gate is the sum of two products, each rescaled and rounded by itself to codes of 2**-12. Functions have codes of
2**-15. The factors are formed in double precision, as in TFLM's fully connected layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from toolchain import sigmoid16
from toolchain.fixedpoint import quantize_multiplier, requantize, rounding_divide_by_pot
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Constraint, Fields, FittedCost, KernelCall, KernelVariant, Value
from toolchain.ops.common import WITHIN_32_BITS, within_32_bits
from toolchain.ops.int16 import HIGH, LARGEST_SUM, LOW, MOST_SHIFT, requantize_wide
from toolchain.ops.lstm_parts import (
    BIASES,
    CELL,
    HIDDEN,
    HIDDEN_WEIGHTS,
    IN_WEIGHTS,
    Step,
    arguments,
    by_units,
    dtype_of,
    fours_terms,
    loops,
    tensors,
    terms,
)

_GATE, _FUNCTION = 2.0**-12, 2.0**-15  # steps of codes
_LEAST_POWER, _MOST_POWER = -27, 2  # of two, as scale of a cell state: what 32 bits allow


def _factors(graph: Graph, node: Node, source: int, positions: Iterable[int]) -> list[tuple[int, int]]:
    """(multiplier, shift) of each gate for the products of input ``source``."""
    x = graph.tensor(node.inputs[source]).scale
    return [quantize_multiplier(x * w.scale / _GATE) for w in tensors(graph, node, positions)]


def _wide_factors(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(factor of 16 bits, right shift)."""
    return [((m + (1 << 15)) >> 16 if m < 0x7FFF0000 else 0x7FFF, 15 - shift) for m, shift in pairs]


def _power(graph: Graph, node: Node) -> int:
    """The exponent of the cell state's scale."""
    return round(math.log2(graph.tensor(node.inputs[CELL]).scale))


def _clip(graph: Graph, node: Node) -> tuple[int, int]:
    """The lowest and the highest code of the cell state."""
    if node.attrs.cell_clip == 0:
        return LOW, HIGH
    most = int(min(node.attrs.cell_clip / graph.tensor(node.inputs[CELL]).scale, HIGH))
    return -most, most


def _tanh_factor(graph: Graph, node: Node) -> tuple[int, int]:
    """What takes the cell state to the argument of tanh: (factor, right shift)."""
    left = 12 + _power(graph, node)
    return (3 << left, 0) if left >= 0 else (3, -left)


def _out_factor(graph: Graph, node: Node) -> tuple[int, int]:
    return quantize_multiplier(_FUNCTION * _FUNCTION / graph.tensor(node.inputs[HIDDEN]).scale)


def _clamped(x: Array) -> Array:
    clamped: Array = np.clip(x, LOW, HIGH)
    return clamped


def _halved(x: Array, right: int) -> Array:
    """x / 2**(right + 1), rounded twice."""
    return rounding_divide_by_pot((x + 1) >> 1, right)


def _product(x: Array, weights: Array) -> Array:
    """(batches, K) times (units, GATES, K); float64 holds sums below 2**53 exactly."""
    product: Array = np.einsum("bk,ugk->bug", x.astype(np.float64), weights.astype(np.float64), optimize=True)
    return product.astype(np.int64)


def step(graph: Graph, node: Node) -> Step:
    wide = dtype_of(graph, node) == "int16"
    in_weights, hidden_weights = by_units(graph, node, IN_WEIGHTS), by_units(graph, node, HIDDEN_WEIGHTS)
    bias = by_units(graph, node, BIASES).astype(np.int64)
    zero_points = [0 if wide else t.zero_point for t in tensors(graph, node, (0, HIDDEN))]
    pairs = [_factors(graph, node, 0, IN_WEIGHTS), _factors(graph, node, HIDDEN, HIDDEN_WEIGHTS)]
    rescale = requantize_wide if wide else requantize
    in_factors, hidden_factors = (np.array(_wide_factors(p) if wide else p, np.int64).T for p in pairs)
    tanh_factor, out_factor, clip = (f(graph, node) for f in (_tanh_factor, _out_factor, _clip))
    power = _power(graph, node)
    low, high = (LOW, HIGH) if wide else (-128, 127)
    dtype = np.int16 if wide else np.int8

    def one(x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        of_in = _product(x.astype(np.int64) - zero_points[0], in_weights) + bias
        of_hidden = _product(hidden.astype(np.int64) - zero_points[1], hidden_weights)
        rescaled = _clamped(rescale(of_in, *in_factors)), _clamped(rescale(of_hidden, *hidden_factors))
        arguments = sigmoid16.scaled(_clamped(rescaled[0] + rescaled[1]), 3, 0)
        let_in, keep, show = (sigmoid16.logistic(arguments[..., k]) for k in (0, 1, 3))
        kept = _halved(keep * cell.astype(np.int64), 14)
        new = _clamped(_halved(let_in * sigmoid16.tanh(arguments[..., 2]), 29 + power))
        state = np.clip(_clamped(kept + new), *clip)
        shown = show * sigmoid16.tanh(sigmoid16.scaled(state, *tanh_factor))
        codes = np.clip(requantize(shown, *out_factor) + zero_points[1], low, high)
        return codes.astype(dtype), state.astype(np.int16)

    return one


def _unit(graph: Graph, node: Node) -> Fields:
    low, high = _clip(graph, node)
    factor, right = _tanh_factor(graph, node)
    multiplier, shift = _out_factor(graph, node)
    hidden = graph.tensor(node.inputs[HIDDEN])
    names = ("cell_right", "cell_min", "cell_max", "tanh_factor", "tanh_right")
    values = (29 + _power(graph, node), low, high, factor, right)
    out = (
        ("out_multiplier", multiplier),
        ("out_shift", shift),
        ("out_zero_point", 0 if hidden.dtype == "int16" else hidden.zero_point),
    )
    return Fields((*zip(names, values, strict=True), *out))


def in_fours(weights: Array, swapped: bool) -> Array:
    """(units, GATES, taps) as kernels for the DSP extension read them: (units, fours of taps, GATES, 4).

    ``swapped``: of four taps the middle ones change places.
    """
    units, gates, taps = weights.shape
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -taps % 4))).reshape(units, gates, -1, 4)
    if swapped:
        padded = padded[..., [0, 2, 1, 3]]
    return np.ascontiguousarray(padded.swapaxes(1, 2))


def _weights(graph: Graph, node: Node, dsp: bool) -> tuple[tuple[str, Value], ...]:
    swapped = dtype_of(graph, node) == "int16"
    fields = []
    for name, positions in (("in_weights", IN_WEIGHTS), ("hidden_weights", HIDDEN_WEIGHTS)):
        weights = by_units(graph, node, positions)
        fields.append((name, Const(name, "int8_t", in_fours(weights, swapped) if dsp else weights)))
    return tuple(fields)


def _lower(dsp: bool, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    wide = dtype_of(graph, node) == "int16"
    factors: list[tuple[str, Value]] = []
    for name, source, positions in (("in", 0, IN_WEIGHTS), ("hidden", HIDDEN, HIDDEN_WEIGHTS)):
        pairs = _factors(graph, node, source, positions)
        values, shifts = zip(*(_wide_factors(pairs) if wide else pairs), strict=True)
        factors += [(f"{name}_factor" if wide else f"{name}_multiplier", values), (f"{name}_shift", shifts)]
    kind = "s16" if wide else "s8"
    params = (
        *loops(graph, node),
        ("unit", _unit(graph, node)),
        *factors,
        *_weights(graph, node, dsp),
        *_biases(graph, node, wide),
    )
    call = KernelCall(
        f"nn_lstm_{kind}_dsp" if dsp else f"nn_lstm_{kind}",
        "nn_lstm.h",
        f"nn_lstm_{kind}_params",
        params,
        arguments(node),
        node.outputs,
    )
    return (call,)


def _biases(graph: Graph, node: Node, wide: bool) -> tuple[tuple[str, Const], ...]:
    """Of int8, what the zero points amount to goes into the biases; these wrap, as the sums do."""
    bias = by_units(graph, node, BIASES).astype(np.int64)
    if wide:
        return (("in_bias", Const("in_bias", "int64_t", bias)),)
    fields = []
    for name, source, positions in (("in_bias", 0, IN_WEIGHTS), ("hidden_bias", HIDDEN, HIDDEN_WEIGHTS)):
        sums = by_units(graph, node, positions).astype(np.int64).sum(axis=2)
        total = (bias if source == 0 else 0) - graph.tensor(node.inputs[source]).zero_point * sums
        fields.append((name, Const(name, "int32_t", total.astype(np.int32))))
    return tuple(fields)


def _largest_sums(graph: Graph, node: Node) -> list[tuple[Array, list[tuple[int, int]]]]:
    """For both products the most that each gate's sums can be in size, and the factors of the gates."""
    reach = 1 << 15 if dtype_of(graph, node) == "int16" else 255
    bias = np.abs(by_units(graph, node, BIASES).astype(np.float64)).max(axis=0)
    found = []
    for source, positions in ((0, IN_WEIGHTS), (HIDDEN, HIDDEN_WEIGHTS)):
        sums = reach * np.abs(by_units(graph, node, positions).astype(np.float64)).sum(axis=2).max(axis=0)
        found.append((sums + bias if source == 0 else sums, _factors(graph, node, source, positions)))
    return found


def _sums_ok(graph: Graph, node: Node) -> bool:
    wide = dtype_of(graph, node) == "int16"
    for sums, factors in _largest_sums(graph, node):
        for most, (_, shift) in zip(sums.tolist(), factors, strict=True):
            if wide and (most >= LARGEST_SUM or shift > MOST_SHIFT):
                return False
            if not within_32_bits(most if not wide else most + 2.0**16, shift):
                return False
    return within_32_bits(2.0**30, _out_factor(graph, node)[1])


def _sums_small(graph: Graph, node: Node) -> bool:
    """Whether all sums are below 2**30 in size."""
    return all((sums < 1 << 30).all() for sums, _ in _largest_sums(graph, node))


def _symmetric(graph: Graph, node: Node) -> bool:
    """Weights, cell states and all of int16 have one scale and the zero point 0; input and hidden state one scale."""
    wide = dtype_of(graph, node) == "int16"
    for k in (0, HIDDEN, CELL, *IN_WEIGHTS, *HIDDEN_WEIGHTS):
        quant = graph.tensor(node.inputs[k]).quant
        if quant is None or len(quant.scale) != 1 or quant.scale[0] <= 0:
            return False
        if (wide or k not in (0, HIDDEN)) and quant.zero_point != (0,):
            return False
    return True


def _cell_scale(graph: Graph, node: Node) -> bool:
    mantissa, exponent = math.frexp(graph.tensor(node.inputs[CELL]).scale)
    return mantissa == 0.5 and _LEAST_POWER < exponent <= _MOST_POWER + 1


def _is(graph: Graph, node: Node, dtype: str) -> bool:
    return dtype_of(graph, node) == dtype


def _if_fixed(constraint: Constraint) -> Constraint:
    return Constraint(constraint.sentence, lambda g, n: _is(g, n, "float32") or constraint.holds(g, n))


def _fits_32_bits(graph: Graph, node: Node) -> bool:
    """Whether sums of products of int16, without biases, never leave 32 bits."""
    positions = (*IN_WEIGHTS,), (*HIDDEN_WEIGHTS,)
    sums = [np.abs(by_units(graph, node, p).astype(np.int64)).sum(axis=2).max() for p in positions]
    return all(int(s) << 15 < 1 << 31 for s in sums)


CONSTRAINTS = tuple(
    map(
        _if_fixed,
        (
            Constraint(
                "its weights, cell state and int16 tensors must have one scale and the zero point 0, all others one "
                "scale",
                _symmetric,
            ),
            Constraint(f"its cell state's scale must be a power of two, from 2**{_LEAST_POWER} to 4", _cell_scale),
            Constraint(WITHIN_32_BITS, _sums_ok),
        ),
    )
)

_DSP = frozenset({"dsp"})
VARIANTS = (
    KernelVariant(
        name="portable_s8",
        sources=("nn_lstm_s8.c", "nn_sigmoid16.c"),
        lower=partial(_lower, False),
        cost=FittedCost((80.74, 93.38, 620.5, 17.0, 17.05), terms),
        supports=lambda g, n: _is(g, n, "int8"),
    ),
    KernelVariant(
        name="dsp_s8",
        sources=("nn_lstm_s8_dsp.c", "nn_sigmoid16.c"),
        lower=partial(_lower, True),
        cost=FittedCost((-47.83, 309.9, 525.3, 62.55, 31.01), fours_terms),
        supports=lambda g, n: _is(g, n, "int8") and _sums_small(g, n),
        features=_DSP,
    ),
    KernelVariant(
        name="portable_s16",
        sources=("nn_lstm_s16.c", "nn_sigmoid16.c"),
        lower=partial(_lower, False),
        cost=FittedCost((118.2, 159.1, 596.1, 32.04, 32.04), terms),
        supports=lambda g, n: _is(g, n, "int16"),
    ),
    KernelVariant(
        name="dsp_s16",
        sources=("nn_lstm_s16_dsp.c", "nn_sigmoid16.c"),
        lower=partial(_lower, True),
        cost=FittedCost((-45.07, 388.9, 605.5, 65.37, 30.14), fours_terms),
        supports=lambda g, n: _is(g, n, "int16") and _fits_32_bits(g, n),
        features=_DSP,
    ),
)
