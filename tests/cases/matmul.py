"""BATCH_MATMUL of int8, int16 and float32, and FULLY_CONNECTED as a product of two tensors."""

from __future__ import annotations

from support.case import Case, Choice, Real, Seeded, TensorSpec
from support.make import RELU, Data, Quant, act, fully_connected
from support.make_products import batch_matmul, of_operand, real_products
from support.make_s16 import wide

A, B = (0.05, -3), (0.02, 17)


def _pair(a: tuple[int, ...], b: tuple[int, ...], data: Data | None = None) -> tuple[TensorSpec, TensorSpec]:
    return act(a, A), act(b, B, data)


def _zero_points(name: str, a: Quant, b: Quant) -> Case:
    return batch_matmul(name, act((5, 6), a), act((6, 9), b), (5, 9))


_PLAIN = batch_matmul("matmul_plain", *_pair((3, 7), (7, 5)), (3, 5))
_TURNED_B = batch_matmul("matmul_turned_b", *_pair((2, 5, 8), (2, 6, 8)), (2, 5, 6), adj_y=True)
_TURNED = batch_matmul("matmul_both_turned", *_pair((2, 3, 4), (2, 5, 3)), (2, 4, 5), adj_x=True, adj_y=True)
_BROADCAST = batch_matmul("matmul_broadcast", *_pair((2, 1, 3, 4), (3, 4, 6)), (2, 3, 3, 6))
_CONSTANT = batch_matmul("matmul_constant", *_pair((1, 4, 9), (9, 10), Seeded()), (1, 4, 10))

_DENSE = of_operand(fully_connected("fc_7_to_5_relu", (3, 7), 5, activation=RELU))
_DENSE_KEPT = of_operand(fully_connected("fc_keep_dims", (2, 3, 8), 6, keep_dims=True, bias=None))

CASES = (
    _DENSE,
    _DENSE_KEPT,
    of_operand(fully_connected("fc_per_channel", (2, 9), 6, spread=3.0)),
    of_operand(fully_connected("fc_9_to_4", (2, 9), 4), -128),
    of_operand(fully_connected("fc_9_to_4", (2, 9), 4, bias=None), 3),
    _PLAIN,
    _TURNED_B,
    _TURNED,
    _BROADCAST,
    _CONSTANT,
    batch_matmul("matmul_constant_first", act((4, 6), A, Seeded()), act((2, 6, 3), B), (2, 4, 3)),
    batch_matmul("matmul_turned_a", *_pair((2, 4, 3), (2, 4, 5)), (2, 3, 5), adj_x=True),
    batch_matmul("matmul_three_turns", *_pair((2, 1, 3, 2, 5), (1, 2, 1, 5, 4)), (2, 2, 3, 2, 4)),
    batch_matmul("matmul_extremes", *_pair((2, 33), (33, 4), Choice((-128, 127))), (2, 4), out=(0.02, -128)),
    _zero_points("matmul_zero_points_low", (0.05, -128), (0.05, -128)),
    _zero_points("matmul_zero_points_apart", (0.05, 127), (0.05, -128)),
    *(wide(case) for case in (_PLAIN, _TURNED_B, _TURNED, _BROADCAST, _CONSTANT)),
    *(real_products(case, Real(), Real()) for case in (_PLAIN, _TURNED_B, _TURNED, _BROADCAST, _CONSTANT)),
    *(real_products(case, Real(), Real()) for case in (_DENSE, _DENSE_KEPT)),
)
