"""CONV_2D by Winograd tiles whose u is made at run time of weights that stay indices of a codebook in flash.

The schedules of ``conv2d_winograd``; two output channels are decoded at a time, so that it costs little more than to
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
from toolchain.ops.weights_codebook import BLOCK, Codebook, codebook_of, table_bytes

_BLOCK_CYCLES = (60.0, 60.0, 65.0, 60.0, 120.0, 120.0)  # to decode 32 indices of so many bits


def _weights(graph: Graph, node: Node) -> Array:
    """(channels, taps)."""
    data = constant(graph, node.inputs[1])
    return data.reshape(len(data), -1)


def _codebook(graph: Graph, node: Node) -> Codebook:
    found = codebook_of(constant(graph, node.inputs[1]))
    assert found is not None, "supported"
    return found


def _blocks(in_c: int) -> int:
    """Of indices, in two output channels."""
    return -(-18 * in_c // BLOCK)


def pack(weights: Array, codebook: Codebook) -> Array:
    """(channels, taps) as the uint32 stream of ``nn_conv2d_winograd_codebook.h``."""
    twos = weights.reshape(len(weights) // 2, -1)
    return codebook.packed(np.pad(twos, ((0, 0), (0, -twos.shape[1] % BLOCK)), mode="edge"))


def _supports(graph: Graph, node: Node) -> bool:
    if not fits_tiles(graph, node) or codebook_of(constant(graph, node.inputs[1])) is None:
        return False
    weights = _weights(graph, node)
    # channels of one code keep their weights: their multiplier of zero makes them harmless
    return is_exact(dataclasses.replace(channels_of(graph, node, weights), weights=weights.astype(np.int64)))


def _variant(name: str, scheduler: Scheduler, faster: Sequence[Scheduler]) -> KernelVariant:
    """Left out where one of the ``faster`` needs no more memory."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        sizes, codebook = sizes_of(graph, node), _codebook(graph, node)
        schedule = scheduler(sizes)
        params = (
            *((f"tiles.{field}", value) for field, value in tile_fields(graph, node, schedule)),
            ("bits", codebook.bits),
            ("expand", Symbol(f"nn_codebook_expand_{codebook.bits}")),
            ("centroids", Const("centroids", "int8_t", codebook.centroids)),
            ("indices", Const("indices", "uint32_t", pack(_weights(graph, node), codebook))),
        )
        call = KernelCall(
            "nn_conv2d_s8_winograd_codebook",
            "nn_conv2d_winograd_codebook.h",
            "nn_conv2d_winograd_codebook_params",
            params,
            node.inputs[:1],
            node.outputs,
            scratch_bytes=table_bytes(codebook.bits) + BLOCK * _blocks(sizes.in_c) + schedule.scratch,
        )
        return (call,)

    def cost(graph: Graph, node: Node) -> Cost:
        sizes, codebook = sizes_of(graph, node), _codebook(graph, node)
        schedule = scheduler(sizes)
        tiles = tile_cost(sizes, schedule, graph.tensor(node.outputs[0]).zero_point == -128)
        block = _BLOCK_CYCLES[codebook.bits - 1]
        decode = schedule.builds * sizes.out_c / 2 * (20.0 + block * _blocks(sizes.in_c))
        return Cost(tiles.cycles + decode + 3.0 * table_bytes(codebook.bits))

    return KernelVariant(
        name=name,
        sources=("nn_conv2d_s8_winograd_codebook.c", "nn_codebook_expand.c", "nn_winograd_dsp.S"),
        lower=lower,
        cost=cost,
        supports=lambda g, n: _supports(g, n) and saves_memory(g, n, scheduler, faster),
        features=frozenset({"dsp", "fpu"}),
        twins=("nn_conv2d_s8_winograd_codebook.c", "nn_codebook_expand.c", "nn_winograd_twin.c"),
        in_place=partial(overwritten, scheduler),
        rows=_rows,
    )


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    return tuple(dataclasses.replace(field, name=f"tiles.{field.name}") for field in WINDOW_FIELDS)


WINOGRAD_CODEBOOK = tuple(
    _variant(f"winograd_codebook{name}", scheduler, faster) for name, scheduler, faster in RUN_TIME
)
