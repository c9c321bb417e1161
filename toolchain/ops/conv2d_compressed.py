"""CONV_2D by weights that stay in fewer bits in flash, for cores with the DSP extension and an FPU.

The paired-byte products of ``conv2d_gemm``, turned inside out: the windows of a block of pixels become columns, then
the weights of four output channels at a time are expanded once for the whole block. The more pixels in a block, the
less expanding, and the more scratch.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, RowField, Symbol
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, constant
from toolchain.ops.conv2d_gemm import (
    GEMM,
    copied_pairs,
    fits_tiles,
    floor_of,
    has_border,
    is_copied,
    layout_of,
    product_shape,
    window_fields,
)
from toolchain.ops.paired import framed_groups, is_exact
from toolchain.ops.row_parts import WINDOW_FIELDS
from toolchain.ops.weights_stored import EXPAND_SOURCES, Stored, expanded_terms, stored_paired

FOUR = 4  # output channels whose weights are expanded at a time
BLOCKS = (16, 6, 2)  # pairs of pixels
_SOURCES = ("nn_conv2d_s8_compressed.c", "nn_conv2d_s8_compressed_groups.c")
# of _terms; all blocks together have layers enough to fit so many
_CYCLES: tuple[float, ...] = (409.7, 6.116, 0.0, 88.29, 2.033, 290.0, 82.62, 4.295, 209.2)
_CYCLES += (68.22, 64.03, 74.2, 66.84, 173.2, 168.8, 65.74, 40.67, 0.5164, 74.74, 33.2, 15.78)


def _channels(graph: Graph, node: Node) -> Channels:
    """With the weights that channels of one code have: their multiplier of zero makes them harmless."""
    data = constant(graph, node.inputs[1])
    rows = data.reshape(len(data), -1)
    return dataclasses.replace(channels_of(graph, node, rows), weights=rows.astype(np.int64))


def _order(graph: Graph, node: Node) -> Array:
    return layout_of(node.attrs.window, graph.tensor(node.inputs[0]).shape[3]).order


def _stored(graph: Graph, node: Node) -> Stored | None:
    """A stream for each four channels."""
    order = _order(graph, node)
    rows = np.pad(_channels(graph, node).weights, ((0, 0), (0, 1)))[:, order]
    pairs = rows.reshape(-1, 2, 2, order.size // 2, 2).transpose(0, 3, 1, 4, 2)  # group, pair of K, half, k, channel
    return stored_paired(pairs.reshape(len(pairs), -1, 4), FOUR)


def _supports(pairs: int, graph: Graph, node: Node) -> bool:
    """Only the smallest of the blocks that hold all pixels, and any that does not."""
    pixels = graph.tensor(node.outputs[0]).size // graph.tensor(node.outputs[0]).shape[3]
    if any(other < pairs and pixels <= 2 * other for other in BLOCKS):
        return False
    return fits_tiles(graph, node) and _stored(graph, node) is not None and is_exact(_channels(graph, node))


def _lower(block: int, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    stored, channels, order = _stored(graph, node), _channels(graph, node), _order(graph, node)
    assert stored is not None, "supported"
    floor = floor_of(graph, node, channels)
    pairs = order.size // 2
    copies = 8 * pairs * block + 64 + 4 * stored.words + stored.tables * stored.table_bytes
    copied = is_copied(window, x.shape[3])
    row = window.size[1] * x.shape[3]
    windows = 2 * order.size if copied else 2 * window.size[0] * row if has_border(window) else 0
    image = (
        *window_fields(graph, node, window, (x.shape[1], x.shape[2])),
        ("copies", copies),
        ("shape", product_shape(graph, node)),
        ("weights", Const("weights", "uint32_t", framed_groups(channels, stored.streams, floor))),
    )
    params = (
        *((f"image.{name}", value) for name, value in image),
        ("block", block),
        ("blocks", stored.blocks),
        ("words", stored.words),
        ("bits", stored.codebooks.bits),
        ("numbers", 12 if floor is None else 8),
        ("expand", Symbol(stored.symbol())),
        ("group", Symbol("nn_gemm_group_s8_2x4" + ("_floor" if floor else ""))),
        ("centroids", Const("centroids", "int8_t", stored.codebooks.centroids)),
    )
    form = ""
    if stored.tables > 1:
        form = "_groups"
        params = (*((f"layer.{name}", value) for name, value in params), ("channels", FOUR * stored.codebooks.parts))
    call = KernelCall(
        f"nn_conv2d_s8_compressed{form}",
        "nn_conv2d_compressed.h",
        f"nn_conv2d_compressed{form}_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=copies + windows,
    )
    return (call,)


def _terms(block: int, graph: Graph, node: Node) -> tuple[float, ...]:
    """One, bytes of tables; pairs of pixels, those that are copied, bytes of these, words to widen; groups expanded; by
    bits of an index blocks expanded, those of digits, and of sparse weights, with their fours; products' groups, those
    rounded twice, and pairs of K.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    layout, stored = layout_of(window, x.shape[3]), _stored(graph, node)
    assert stored is not None, "supported"
    two = -(-out.shape[1] * out.shape[2] // 2)
    copied, groups, pairs = copied_pairs(graph, node), out.shape[3] // 4, layout.k // 2
    turns = -(-two // block)
    products = two * groups
    twice = 0 if floor_of(graph, node, _channels(graph, node)) else products
    rows = window.size[0] * window.size[1] * x.shape[3]
    gather = (
        two,
        two * layout.rows,
        two * layout.rows * layout.row_bytes,
        copied,
        copied * window.size[0],
        copied * rows,
    )
    expand = (turns * groups, *(turns * of for of in expanded_terms(stored)))
    tables = stored.tables * stored.table_bytes
    return tuple(map(float, (1, tables, *gather, *expand, products, twice, products * pairs)))


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    stored = _stored(graph, node)
    path = "layer.image" if stored is not None and stored.tables > 1 else "image"
    return tuple(dataclasses.replace(field, name=f"{path}.{field.name}") for field in WINDOW_FIELDS)


def _variant(block: int, name: str) -> KernelVariant:
    return KernelVariant(
        name=name,
        sources=(*_SOURCES, *EXPAND_SOURCES, "nn_gemm_group_dsp.S"),
        lower=partial(_lower, block),
        cost=FittedCost(_CYCLES, partial(_terms, block)),
        supports=partial(_supports, block),
        features=GEMM.features,
        twins=(*_SOURCES, *EXPAND_SOURCES, "nn_gemm_group_twin.c"),
        overlap=GEMM.overlap,
        rows=_rows,
    )


COMPRESSED = tuple(_variant(block, f"compressed_{block}") for block in BLOCKS)
