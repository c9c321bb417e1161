"""FULLY_CONNECTED by vectors of 16 products, for cores with Helium (MVE)."""

from __future__ import annotations

from toolchain.graph import Graph, Node
from toolchain.ops.base import Cost, KernelVariant
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import constant
from toolchain.ops.conv2d_mve import matmul, matmul_cost
from toolchain.ops.mve import FEATURES, is_exact


def _channels(graph: Graph, node: Node) -> Channels:
    return channels_of(graph, node, constant(graph, node.inputs[1]))


def _cost(graph: Graph, node: Node) -> Cost:
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    return matmul_cost(graph, node, in_c, out_c)


MVE = KernelVariant(
    name="mve",
    sources=("nn_matmul_s8_mve.c", "nn_gemm_s8_mve.S"),
    lower=lambda g, n: matmul(g, n, _channels(g, n)),
    cost=_cost,
    supports=lambda g, n: is_exact(_channels(g, n)),
    features=FEATURES,
    twins=("nn_matmul_s8_mve.c", "nn_gemm_mve_twin.c"),
)
