"""FULLY_CONNECTED for cores without the DSP extension: four output channels at a time."""

from __future__ import annotations

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant
from toolchain.ops.channels import Channels
from toolchain.ops.common import constant
from toolchain.ops.plain_channels import plain_channels, requantize_right_fields, short_shifts

FOUR = 4  # channels at a time


def _channels(graph: Graph, node: Node) -> Channels:
    return plain_channels(graph, node, constant(graph, node.inputs[1]))


def _pack(weights: Array) -> Array:
    """(channels, inputs) as the kernel's bytes."""
    wide = np.pad(weights, ((0, -len(weights) % FOUR), (0, 0)))
    stream: Array = wide.reshape(-1, FOUR, wide.shape[1]).transpose(0, 2, 1).reshape(-1).astype(np.int8)
    return stream


def _rows(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).size // graph.tensor(node.inputs[1]).shape[0]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    channels = _channels(graph, node)
    count, in_c = channels.weights.shape
    params = (
        ("rows", _rows(graph, node)),
        ("in_c", in_c),
        ("out_c", count),
        ("weights", Const("weights", "int8_t", _pack(channels.weights))),
        *requantize_right_fields(graph, node, channels),
    )
    call = KernelCall(
        "nn_fully_connected_s8_fours",
        "nn_fully_connected_fours.h",
        "nn_fully_connected_fours_params",
        params,
        node.inputs[:1],
        node.outputs,
    )
    return (call,)


def _cost(graph: Graph, node: Node) -> Cost:
    """By instructions on a Cortex-M3, in proportion to what the portable kernel needs there."""
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    return Cost(60.0 + _rows(graph, node) * (20.0 + -(-out_c // FOUR) * (140.0 + 12.5 * in_c)))


FOURS = KernelVariant(
    name="fours",
    sources=("nn_fully_connected_s8_fours.c", "nn_store_codes.c"),
    lower=_lower,
    cost=_cost,
    supports=lambda g, n: short_shifts(_channels(g, n)),
    without=frozenset({"dsp"}),
)
