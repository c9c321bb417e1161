"""FULLY_CONNECTED by weights that stay compressed in flash: indices of a codebook, or four bits.

They are decoded in the inner loop. For cores with the DSP extension; what a layer's weights allow is found from their
values.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Symbol, Value
from toolchain.ops.channels import Channels
from toolchain.ops.common import bias_of, channel_multipliers, constant
from toolchain.ops.paired import WORD_ORDER, padded
from toolchain.ops.plain_channels import requantize_right_fields, short_shifts
from toolchain.ops.weights_codebook import Codebook, codebook_of, fits_int4

FOUR = 4  # channels at a time
EIGHT = 8  # inputs at a time
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


def pack_codebook(weights: Array, codebook: Codebook) -> Array:
    """(channels, inputs) as the uint32 stream of ``nn_fully_connected_codebook.h``."""
    wide = _filled(weights, EIGHT)
    words = wide.reshape(-1, FOUR, wide.shape[1] // 4, 4)[..., WORD_ORDER]
    pairs = words.reshape(-1, FOUR, wide.shape[1] // 2, 2)
    return codebook.packed(pairs.transpose(0, 2, 1, 3))


def pack_int4(weights: Array) -> Array:
    """(channels, inputs) as the uint32 stream of ``nn_fully_connected_int4.h``."""
    wide = _filled(weights, 4).astype(np.int64)
    nibbles = (16 * wide[1::2] + wide[0::2] + 8) & 0xFF  # (channels / 2, inputs)
    words = nibbles.reshape(-1, 2, wide.shape[1] // 4, 4)[..., WORD_ORDER].reshape(-1, 2, wide.shape[1] // 2, 2)
    stream: Array = words.transpose(0, 2, 3, 1).astype(np.uint8).reshape(-1).view("<u4").astype(np.uint32)
    return stream


def _codebook(graph: Graph, node: Node) -> Codebook:
    found = codebook_of(constant(graph, node.inputs[1]))
    assert found is not None, "supported"
    return found


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
    codebook = _codebook(graph, node)
    fields = (
        ("bits", codebook.bits),
        ("add", Symbol(f"nn_fully_connected_codebook_{codebook.bits}")),
        ("centroids", Const("centroids", "int8_t", codebook.centroids)),
        ("weights", Const("weights", "uint32_t", pack_codebook(constant(graph, node.inputs[1]), codebook))),
    )
    pairs = codebook.bits <= PAIR_BITS
    scratch = 4 << 2 * codebook.bits if pairs else 0
    return _call(graph, node, "codebook", fields, "" if pairs else "_singles", scratch)


def _lower_int4(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    weights = Const("weights", "uint32_t", pack_int4(constant(graph, node.inputs[1])))
    return _call(graph, node, "int4", (("weights", weights),))


def _supports_codebook(graph: Graph, node: Node) -> bool:
    return codebook_of(constant(graph, node.inputs[1])) is not None and short_shifts(_channels(graph, node))


def _supports_int4(graph: Graph, node: Node) -> bool:
    """Sixteen times a sum and what it is summed with must fit 32 bits."""
    channels = _channels(graph, node)
    fits = fits_int4(channels.weights) and bool(np.all(channels.largest() < 1 << 26))
    return fits and short_shifts(channels)


@cache
def _bits_terms(bits: int) -> tuple[float, ...]:
    """One for the bits that these are."""
    return tuple(float(bits == b) for b in range(1, 7))


def _codebook_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The table's pairs; rows, groups of four channels, those with a rest; channels; by bits, eights of inputs."""
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    rows, fours, eights = _rows(graph, node), -(-out_c // FOUR), -(-in_c // EIGHT)
    bits = _codebook(graph, node).bits
    table = 1 << 2 * bits if bits <= PAIR_BITS else 0
    counts = (1.0, table, rows, rows * fours, rows * fours * (in_c % EIGHT > 0), rows * out_c)
    return *map(float, counts), *(rows * fours * eights * of for of in _bits_terms(bits))


def _int4_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows, inputs, groups of four channels, those with a rest, channels, fours of inputs."""
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    rows, fours = _rows(graph, node), -(-out_c // FOUR)
    counts = (rows, rows * in_c, rows * fours, rows * fours * (in_c % 4 > 0), rows * out_c)
    return 1.0, *map(float, counts), float(rows * fours * padded(in_c) // 4)


CODEBOOK = KernelVariant(
    name="codebook",
    sources=("nn_fully_connected_s8_codebook.c", "nn_store_codes.c"),
    lower=_lower_codebook,
    cost=FittedCost(
        (21.56, 10.55, 97.46, 154.3, 73.4, 20.28, 88.38, 91.86, 97.54, 89.0, 195.8, 190.4), _codebook_terms
    ),
    supports=_supports_codebook,
    features=frozenset({"dsp"}),
)
INT4 = KernelVariant(
    name="int4",
    sources=("nn_fully_connected_s8_int4.c", "nn_store_codes.c"),
    lower=_lower_int4,
    cost=FittedCost((0.0, 141.1, 7.056, 112.3, 61.98, 32.31, 28.05), _int4_terms),
    supports=_supports_int4,
    features=frozenset({"dsp"}),
)
