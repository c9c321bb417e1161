"""DEPTHWISE_CONV_2D 3x3 on packed pairs of rows, for cores with the DSP extension and an FPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Overlap, RowField, Symbol
from toolchain.ops.channels import Channels, channels_of
from toolchain.ops.common import Window, activation_range, constant
from toolchain.ops.single_floor import SingleFloor, single_floor

SLOTS = 5  # NN_DEPTHWISE_SLOTS: pairs of rows that a strip holds
FLOOR_SHIFT = 10  # NN_DEPTHWISE_FLOOR_SHIFT


@dataclass(frozen=True)
class Axis:
    """One axis of the image: sizes in pixels, steps in bytes."""

    in_size: int
    out_size: int
    pad: int
    stride: int
    in_step: int
    out_step: int


@dataclass(frozen=True)
class _Plan:
    """What the kernel calls rows and columns; ``transposed`` when they are the image's columns and rows."""

    rows: Axis
    columns: Axis
    stride: int
    transposed: bool

    @property
    def strip_columns(self) -> int:
        return (self.columns.out_size - 1) * self.stride + 3

    @property
    def scratch_bytes(self) -> int:
        return 16 * SLOTS * self.strip_columns

    def cycles(self, channels: int, floor: bool) -> float:
        """Modelled cycles of the whole layer; ``floor`` when its codes are rounded down once."""
        rows, columns = self.rows.out_size, self.columns.out_size
        per_strip = 2 * (SLOTS - 1) if self.stride == 1 else SLOTS - 1
        strips = -(-rows // per_strip)
        slots = strips + (-(-rows // 2) if self.stride == 1 else rows)
        row_pairs, last_row = divmod(rows, 2)
        column_pairs, last_column = divmod(columns, 2)
        step, half_step = (58.5, 38) if self.stride == 1 else (67.5, 43)  # of two rows
        step_1, half_step_1 = (38, 23) if self.stride == 1 else (42, 25)  # of the last row
        compute = row_pairs * (column_pairs * step + last_column * half_step + 25)
        compute += last_row * (column_pairs * step_1 + last_column * half_step_1 + 10)
        compute += 0 if floor else 3.25 * rows * columns
        inside = min(self.columns.in_size, self.strip_columns - self.columns.pad)
        pack = slots * (inside // 4 * 59 + inside % 4 * 18 + 70)
        keep = (strips - 1) * (14 * inside + 20)
        return -(-channels // 4) * (4 * (compute + strips * 42) + pack + keep + strips * 80 + 50)


def axes(graph: Graph, node: Node) -> tuple[Axis, Axis]:
    """Height and width."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    channels = out.shape[3]
    in_steps, out_steps = (x.shape[2] * x.shape[3], x.shape[3]), (out.shape[2] * channels, channels)
    pads = (window.pad_top, window.pad_left)
    height, width = (
        Axis(x.shape[1 + a], out.shape[1 + a], pads[a], window.stride[a], in_steps[a], out_steps[a]) for a in (0, 1)
    )
    return height, width


def _plan(graph: Graph, node: Node) -> _Plan:
    """The faster way round."""
    height, width = axes(graph, node)
    channels = graph.tensor(node.outputs[0]).shape[3]
    plans = (_Plan(height, width, height.stride, False), _Plan(width, height, height.stride, True))
    return min(plans, key=lambda plan: plan.cycles(channels, True))


def depthwise_channels(graph: Graph, node: Node, transposed: bool = False) -> Channels:
    """The taps row by row, or column by column."""
    weights = constant(graph, node.inputs[1])[0]
    taps = np.swapaxes(weights, 0, 1) if transposed else weights
    return channels_of(graph, node, taps.reshape(-1, taps.shape[2]).T)


def is_exact(graph: Graph, node: Node) -> bool:
    """Whether four channels at a time with one rounding constant give every code: see ``nn_depthwise_3x3.h``."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if out.shape[3] < 4 or x.shape[3] != out.shape[3]:
        return False
    if activation_range(node.attrs.activation, out) != (-128, 127):
        return False
    channels = depthwise_channels(graph, node)
    right = -channels.shift
    return bool(np.all(channels.largest() < 1 << 30) and np.all((right >= 1) & (right <= 22)))


def _supports(graph: Graph, node: Node) -> bool:
    window: Window = node.attrs.window
    if window.size != (3, 3) or window.dilation != (1, 1) or window.stride not in ((1, 1), (2, 2)):
        return False
    return is_exact(graph, node)


def with_common_zero_point(channels: Channels, zero_point: int) -> Channels:
    """The same codes with one zero point for all channels.

    A channel of one code has neither weights nor a scale: its distance to the zero point, times 64, becomes its bias
    and a 64th its scale.
    """
    fixed = channels.multiplier == 0
    return replace(
        channels,
        bias=np.where(fixed, 64 * (channels.zero_point - zero_point), channels.bias),
        multiplier=np.where(fixed, 1 << 30, channels.multiplier),
        shift=np.where(fixed, -5, channels.shift),
        zero_point=np.full_like(channels.zero_point, zero_point),
    )


def fours(channels: int) -> list[Array]:
    """The channels four at a time; the last four overlap those before them when there are not enough."""
    return [min(c, channels - 4) + np.arange(4) for c in range(0, channels, 4)]


def bytes_to_words(data: Array) -> Array:
    """int8 values (rows, 4 n) as little-endian words (rows, n)."""
    words: Array = np.ascontiguousarray((data & 0xFF).astype(np.uint8)).view("<u4")
    return words


def to_words(data: Array) -> Array:
    """int32 values as words."""
    words: Array = (data & 0xFFFFFFFF).astype(np.uint32)
    return words


# taps of the first three words, row by row; the place of tap 0 is where the shift goes, or what the offset has more
_ORDER = (0, 1, 3, 4, 3, 4, 6, 7, 2, 0, 5, 8)
_SHIFT = 9


def _floor(channels: Channels) -> SingleFloor | None:
    """Of channels with a common zero point, whose offsets differ by a byte from what the kernel knows."""
    floor = single_floor(channels, FLOOR_SHIFT) if channels.zero_point[0] == -128 else None
    if floor is None or np.any(np.abs(floor.offset - _offset(channels)) > 127):
        return None
    return floor


def _offset(channels: Channels) -> Array:
    return (2 * channels.zero_point + 1) << (FLOOR_SHIFT - 1)


def _pack(channels: Channels, floor: SingleFloor | None) -> Array:
    """The words of ``nn_depthwise_3x3.h``: five for each channel."""
    data = channels.weights[:, _ORDER]
    if floor is None:
        data[:, _SHIFT] = -channels.shift
        numbers = np.stack([2 * channels.bias, channels.multiplier], axis=1)
    else:
        data[:, _SHIFT] = floor.offset - _offset(channels)
        numbers = np.stack([256 * channels.bias, floor.factor], axis=1)
    return np.concatenate([bytes_to_words(data), to_words(numbers)], axis=1).reshape(-1)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    channels = out.shape[3]
    plan = _plan(graph, node)
    common = with_common_zero_point(depthwise_channels(graph, node, plan.transposed), out.zero_point)
    floor = _floor(common)
    tile = (
        ("rows", plan.rows.out_size),
        ("columns", plan.columns.out_size),
        ("row_step", plan.rows.out_step),
        ("column_step", plan.columns.out_step),
        ("zero_term", int(_offset(common)[0]) if floor else 2 * out.zero_point + 1),
    )
    symbol = "nn_depthwise_s8_3x3" + ("_stride2" if plan.stride == 2 else "")
    symbol += "_floor" if floor else ""
    params = (
        ("channels", channels),
        ("in_rows", plan.rows.in_size),
        ("in_columns", plan.columns.in_size),
        ("in_row_step", plan.rows.in_step),
        ("in_column_step", plan.columns.in_step),
        ("pad_rows", plan.rows.pad),
        ("pad_columns", plan.columns.pad),
        ("stride", plan.stride),
        ("in_zero_point", x.zero_point),
        ("tile", Fields(tile)),
        ("kernel", Symbol(symbol)),
        ("weights", Const("weights", "uint32_t", _pack(common, floor))),
    )
    call = KernelCall(
        "nn_depthwise_conv2d_s8_3x3",
        "nn_depthwise_3x3.h",
        "nn_depthwise_3x3_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=plan.scratch_bytes,
    )
    return (call,)


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """Rows are packed before outputs overwrite them, and kept for the outputs after; no channel is computed twice."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return (0,) if x.shape == out.shape and node.attrs.window.stride == (1, 1) and x.shape[3] % 4 == 0 else ()


def _overlap(graph: Graph, node: Node) -> Overlap | None:
    """From the same address, as four channels after the other are computed.

    The kernel reads a strip's rows before it writes their outputs. These must not reach the rows of the next strip.
    """
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    plan = _plan(graph, node)
    if plan.transposed or x.shape[3] % 4 or out.nbytes > x.nbytes:
        return None
    rows = plan.rows
    step = 2 * (SLOTS - 1) if plan.stride == 1 else SLOTS - 1
    ends = range(step, rows.out_size, step)
    apart = all(end * rows.out_step <= (end * plan.stride + 2 - rows.pad) * rows.in_step for end in ends)
    return Overlap(0, exact=True) if apart else None


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...]:
    rows = "columns" if _plan(graph, node).transposed else "rows"
    return (RowField(f"in_{rows}", in_h=1), RowField(f"tile.{rows}", out_h=1), RowField(f"pad_{rows}", pad_top=1))


def _cost(graph: Graph, node: Node) -> Cost:
    plan, out = _plan(graph, node), graph.tensor(node.outputs[0])
    floor = _floor(with_common_zero_point(depthwise_channels(graph, node, plan.transposed), out.zero_point))
    return Cost(plan.cycles(out.shape[3], floor is not None))


PACKED_3X3 = KernelVariant(
    name="packed 3x3",
    sources=("nn_depthwise_conv2d_s8_3x3.c", "nn_depthwise_3x3_dsp.S"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    features=frozenset({"dsp", "fpu"}),
    twins=("nn_depthwise_conv2d_s8_3x3.c", "nn_depthwise_3x3_twin.c"),
    in_place=_in_place,
    overlap=_overlap,
    rows=_rows,
)
