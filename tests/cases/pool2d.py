"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from support.make import RELU, RELU6, RELU_N1_TO_1, SAME, pool
from support.make_products import batched

CASES = (
    pool("average_2x2", (6, 6, 4), (2, 2), stride=(2, 2)),
    pool("average_global", (5, 7, 8), (5, 7)),
    pool("average_global_25x5", (25, 5, 3), (25, 5), quant=(0.03, -128)),
    pool("average_1x1", (3, 3, 2), (1, 1)),
    pool("average_3x3_same", (5, 5, 3), (3, 3), padding=SAME),
    pool("average_3x3_same_stride_2", (6, 7, 5), (3, 3), stride=(2, 2), padding=SAME),
    pool("average_3x2_stride_1_3", (5, 8, 1), (3, 2), stride=(1, 3)),
    pool("average_5x5_same_in_small", (2, 3, 2), (5, 5), padding=SAME),
    pool("average_1x7", (2, 9, 17), (1, 7), quant=(0.1, 127)),
    pool("average_relu", (4, 4, 4), (2, 2), activation=RELU, quant=(0.05, 0)),
    pool("average_relu6", (4, 4, 4), (2, 2), activation=RELU6, quant=(0.06, -128)),
    pool("average_relu_n1_to_1", (4, 4, 4), (2, 2), activation=RELU_N1_TO_1, quant=(0.03, 9)),
    pool("average_global_600_taps", (30, 20, 6), (30, 20), quant=(0.03, 127)),
    pool("average_300_taps_in_rows", (15, 21, 5), (15, 20)),
    pool("max_2x2_channels_14", (5, 5, 14), (2, 2), padding=SAME, largest=True, quant=(0.05, 127)),
    pool("max_2x2", (6, 6, 4), (2, 2), stride=(2, 2), largest=True),
    pool("max_global", (4, 6, 7), (4, 6), largest=True),
    pool("max_3x3_same", (5, 5, 3), (3, 3), padding=SAME, largest=True),
    pool("max_3x3_same_stride_2", (6, 7, 5), (3, 3), stride=(2, 2), padding=SAME, largest=True),
    pool("max_5x1_stride_3_1", (11, 3, 1), (5, 1), stride=(3, 1), largest=True),
    pool("max_10x4_same", (7, 5, 2), (10, 4), padding=SAME, largest=True, quant=(0.05, -128)),
    pool("max_1x1_stride_2", (5, 5, 17), (1, 1), stride=(2, 2), largest=True),
    pool("max_relu", (4, 4, 4), (2, 2), activation=RELU, quant=(0.05, 20), largest=True),
    pool("max_relu6", (4, 4, 4), (2, 2), activation=RELU6, quant=(0.06, -100), largest=True),
    pool("max_relu_n1_to_1", (4, 4, 4), (2, 2), activation=RELU_N1_TO_1, quant=(0.03, 9), largest=True),
    batched(pool("average_3x3_same_stride_2_1", (5, 4, 5), (3, 3), stride=(2, 1), padding=SAME), 3),
    batched(pool("max_2x3_same_stride_2_1", (5, 4, 5), (2, 3), stride=(2, 1), padding=SAME, largest=True), 2),
)
