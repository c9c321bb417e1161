"""What operators on sums of products share on float32, with weights stored as float32, float16 or bfloat16.

The references follow TFLM's kernels: products of the taps inside the image added one after the other, then the bias. A
fully connected layer runs as a convolution of 1x1 over a row of pixels. Weights that are all float16 (or bfloat16)
values may be stored as such; results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Symbol, Terms, Value
from toolchain.ops.common import constant
from toolchain.ops.float32 import bias_of, range_fields
from toolchain.ops.half import HALVES, Half
from toolchain.ops.pixels import LANES, in_lanes

PIXELS = 4  # that the kernel makes at a time
Shapes = Callable[[Graph, Node], tuple[tuple[str, Value], ...]]
Weights = Callable[[Graph, Node], Array]


@dataclass(frozen=True)
class Kernel:
    """A C function over ``nn_conv2d_f32_params``, its header, and the weights as it takes them."""

    symbol: str = "nn_conv2d_f32"
    header: str = "nn_conv2d_f32.h"
    weights: Weights = lambda graph, node: constant(graph, node.inputs[1])


CONVOLUTION = Kernel()


def _call(
    graph: Graph, node: Node, kernel: Kernel, shapes: tuple[tuple[str, Value], ...], half: Half | None
) -> KernelCall:
    weights = kernel.weights(graph, node)
    channels = weights.shape[0]
    lanes = in_lanes(weights.reshape(channels, -1))
    item = 2 if half else 4
    params = (
        *shapes,
        ("group_bytes", LANES * item * lanes.shape[1]),
        ("tap_bytes", LANES * item),
        *range_fields(node),
        ("mac", Symbol(f"nn_mac_f32{half.suffix if half else ''}")),
        ("weights", half.const(lanes) if half else Const("weights", "float", lanes)),
        ("bias", Const("bias", "float", bias_of(graph, node, channels))),
    )
    return KernelCall(kernel.symbol, kernel.header, "nn_conv2d_f32_params", params, node.inputs[:1], node.outputs)


def groups_of(channels: int) -> int:
    return -(-channels // LANES)


def row_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call; groups of channels and their taps, for blocks of 4 rows and for single ones; outputs."""
    weights = graph.tensor(node.inputs[1]).shape
    out_c, in_c = weights[0], weights[-1]
    blocks, singles = divmod(graph.tensor(node.inputs[0]).size // in_c, PIXELS)
    groups = groups_of(out_c)
    terms = (1, groups * blocks, groups * blocks * in_c, groups * singles, groups * singles * in_c)
    return tuple(map(float, (*terms, graph.tensor(node.outputs[0]).size)))


def by_format(
    shapes: Shapes, terms: Terms, cycles: Sequence[tuple[float, ...]], kernel: Kernel = CONVOLUTION
) -> tuple[KernelVariant, ...]:
    """A variant for weights as they are, one for float16 and one for bfloat16, with the cycles of each."""
    formats = zip((None, *HALVES), cycles, strict=True)
    return tuple(_variant(kernel, shapes, half, FittedCost(c, terms)) for half, c in formats)


def _variant(kernel: Kernel, shapes: Shapes, half: Half | None, cost: FittedCost) -> KernelVariant:
    return KernelVariant(
        name=half.name if half else "portable",
        sources=(f"{kernel.symbol}.c", f"nn_mac_f32{half.suffix if half else ''}.c"),
        lower=lambda g, n: (_call(g, n, kernel, shapes(g, n), half),),
        cost=cost,
        supports=half.supports if half else KernelVariant.supports,
    )
