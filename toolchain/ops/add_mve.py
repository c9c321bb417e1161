"""ADD of two tensors of one shape, for cores with Helium (MVE): four elements at a time, without tables."""

from __future__ import annotations

from toolchain.graph import Graph, Node
from toolchain.ops.add_dsp import LEFT_SHIFT, factors
from toolchain.ops.base import Cost, KernelCall, KernelVariant, Symbol
from toolchain.ops.common import activation_range
from toolchain.ops.mve import FEATURES, clamp_cost, is_relu
from toolchain.ops.row_parts import count_field


def _supports(graph: Graph, node: Node) -> bool:
    """Rescaled codes are below 2**28 in size, so their sum always fits."""
    out = graph.tensor(node.outputs[0])
    alike = all(graph.tensor(n).shape == out.shape for n in node.inputs)
    return alike and 1 <= -factors(graph, node)[2][1] <= 22


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a, b = (graph.tensor(n) for n in node.inputs)
    first, second, (out_multiplier, out_shift) = factors(graph, node)
    swapped = b.scale > a.scale
    large, small = (b, a) if swapped else (a, b)
    multiplier, shift = first if swapped else second
    out = graph.tensor(node.outputs[0])
    # Half the scale exactly has no second rounding: twice the code and one bit of shift give the same. Nor has 0.
    left = LEFT_SHIFT if shift else LEFT_SHIFT + 1
    low, high = activation_range(node.attrs.activation, out)
    params = (
        ("count", out.size),
        ("act_min", low),
        ("act_max", high),
        ("swapped", int(swapped)),
        ("kernel", Symbol("nn_add_s8_mve_sum_relu" if is_relu(graph, node) else "nn_add_s8_mve_sum")),
        ("sum.left", left),
        ("sum.offset", -(small.zero_point << left)),
        ("sum.multiplier", multiplier),
        ("sum.shift", shift or -1),
        ("sum.large_offset", -(large.zero_point << (LEFT_SHIFT - 1))),
        ("sum.out_multiplier", out_multiplier),
        ("sum.rounding", (1 << (-out_shift - 1)) + (out.zero_point << -out_shift)),
        ("sum.out_shift", 24 + out_shift),
    )
    return (KernelCall("nn_add_s8_mve", "nn_add_mve.h", "nn_add_mve_params", params, node.inputs, node.outputs),)


def _cost(graph: Graph, node: Node) -> Cost:
    """Instructions, as ``mve.py`` says."""
    steps = -(-graph.tensor(node.outputs[0]).size // 4)
    return Cost(40.0 + (17 if is_relu(graph, node) else 19) * steps + clamp_cost(graph, node))


MVE = KernelVariant(
    name="mve",
    sources=("nn_add_s8_mve.c", "nn_add_s8_mve_sum.S"),
    lower=_lower,
    cost=_cost,
    supports=_supports,
    features=FEATURES,
    twins=("nn_add_s8_mve.c", "nn_add_mve_twin.c"),
    in_place=lambda g, n: (0, 1),
    rows=lambda g, n: count_field("count", g, n),
)
