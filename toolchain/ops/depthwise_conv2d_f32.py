"""DEPTHWISE_CONV_2D on float32, any channel multiplier, with weights stored as float32, float16 or bfloat16.

The reference follows TFLM's ``reference_ops::DepthwiseConv``: products of the taps inside the image added in the order
height, width, then the bias.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import depthwise_conv2d
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant, Op, Symbol, no_attrs
from toolchain.ops.common import ACTIVATION, constant, flatten_samples, patches
from toolchain.ops.conv2d import SPATIAL_ITEMS
from toolchain.ops.float32 import FLOAT32, WEIGHTS, activated, bias_of, range_fields
from toolchain.ops.half import HALVES, Half
from toolchain.ops.pixels import LANES, in_lanes, lane_terms, pixel_overlap, window_fields
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows

(_INT8,) = depthwise_conv2d.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    _, out_h, out_w, out_c = out.shape
    taps = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), 0)
    weights = constant(graph, node.inputs[1])[0]
    total = np.zeros((*taps.shape[:3], out_c), np.float32)
    for ky, kx in np.ndindex(*node.attrs.window.size):
        total += np.repeat(taps[:, :, :, ky, kx], out_c // x.shape[3], axis=3) * weights[ky, kx]
    return [activated(node, total + bias_of(graph, node, out_c)).reshape(-1, *out.shape)]


def _lower(graph: Graph, node: Node, half: Half | None) -> tuple[KernelCall, ...]:
    weights = constant(graph, node.inputs[1])
    channels = weights.shape[3]
    lanes = in_lanes(weights.reshape(-1, channels).T)
    item = 2 if half else 4
    params = (
        *window_fields(graph, node),
        ("group_bytes", LANES * item * lanes.shape[1]),
        ("tap_bytes", LANES * item),
        *range_fields(node),
        ("pixel", Symbol(f"nn_depthwise_pixel_f32{half.suffix if half else ''}")),
        ("weights", half.const(lanes) if half else Const("weights", "float", lanes)),
        ("bias", Const("bias", "float", bias_of(graph, node, channels))),
    )
    name = "nn_depthwise_conv2d_f32"
    return (KernelCall(name, f"{name}.h", f"{name}_params", params, node.inputs[:1], node.outputs),)


def _variant(half: Half | None, cycles: tuple[float, ...]) -> KernelVariant:
    return KernelVariant(
        name=half.name if half else "portable",
        sources=("nn_depthwise_conv2d_f32.c", f"nn_depthwise_pixel_f32{half.suffix if half else ''}.c"),
        lower=lambda g, n: _lower(g, n, half),
        cost=FittedCost(cycles, lane_terms),
        supports=half.supports if half else KernelVariant.supports,
        overlap=pixel_overlap,
        rows=lambda g, n: WINDOW_FIELDS,
    )


# By format of the weights: as they are, float16, bfloat16.
_CYCLES = (
    (226.8, 139.0, 110.3, 12.18, 29.14, 72.72, 11.95, 25.5),
    (232.7, 138.8, 110.3, 12.17, 29.14, 69.58, 7.435, 35.38),
    (215.7, 142.2, 115.3, 15.2, 39.14, 77.13, 11.57, 32.59),
)

OPS = (
    Op(
        name="depthwise_conv2d_f32",
        tflite=(),
        typed=("depthwise_conv2d", "float32"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        by_items=True,
        reference=_reference,
        macs=_INT8.macs,
        rows=window_rows,
        constraints=(FLOAT32, *SPATIAL_ITEMS, WEIGHTS, ACTIVATION, depthwise_conv2d.CHANNELS),
        variants=tuple(_variant(half, cycles) for half, cycles in zip((None, *HALVES), _CYCLES, strict=True)),
    ),
)
