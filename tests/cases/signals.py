"""Cases of TFLM's signal operators without memory: FFT with every radix, frames, filter banks."""

from __future__ import annotations

from support.case import Seeded, TensorSpec
from support.make_signal import bank, custom, spectrum, vector, waves

ALL = Seeded(-32768, 32767)
CHANNELS = 24
GAINS = vector("int16", 125, ALL)

FFT = (
    spectrum("4", 4, "int16"),
    spectrum("6", 6, "int16"),
    spectrum("10_int32", 10, "int32"),
    spectrum("64", 64, "int16"),
    spectrum("8_odd", 8, "int16", samples=5),
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
FRAMES = (
    custom(
        "window", "SignalWindow", (vector("int16", 40), vector("int16", 40, ALL)), (vector("int16", 40),), {"shift": 12}
    ),
    custom(
        "window_rows",
        "SignalWindow",
        (TensorSpec((2, 3, 16), "int16"), vector("int16", 16, Seeded(0, 4095))),
        (TensorSpec((2, 3, 16), "int16"),),
        {"shift": 15},
    ),
    custom(
        "window_variable", "SignalWindow", (vector("int16", 8), vector("int16", 8)), (vector("int16", 8),), {"shift": 0}
    ),
    custom("auto_scale", "SignalFftAutoScale", (vector("int16", 64),), (vector("int16", 64), TensorSpec((), "int32"))),
    custom(
        "auto_scale_one", "SignalFftAutoScale", (vector("int16", 1),), (vector("int16", 1), TensorSpec((), "int32"))
    ),
    custom(
        "energy", "SignalEnergy", (vector("int16", 66),), (vector("uint32", 33),), {"start_index": 0, "end_index": 33}
    ),
    custom(
        "energy_part",
        "SignalEnergy",
        (vector("int16", 66),),
        (vector("uint32", 33),),
        {"start_index": 5, "end_index": 30},
        oracle_sets=0,  # TFLM leaves the others as they were
    ),
)
BANKS = (
    bank("filter_bank", 9, 64, CHANNELS),
    bank("filter_bank_narrow", 2, 40, 30),
    bank("filter_bank_of_one", 5, 16, 1),
    custom(
        "square_root",
        "SignalFilterBankSquareRoot",
        (vector("uint64", 100), TensorSpec((), "int32")),
        (vector("uint32", 100),),
        positions=(0, 31),
    ),
    custom(
        "log",
        "SignalFilterBankLog",
        (vector("uint32", 99),),
        (vector("int16", 99),),
        {"input_correction_bits": 3, "output_scale": 1600},
    ),
    custom(
        "log_clamped",
        "SignalFilterBankLog",
        (vector("uint32", 40),),
        (vector("int16", 40),),
        {"input_correction_bits": 0, "output_scale": 1 << 17},
    ),
    custom(
        "log_wraps",
        "SignalFilterBankLog",
        (vector("uint32", 40),),
        (vector("int16", 40),),
        {"input_correction_bits": 31, "output_scale": -5},
    ),
    custom(
        "pcan",
        "SignalPCAN",
        (vector("uint32", 90), vector("uint32", 90), GAINS),
        (vector("uint32", 90),),
        {"snr_shift": 6},
    ),
    custom(
        "pcan_constant_noise",
        "SignalPCAN",
        (vector("uint32", 20), vector("uint32", 20, Seeded(0, 1 << 20)), GAINS),
        (vector("uint32", 20),),
        {"snr_shift": 10},
    ),
    custom(
        "pcan_far",
        "SignalPCAN",
        (vector("uint32", 50), vector("uint32", 50), vector("int16", 130)),
        (vector("uint32", 50),),
        {"snr_shift": 20},
    ),
)
CASES = (*FFT, *FRAMES, *BANKS)
