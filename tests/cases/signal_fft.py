"""Cases of SignalRfft and SignalIrfft: every radix, first and last, alone and with others."""

from __future__ import annotations

from support.make_signal import spectrum, waves

CASES = (
    spectrum("4", 4, "int16"),
    spectrum("6", 6, "int16"),
    spectrum("10_int32", 10, "int32"),
    spectrum("64", 64, "int16"),
    spectrum("padded", 128, "int16", samples=99),
    spectrum("rows", 8, "int16", lead=(2, 3)),
    spectrum("240", 240, "int16"),
    spectrum("450_int32", 450, "int32"),
    spectrum("32_int32", 32, "int32", samples=31),
    spectrum("32_float32", 32, "float32"),
    spectrum("rows_float32", 60, "float32", lead=(2,), samples=50),
    waves("4", 4, "int16"),
    waves("6_float32", 6, "float32"),
    waves("10", 10, "int16"),
    waves("64", 64, "int16"),
    waves("rows", 12, "int16", lead=(2, 2)),
    waves("450", 450, "int16"),
    waves("240_int32", 240, "int32"),
    waves("32_float32", 32, "float32"),
    waves("rows_float32", 60, "float32", lead=(2,)),
)
