"""Cases of TFLM's signal operators with memory: their input sets are inferences one after the other."""

from __future__ import annotations

from support.case import Case, TensorSpec
from support.make_signal import TYPES, custom, vector

UNSET = 0  # sets that the oracle can tell of: it leaves frames that are not whole as they were


def _framer(
    name: str, lead: tuple[int, ...], samples: int, size: int, step: int, *, prefill: bool, sets: int | None = None
) -> Case:
    x, out = TensorSpec((*lead, samples), "int16"), TensorSpec((*lead, samples // step, size), "int16")
    options = {"frame_size": size, "frame_step": step, "prefill": prefill}
    return custom(f"framer_{name}", "SignalFramer", (x,), (out, TensorSpec((), "bool")), options, oracle_sets=sets)


def _stacker(name: str, channels: int, left: int, right: int, step: int, sets: int | None = None) -> Case:
    out = vector("int16", channels * (left + 1 + right))
    options = {
        "num_channels": channels,
        "stacker_left_context": left,
        "stacker_right_context": right,
        "stacker_step": step,
    }
    outputs = out, TensorSpec((), "bool")
    return custom(f"stacker_{name}", "SignalStacker", (vector("int16", channels),), outputs, options, oracle_sets=sets)


def _delay(name: str, shape: tuple[int, ...], length: int) -> Case:
    tensors = TensorSpec(shape, "int16"), TensorSpec(shape, "int16")
    return custom(f"delay_{name}", "SignalDelay", tensors[:1], tensors[1:], {"delay_length": length})


def _overlap(name: str, lead: tuple[int, ...], frames: int, size: int, step: int, dtype: str = "int16") -> Case:
    x, out = TensorSpec((*lead, frames, size), dtype), TensorSpec((*lead, frames * step), dtype)
    options = {"T": TYPES[dtype], "frame_step": step}
    return custom(f"overlap_add_{name}", "SignalOverlapAdd", (x,), (out,), options)


def _noise(name: str, channels: int, **options: int) -> Case:
    """Spectral subtraction with the usual shares, but for ``options``."""
    usual: dict[str, int] = {
        "alternate_one_minus_smoothing": 15729,
        "alternate_smoothing": 655,
        "clamping": True,
        "min_signal_remaining": 819,
        "num_channels": channels,
        "one_minus_smoothing": 15974,
        "smoothing": 410,
        "smoothing_bits": 0,
        "spectral_subtraction_bits": 14,
    }
    outputs = vector("uint32", channels), vector("uint32", channels)
    operator = "SignalFilterBankSpectralSubtraction"
    return custom(f"noise_{name}", operator, (vector("uint32", channels),), outputs, usual | options)


CASES = (
    _framer("prefilled", (), 40, 25, 10, prefill=True),
    _framer("prefilled_rows", (2, 2), 12, 12, 4, prefill=True),
    _framer("one_step", (3,), 8, 8, 8, prefill=True),
    _framer("gaps", (), 30, 4, 10, prefill=False),
    _framer("first_whole", (2,), 64, 12, 16, prefill=False),
    _framer("filled", (2,), 20, 50, 10, prefill=False, sets=UNSET),
    _stacker("left", 6, 2, 0, 1),
    _stacker("steps", 5, 3, 0, 4, UNSET),
    _stacker("both", 4, 1, 2, 2, UNSET),
    _stacker("alone", 7, 0, 0, 1),
    _delay("shorter", (24,), 9),
    _delay("longer", (2, 3, 10), 37),
    _delay("none", (8,), 0),
    _overlap("half", (), 3, 16, 8),
    _overlap("much", (2,), 2, 20, 3),
    _overlap("none", (), 2, 10, 10),
    _overlap("float32", (2,), 3, 12, 5, "float32"),
    _noise("usual", 21),
    _noise("not_clamped", 20, clamping=False, smoothing_bits=10),
    _noise("wraps", 16, smoothing=-3, smoothing_bits=31, spectral_subtraction_bits=7),
)
