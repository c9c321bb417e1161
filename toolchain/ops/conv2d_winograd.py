"""CONV_2D by exact integer Winograd F(4x4, 3x3): a quarter of the products, for cores with DSP extension and FPU.

``nn_winograd.h`` has the transforms. The transformed weights u are eight times as large as the int8 weights: either
they lie in flash (``winograd_stored``), or they are made at run time in scratch memory (``winograd_run_time``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, Symbol
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant

# The rows of G scaled to integers; see nn_winograd.h.
G = np.array([[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]], np.int64)
LANES = (0, 2, 1, 3)  # SXTB16 takes bytes 0 and 2 of a word, then 1 and 3
SOURCES = ("nn_conv2d_s8_winograd.c",)


def _channels(graph: Graph, node: Node) -> Channels:
    data = constant(graph, node.inputs[1])
    return channels_of(graph, node, data.reshape(data.shape[0], -1))


def _supports(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    if (window.size, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)):
        return False
    if x.shape[3] % 4 or out.shape[3] % 4 or activation_range(node.attrs.activation, out) != (-128, 127):
        return False
    return is_exact(_channels(graph, node))


def is_exact(channels: Channels) -> bool:
    """Whether every channel's result is exact for any int8 input.

    The sum of products comes as a multiple of up to 2**6, so it must stay below 2**25; with the bias it is doubled for
    SMMULR, so that must stay below 2**30; requantization with one rounding constant needs 1 to 22 bits of right shift.
    """
    products = channels.largest() - np.abs(channels.bias)
    in_range = bool(np.all(products < 1 << 25) and np.all(channels.largest() < 1 << 30))
    return in_range and bool(np.all((-channels.shift >= 1) & (-channels.shift <= 22)))


def transform_weights(channels: Channels) -> Array:
    """The uint32 words of u, [group of 4 output channels][pair of input channels][36 positions][4 output channels]."""
    weights = channels.weights.reshape(len(channels.weights), 3, 3, -1)
    out_c, _, _, in_c = weights.shape
    u = np.einsum("ia,oabc,jb->ocij", G, weights, G).reshape(out_c // 4, 4, in_c // 4, 4, 36)
    u = u[:, :, :, LANES].reshape(out_c // 4, 4, in_c // 2, 2, 36) & 0xFFFF
    words = u[:, :, :, 0] | u[:, :, :, 1] << 16  # (group, output channel, pair, position)
    return words.transpose(0, 2, 3, 1).astype(np.uint32)


def _requantize(c: Channels) -> Array:
    """Four words for each output channel: twice the bias, multiplier, rounding with the zero point, shift."""
    rounding = (1 << (-c.shift - 1)) + (c.zero_point << -c.shift)
    return np.stack([2 * c.bias, c.multiplier, rounding, -c.shift], axis=1).astype(np.int32)


@dataclass(frozen=True)
class _Sizes:
    """What a layer's Winograd form has of everything; bytes where not said."""

    tiles: int
    in_c: int
    out_c: int

    @property
    def pairs_of_tiles(self) -> int:
        return -(-self.tiles // 2)

    @property
    def v_pair(self) -> int:
        return 144 * self.in_c

    @property
    def u_group(self) -> int:
        return 288 * self.in_c

    @property
    def work(self) -> int:
        """m of two tiles and four output channels, or the pixels of a tile."""
        return max(1152, 36 * self.in_c)


def _sizes(graph: Graph, node: Node) -> _Sizes:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return _Sizes(-(-out.shape[1] // 4) * -(-out.shape[2] // 4), x.shape[3], out.shape[3])


@dataclass(frozen=True)
class _Schedule:
    """``batch`` pairs of tiles at a time; ``builds``: how often all of u is made."""

    batch: int
    resident: bool
    builds: int
    scratch: int


def _stored_schedule(s: _Sizes) -> _Schedule:
    return _Schedule(1, True, 0, s.v_pair + s.work)


def _run_time_schedule(s: _Sizes, builds: int) -> _Schedule:
    """u is made ``builds`` times. Once: either u of all channels or v of all tiles stays in memory."""
    batch = -(-s.pairs_of_tiles // builds)
    scratch = batch * s.v_pair + s.u_group + s.work
    resident = s.v_pair + s.u_group * (s.out_c // 4) + s.work
    if builds == 1 and resident < scratch:
        return _Schedule(1, True, 1, resident)
    return _Schedule(batch, False, -(-s.pairs_of_tiles // batch), scratch)


def _gemm(in_c: int) -> Symbol:
    pairs = in_c // 2
    form = str(pairs) if pairs in (2, 8) else "8n" if pairs % 8 == 0 else "2n"
    return Symbol(f"nn_winograd_gemm_{form}")


def _call(graph: Graph, node: Node, symbol: str, weights: tuple[str, Const], schedule: _Schedule) -> KernelCall:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    params = (
        ("in_h", x.shape[1]),
        ("in_w", x.shape[2]),
        ("in_c", x.shape[3]),
        ("out_h", out.shape[1]),
        ("out_w", out.shape[2]),
        ("out_c", out.shape[3]),
        ("pad_top", window.pad_top),
        ("pad_left", window.pad_left),
        ("in_zero_point", x.zero_point),
        ("batch", schedule.batch),
        ("resident", int(schedule.resident)),
        ("gemm", _gemm(x.shape[3])),
        ("output", Symbol("nn_winograd_output_relu" if out.zero_point == -128 else "nn_winograd_output")),
        ("requantize", Const("requantize", "int32_t", _requantize(_channels(graph, node)))),
        weights,
    )
    header, params_type = "nn_conv2d_winograd.h", "nn_conv2d_winograd_params"
    return KernelCall(symbol, header, params_type, params, node.inputs[:1], node.outputs, schedule.scratch)


def _lower_stored(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    u = Const("u", "uint32_t", transform_weights(_channels(graph, node)))
    schedule = _stored_schedule(_sizes(graph, node))
    return (_call(graph, node, "nn_conv2d_s8_winograd_stored", ("u", u), schedule),)


def _cost(s: _Sizes, builds: int, relu: bool) -> Cost:
    """Cycles by part: v, m, outputs and u."""
    quads, groups = s.in_c // 4, s.out_c // 4
    per_pair = 36 * (8.0 * s.in_c + (22.0 if s.in_c <= 16 else 26.0 + 0.5 * s.in_c))
    per_tile = 940.0 * quads + 300.0 + s.out_c * (360.0 if relu else 392.0)
    per_build = s.out_c * (500.0 * quads + 40.0)
    return Cost(s.pairs_of_tiles * groups * per_pair + s.tiles * per_tile + builds * per_build)


def _relu(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.outputs[0]).zero_point == -128


def _run_time(builds: int) -> KernelVariant:
    """u made of the int8 weights, at most ``builds`` times: the more often, the less scratch."""

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        weights = Const("weights", "int8_t", _channels(graph, node).weights.astype(np.int8))
        schedule = _run_time_schedule(_sizes(graph, node), builds)
        return (_call(graph, node, "nn_conv2d_s8_winograd_run_time", ("weights", weights), schedule),)

    def cost(graph: Graph, node: Node) -> Cost:
        sizes = _sizes(graph, node)
        return _cost(sizes, _run_time_schedule(sizes, builds).builds, _relu(graph, node))

    def supports(graph: Graph, node: Node) -> bool:
        if not _supports(graph, node):
            return False
        sizes = _sizes(graph, node)
        smaller = _run_time_schedule(sizes, builds).scratch
        return builds == 1 or smaller < _run_time_schedule(sizes, builds // 2).scratch

    return KernelVariant(
        name="winograd_run_time" if builds == 1 else f"winograd_run_time_{builds}",
        sources=(*SOURCES, "nn_winograd_dsp.S"),
        lower=lower,
        cost=cost,
        supports=supports,
        features=frozenset({"dsp", "fpu"}),
        twins=(*SOURCES, "nn_winograd_twin.c"),
    )


WINOGRAD_STORED = KernelVariant(
    name="winograd_stored",
    sources=(*SOURCES, "nn_winograd_dsp.S"),
    lower=_lower_stored,
    cost=lambda graph, node: _cost(_sizes(graph, node), 0, _relu(graph, node)),
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=(*SOURCES, "nn_winograd_twin.c"),
)
WINOGRAD_RUN_TIME = tuple(_run_time(builds) for builds in (1, 2, 4, 8))
