"""Operators whose state lasts from one inference to the next: LSTM, SVDF and CIRCULAR_BUFFER."""

from __future__ import annotations

from support.make import NONE, RELU6, Quant
from support.make_recurrent import circular_buffer, lstm, svdf

WIDE: Quant = (0.05 / 256, 0)

CASES = (
    lstm("usual", (1, 6, 8), 12, hidden=(0.0061, -9)),
    lstm("one_step", (1, 1, 3), 5, cell=2.0**-15),
    lstm("one_unit", (1, 9, 1), 1, weights=0.03),
    lstm("batches", (2, 4, 5), 6, clip=3.3),
    lstm("time_major", (2, 4, 5), 7, time_major=True, clip=0.7, cell=2.0**-9),
    lstm("coarse_cell", (1, 5, 6), 3, cell=2.0**-4, weights=0.05),
    lstm("s16", (1, 6, 8), 12, dtype="int16", x=WIDE, hidden=(1 / 32768, 0)),
    lstm("s16_batches", (2, 3, 5), 6, dtype="int16", x=WIDE, hidden=(1 / 25000, 0), clip=2.0, cell=2.0**-13),
    lstm("s16_time_major", (2, 3, 7), 5, dtype="int16", x=WIDE, hidden=(1 / 25000, 0), time_major=True),
    lstm("f32", (1, 6, 8), 12, dtype="float32"),
    lstm("f32_batches", (2, 3, 5), 6, dtype="float32", clip=0.8),
    lstm("f32_time_major", (2, 3, 5), 6, dtype="float32", time_major=True),
    svdf("usual", (1, 13), 8, 10),
    svdf("rank", (2, 8), 10, 7, rank=2, out=(0.06, 5), activation=NONE),
    svdf("no_memory", (1, 5), 3, 1, rank=3, out=(0.02, 5)),
    svdf("two", (1, 6), 6, 2, out=(0.02, -9)),
    svdf("narrow", (2, 9), 6, 5, rank=3, over_time="int8", state=(0.4, 7), out=(0.8, -10)),
    svdf("f32", (2, 6), 6, 5, rank=2, dtype="float32"),
    svdf("f32_relu6", (1, 7), 9, 4, rank=3, dtype="float32", activation=RELU6),
    svdf("f32_plain", (1, 3), 2, 1, dtype="float32", activation=NONE),
    circular_buffer("usual", 4, cycles_max=1),
    circular_buffer("untold", 5, width=2),
    circular_buffer("timed", 3, timed=True, cycles_max=3),
    circular_buffer("timed_untold", 2, timed=True),
)
