"""CONV_2D by weights that stay indices of a codebook in flash, for cores with the DSP extension and an FPU.

The paired-byte products of ``conv2d_gemm``, turned inside out: the windows of a block of pixels become columns, then
the weights of four output channels at a time are decoded once for the whole block. The more pixels in a block, the less
decoding, and the more scratch.
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
from toolchain.ops.single_floor import SingleFloor
from toolchain.ops.weights_codebook import Codebook, codebook_of, table_bytes

BLOCKS = (16, 6, 2)  # pairs of pixels
# of _terms; all blocks together have layers enough to fit so many
_CYCLES: tuple[float, ...] = (446.5, 5.811, 25.69, 100.4, 1.259, 258.3, 66.84, 5.022, 271.3)
_CYCLES += (61.03, 58.77, 64.24, 61.15, 162.4, 168.9, 57.46, 33.65, 16.2)


def _channels(graph: Graph, node: Node) -> Channels:
    """With the weights that channels of one code have: their multiplier of zero makes them harmless."""
    data = constant(graph, node.inputs[1])
    rows = data.reshape(len(data), -1)
    return dataclasses.replace(channels_of(graph, node, rows), weights=rows.astype(np.int64))


def _order(graph: Graph, node: Node) -> Array:
    return layout_of(node.attrs.window, graph.tensor(node.inputs[0]).shape[3]).order


def _codebook(graph: Graph, node: Node) -> Codebook | None:
    """Zero is among the values where K is filled up with it."""
    weights = constant(graph, node.inputs[1])
    filled = np.any(_order(graph, node) < 0)
    return codebook_of(weights, np.zeros(1 if filled else 0, np.int8))


def _supports(pairs: int, graph: Graph, node: Node) -> bool:
    """Only the smallest of the blocks that hold all pixels, and any that does not."""
    pixels = graph.tensor(node.outputs[0]).size // graph.tensor(node.outputs[0]).shape[3]
    if any(other < pairs and pixels <= 2 * other for other in BLOCKS):
        return False
    return fits_tiles(graph, node) and _codebook(graph, node) is not None and is_exact(_channels(graph, node))


def _pack(channels: Channels, order: Array, codebook: Codebook, floor: SingleFloor | None) -> Array:
    """The uint32 stream of ``nn_conv2d_codebook.h``."""
    rows = np.pad(channels.weights, ((0, 0), (0, 1)))[:, order]
    pairs = rows.reshape(-1, 2, 2, order.size // 2, 2).transpose(0, 3, 1, 4, 2)  # group, pair of K, half, k, channel
    filled = np.pad(pairs, ((0, 0), (0, -pairs.shape[1] % 4), (0, 0), (0, 0), (0, 0)), mode="edge")
    packed = codebook.packed(filled).reshape(len(pairs), -1)
    return framed_groups(channels, packed.astype(np.int64), floor)


def _lower(block: int, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x = graph.tensor(node.inputs[0])
    window: Window = node.attrs.window
    codebook, channels, order = _codebook(graph, node), _channels(graph, node), _order(graph, node)
    assert codebook is not None, "supported"
    floor = floor_of(graph, node, channels)
    pairs = order.size // 2
    copies = 8 * pairs * block + 64 + 32 * -(-pairs // 4) + table_bytes(codebook.bits)
    copied = is_copied(window, x.shape[3])
    row = window.size[1] * x.shape[3]
    windows = 2 * order.size if copied else 2 * window.size[0] * row if has_border(window) else 0
    image = (
        *window_fields(graph, node, window, (x.shape[1], x.shape[2])),
        ("copies", copies),
        ("shape", product_shape(graph, node)),
        ("weights", Const("weights", "uint32_t", _pack(channels, order, codebook, floor))),
    )
    params = (
        *((f"image.{name}", value) for name, value in image),
        ("block", block),
        ("bits", codebook.bits),
        ("numbers", 12 if floor is None else 8),
        ("expand", Symbol(f"nn_codebook_expand_{codebook.bits}")),
        ("group", Symbol("nn_gemm_group_s8_2x4" + ("_floor" if floor else ""))),
        ("centroids", Const("centroids", "int8_t", codebook.centroids)),
    )
    call = KernelCall(
        "nn_conv2d_s8_codebook",
        "nn_conv2d_codebook.h",
        "nn_conv2d_codebook_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=copies + windows,
    )
    return (call,)


def _terms(block: int, graph: Graph, node: Node) -> tuple[float, ...]:
    """The table; pairs of pixels, those that are copied, bytes of these, words to widen; groups decoded; by bits the
    words of products decoded; products' groups, those rounded twice, and pairs of K.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    layout, codebook = layout_of(window, x.shape[3]), _codebook(graph, node)
    assert codebook is not None, "supported"
    two = -(-out.shape[1] * out.shape[2] // 2)
    copied, groups, pairs = copied_pairs(graph, node), out.shape[3] // 4, layout.k // 2
    decoded = groups * -(-two // block)
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
    decode = (decoded, *(decoded * -(-pairs // 4) * (codebook.bits == b) for b in range(1, 7)))
    return tuple(map(float, (1, table_bytes(codebook.bits), *gather, *decode, products, twice, products * pairs)))


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    return tuple(dataclasses.replace(field, name=f"image.{field.name}") for field in WINDOW_FIELDS)


def _variant(block: int, name: str) -> KernelVariant:
    return KernelVariant(
        name=name,
        sources=("nn_conv2d_s8_codebook.c", "nn_codebook_expand.c", "nn_gemm_group_dsp.S"),
        lower=partial(_lower, block),
        cost=FittedCost(_CYCLES, partial(_terms, block)),
        supports=partial(_supports, block),
        features=GEMM.features,
        twins=("nn_conv2d_s8_codebook.c", "nn_codebook_expand.c", "nn_gemm_group_twin.c"),
        overlap=GEMM.overlap,
        rows=_rows,
    )


CODEBOOK = tuple(_variant(block, f"codebook_{block}") for block in BLOCKS)
