"""CONV_2D with int16 activations and int8 weights.

The reference follows TFLM's ``reference_integer_ops::ConvPerChannel`` with int64 biases.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d
from toolchain.ops.base import FittedCost, KernelVariant, Op, no_attrs
from toolchain.ops.common import Window, constant, flatten_samples, patches, taps_inside
from toolchain.ops.int16 import INT16, SYMMETRIC, sums_are_defined
from toolchain.ops.pixels import by_pixels, pixel_overlap, row_fields, shape_fields
from toolchain.ops.products_s16 import (
    WEIGHTS,
    codes,
    dsp_lowering,
    dsp_terms,
    fits_32_bits,
    lowering,
    product,
    row_dsp_terms,
    row_terms,
)
from toolchain.ops.row_parts import window_rows

(_INT8,) = conv2d.OPS
_CYCLES = (140.0, 112.0, 111.0, 82.4, 28.0, 24.05, 8.005)
_DSP_CYCLES = (341.0, 110.8, 70.27, 25.86, 51.19, 29.03, 80.17)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    _, out_h, out_w, out_c = graph.tensor(node.outputs[0]).shape
    columns = patches(flatten_samples(inputs[0]), node.attrs.window, (out_h, out_w), 0)
    columns = columns.reshape(-1, int(np.prod(columns.shape[3:])))
    return [codes(graph, node, product(columns, constant(graph, node.inputs[1]).reshape(out_c, -1)))]


def _dsp_fits(graph: Graph, node: Node) -> bool:
    return fits_32_bits(graph, node) and node.attrs.window.dilation[1] == 1


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, rows of pixels, pixels; outputs, their rows of taps, taps. With dilation each tap is a row."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if by_pixels(graph, node):
        return row_terms(graph, node)
    window: Window = node.attrs.window
    rows, columns = (int(n.sum()) for n in taps_inside(window, x, out))
    pixels, channels = out.shape[1] * out.shape[2], out.shape[3]
    runs = rows * columns if window.dilation[1] > 1 else rows * out.shape[2]
    terms = (1, out.shape[1], pixels, out.size, rows * out.shape[2] * channels, runs * channels)
    return *map(float, terms), float(rows * columns * x.shape[3] * channels)


def _dsp_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    if by_pixels(graph, node):
        return row_dsp_terms(graph, node)
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    window: Window = node.attrs.window
    rows, columns = taps_inside(window, x, out)
    pixels, runs = out.shape[1] * out.shape[2], int(rows.sum()) * out.shape[2]
    left = np.maximum(window.pad_left - np.arange(out.shape[2]) * window.stride[1], 0) * x.shape[3]
    lead = np.minimum(-left % 4, columns * x.shape[3])
    taps = columns * x.shape[3] - lead
    fours, rest = (int(rows.sum() * n.sum()) for n in (taps // 4, lead + taps % 4))
    return dsp_terms(out.shape[3], pixels, runs, fours, rest)


OPS = (
    Op(
        name="conv2d_s16",
        tflite=(),
        typed=("conv2d", "int16"),
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
            conv2d.weights_per_channel(0),
            *conv2d.SPANNING,
            sums_are_defined(0),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_s16.c",),
                lower=lowering(shape_fields),
                cost=FittedCost(_CYCLES, _terms),
                overlap=pixel_overlap,
                rows=row_fields,
            ),
            KernelVariant(
                name="dsp",
                sources=("nn_conv2d_s16_dsp.c",),
                lower=dsp_lowering(shape_fields),
                cost=FittedCost(_DSP_CYCLES, _dsp_terms),
                supports=_dsp_fits,
                features=frozenset({"dsp"}),
                overlap=pixel_overlap,
                rows=row_fields,
            ),
        ),
    ),
)
