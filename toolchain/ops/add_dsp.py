"""ADD of two tensors of one shape, for cores with the DSP extension: by tables, or rescaling each element.

Two tables of 256 entries hold every rescaled code: 2 KB of flash for a layer (1 KB where both inputs are quantized
alike), or 2 KB of scratch that each inference fills anew. All forms round as the reference does, in two steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Const, Cost, Fields, KernelCall, KernelVariant, Symbol, Value
from toolchain.ops.common import activation_range
from toolchain.ops.row_parts import count_field

LEFT_SHIFT = 20

Factor = tuple[int, int]  # multiplier and shift as TFLite has them


def factors(graph: Graph, node: Node) -> tuple[Factor, Factor, Factor]:
    """(multiplier, shift) of both inputs and of the output."""
    a, b = (graph.tensor(n).scale for n in node.inputs)
    twice = 2.0 * max(a, b)
    out = graph.tensor(node.outputs[0]).scale
    return (
        fixedpoint.quantize_multiplier(a / twice),
        fixedpoint.quantize_multiplier(b / twice),
        fixedpoint.quantize_multiplier(twice / ((1 << LEFT_SHIFT) * out)),
    )


def _supports(graph: Graph, node: Node) -> bool:
    """Rescaled codes are below 2**27 in size, so the doubled sum always fits."""
    out = graph.tensor(node.outputs[0])
    alike = all(graph.tensor(n).shape == out.shape for n in node.inputs)
    return alike and 1 <= -factors(graph, node)[2][1] <= 22


def _both(graph: Graph, node: Node) -> tuple[int, ...]:
    return 0, 1


def _table(tensor: Tensor, factor: Factor) -> Array:
    """Twice the rescaled value of the codes 0 to 127, -128 to -1, which is their order as unsigned bytes."""
    codes = np.arange(256).astype(np.uint8).view(np.int8).astype(np.int64)
    return 2 * fixedpoint.requantize((codes - tensor.zero_point) << LEFT_SHIFT, *factor)


def _sum(graph: Graph, node: Node, second: int) -> Fields:
    multiplier, shift = factors(graph, node)[2]
    out = graph.tensor(node.outputs[0])
    rounding = (1 << (-shift - 1)) + (out.zero_point << -shift)
    values = (("count", out.size), ("multiplier", multiplier), ("rounding", rounding), ("shift", -shift))
    return Fields((*values, ("second", second)))


def _call(
    name: str, graph: Graph, node: Node, params: tuple[tuple[str, Value], ...], scratch_bytes: int = 0
) -> tuple[KernelCall, ...]:
    low, high = activation_range(node.attrs.activation, graph.tensor(node.outputs[0]))
    call = KernelCall(
        f"nn_add_s8_{name}",
        "nn_add_dsp.h",
        f"nn_add_{name}_params",
        (("act_min", low), ("act_max", high), *params),
        node.inputs,
        node.outputs,
        scratch_bytes,
    )
    return (call,)


def _kernel(graph: Graph, node: Node) -> Symbol:
    relu = graph.tensor(node.outputs[0]).zero_point == -128
    return Symbol("nn_add_fours_relu" if relu else "nn_add_fours")


def _lower_tables(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a, b = (_table(graph.tensor(n), f) for n, f in zip(node.inputs, factors(graph, node), strict=False))
    tables = (a,) if np.array_equal(a, b) else (a, b)
    params = (
        ("sum", _sum(graph, node, 256 * (len(tables) - 1))),
        ("kernel", _kernel(graph, node)),
        ("tables", Const("tables", "int32_t", np.concatenate(tables).astype(np.int32))),
    )
    return _call("tables", graph, node, params)


def _input(tensor: Tensor, factor: Factor) -> Fields:
    """The fields of ``nn_add_input``."""
    multiplier, shift = factor
    # Half the scale exactly has no second rounding: twice the code and one bit of shift give the same. Nor has 0.
    left = LEFT_SHIFT + 1 if shift else LEFT_SHIFT + 2
    right = -shift or 1
    values = (("scale", 1 << left), ("offset", tensor.zero_point << left), ("multiplier", multiplier))
    return Fields((*values, ("rounding", 1 << (right - 1)), ("shift", right)))


def _lower_built(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    first, second = (_input(graph.tensor(n), f) for n, f in zip(node.inputs, factors(graph, node), strict=False))
    params = (("sum", _sum(graph, node, 256)), ("kernel", _kernel(graph, node)), ("first", first), ("second", second))
    return _call("built", graph, node, params, scratch_bytes=2 * 256 * 4)


def _lower_dsp(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a, b = (graph.tensor(n) for n in node.inputs)
    swapped = b.scale > a.scale
    large, small = (b, a) if swapped else (a, b)
    params = (
        ("sum", _sum(graph, node, 0)),
        ("offset", large.zero_point << LEFT_SHIFT),
        ("second", _input(small, factors(graph, node)[0 if swapped else 1])),
        ("swapped", int(swapped)),
    )
    return _call("dsp", graph, node, params)


def _cost(once: float, element: float, relu: float) -> Callable[[Graph, Node], Cost]:
    """Fitted to the emulated Cortex-M4. ``relu``: cycles of an element when the output's zero point is -128."""

    def cost(graph: Graph, node: Node) -> Cost:
        out = graph.tensor(node.outputs[0])
        cycles = relu if out.zero_point == -128 else element
        if activation_range(node.attrs.activation, out) != (-128, 127):
            cycles += 12.0
        return Cost(once + out.size * cycles)

    return cost


TABLES = KernelVariant(
    name="tables",
    sources=("nn_add_s8_tables.c", "nn_add_fours_dsp.S"),
    lower=_lower_tables,
    cost=_cost(110.0, 13.25, 11.25),
    supports=_supports,
    features=frozenset({"dsp"}),
    twins=("nn_add_s8_tables.c", "nn_add_fours_twin.c"),
    in_place=_both,
    rows=lambda g, n: count_field("sum.count", g, n),
)
BUILT = dataclasses.replace(
    TABLES,
    name="built_tables",
    sources=("nn_add_s8_built.c", "nn_add_fours_dsp.S"),
    lower=_lower_built,
    cost=_cost(5790.0, 13.25, 11.25),
    twins=("nn_add_s8_built.c", "nn_add_fours_twin.c"),
)
DSP = KernelVariant(
    name="dsp",
    sources=("nn_add_s8_dsp.c",),
    lower=_lower_dsp,
    cost=_cost(70.0, 29.5, 29.5),
    supports=_supports,
    features=frozenset({"dsp"}),
    in_place=_both,
    rows=lambda g, n: count_field("sum.count", g, n),
)
