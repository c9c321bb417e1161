"""What the kernels for cores with Helium (MVE) share: when they are exact, and how their constants are laid out.

VQRDMULH rounds as ``SaturatingRoundingDoublingHighMul`` does for every pair, because the reference's two nudges with
division towards zero are one rounding of halves upwards. VRSHL rounds halves upwards where ``RoundingDivideByPOT``
rounds them away from zero: adding the sign before it mends that, for shifts of 1 to 31 bits to the right. With an
output zero point of -128 the difference is below the clamp. ``tests/test_ops_mve.py`` proves both.

Costs are instructions on the emulated Cortex-M55, counted from the kernels' loops and compared with its counter by the
tests. They stand beside the portable kernels' modelled cycles of a Cortex-M4, which are always more for the same work,
so that the fewest instructions win.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, Symbol, Value
from toolchain.ops.channels import Channels
from toolchain.ops.common import activation_range
from toolchain.ops.depthwise_dsp import with_common_zero_point

FEATURES = frozenset({"mve"})
VECTOR = 16  # bytes
GROUP = 4  # channels


def is_exact(channels: Channels) -> bool:
    """Whether the vectors' requantization gives every code."""
    right = -channels.shift
    return bool(np.all((right >= 1) & (right <= 31)))


def padded_channels(channels: Channels, group: int, bias: Array | None = None) -> Channels:
    """The same with channels of zeros behind the last, up to whole groups, and with another ``bias`` where given."""
    missing = -len(channels.weights) % group
    return replace(
        channels,
        weights=np.pad(channels.weights, ((0, missing), (0, 0))),
        bias=np.pad(channels.bias if bias is None else bias, (0, missing)),
        multiplier=np.pad(channels.multiplier, (0, missing)),
        shift=np.pad(channels.shift, (0, missing), constant_values=-1),
        zero_point=np.pad(channels.zero_point, (0, missing)),
    )


def vectors(k: int) -> int:
    """How many vectors hold K bytes."""
    return -(-k // VECTOR)


def product(graph: Graph, node: Node, channels: Channels, in_step: int) -> tuple[tuple[str, Value], ...]:
    """The fields ``kernel`` and ``gemm`` of a kernel on ``nn_gemm_mve.h``."""
    out = graph.tensor(node.outputs[0])
    count, k = channels.weights.shape
    weights, numbers = _pack(padded_channels(with_common_zero_point(channels, out.zero_point), GROUP))
    return (
        ("kernel", Symbol("nn_gemm_s8_mve_relu" if out.zero_point == -128 else "nn_gemm_s8_mve")),
        ("gemm.k", k),
        ("gemm.k_padded", VECTOR * vectors(k)),
        ("gemm.in_step", in_step),
        ("gemm.out_c", count),
        ("gemm.out_zero_point", out.zero_point),
        ("gemm.weights", Const("weights", "int8_t", weights)),
        ("gemm.channels", Const("channels", "int32_t", numbers)),
    )


def _pack(channels: Channels) -> tuple[Array, Array]:
    """The weights and channels of ``nn_gemm_mve.h``. The number of channels is a multiple of four."""
    k = channels.weights.shape[1]
    wide = np.pad(channels.weights, ((0, 0), (0, VECTOR * vectors(k) - k)))
    # (group, channel 0 to 3, step, lane), then channels 0 and 2 before 1 and 3, each two side by side
    blocks = wide.reshape(-1, 2, 2, vectors(k), VECTOR).transpose(0, 2, 3, 1, 4)
    fours = (channels.bias.reshape(-1, GROUP)[:, (0, 2, 1, 3)], channels.multiplier.reshape(-1, GROUP))
    numbers = np.concatenate([*fours, channels.shift.reshape(-1, GROUP)], axis=1)
    return blocks.reshape(-1).astype(np.int8), numbers.reshape(-1).astype(np.int32)


def product_cost(pixels: int, k: int, out_c: int, relu: bool) -> float:
    """Instructions of ``nn_gemm_s8_mve`` for one call."""
    groups, steps = -(-out_c // GROUP), vectors(k)
    threes, ones = divmod(pixels, 3)
    fix = 0 if relu else 2
    three = 20 + groups * (54 + 3 * fix + 24 * steps)
    one = 17 + groups * (24 + fix + 10 * steps)
    return 18.0 + threes * three + ones * one


def is_relu(graph: Graph, node: Node) -> bool:
    """Whether the output's zero point is the lowest code, which hides one step of the rounding."""
    return graph.tensor(node.outputs[0]).zero_point == -128


def clamp_cost(graph: Graph, node: Node) -> float:
    """Instructions of ``nn_clamp_codes``."""
    out = graph.tensor(node.outputs[0])
    return 0.0 if activation_range(node.attrs.activation, out) == (-128, 127) else 8.0 * out.size


def same_places(graph: Graph, node: Node) -> bool:
    """Whether every output of a window with stride 1 has an input pixel at its own place, from the same address on."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    return x.shape[2:] == out.shape[2:] and out.nbytes <= x.nbytes and node.attrs.window.stride == (1, 1)
