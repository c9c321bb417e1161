"""DEPTHWISE_CONV_2D by weights that stay indices of a codebook in flash.

The kernels of int8 weights for four channels after the other, whose weights are made anew in scratch: they are few, so
that this takes little time, and how the output may lie over the input stays the same.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, RowField, Value
from toolchain.ops.depthwise_dsp import PACKED_3X3, fours
from toolchain.ops.depthwise_line import LINE
from toolchain.ops.depthwise_taps import TAPS
from toolchain.ops.weights_codebook import Codebooks, codebooks_of

Params = tuple[tuple[str, Value], ...]
FOUR = 4  # channels at a time
_GROUP_CYCLES = 150.0  # of a codebook, where there are several
# of four channels, and of one of their taps
_CYCLES = {PACKED_3X3.name: (540.0, 16.0), LINE.name: (590.0, 26.4), TAPS.name: (190.0, 15.5)}


@dataclass(frozen=True, eq=False)
class _Parts:
    """The weights of a kernel for int8, a row for each four channels: bytes of taps, int8, and all others, uint8."""

    taps: Array
    others: Array


def _places(variant: KernelVariant, taps: int) -> tuple[Array, Array]:
    """Where the bytes of the taps and the others are in the words of four channels, as ``nn_depthwise_codebook.h`` has
    them in order.
    """
    channel = np.arange(4)[:, None]
    if variant is PACKED_3X3:
        first = 20 * channel
        places = first + np.array((0, 1, 2, 3, 6, 7, 8, 10, 11))
        return places, np.concatenate([first + 9, first + np.arange(12, 20)], axis=None)
    if variant is TAPS:
        return 36 + np.arange(4 * taps), np.arange(36)
    words = -(-(taps // 2 + 1) // 2)
    first = 4 + (4 * words + 8) * channel
    k = np.arange(taps)
    places = first + k // 4 * 4 + k % 2 * 2 + k // 2 % 2
    return places, np.concatenate([np.arange(4), first + 4 * words + np.arange(8)], axis=None)


def _parts(variant: KernelVariant, call: KernelCall, node: Node) -> _Parts:
    (weights,) = (value for name, value in call.params if name == "weights")
    taps = node.attrs.window.size[0] * node.attrs.window.size[1]
    places, others = _places(variant, taps)
    channels = dict(call.params)["channels"]
    data = np.ascontiguousarray(weights.data.astype("<u4")).view(np.uint8)
    if variant is PACKED_3X3:  # which has each channel once
        data = data.reshape(channels, -1)[np.concatenate(fours(channels))]
    data = data.reshape(-(-channels // 4), -1)
    return _Parts(data[:, places.reshape(-1)].view(np.int8), data[:, others])


def pack_bytes(taps: Array, codebooks: Codebooks) -> Array:
    """uint8: of each row of taps whole bytes, filled from the lowest bit on."""
    single = (codebooks.indices(taps)[..., None] >> np.arange(codebooks.bits) & 1).astype(np.uint8)
    return np.packbits(single.reshape(len(taps), -1), axis=1, bitorder="little")


def _stored(base: KernelVariant, graph: Graph, node: Node) -> tuple[KernelCall, _Parts, Codebooks | None]:
    (call,) = base.lower(graph, node)
    parts = _parts(base, call, node)
    return call, parts, codebooks_of(parts.taps, FOUR)


def _grouped(params: Params, codebooks: Codebooks, index_bytes: int) -> Params:
    """The parameters of the kernel for several codebooks; ``index_bytes`` of four channels."""
    return (
        *((f"one.{name}", value) for name, value in params),
        ("groups.channels", FOUR * codebooks.parts),
        ("groups.index_bytes", index_bytes * codebooks.parts),
    )


def _cost(base: KernelVariant, graph: Graph, node: Node) -> Cost:
    fours = -(-graph.tensor(node.outputs[0]).shape[3] // FOUR)
    taps = node.attrs.window.size[0] * node.attrs.window.size[1]
    four, tap = _CYCLES[base.name]
    *_, codebooks = _stored(base, graph, node)
    assert codebooks is not None, "supported"
    groups = len(codebooks.books) if len(codebooks.books) > 1 else 0
    return Cost(base.cost(graph, node).cycles + fours * (four + 4 * taps * tap) + groups * _GROUP_CYCLES)


def _variant(base: KernelVariant, kind: str) -> KernelVariant:
    def supports(graph: Graph, node: Node) -> bool:
        """Where it takes less flash."""
        if not base.supports(graph, node):
            return False
        _, parts, codebooks = _stored(base, graph, node)
        if codebooks is None:
            return False
        return pack_bytes(parts.taps, codebooks).size + len(codebooks.centroids) < parts.taps.size

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        call, parts, codebooks = _stored(base, graph, node)
        assert codebooks is not None, "supported"
        indices = pack_bytes(parts.taps, codebooks)
        numbers = np.ascontiguousarray(parts.others).view("<u4").astype(np.uint32)
        params: Params = (
            *((f"layer.{name}", value) for name, value in call.params if name != "weights"),
            ("weights.bits", codebooks.bits),
            ("weights.centroids", Const("centroids", "int8_t", codebooks.centroids)),
            ("weights.numbers", Const("numbers", "uint32_t", numbers.reshape(-1))),
            ("weights.indices", Const("indices", "uint8_t", indices.reshape(-1))),
        )
        form = "codebook"
        if len(codebooks.books) > 1:
            form, params = "groups", _grouped(params, codebooks, indices.shape[1])
        replaced = dataclasses.replace(
            call,
            symbol=f"nn_depthwise_conv2d_s8_{kind}_{form}",
            header="nn_depthwise_codebook.h",
            params_type=f"nn_depthwise_{kind}_{form}_params",
            params=params,
            scratch_bytes=_expanded_bytes(base, node) + call.scratch_bytes,
        )
        return (replaced,)

    def rows(graph: Graph, node: Node) -> tuple[RowField, ...] | None:
        fields = base.rows(graph, node)
        *_, codebooks = _stored(base, graph, node)
        path = "one.layer" if codebooks is not None and len(codebooks.books) > 1 else "layer"
        return fields and tuple(dataclasses.replace(field, name=f"{path}.{field.name}") for field in fields)

    files = (f"nn_depthwise_conv2d_s8_{kind}_{form}.c" for form in ("codebook", "groups"))
    sources = (*files, "nn_depthwise_centroids.c")
    compressed = dataclasses.replace(
        base,
        name=f"{base.name} codebook",
        sources=(*sources, *base.sources),
        lower=lower,
        cost=partial(_cost, base),
        supports=supports,
        twins=(*sources, *base.twins),
    )
    return compressed if base.rows is KernelVariant.rows else dataclasses.replace(compressed, rows=rows)


def _expanded_bytes(base: KernelVariant, node: Node) -> int:
    """Of the weights of four channels."""
    taps = int(node.attrs.window.size[0] * node.attrs.window.size[1])
    if base is PACKED_3X3:
        return 80
    return 36 + 4 * taps if base is TAPS else 36 + 16 * -(-(taps // 2 + 1) // 2)


CODEBOOKS = (_variant(PACKED_3X3, "3x3"), _variant(LINE, "line"), _variant(TAPS, "taps"))
