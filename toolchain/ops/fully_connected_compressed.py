"""FULLY_CONNECTED by weights that stay compressed in flash: indices of a codebook, digits of one, two or four bits
where all weights are equally far apart, or fours that are not all zero.

They are decoded in the inner loop. For cores with the DSP extension; what a layer's weights allow is found from their
values.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Symbol, Value
from toolchain.ops.channels import Channels
from toolchain.ops.common import bias_of, channel_multipliers, constant
from toolchain.ops.paired import WORD_ORDER
from toolchain.ops.plain_channels import requantize_right_fields, short_shifts
from toolchain.ops.weights_codebook import Codebooks, Progression, codebooks_of, progression_of

FOUR = 4  # channels at a time
EIGHT = 8  # inputs at a time
MOST_SPARSE = 15 / 16  # of the bytes of all weights, else it is not worth it
_GROUPS = "nn_fully_connected_codebook_groups"
PAIR_BITS = 4  # most bits of an index whose pairs are looked up


def _channels(graph: Graph, node: Node) -> Channels:
    """The input's zero point folded into the bias; no channel is changed, whose weights might be new values then."""
    weights = constant(graph, node.inputs[1]).astype(np.int64)
    bias = bias_of(graph, node, len(weights)) - graph.tensor(node.inputs[0]).zero_point * weights.sum(axis=1)
    multiplier, shift = channel_multipliers(graph, node, len(weights))
    zero_point = np.full(len(weights), graph.tensor(node.outputs[0]).zero_point)
    return Channels(weights, bias, multiplier, np.where(multiplier == 0, -1, shift), zero_point)


def _rows(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).size // graph.tensor(node.inputs[1]).shape[0]


def _filled(weights: Array, multiple: int) -> Array:
    """Whole groups of four channels and of ``multiple`` inputs; what is added are weights that exist."""
    missing = ((0, -len(weights) % FOUR), (0, -weights.shape[1] % multiple))
    return np.pad(weights, missing, mode="edge")


def pack_codebook(weights: Array, codebooks: Codebooks) -> Array:
    """(channels, inputs) as the uint32 stream of ``nn_fully_connected_codebook.h``."""
    wide = _filled(weights, EIGHT)
    words = wide.reshape(-1, FOUR, wide.shape[1] // 4, 4)[..., WORD_ORDER]
    pairs = words.reshape(-1, FOUR, wide.shape[1] // 2, 2)
    return codebooks.packed(pairs.transpose(0, 2, 1, 3))


def pack_lanes(weights: Array, steps: Progression) -> Array:
    """(channels, inputs) as the uint32 stream of ``nn_fully_connected_lanes.h``."""
    digits = _filled(steps.digits(weights), EIGHT)
    eights, rest = np.split(digits, [weights.shape[1] // EIGHT * EIGHT], axis=1)
    per_word = 32 // steps.bits
    words = [_lanes(part, steps.bits, per_word) for part in (eights, rest)]
    stream: Array = np.concatenate(words, axis=1).reshape(-1)
    return stream


def _lanes(digits: Array, bits: int, per_word: int) -> Array:
    """(groups of four channels, words) of (channels, inputs)."""
    wide = np.pad(digits, ((0, 0), (0, -digits.shape[1] % per_word)))
    # group, channel, word, eight, four of the eight, half-word, input of two
    parts = wide.reshape(len(wide) // FOUR, FOUR, -1, per_word // EIGHT, 2, 2, 2)
    ordered = parts.transpose(0, 2, 1, 5, 3, 4, 6)  # group, word, channel, half-word, digits from the lowest on
    single = (ordered[..., None] >> np.arange(bits) & 1).astype(np.uint8)
    return np.packbits(single.reshape(-1), bitorder="little").view("<u4").astype(np.uint32).reshape(len(parts), -1)


def pack_sparse(weights: Array) -> Array:
    """(channels, inputs) as the uint32 stream of ``nn_fully_connected_sparse.h``."""
    stream = []
    for fours in weights.astype(np.int8).reshape(len(weights), -1, 4):
        for first in range(0, len(fours), 32):
            part = fours[first : first + 32]
            present = np.any(part != 0, axis=1)
            stream.append(np.packbits(np.pad(present, (0, 32 - len(part)))).view(">u4").astype(np.uint32))
            stream.append(np.ascontiguousarray(part[present]).view("<u4").reshape(-1).astype(np.uint32))
    return np.concatenate(stream)


def _codebooks(weights: Array) -> Codebooks | None:
    """Of two bits at least; a part is four channels."""
    whole = _filled(weights, 1)
    return codebooks_of(whole.reshape(len(whole) // FOUR, -1), FOUR, least_bits=2)


def _call(
    graph: Graph, node: Node, name: str, fields: tuple[tuple[str, Value], ...], form: str = "", scratch: int = 0
) -> tuple[KernelCall, ...]:
    channels = _channels(graph, node)
    params = (
        ("rows", _rows(graph, node)),
        ("in_c", channels.weights.shape[1]),
        ("out_c", len(channels.weights)),
        *fields,
        *requantize_right_fields(graph, node, channels),
    )
    header, params_type = f"nn_fully_connected_{name}.h", f"nn_fully_connected_{name}_params"
    symbol = f"nn_fully_connected_s8_{name}{form}"
    return (KernelCall(symbol, header, params_type, params, node.inputs[:1], node.outputs, scratch),)


def _lower_codebook(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = constant(graph, node.inputs[1])
    codebooks = _codebooks(weights)
    assert codebooks is not None, "supported"
    packed = pack_codebook(weights, codebooks)
    fields = (
        ("bits", codebooks.bits),
        ("add", Symbol(f"nn_fully_connected_codebook_{codebooks.bits}")),
        ("centroids", Const("centroids", "int8_t", codebooks.centroids)),
        ("weights", Const("weights", "uint32_t", packed)),
    )
    pairs = codebooks.bits <= PAIR_BITS
    scratch = 4 << 2 * codebooks.bits if pairs else 0
    (call,) = _call(graph, node, "codebook", fields, "" if pairs else "_singles", scratch)
    if len(codebooks.books) == 1:
        return (call,)
    words = len(packed) // -(-len(weights) // FOUR) * codebooks.parts
    params = (
        *((f"layer.{name}", value) for name, value in call.params),
        ("channels", FOUR * codebooks.parts),
        ("words", words),
    )
    symbol = call.symbol.replace("codebook", "codebook_groups")
    return (dataclasses.replace(call, symbol=symbol, params_type=f"{_GROUPS}_params", params=params),)


def _lower_lanes(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = constant(graph, node.inputs[1])
    steps = progression_of(weights)
    assert steps is not None, "supported"
    fields = (
        ("least", steps.least),
        ("step", steps.step),
        ("add", Symbol(f"nn_fully_connected_lanes_{steps.bits}")),
        ("weights", Const("weights", "uint32_t", pack_lanes(weights, steps))),
    )
    return _call(graph, node, "lanes", fields)


def _lower_sparse(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = Const("weights", "uint32_t", pack_sparse(constant(graph, node.inputs[1])))
    return _call(graph, node, "sparse", (("weights", weights),))


def _supports_codebook(graph: Graph, node: Node) -> bool:
    """Digits of no more bits are always faster."""
    weights = constant(graph, node.inputs[1])
    codebooks, steps = _codebooks(weights), progression_of(weights)
    if codebooks is None or (steps is not None and steps.bits <= codebooks.bits):
        return False
    return short_shifts(_channels(graph, node))


def _supports_lanes(graph: Graph, node: Node) -> bool:
    return progression_of(constant(graph, node.inputs[1])) is not None and short_shifts(_channels(graph, node))


def _supports_sparse(graph: Graph, node: Node) -> bool:
    """Where it takes less flash than all weights."""
    weights = constant(graph, node.inputs[1])
    if weights.shape[1] % 4:
        return False
    return pack_sparse(weights).nbytes < MOST_SPARSE * weights.size and short_shifts(_channels(graph, node))


@cache
def _bits_terms(bits: int) -> tuple[float, ...]:
    """One for the bits that these are."""
    return tuple(float(bits == b) for b in range(2, 7))


def _codebook_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """One; pairs of tables; codebooks where there are several; rows, groups of four channels, those with a rest;
    channels; by bits, eights of inputs.
    """
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    rows, fours, eights = _rows(graph, node), -(-out_c // FOUR), -(-in_c // EIGHT)
    codebooks = _codebooks(constant(graph, node.inputs[1]))
    assert codebooks is not None, "supported"
    bits, groups = codebooks.bits, rows * len(codebooks.books) if len(codebooks.books) > 1 else 0
    table = max(groups, 1) << 2 * bits if bits <= PAIR_BITS else 0
    counts = (1.0, table, groups, rows, rows * fours, rows * fours * (in_c % EIGHT > 0), rows * out_c)
    return *map(float, counts), *(rows * fours * eights * of for of in _bits_terms(bits))


def _lanes_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, eights of inputs, groups of four channels, those with a rest, channels; by bits words and eights."""
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    rows, fours, eights = _rows(graph, node), -(-out_c // FOUR), -(-in_c // EIGHT)
    steps = progression_of(constant(graph, node.inputs[1]))
    assert steps is not None, "supported"
    counts = (1.0, rows, rows * eights, rows * fours, rows * fours * (in_c % EIGHT > 0), rows * out_c)
    words = -(-eights * steps.bits // 4)
    by_bits = (rows * fours * n * (steps.bits == bits) for bits in (1, 2, 4) for n in (words, eights))
    return *map(float, counts), *map(float, by_bits)


def _sparse_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, groups of four channels, channels, words of bits, fours that are not zero."""
    weights = constant(graph, node.inputs[1])
    rows, (out_c, in_c) = _rows(graph, node), weights.shape
    present = int(np.any(weights.reshape(out_c, -1, 4) != 0, axis=2).sum())
    counts = (rows, rows * -(-out_c // FOUR), rows * out_c, rows * out_c * -(-in_c // 128), rows * present)
    return 1.0, *map(float, counts)


CODEBOOK = KernelVariant(
    name="codebook",
    sources=("nn_fully_connected_s8_codebook.c", "nn_fully_connected_s8_codebook_groups.c", "nn_store_codes.c"),
    lower=_lower_codebook,
    cost=FittedCost(
        (34.06, 10.26, 150.0, 92.28, 141.7, 76.32, 24.52, 91.7, 97.18, 89.04, 195.4, 190.0), _codebook_terms
    ),
    supports=_supports_codebook,
    features=frozenset({"dsp"}),
)
LANES = KernelVariant(
    name="lanes",
    sources=("nn_fully_connected_s8_lanes.c", "nn_fully_connected_lanes_dsp.S", "nn_store_codes.c"),
    lower=_lower_lanes,
    cost=FittedCost((46.18, 98.3, 21.57, 160.4, 50.49, 21.17, 15.29, 43.04, 3.298, 45.93, 51.01, 0.0), _lanes_terms),
    supports=_supports_lanes,
    features=frozenset({"dsp"}),
    twins=("nn_fully_connected_s8_lanes.c", "nn_fully_connected_lanes_twin.c", "nn_store_codes.c"),
)
SPARSE = KernelVariant(
    name="sparse",
    sources=("nn_fully_connected_s8_sparse.c", "nn_store_codes.c"),
    lower=_lower_sparse,
    cost=FittedCost((29.3, 50.72, 70.49, 66.3, 6.34, 14.95), _sparse_terms),
    supports=_supports_sparse,
    features=frozenset({"dsp"}),
)
