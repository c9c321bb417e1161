"""DEPTHWISE_CONV_2D for cores with Helium (MVE): a window is one vector, and up to four outputs share its load.

``nn_depthwise_mve.h`` has the layout. Costs are instructions, as ``mve.py`` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Cost, KernelCall, KernelVariant, Overlap, RowField, Symbol, Value
from toolchain.ops.channels import Channels
from toolchain.ops.common import Window, activation_range
from toolchain.ops.depthwise_dsp import Axis, axes, depthwise_channels, with_common_zero_point
from toolchain.ops.mve import FEATURES, clamp_cost, is_relu, same_places

BLOCK, COLUMN = 16, 64  # NN_DEPTHWISE_MVE_BLOCK, NN_DEPTHWISE_MVE_COLUMN
VECTOR = 16  # bytes
EVEN_OUTPUTS = 0x0F0F  # of a tile of four: bits 4 i to 4 i + 3 for output i
FILL = 14.0  # instructions for a column of a strip


@dataclass(frozen=True)
class _Plan:
    """How a kernel goes over the image; ``transposed`` when its rows are the image's columns."""

    rows: Axis
    columns: Axis
    taps: tuple[int, int]
    transposed: bool

    @property
    def at_once(self) -> int:
        """Rows of outputs in a tile of windows: two, or one where windows are two columns apart."""
        return 2 if self.columns.stride == 1 else 1

    @property
    def tiles(self) -> int:
        """Of a row of windows, the last one perhaps in part."""
        return -(-self.columns.out_size // (4 // self.at_once))

    @property
    def strip_columns(self) -> int:
        """All that the tiles of windows touch."""
        return (2 if self.at_once == 2 else 8) * self.tiles + 2

    @property
    def inside(self) -> int:
        """How many columns of the image the windows reach."""
        reach = (self.columns.out_size - 1) * self.columns.stride + self.taps[1]
        return min(self.columns.in_size, reach - self.columns.pad)

    @property
    def words(self) -> int:
        """Of a line, four pixels each: what its tiles touch."""
        return -(-self.rows.out_size // 4) + 3


def _plans(graph: Graph, node: Node) -> list[_Plan]:
    height, width = axes(graph, node)
    down, across = node.attrs.window.size
    return [_Plan(height, width, (down, across), False), _Plan(width, height, (across, down), True)]


def _fits_windows(plan: _Plan) -> bool:
    strides = (plan.rows.stride, plan.columns.stride)
    if plan.inside < 1:
        return False
    return max(plan.taps) <= 3 if strides == (1, 1) else strides[1] == 2 and max(plan.taps) <= 4


def _fits_line(plan: _Plan) -> bool:
    """Four outputs with their taps must lie within a vector."""
    line = plan.taps[1] == 1 and plan.columns.pad == 0 and plan.rows.stride == 1
    return line and plan.taps[0] + min(plan.rows.out_size, 4) - 1 <= VECTOR


def _windows_cost(plan: _Plan, channels: int, fix: int) -> float:
    strips = -(-plan.rows.out_size // plan.at_once)
    tile = (15 if plan.at_once == 2 else 18) + fix
    corner = plan.at_once == 2 and plan.rows.out_size % 2 and plan.columns.out_size % 2 and plan.tiles > 1
    calls = strips + (1 if corner else 0)
    blocks = -(-channels // BLOCK) * (strips * (120.0 + FILL * plan.inside) + (75.0 if corner else 0.0))
    return 60.0 + 8.0 * plan.strip_columns + blocks + channels * (25.0 * calls + tile * plan.tiles * strips)


def _line_cost(plan: _Plan, channels: int, fix: int) -> float:
    lines, tiles = plan.columns.out_size, -(-plan.rows.out_size // 4)
    edges = plan.words - max((plan.rows.in_size + plan.rows.pad) // 4 - (plan.rows.pad + 3) // 4, 0)
    blocks = -(-channels // BLOCK) * lines * (170.0 + FILL * plan.words + 70.0 * edges)
    return 60.0 + blocks + channels * lines * (25.0 + (15 + fix) * tiles)


_Fits = Callable[[_Plan], bool]
_Cycles = Callable[[_Plan, int, int], float]


def _best(graph: Graph, node: Node, fits: _Fits, cost: _Cycles) -> tuple[_Plan, float]:
    """The cheaper way round of those that fit. At least one does."""
    channels, fix = graph.tensor(node.outputs[0]).shape[3], 0 if is_relu(graph, node) else 2
    plans = [(plan, cost(plan, channels, fix)) for plan in _plans(graph, node) if fits(plan)]
    return min(plans, key=lambda found: found[1])


def _supports(graph: Graph, node: Node, fits: _Fits) -> bool:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    if x.shape[3] != out.shape[3] or window.dilation != (1, 1) or not any(map(fits, _plans(graph, node))):
        return False
    right = -depthwise_channels(graph, node).shift
    return bool(np.all((right >= 1) & (right <= 22)))


def _numbers(channels: Channels) -> Const:
    """Of ``nn_depthwise_mve.h``, four for each channel."""
    right = -channels.shift
    rounding = (1 << (right - 1)) + (channels.zero_point << right)
    data = np.stack([channels.bias, channels.multiplier, rounding, 24 - right], axis=1)
    return Const("numbers", "int32_t", data.reshape(-1).astype(np.int32))


def _weights(taps: Array, step: int, lead: int) -> Const:
    """``taps`` as (channels, bytes), each channel's `lead` bytes behind its beginning."""
    data = np.zeros((len(taps), step), np.int8)
    data[:, lead : lead + taps.shape[1]] = taps
    return Const("weights", "int8_t", np.append(data.reshape(-1), np.zeros(lead, np.int8)))


def _image(
    graph: Graph, node: Node, plan: _Plan, name: str, column_stride: int, tile: tuple[tuple[str, Value], ...]
) -> tuple[tuple[str, Value], ...]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    kernel = f"nn_depthwise_s8_mve_{name}" + ("_relu" if is_relu(graph, node) else "")
    fields = (
        ("channels", out.shape[3]),
        ("in_rows", plan.rows.in_size),
        ("in_columns", plan.columns.in_size),
        ("in_row_step", plan.rows.in_step),
        ("in_column_step", column_stride * plan.columns.in_step),
        ("pad_rows", plan.rows.pad),
        ("pad_columns", plan.columns.pad),
        ("in_zero_point", x.zero_point),
        ("rows", plan.rows.out_size),
        ("columns", plan.columns.out_size),
        ("row_step", plan.rows.out_step),
        ("column_step", plan.columns.out_step),
        ("outputs", out.size),
        ("act_min", low),
        ("act_max", high),
        *((f"tile.{field}", value) for field, value in tile),
        ("kernel", Symbol(kernel)),
    )
    return tuple((f"image.{field}", value) for field, value in fields)


def _call(name: str, node: Node, params: tuple[tuple[str, Value], ...], columns: int) -> tuple[KernelCall, ...]:
    call = KernelCall(
        f"nn_depthwise_conv2d_s8_{name}",
        "nn_depthwise_mve.h",
        f"nn_depthwise_{name}_params",
        params,
        node.inputs[:1],
        node.outputs,
        scratch_bytes=COLUMN * columns + VECTOR,
    )
    return (call,)


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    plan = _best(graph, node, _fits_windows, _windows_cost)[0]
    channels = depthwise_channels(graph, node, plan.transposed)
    channels = with_common_zero_point(channels, graph.tensor(node.outputs[0]).zero_point)
    count, column = plan.columns.out_size, plan.columns.out_step
    taps = np.zeros((len(channels.weights), plan.taps[1], 4), np.int64)
    taps[:, :, : plan.taps[0]] = channels.weights.reshape(-1, *plan.taps).swapaxes(1, 2)
    flat = taps.reshape(len(taps), -1)
    if plan.at_once == 2:
        offsets = (0, column, plan.rows.out_step, plan.rows.out_step + column)
        full, mask, name, lead = count // 2, EVEN_OUTPUTS, "2x2", 5
        flat = flat[:, : VECTOR - lead]  # the fourth row has no taps
    else:
        offsets = (0, column, 2 * column, 3 * column)
        full, mask, name, lead = count // 4, (1 << 4 * (count % 4)) - 1, "apart", 0
    tile = (
        ("offsets", offsets),
        ("out_step", (4 // plan.at_once) * column),
        ("weights_step", VECTOR),
        ("tiles", full),
        ("masked", plan.tiles - full),
        ("mask", mask),
    )
    params = (
        *_image(graph, node, plan, name, 1, tile),
        ("image.weights", _weights(flat, VECTOR, lead)),
        ("image.numbers", _numbers(channels)),
        ("at_once", plan.at_once),
        ("row_stride", plan.rows.stride),
        ("strip_columns", plan.strip_columns),
        ("inside", plan.inside),
    )
    return _call("mve", node, params, plan.strip_columns)


def _lower_line(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    plan = _best(graph, node, _fits_line, _line_cost)[0]
    channels = depthwise_channels(graph, node, plan.transposed)
    channels = with_common_zero_point(channels, graph.tensor(node.outputs[0]).zero_point)
    count, step, lead = plan.rows.out_size, plan.rows.out_step, 3
    weights_step = VECTOR if lead + plan.taps[0] <= VECTOR else 2 * VECTOR
    tile = (
        ("offsets", (0, step, 2 * step, 3 * step)),
        ("out_step", 4 * step),
        ("weights_step", weights_step),
        ("tiles", count // 4),
        ("masked", int(count % 4 > 0)),
        ("mask", (1 << 4 * (count % 4)) - 1),
    )
    params = (
        *_image(graph, node, plan, "line", plan.columns.stride, tile),
        ("image.weights", _weights(channels.weights, weights_step, lead)),
        ("image.numbers", _numbers(channels)),
        ("words", plan.words),
    )
    return _call("mve_line", node, params, plan.words)


def _cost(graph: Graph, node: Node) -> Cost:
    return Cost(_best(graph, node, _fits_windows, _windows_cost)[1] + clamp_cost(graph, node))


def _cost_line(graph: Graph, node: Node) -> Cost:
    return Cost(_best(graph, node, _fits_line, _line_cost)[1] + clamp_cost(graph, node))


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """The strip keeps the rows that outputs overwrite; no channel is computed twice."""
    return (0,) if graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape else ()


def _overlap(graph: Graph, node: Node) -> Overlap | None:
    """Rows are in the strip before outputs lie over them, where these are not behind their windows' last rows."""
    plan = _best(graph, node, _fits_windows, _windows_cost)[0]
    return Overlap(0, exact=True) if same_places(graph, node) and plan.rows.pad <= 2 else None


def _overlap_line(graph: Graph, node: Node) -> Overlap | None:
    """A line is in the strip before its outputs overwrite it."""
    return Overlap(0, exact=True) if same_places(graph, node) else None


def _outputs_of_a_row(graph: Graph, node: Node) -> RowField:
    out = graph.tensor(node.outputs[0])
    return RowField("image.outputs", out_h=out.size // out.shape[1])


def _rows(graph: Graph, node: Node) -> tuple[RowField, ...] | None:
    if _best(graph, node, _fits_windows, _windows_cost)[0].transposed:
        return None
    rows = (RowField("image.in_rows", in_h=1), RowField("image.rows", out_h=1), RowField("image.pad_rows", pad_top=1))
    return (*rows, _outputs_of_a_row(graph, node))


def _rows_line(graph: Graph, node: Node) -> tuple[RowField, ...] | None:
    if not _best(graph, node, _fits_line, _line_cost)[0].transposed:
        return None
    return RowField("image.columns", out_h=1), _outputs_of_a_row(graph, node)


MVE = KernelVariant(
    name="mve",
    sources=("nn_depthwise_conv2d_s8_mve.c", "nn_depthwise_s8_mve.S"),
    lower=_lower,
    cost=_cost,
    supports=lambda g, n: _supports(g, n, _fits_windows),
    features=FEATURES,
    twins=("nn_depthwise_conv2d_s8_mve.c", "nn_depthwise_mve_twin.c"),
    in_place=_in_place,
    overlap=_overlap,
    rows=_rows,
)
MVE_LINE = KernelVariant(
    name="mve_line",
    sources=("nn_depthwise_conv2d_s8_mve_line.c", "nn_depthwise_s8_mve.S"),
    lower=_lower_line,
    cost=_cost_line,
    supports=lambda g, n: _supports(g, n, _fits_line),
    features=FEATURES,
    twins=("nn_depthwise_conv2d_s8_mve_line.c", "nn_depthwise_mve_twin.c"),
    in_place=_in_place,
    overlap=_overlap_line,
    rows=_rows_line,
)
