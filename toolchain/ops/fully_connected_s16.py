"""FULLY_CONNECTED with int16 activations and int8 weights.

The reference follows TFLM's ``reference_integer_ops::FullyConnected`` with int64 biases.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolchain.graph import Array, Graph, Node
from toolchain.ops import conv2d, fully_connected
from toolchain.ops.base import FittedCost, KernelVariant, Op, no_attrs
from toolchain.ops.common import constant
from toolchain.ops.int16 import INT16, SYMMETRIC, sums_are_defined
from toolchain.ops.pixels import row_of_pixels
from toolchain.ops.products_s16 import (
    WEIGHTS,
    codes,
    dsp_lowering,
    fits_32_bits,
    lowering,
    product,
    row_dsp_terms,
    row_terms,
)

(_INT8,) = fully_connected.OPS
_CYCLES = (70.4, 70.4, 112.2, 45.0, 45.0, 45.0, 8.0)
_DSP_CYCLES = (170.2, 55.92, 59.22, 61.44, 61.44, 28.98, 82.58)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    weights = constant(graph, node.inputs[1])
    return [codes(graph, node, product(inputs[0].reshape(-1, weights.shape[1]), weights))]


OPS = (
    Op(
        name="fully_connected_s16",
        tflite=(),
        typed=("fully_connected", "int16"),
        read=no_attrs,
        write=_INT8.write,
        ptq=_INT8.ptq,
        reference=_reference,
        macs=_INT8.macs,
        constraints=(
            INT16,
            SYMMETRIC,
            fully_connected.SHAPES,
            *WEIGHTS,
            conv2d.weights_per_channel(0),
            sums_are_defined(0),
            fully_connected.STORED,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_conv2d_s16.c",),
                lower=lowering(row_of_pixels),
                cost=FittedCost(_CYCLES, row_terms),
            ),
            KernelVariant(
                name="dsp",
                sources=("nn_conv2d_s16_dsp.c",),
                lower=dsp_lowering(row_of_pixels),
                cost=FittedCost(_DSP_CYCLES, row_dsp_terms),
                supports=fits_32_bits,
                features=frozenset({"dsp"}),
            ),
        ),
    ),
)
