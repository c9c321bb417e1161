"""FULLY_CONNECTED: int8 activations, int8 weights (O, I) per-tensor or per-channel, int32 bias.

The reference follows TFLM's ``reference_integer_ops::FullyConnected`` and ``CalculateOpDataFullyConnected``. The
factor is formed in double precision for one weight scale as for many: older TFLite rounded the product of the
scales to float32, which gives other codes now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain import fixedpoint
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    INT8,
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    clamp_int8,
)
from toolchain.ops.common import (
    activation_code,
    activation_name,
    activation_range,
    bias_of,
    channel_multipliers,
    constant,
    requantize_consts,
    sums_within_32_bits,
)
from toolchain.ops.conv2d import WEIGHTS, weights_per_channel
from toolchain.ops.conv2d_xnor import XNOR
from toolchain.ops.fully_connected_compressed import CODEBOOK, LANES, SPARSE
from toolchain.ops.fully_connected_dsp import DIRECT, DSP
from toolchain.ops.fully_connected_fours import FOURS
from toolchain.ops.fully_connected_mve import MVE


@dataclass(frozen=True)
class FullyConnectedAttrs:
    """``default_weights``: the weights are stored row by row, not shuffled for another machine."""

    activation: str
    default_weights: bool


def _read(op: TfliteOperator) -> FullyConnectedAttrs:
    activation = activation_name(int(op.options.fusedActivationFunction))
    return FullyConnectedAttrs(activation, int(op.options.weightsFormat) == 0)


def _write(graph: Graph, node: Node) -> TfliteRecord:
    fields = (
        ("fusedActivationFunction", activation_code(node.attrs.activation)),
        ("keepNumDims", len(graph.tensor(node.outputs[0]).shape) > 2),
    )
    return TfliteRecord("FULLY_CONNECTED", node.inputs, 4, "FullyConnectedOptions", fields)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, w, out = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    rows = inputs[0].reshape(-1, w.shape[1]).astype(np.float64) - x.zero_point
    # float64 sums of int8 products are exact below 2**53
    acc = (rows @ constant(graph, node.inputs[1]).astype(np.float64).T).astype(np.int64)
    acc += bias_of(graph, node, w.shape[0])
    scaled = fixedpoint.requantize(acc, *channel_multipliers(graph, node, w.shape[0])) + out.zero_point
    return [clamp_int8(scaled, *activation_range(node.attrs.activation, out)).reshape(-1, *out.shape)]


def _rows(graph: Graph, node: Node) -> int:
    return graph.tensor(node.outputs[0]).size // graph.tensor(node.inputs[1]).shape[0]


def macs(graph: Graph, node: Node) -> int:
    return _rows(graph, node) * graph.tensor(node.inputs[1]).size


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, w, out = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    low, high = activation_range(node.attrs.activation, out)
    params = (
        ("rows", _rows(graph, node)),
        ("in_c", w.shape[1]),
        ("out_c", w.shape[0]),
        ("in_zero_point", x.zero_point),
        ("out_zero_point", out.zero_point),
        ("act_min", low),
        ("act_max", high),
        ("weights", Const("weights", "int8_t", constant(graph, node.inputs[1]))),
        *requantize_consts(bias_of(graph, node, w.shape[0]), *channel_multipliers(graph, node, w.shape[0])),
    )
    call = KernelCall(
        "nn_fully_connected_s8",
        "nn_fully_connected.h",
        "nn_fully_connected_params",
        params,
        node.inputs[:1],
        node.outputs,
    )
    return (call,)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Rows; for four channels that share each input and for single ones: how many, and their products."""
    out_c, in_c = graph.tensor(node.inputs[1]).shape
    rows, (fours, rest) = _rows(graph, node), divmod(out_c, 4)
    return 1.0, *(float(rows * n) for n in (1, fours, fours * in_c, rest, rest * in_c))


def _shapes(graph: Graph, node: Node) -> bool:
    x, w, out = graph.tensor(node.inputs[0]), graph.tensor(node.inputs[1]), graph.tensor(node.outputs[0])
    return len(w.shape) == 2 and x.size % w.shape[1] == 0 and out.size == x.size // w.shape[1] * w.shape[0]


SHAPES = Constraint("its shapes must agree: input (..., I), weights (O, I), output (..., O)", _shapes)
STORED = Constraint("its weights must be stored in the default format", lambda g, n: n.attrs.default_weights)

OPS = (
    Op(
        name="fully_connected",
        tflite=("FULLY_CONNECTED",),
        read=_read,
        write=_write,
        ptq=PtqRule(weights_axis=0),
        reference=_reference,
        macs=macs,
        constraints=(
            INT8,
            SHAPES,
            *WEIGHTS,
            weights_per_channel(0),
            sums_within_32_bits(0),
            STORED,
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_fully_connected_s8.c",),
                lower=_lower,
                cost=FittedCost((49.4, 15.07, 291.5, 18.01, 98.34, 9.0), _terms),
            ),
            DSP,
            DIRECT,
            FOURS,
            CODEBOOK,
            LANES,
            SPARSE,
            XNOR,
            MVE,
        ),
    ),
)
