"""TFLM's custom CIRCULAR_BUFFER: the last so many inputs, of which each inference adds one, for streaming models.

With a second output that tells whether so many inferences have come again as ``cycles_max`` says. Without one, TFLM
ends an inference there until they have; that is refused unless it is 1. As in TFLM a buffer begins with real zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    dtype_in,
)
from toolchain.ops.custom import options_of

_NAME = "CIRCULAR_BUFFER"
_EVERY_CYCLE = (5, 13, 25)  # inputs in the buffers that TFLM takes for one of every inference, if not told


@dataclass(frozen=True)
class CircularBufferAttrs:
    """The second output is true in one of so many inferences."""

    cycles_max: int


def _read(op: TfliteOperator) -> CircularBufferAttrs:
    told = options_of(op, "cycles_max")["cycles_max"] if op.options else 0
    slots = op.outputs[0].shape[1:2]
    return CircularBufferAttrs(told if told > 0 else 1 if slots and slots[0] in _EVERY_CYCLE else 2)


def _states(op: TfliteOperator, attrs: CircularBufferAttrs) -> tuple[Array, ...]:
    """The inputs that the next inference still needs; with a second output the inferences until it is true."""
    out = op.outputs[0]
    if len(out.shape) != 4:
        return ()  # refused later
    zero = out.quant.zero_point[0] if out.quant else 0
    kept = np.full((1, max(out.shape[1] - 1, 1), *out.shape[2:]), zero, np.int8)
    return (kept,) if len(op.outputs) == 1 else (kept, np.full((1,), attrs.cycles_max, np.int32))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """One sample."""
    x, kept = inputs[:2]
    slots = graph.tensor(node.outputs[0]).shape[1]
    out = np.concatenate([kept[:, :, : slots - 1], x], axis=2)
    new = out[:, :, 1:] if slots > 1 else kept
    if len(node.outputs) == 1:
        return [out, new]
    left = inputs[2] - 1
    return [out, left <= 0, new, np.where(left <= 0, np.int32(node.attrs.cycles_max), left)]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, slots = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]).shape[1]
    params = (("slot_bytes", x.nbytes), ("slots", slots), ("cycles_max", node.attrs.cycles_max))
    symbol = "nn_circular_buffer" if len(node.outputs) == 1 else "nn_circular_buffer_timed"
    call = KernelCall(symbol, "nn_circular_buffer.h", "nn_circular_buffer_params", params, node.inputs, node.outputs)
    return (call,)


def _shapes(graph: Graph, node: Node) -> bool:
    x, out = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape
    return len(x) == len(out) == 4 and x[:2] == (1, 1) and out[0] == 1 and x[2:] == out[2:] and min(out) > 0


def _outputs(graph: Graph, node: Node) -> bool:
    timed = [graph.tensor(name) for name in node.outputs[1:]]
    return len(timed) < 2 and all(t.dtype == "bool" and t.size == 1 for t in timed)


OPS = (
    Op(
        name="circular_buffer",
        tflite=(f"CUSTOM {_NAME}",),
        read=_read,
        reference=_reference,
        states=_states,
        updates=lambda node: tuple(range(1, len(node.inputs))),
        constraints=(
            Constraint("its input and output must be int8", dtype_in("int8")),
            Constraint("its shapes must agree: input (1, 1, W, C), output (1, slots, W, C)", _shapes),
            Constraint("its second output, if there is one, must be one bool", _outputs),
            Constraint(
                "its cycles_max must be 1 unless it has a second output: inferences that end early are not supported",
                lambda g, n: len(n.outputs) == 2 or n.attrs.cycles_max == 1,
            ),
        ),
        variants=(
            KernelVariant(
                name="portable",
                sources=("nn_circular_buffer.c",),
                lower=_lower,
                cost=FittedCost((126.7, 1.478), lambda g, n: (1.0, float(g.tensor(n.outputs[0]).nbytes))),
            ),
        ),
    ),
)
