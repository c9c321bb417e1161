"""CONV_2D by exact integer Winograd F(4x4, 3x3): a quarter of the products, for cores with DSP extension and FPU.

``nn_winograd.h`` has the transforms. The transformed weights u are eight times as large as the int8 weights: either
they lie in flash (``winograd_stored``), or they are made at run time in scratch memory (``winograd_run_time``), once or
several times, with less scratch the more often. The forms that go by rows of tiles can work in place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, Symbol, Value
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.pixels import image_fields, pad_fields
from toolchain.ops.row_parts import WINDOW_FIELDS

# The rows of G scaled to integers; see nn_winograd.h.
G = np.array([[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]], np.int64)
M = 1152  # bytes of m: 36 positions of two tiles and four output channels
LANES = (0, 2, 1, 3)  # SXTB16 takes bytes 0 and 2 of a word, then 1 and 3


def _channels(graph: Graph, node: Node) -> Channels:
    data = constant(graph, node.inputs[1])
    return channels_of(graph, node, data.reshape(data.shape[0], -1))


def fits_tiles(graph: Graph, node: Node) -> bool:
    """Whether the window, channels and codes of the output are such that tiles can be made of them."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    if (window.size, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)):
        return False
    return not (x.shape[3] % 4 or out.shape[3] % 4) and activation_range(node.attrs.activation, out) == (-128, 127)


def is_exact(channels: Channels) -> bool:
    """Whether every channel's result is exact for any int8 input.

    The sum of products comes as a multiple of up to 2**6, so it must stay below 2**25; with the bias it is doubled for
    SMMULR, so that must stay below 2**30; requantization with one rounding constant needs 1 to 22 bits of right shift.
    """
    products = channels.largest() - np.abs(channels.bias)
    in_range = bool(np.all(products < 1 << 25) and np.all(channels.largest() < 1 << 30))
    return in_range and bool(np.all((-channels.shift >= 1) & (-channels.shift <= 22)))


@functools.lru_cache(maxsize=32)
def transform_weights(channels: Channels) -> Array:
    """The uint32 words of u, [group of 4 output channels][pair of input channels][36 positions][4 output channels]."""
    weights = channels.weights.reshape(len(channels.weights), 3, 3, -1)
    out_c, _, _, in_c = weights.shape
    u = np.einsum("ia,oabc,jb->ocij", G, weights, G).reshape(out_c // 4, 4, in_c // 4, 4, 36)
    u = u[:, :, :, LANES].reshape(out_c // 4, 4, in_c // 2, 2, 36) & 0xFFFF
    words = u[:, :, :, 0] | u[:, :, :, 1] << 16  # (group, output channel, pair, position)
    stream: Array = words.transpose(0, 2, 3, 1).astype(np.uint32)
    return stream


def _requantize(c: Channels) -> Array:
    """Four words for each output channel: twice the bias, multiplier, rounding with the zero point, shift."""
    rounding = (1 << (-c.shift - 1)) + (c.zero_point << -c.shift)
    return np.stack([2 * c.bias, c.multiplier, rounding, -c.shift], axis=1).astype(np.int32)


@dataclass(frozen=True)
class Sizes:
    """What a layer's Winograd form has of everything; bytes where not said."""

    tiles_down: int
    tiles_across: int
    in_c: int
    out_c: int
    row: int

    @property
    def tiles(self) -> int:
        return self.tiles_down * self.tiles_across

    @property
    def u_group(self) -> int:
        return 288 * self.in_c

    @property
    def m_or_tile(self) -> int:
        """m of two tiles and four output channels, or the pixels of a tile in the same place."""
        return max(M, 36 * self.in_c)

    def v(self, tiles: int) -> int:
        return -(-tiles // 2) * 144 * self.in_c


def sizes_of(graph: Graph, node: Node) -> Sizes:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return Sizes(-(-out.shape[1] // 4), -(-out.shape[2] // 4), x.shape[3], out.shape[3], x.shape[2] * x.shape[3])


@dataclass(frozen=True)
class Schedule:
    """``batch`` tiles at a time; ``builds``: how often all of u is made; ``in_place``: the input may be overwritten."""

    batch: int
    resident: bool
    builds: int
    scratch: int
    in_place: bool


Scheduler = Callable[[Sizes], Schedule]


def _stored_pairs(s: Sizes) -> Schedule:
    return Schedule(2, True, 0, s.v(2) + s.m_or_tile, False)


def _stored_rows(s: Sizes) -> Schedule:
    return Schedule(s.tiles_across, True, 0, s.v(s.tiles_across) + s.m_or_tile + s.row, True)


def run_time_once(s: Sizes) -> Schedule:
    """Either u of all channels or v of all tiles stays in memory, whichever is smaller."""
    every_u = s.v(2) + s.u_group * (s.out_c // 4) + s.m_or_tile
    every_v = run_time(1)(s)
    return Schedule(2, True, 1, every_u, False) if every_u < every_v.scratch else every_v


def run_time(builds: int) -> Scheduler:
    """u is made at most ``builds`` times, each for some rows of tiles. It is where a tile's pixels were before."""

    def schedule(s: Sizes) -> Schedule:
        rows = -(-s.tiles_down // builds)
        batch = rows * s.tiles_across
        return Schedule(batch, False, -(-s.tiles_down // rows), s.v(batch) + s.u_group + M + s.row, True)

    return schedule


def run_time_rows(s: Sizes) -> Schedule:
    return run_time(s.tiles_down)(s)


def _gemm(in_c: int) -> Symbol:
    pairs = in_c // 2
    form = str(pairs) if pairs in (2, 8) else "8n" if pairs % 8 == 0 else "2n"
    return Symbol(f"nn_winograd_gemm_{form}")


def tile_fields(graph: Graph, node: Node, schedule: Schedule) -> tuple[tuple[str, Value], ...]:
    """The fields of ``nn_conv2d_winograd_params`` but for its weights."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return (
        *image_fields(graph, node),
        *pad_fields(node.attrs.window),
        ("in_zero_point", x.zero_point),
        ("batch", schedule.batch),
        ("resident", int(schedule.resident)),
        ("gemm", _gemm(x.shape[3])),
        ("output", Symbol("nn_winograd_output_relu" if out.zero_point == -128 else "nn_winograd_output")),
        ("requantize", Const("requantize", "int32_t", _requantize(_channels(graph, node)))),
    )


def _call(graph: Graph, node: Node, symbol: str, weights: tuple[str, Const], schedule: Schedule) -> KernelCall:
    params = (*tile_fields(graph, node, schedule), weights)
    header, params_type = "nn_conv2d_winograd.h", "nn_conv2d_winograd_params"
    return KernelCall(symbol, header, params_type, params, node.inputs[:1], node.outputs, schedule.scratch)


def tile_cost(s: Sizes, schedule: Schedule, relu: bool) -> Cost:
    """Cycles: the products counted by instruction, the rest fitted to measurements."""
    pairs = s.in_c // 2
    blocks = 1 if pairs in (2, 8) else pairs // 8 if pairs % 8 == 0 else pairs // 2
    position = 16.0 * pairs + (19 if blocks == 1 else 26 + 7 * (blocks - 1))
    # tiles go two at a time, the last of a batch alone where they are odd
    batches, rest = divmod(s.tiles, schedule.batch)
    twos = batches * -(-schedule.batch // 2) + -(-rest // 2)
    products = twos * (s.out_c // 4) * (36 * position + 40)
    inputs = s.tiles * (255.6 * s.in_c + 586.0)
    outputs = s.tiles * s.out_c * (351.0 if relu else 400.0)
    weights = schedule.builds * s.out_c * (121.5 * s.in_c + 25.0)
    return Cost(products + inputs + outputs + weights)


def _same_shape(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape


def overwritten(scheduler: Scheduler, graph: Graph, node: Node) -> tuple[int, ...]:
    """The inputs that the output may lie over."""
    return (0,) if _same_shape(graph, node) and scheduler(sizes_of(graph, node)).in_place else ()


def saves_memory(graph: Graph, node: Node, scheduler: Scheduler, faster: Sequence[Scheduler]) -> bool:
    """Whether none of the ``faster`` needs no more memory."""
    sizes = sizes_of(graph, node)
    mine, others = scheduler(sizes), [other(sizes) for other in faster]
    overwrites = bool(overwritten(scheduler, graph, node))
    return not any(o.scratch <= mine.scratch and o.in_place >= overwrites for o in others)


def _variant(name: str, scheduler: Scheduler, faster: Sequence[Scheduler] = ()) -> KernelVariant:
    """Left out where one of the ``faster`` needs no more memory."""
    stored = scheduler in (_stored_pairs, _stored_rows)

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        channels = _channels(graph, node)
        if stored:
            weights = Const("u", "uint32_t", transform_weights(channels))
        else:
            weights = Const("weights", "int8_t", channels.weights.astype(np.int8))
        symbol = f"nn_conv2d_s8_winograd_{'stored' if stored else 'run_time'}"
        return (_call(graph, node, symbol, (weights.suffix, weights), scheduler(sizes_of(graph, node))),)

    def cost(graph: Graph, node: Node) -> Cost:
        sizes = sizes_of(graph, node)
        return tile_cost(sizes, scheduler(sizes), graph.tensor(node.outputs[0]).zero_point == -128)

    def supports(graph: Graph, node: Node) -> bool:
        exact = fits_tiles(graph, node) and is_exact(_channels(graph, node))
        return exact and saves_memory(graph, node, scheduler, faster)

    return KernelVariant(
        name=name,
        sources=("nn_conv2d_s8_winograd.c", "nn_winograd_dsp.S"),
        lower=lower,
        cost=cost,
        supports=supports,
        features=frozenset({"dsp", "fpu"}),
        twins=("nn_conv2d_s8_winograd.c", "nn_winograd_twin.c"),
        in_place=partial(overwritten, scheduler),
        rows=lambda g, n: WINDOW_FIELDS,
    )


TWICE, FOUR_TIMES = run_time(2), run_time(4)
# name, schedule, and those that are faster
RUN_TIME: tuple[tuple[str, Scheduler, tuple[Scheduler, ...]], ...] = (
    ("", run_time_once, ()),
    ("_2", TWICE, (run_time_once,)),
    ("_4", FOUR_TIMES, (run_time_once, TWICE)),
    ("_rows", run_time_rows, (run_time_once, TWICE, FOUR_TIMES)),
)
WINOGRAD = (
    _variant("winograd_stored", _stored_pairs),
    _variant("winograd_stored_rows", _stored_rows, (_stored_pairs,)),
    *(_variant(f"winograd_run_time{name}", scheduler, faster) for name, scheduler, faster in RUN_TIME),
)
