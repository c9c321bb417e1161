"""SOFTMAX."""

from __future__ import annotations

from support.case import RANDOM_SETS, Case, Operator
from support.make import act

PROBABILITIES = (1 / 256, -128)


def _softmax(
    name: str,
    shape: tuple[int, ...],
    scale: float,
    zero_point: int = -3,
    beta: float = 1.0,
    oracle_sets: int | None = None,
) -> Case:
    x, out = act(shape, (scale, zero_point)), act(shape, PROBABILITIES)
    return Case(name, Operator("SOFTMAX", (x,), (out,), {"beta": beta}), oracle_sets=oracle_sets)


CASES = (
    _softmax("softmax_10", (1, 10), 0.1),
    _softmax("softmax_one_column", (1, 1), 0.1),
    _softmax("softmax_two_columns", (1, 2), 0.05, 20),
    _softmax("softmax_3_columns", (1, 3), 0.2, -128),
    _softmax("softmax_17_columns", (1, 17), 0.08, 127),
    # TFLM shifts by more than 31 bits when the exponentials add up to 512 or more
    _softmax("softmax_1000_columns", (1, 1000), 0.09, oracle_sets=RANDOM_SETS),
    _softmax("softmax_most_columns_alike", (1, 4095), 1e-6, oracle_sets=0),
    _softmax("softmax_rows", (7, 5), 0.1),
    _softmax("softmax_image", (1, 3, 2, 6), 0.15),
    _softmax("softmax_vector", (9,), 0.1),
    _softmax("softmax_beta_tenth", (1, 12), 0.1, beta=0.1),
    _softmax("softmax_beta_2", (1, 12), 0.1, beta=2.0),
    _softmax("softmax_beta_odd", (2, 12), 0.03, beta=1.7),
    _softmax("softmax_step_tiny", (1, 12), 1e-5),
    _softmax("softmax_step_smallest", (1, 12), 1.0001 * 2.0**-26),
    _softmax("softmax_step_one", (1, 12), 1.0),
    _softmax("softmax_step_3", (1, 12), 3.0),
    _softmax("softmax_step_large", (1, 12), 31.0),
    _softmax("softmax_step_power_of_two", (1, 33), 0.125),
    _softmax("softmax_step_below_power_of_two", (1, 33), 0.12499999),
)
