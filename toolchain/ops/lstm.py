"""UNIDIRECTIONAL_SEQUENCE_LSTM with what TFLM has of it: no peepholes, projection or normalization within the layer.

Input 0 is (batch, time, features), or (time, batch, features) if time is major; 1 to 4 and 5 to 8 are the weights of
the input and of the hidden state for the gates input, forget, cell and output, 12 to 15 their biases; 18 and 19 are the
hidden and the cell state, which last between inferences. The references follow TFLM's ``lstm_eval.h``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import lstm_f32, lstm_fixed
from toolchain.ops.base import Constraint, Op, TfliteOperator, TfliteRecord
from toolchain.ops.lstm_parts import (
    BIASES,
    CELL,
    HIDDEN,
    HIDDEN_WEIGHTS,
    IN_WEIGHTS,
    INPUTS,
    LstmAttrs,
    by_steps,
    dtype_of,
    macs,
    sizes,
    tensors,
)

_TANH = 4  # schema.fbs, ActivationFunctionType
_NEEDED = {0, *IN_WEIGHTS, *HIDDEN_WEIGHTS, *BIASES, HIDDEN, CELL}
_TYPES = {  # of input, weights, biases and cell state
    ("int8", "int8", "int32", "int16"),
    ("int16", "int8", "int64", "int16"),
    ("float32", "float32", "float32", "float32"),
}


def _read(op: TfliteOperator) -> LstmAttrs:
    options = op.options
    return LstmAttrs(
        activation=int(options.fusedActivationFunction),
        cell_clip=float(np.float32(options.cellClip)),
        time_major=bool(options.timeMajor),
    )


def _write(graph: Graph, node: Node) -> TfliteRecord:
    attrs: LstmAttrs = node.attrs
    fields = (
        ("fusedActivationFunction", attrs.activation),
        ("cellClip", attrs.cell_clip),
        ("timeMajor", attrs.time_major),
    )
    return TfliteRecord("UNIDIRECTIONAL_SEQUENCE_LSTM", node.inputs, 1, "UnidirectionalSequenceLSTMOptions", fields)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    kind = lstm_f32 if dtype_of(graph, node) == "float32" else lstm_fixed
    out, *states = by_steps(graph, node, inputs[0], inputs[-2], inputs[-1], kind.step(graph, node))
    shapes = (graph.tensor(node.inputs[k]).shape for k in (HIDDEN, CELL))
    return [out, *(s.reshape(-1, *shape) for s, shape in zip(states, shapes, strict=True))]


def _plain(graph: Graph, node: Node) -> bool:
    present = {k for k, name in enumerate(node.inputs) if name}
    return len(node.inputs) == INPUTS and present == _NEEDED and len(node.outputs) == 1


def _states_last(graph: Graph, node: Node) -> bool:
    hidden, cell = (graph.tensor(node.inputs[k]) for k in (HIDDEN, CELL))
    return hidden.initial is not None and cell.initial is not None


def _types(graph: Graph, node: Node) -> bool:
    kinds: list[str] = []
    for positions in ((0, HIDDEN), (*IN_WEIGHTS, *HIDDEN_WEIGHTS), BIASES, (CELL,)):
        found = {t.dtype for t in tensors(graph, node, positions)}
        if len(found) > 1:
            return False
        kinds += found
    return tuple(kinds) in _TYPES and graph.tensor(node.outputs[0]).dtype == kinds[0]


def _constant(graph: Graph, node: Node) -> bool:
    return all(t.data is not None for t in tensors(graph, node, (*IN_WEIGHTS, *HIDDEN_WEIGHTS, *BIASES)))


def _shapes(graph: Graph, node: Node) -> bool:
    shape, x = sizes(graph, node), graph.tensor(node.inputs[0])
    wanted: list[tuple[Sequence[int], tuple[int, ...]]] = [
        (IN_WEIGHTS, (shape.units, shape.in_c)),
        (HIDDEN_WEIGHTS, (shape.units, shape.units)),
        (BIASES, (shape.units,)),
    ]
    states = tensors(graph, node, (HIDDEN, CELL))
    return (
        len(x.shape) == 3
        and min(x.shape) > 0
        and graph.tensor(node.outputs[0]).shape == (*x.shape[:2], shape.units)
        and all(t.shape == s for positions, s in wanted for t in tensors(graph, node, positions))
        and all(t.size == shape.batches * shape.units for t in states)
    )


OPS = (
    Op(
        name="lstm",
        tflite=("UNIDIRECTIONAL_SEQUENCE_LSTM",),
        read=_read,
        write=_write,
        reference=_reference,
        macs=macs,
        updates=lambda node: (HIDDEN, CELL),
        constraints=(
            Constraint(
                "it must have 24 inputs, those of peepholes, projection and normalization absent and all others given",
                _plain,
            ),
            Constraint("its hidden and cell states must be variables, which last between inferences", _states_last),
            Constraint(
                "its input, hidden state and output must be int8, int16 or float32, its weights int8 or float32, its "
                "biases int32, int64 or float32 and its cell state int16 or float32, to match",
                _types,
            ),
            Constraint("its weights and biases must be constants", _constant),
            Constraint(
                "its shapes must agree: input (batch, time, I), weights (U, I) and (U, U), states (batch, U)", _shapes
            ),
            Constraint("its activation must be tanh", lambda g, n: n.attrs.activation == _TANH),
            Constraint("its cell clip must not be negative", lambda g, n: n.attrs.cell_clip >= 0),
            *lstm_fixed.CONSTRAINTS,
        ),
        variants=(*lstm_fixed.VARIANTS, *lstm_f32.VARIANTS),
    ),
)
