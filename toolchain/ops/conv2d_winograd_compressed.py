"""CONV_2D by Winograd tiles whose u is made at run time of weights that stay in fewer bits in flash.

The schedules of ``conv2d_winograd``; two output channels are expanded at a time, so that it costs little more than to
make u of int8 weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, RowField, Symbol
from toolchain.ops.channels import channels_of
from toolchain.ops.common import constant
from toolchain.ops.conv2d_winograd import (
    RUN_TIME,
    Scheduler,
    fits_tiles,
    is_exact,
    overwritten,
    saves_memory,
    sizes_of,
    tile_cost,
    tile_fields,
)
from toolchain.ops.row_parts import WINDOW_FIELDS
from toolchain.ops.weights_stored import EXPAND_SOURCES, Stored, expanded_terms, stored_bytes

CHANNELS = 2  # whose weights are expanded at a time
_SOURCES = ("nn_conv2d_s8_winograd_compressed.c", "nn_conv2d_s8_winograd_compressed_groups.c")
# to expand a block, by form, and a four of sparse weights that is not zero
_EXPAND_CYCLES = (60.0, 60.0, 65.0, 60.0, 120.0, 120.0, 55.0, 12.0, 4.0)


def _weights(graph: Graph, node: Node) -> Array:
    """(channels, taps)."""
    data = constant(graph, node.inputs[1])
    return data.reshape(len(data), -1)


def _stored(graph: Graph, node: Node) -> Stored | None:
    """A stream for each two channels."""
    weights = _weights(graph, node)
    return stored_bytes(weights.reshape(len(weights) // CHANNELS, -1, 4), CHANNELS)


def _supports(graph: Graph, node: Node) -> bool:
    if not fits_tiles(graph, node) or _stored(graph, node) is None:
        return False
    weights = _weights(graph, node)
    # channels of one code keep their weights: their multiplier of zero makes them harmless
    return is_exact(dataclasses.replace(channels_of(graph, node, weights), weights=weights.astype(np.int64)))


def _variant(name: str, scheduler: Scheduler, faster: Sequence[Scheduler]) -> KernelVariant:
    """Left out where one of the ``faster`` needs no more memory."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        sizes, stored = sizes_of(graph, node), _stored(graph, node)
        assert stored is not None, "supported"
        schedule = scheduler(sizes)
        params = (
            *((f"tiles.{field}", value) for field, value in tile_fields(graph, node, schedule)),
            ("blocks", stored.blocks),
            ("words", stored.words),
            ("bits", stored.codebooks.bits),
            ("expand", Symbol(stored.symbol("_bytes"))),
            ("centroids", Const("centroids", "int8_t", stored.codebooks.centroids)),
            ("weights", Const("weights", "uint32_t", np.concatenate(stored.streams))),
        )
        form = ""
        if stored.tables > 1:
            form = "_groups"
            share = CHANNELS * stored.codebooks.parts
            params = (*((f"layer.{field}", value) for field, value in params), ("channels", share))
        call = KernelCall(
            f"nn_conv2d_s8_winograd_compressed{form}",
            "nn_conv2d_winograd_compressed.h",
            f"nn_conv2d_winograd_compressed{form}_params",
            params,
            node.inputs[:1],
            node.outputs,
            scratch_bytes=stored.table_bytes + 4 * stored.words + schedule.scratch,
        )
        return (call,)

    def cost(graph: Graph, node: Node) -> Cost:
        sizes, stored = sizes_of(graph, node), _stored(graph, node)
        assert stored is not None, "supported"
        schedule = scheduler(sizes)
        tiles = tile_cost(sizes, schedule, graph.tensor(node.outputs[0]).zero_point == -128)
        blocks = sum(c * n for c, n in zip(_EXPAND_CYCLES, expanded_terms(stored), strict=True))
        expand = schedule.builds * (20.0 * sizes.out_c / 2 + blocks)
        tables = schedule.builds * stored.tables if stored.tables > 1 else 1
        return Cost(tiles.cycles + expand + 3.0 * tables * stored.table_bytes)

    return KernelVariant(
        name=name,
        sources=(*_SOURCES, *EXPAND_SOURCES, "nn_winograd_dsp.S"),
        lower=lower,
        cost=cost,
        supports=lambda g, n: _supports(g, n) and saves_memory(g, n, scheduler, faster),
        features=frozenset({"dsp", "fpu"}),
        twins=(*_SOURCES, *EXPAND_SOURCES, "nn_winograd_twin.c"),
        in_place=partial(overwritten, scheduler),
        rows=_rows,
    )


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    stored = _stored(graph, node)
    path = "layer.tiles" if stored is not None and stored.tables > 1 else "tiles"
    return tuple(dataclasses.replace(field, name=f"{path}.{field.name}") for field in WINDOW_FIELDS)


WINOGRAD_COMPRESSED = tuple(
    _variant(f"winograd_compressed{name}", scheduler, faster) for name, scheduler, faster in RUN_TIME
)
