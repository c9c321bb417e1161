"""LOGISTIC and TANH on int16, by TFLite's table of 256 values of the logistic function and straight lines between them.

Sources: TFLM's ``CalculateArithmeticOpDataLogistic`` and ``reference_integer_ops::Logistic`` and ``Tanh``.
"""

from __future__ import annotations

import math

import numpy as np

from toolchain import sigmoid16
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Constraint

_F = np.float32
_PER_STEP = 3 * 4096  # codes of the table's argument to 1


def log2_of(scale: float) -> tuple[bool, int]:
    """Whether this is nearly a power of two as TFLite has it, and the nearest one's exponent."""
    exponent = _F(np.log(scale)) * (_F(1) / _F(np.log(2.0)))
    nearest = math.floor(abs(exponent) + 0.5) * (1 if exponent >= 0 else -1)
    return bool(abs(exponent - _F(nearest)) < _F(1e-3)), nearest


def table_factor(x: Tensor, most_left: int) -> tuple[int, int]:
    """(multiplier, right shift) from codes to the table's argument; ``most_left``: where powers of two are shifted."""
    power, exponent = log2_of(x.scale)
    if power and 0 <= 12 + exponent <= most_left:
        return 3 << (12 + exponent), 0
    real, shift = x.scale * _PER_STEP, 0
    while real <= 32767.0 / 2.0 and shift <= 30:
        real, shift = real * 2.0, shift + 1
    return int(real), shift


def logistic_factor(x: Tensor) -> tuple[int, int]:
    return table_factor(x, 0)


def tanh_factor(x: Tensor) -> tuple[int, int]:
    return table_factor(x, 1)


def logistic_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    return sigmoid16.logistic(sigmoid16.scaled(v, *logistic_factor(x)))


def tanh_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    return sigmoid16.tanh(sigmoid16.scaled(v, *tanh_factor(x)))


def _within(graph: Graph, node: Node) -> bool:
    factor = (logistic_factor if node.op == "logistic" else tanh_factor)(graph.tensor(node.inputs[0]))
    return factor[0] < 1 << 15


ARGUMENT = Constraint("the scale of its int16 input must be below 2.66", _within)
UNIT = Constraint(
    "its int16 output must have the scale 2**-15", lambda g, n: log2_of(g.tensor(n.outputs[0]).scale) == (True, -15)
)
