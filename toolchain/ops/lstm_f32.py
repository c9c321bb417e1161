"""LSTM of float32, every product and sum rounded by itself, in the order of TFLM's ``lstm_eval.h``."""

from __future__ import annotations

import numpy as np

from toolchain import floatmath
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const, FittedCost, KernelCall, KernelVariant
from toolchain.ops.float32 import clamp, sums_of_products
from toolchain.ops.lstm_parts import (
    BIASES,
    GATES,
    HIDDEN_WEIGHTS,
    IN_WEIGHTS,
    Step,
    arguments,
    by_units,
    dtype_of,
    loops,
    terms,
)


def step(graph: Graph, node: Node) -> Step:
    weights = [by_units(graph, node, positions) for positions in (IN_WEIGHTS, HIDDEN_WEIGHTS)]
    units = len(weights[0])
    in_weights, hidden_weights = (w.reshape(units * GATES, -1) for w in weights)
    bias, clip = by_units(graph, node, BIASES).reshape(-1), node.attrs.cell_clip

    def one(x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            of_in, of_hidden = sums_of_products(x, in_weights), sums_of_products(hidden, hidden_weights)
            gates = ((of_in + bias) + of_hidden).reshape(-1, units, GATES)
            let_in, keep, show = (floatmath.logistic(gates[..., k]) for k in (0, 1, 3))
            state = keep * cell + let_in * floatmath.tanh(gates[..., 2])
            if clip > 0:
                state = clamp(state, -clip, clip)
            return floatmath.tanh(state) * show, state

    return one


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (
        *loops(graph, node),
        ("cell_clip", node.attrs.cell_clip),
        ("in_weights", Const("in_weights", "float", by_units(graph, node, IN_WEIGHTS))),
        ("hidden_weights", Const("hidden_weights", "float", by_units(graph, node, HIDDEN_WEIGHTS))),
        ("bias", Const("bias", "float", by_units(graph, node, BIASES))),
    )
    return (KernelCall("nn_lstm_f32", "nn_lstm_f32.h", "nn_lstm_f32_params", params, arguments(node), node.outputs),)


VARIANTS = (
    KernelVariant(
        name="portable_f32",
        sources=("nn_lstm_f32.c",),
        lower=_lower,
        cost=FittedCost((257.3, 189.2, 619.8, 22.65, 21.86), terms),
        supports=lambda g, n: dtype_of(g, n) == "float32",
    ),
)
