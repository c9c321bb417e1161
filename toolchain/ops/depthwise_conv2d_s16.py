"""DEPTHWISE_CONV_2D with int16 activations and int8 weights, any channel multiplier.

The reference follows TFLM's ``reference_integer_ops::DepthwiseConvPerChannel`` with int64 biases.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, depthwise_conv2d
from toolchain.ops.base import FittedCost, KernelVariant, Op, no_attrs
from toolchain.ops.common import constant, flatten_samples, patches, taps_inside
from toolchain.ops.int16 import INT16, SYMMETRIC, largest_sums, sums_are_defined
from toolchain.ops.pixels import lane_terms, pixel_overlap, window_fields
from toolchain.ops.products_s16 import WEIGHTS, codes, lowering
from toolchain.ops.row_parts import WINDOW_FIELDS, window_rows

(_INT8,) = depthwise_conv2d.OPS


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    taps = patches(flatten_samples(inputs[0]), node.attrs.window, (out.shape[1], out.shape[2]), 0)
    taps = np.repeat(taps.astype(np.int64), out.shape[3] // x.shape[3], axis=5)
    return [
        codes(graph, node, np.einsum("nyxhwc,hwc->nyxc", taps, constant(graph, node.inputs[1])[0].astype(np.int64)))
    ]


def _narrow_fits(graph: Graph, node: Node) -> bool:
    same = graph.tensor(node.inputs[0]).shape[3] == graph.tensor(node.outputs[0]).shape[3]
    return same and bool((largest_sums(graph, node, 3) < 1 << 31).all())


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, pixels, those times the input channels; outputs, their rows of taps, taps."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    rows, columns = (int(n.sum()) for n in taps_inside(node.attrs.window, x, out))
    pixels, channels = out.shape[1] * out.shape[2], out.shape[3]
    terms = (1, pixels, pixels * x.shape[3], out.size, rows * out.shape[2] * channels, rows * columns * channels)
    return tuple(map(float, terms))


OPS = (
    Op(
        name="depthwise_conv2d_s16",
        tflite=(),
        typed=("depthwise_conv2d", "int16"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        by_items=True,
        reference=_reference,
        macs=_INT8.macs,
        rows=window_rows,
        constraints=(
            INT16,
            SYMMETRIC,
            *conv2d.SPATIAL_ITEMS,
            *WEIGHTS,
            conv2d.weights_per_channel(3),
            depthwise_conv2d.CHANNELS,
            sums_are_defined(3),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_depthwise_conv2d_s16.c",),
                lower=lowering(window_fields, "nn_depthwise_conv2d_s16"),
                cost=FittedCost((150.0, 105.0, 40.79, 68.14, 23.22, 13.94), _terms),
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
            KernelVariant(
                name="narrow",
                sources=("nn_depthwise_conv2d_s16_narrow.c",),
                lower=lowering(window_fields, "nn_depthwise_conv2d_s16_narrow"),
                cost=FittedCost((470.0, 87.13, 304.4, 15.32, 20.68, 27.01, 46.6, 6.269), lane_terms),
                supports=_narrow_fits,
                overlap=pixel_overlap,
                rows=lambda g, n: WINDOW_FIELDS,
            ),
        ),
    ),
)
