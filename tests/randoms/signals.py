"""Random cases of TFLM's custom operators: signals and detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.case import Case, Exact, Seeded, TensorSpec

from randoms.common import Draw, case, f32, shapes, steps, tensor

TYPES = {"float32": 0, "int32": 2, "int16": 7}
ALL = Seeded(-32768, 32767)
LENGTHS = st.sampled_from((4, 6, 8, 10, 12, 16, 18, 20, 24, 30, 32, 36, 48, 50, 60, 64, 90, 100, 128, 150, 240, 256))
LEADS = shapes((0, 2), (1, 3))
COUNTS = st.integers(1, 40)
SHIFTS = st.integers(0, 31)
MOST_SAMPLES = 24


@st.composite
def _rfft(draw: Draw) -> Case:
    length, dtype, lead = draw(LENGTHS), draw(st.sampled_from(tuple(TYPES))), draw(LEADS)
    samples = length - draw(st.integers(0, length - 1) if draw(st.booleans()) else st.just(0))
    x, out = tensor((*lead, samples), dtype), tensor((*lead, length + 2), dtype)
    return draw(case("CUSTOM SignalRfft", (x,), (out,), T=TYPES[dtype], fft_length=length))


@st.composite
def _irfft(draw: Draw) -> Case:
    length, dtype, lead = draw(LENGTHS), draw(st.sampled_from(tuple(TYPES))), draw(LEADS)
    x, out = tensor((*lead, length + 2), dtype), tensor((*lead, length), dtype)
    return draw(case("CUSTOM SignalIrfft", (x,), (out,), T=TYPES[dtype], fft_length=length))


@st.composite
def _window(draw: Draw) -> Case:
    size, lead = draw(COUNTS), draw(LEADS)
    weights = draw(st.sampled_from((ALL, Seeded(0, 4096), None)))
    x, out = tensor((*lead, size), "int16"), tensor((*lead, size), "int16")
    return draw(case("CUSTOM SignalWindow", (x, tensor((size,), "int16", data=weights)), (out,), shift=draw(SHIFTS)))


@st.composite
def _auto_scale(draw: Draw) -> Case:
    size = draw(COUNTS)
    outputs = tensor((size,), "int16"), tensor((), "int32")
    return draw(case("CUSTOM SignalFftAutoScale", (tensor((size,), "int16"),), outputs))


@st.composite
def _energy(draw: Draw) -> Case:
    size = draw(COUNTS)
    more = draw(st.integers(0, 3))
    x, out = tensor((2 * size + more,), "int16"), tensor((size,), "uint32")
    return draw(case("CUSTOM SignalEnergy", (x,), (out,), start_index=0, end_index=size))


@st.composite
def _bank(draw: Draw) -> Case:
    channels, frequencies = draw(st.integers(1, 12)), draw(COUNTS)
    widths = [draw(st.integers(0, min(frequencies, 6))) for _ in range(channels + 1)]
    starts = [draw(st.integers(0, frequencies - width)) for width in widths]
    places = [sum(widths[:k]) for k in range(channels + 1)]
    total = max(sum(widths), 1)
    tables = [_exactly(values) for values in (starts, places, widths)]
    weights = [tensor((total,), "int16", data=draw(st.sampled_from((ALL, Seeded(0, 4096))))) for _ in range(2)]
    inputs, out = (tensor((frequencies,), "uint32"), *weights, *tables), tensor((channels,), "uint64")
    return draw(case("CUSTOM SignalFilterBank", inputs, (out,), num_channels=channels))


def _exactly(values: list[int]) -> TensorSpec:
    return TensorSpec((len(values),), "int16", data=Exact(tuple(values)))


@st.composite
def _square_root(draw: Draw) -> Case:
    size = draw(COUNTS)
    inputs, out = (tensor((size,), "uint64"), tensor((), "int32")), tensor((size,), "uint32")
    return draw(case("CUSTOM SignalFilterBankSquareRoot", inputs, (out,), positions=(0, 31)))


@st.composite
def _log(draw: Draw) -> Case:
    size = draw(COUNTS)
    scale = draw(st.integers(0, 4000) | st.integers(-(1 << 31), (1 << 31) - 1))
    x, out = tensor((size,), "uint32"), tensor((size,), "int16")
    options: dict[str, Any] = {"input_correction_bits": draw(SHIFTS), "output_scale": scale}
    return draw(case("CUSTOM SignalFilterBankLog", (x,), (out,), **options))


@st.composite
def _pcan(draw: Draw) -> Case:
    size = draw(COUNTS)
    x, noise, out = (tensor((size,), "uint32") for _ in range(3))
    gains = tensor((draw(st.integers(125, 130)),), "int16", data=draw(st.sampled_from((ALL, Seeded(0, 300), None))))
    return draw(case("CUSTOM SignalPCAN", (x, noise, gains), (out,), snr_shift=draw(st.integers(0, 63))))


@st.composite
def _framer(draw: Draw) -> Case:
    """Whose frames are all whole: TFLM leaves others as they were."""
    step, frames, lead = draw(st.integers(1, 8)), draw(st.integers(1, 3)), draw(LEADS)
    prefill = draw(st.booleans())
    size = step + draw(st.integers(0, MOST_SAMPLES)) if prefill else draw(st.integers(1, step))
    x, out = tensor((*lead, frames * step), "int16"), tensor((*lead, frames, size), "int16")
    options: dict[str, Any] = {"frame_size": size, "frame_step": step, "prefill": prefill}
    return draw(case("CUSTOM SignalFramer", (x,), (out, tensor((), "bool")), **options))


@st.composite
def _stacker(draw: Draw) -> Case:
    """Whose output is always whole."""
    channels, left = draw(st.integers(1, 8)), draw(st.integers(0, 4))
    out = tensor((channels * (left + 1),), "int16")
    contexts = {"stacker_left_context": left, "stacker_right_context": 0}
    options: dict[str, Any] = {"num_channels": channels, **contexts, "stacker_step": 1}
    x = tensor((channels,), "int16")
    return draw(case("CUSTOM SignalStacker", (x,), (out, tensor((), "bool")), **options))


@st.composite
def _delay(draw: Draw) -> Case:
    shape = draw(shapes((1, 3), (1, 8)))
    x, out = tensor(shape, "int16"), tensor(shape, "int16")
    return draw(case("CUSTOM SignalDelay", (x,), (out,), delay_length=draw(st.integers(0, MOST_SAMPLES))))


@st.composite
def _overlap_add(draw: Draw) -> Case:
    dtype, lead = draw(st.sampled_from(("int16", "float32"))), draw(LEADS)
    frames, size = draw(st.integers(1, 4)), draw(st.integers(1, MOST_SAMPLES))
    step = draw(st.integers(1, size))
    x, out = tensor((*lead, frames, size), dtype), tensor((*lead, frames * step), dtype)
    return draw(case("CUSTOM SignalOverlapAdd", (x,), (out,), T=TYPES[dtype], frame_step=step))


@st.composite
def _noise(draw: Draw) -> Case:
    channels = draw(COUNTS)
    share = st.integers(0, 1 << 14) | st.integers(-(1 << 31), (1 << 31) - 1)
    names = "smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing"
    options: dict[str, Any] = {name: draw(share) for name in (*names, "min_signal_remaining")}
    options |= {"num_channels": channels, "clamping": draw(st.booleans())}
    options |= {"smoothing_bits": draw(SHIFTS), "spectral_subtraction_bits": draw(st.just(14) | st.integers(0, 63))}
    x, less, noise = (tensor((channels,), "uint32") for _ in range(3))
    return draw(case("CUSTOM SignalFilterBankSpectralSubtraction", (x,), (less, noise), **options))


@st.composite
def _detection(draw: Draw) -> Case:
    """Sets behind the third have boxes without area, which TFLM refuses; fast suppression here keeps all boxes."""
    regular, background = draw(st.booleans()), draw(st.booleans())
    boxes, classes, most = draw(st.integers(2, 24)), draw(st.integers(1, 4)), draw(st.integers(1, 8))
    most = most if regular else min(most, boxes)
    places = np.random.default_rng(draw(st.integers(0, 99))).uniform(0.2, 0.8, (boxes, 4)).astype(np.float32)
    anchors = tensor((boxes, 4), "float32", data=Exact(tuple(places.reshape(-1).tolist())))
    codes = tensor((1, boxes, 4 + draw(st.integers(0, 2))), "float32")
    scores = tensor((1, boxes, classes + background), "float32")
    outputs = [tensor(shape, "float32") for shape in ((1, most, 4), (1, most), (1, most), (1,))]
    scales: dict[str, Any] = {f"{what}_scale": f32(5.0 * draw(steps(0.3))) for what in "yxhw"}
    options: dict[str, Any] = {
        "max_detections": most,
        "max_classes_per_detection": 1,
        "detections_per_class": draw(st.integers(1, 30)),
        "use_regular_nms": regular,
        "nms_score_threshold": f32(draw(st.integers(-4, 3))) if regular else -1e30,
        "nms_iou_threshold": f32(draw(st.integers(1, 20)) / 20) if regular else 1.0,
        "num_classes": classes,
    }
    inputs = (codes, scores, anchors)
    return draw(case("CUSTOM TFLite_Detection_PostProcess", inputs, outputs, oracle_sets=3, **options, **scales))


STRATEGIES = {
    "CUSTOM SignalRfft": _rfft(),
    "CUSTOM SignalIrfft": _irfft(),
    "CUSTOM SignalWindow": _window(),
    "CUSTOM SignalFftAutoScale": _auto_scale(),
    "CUSTOM SignalEnergy": _energy(),
    "CUSTOM SignalFilterBank": _bank(),
    "CUSTOM SignalFilterBankSquareRoot": _square_root(),
    "CUSTOM SignalFilterBankLog": _log(),
    "CUSTOM SignalPCAN": _pcan(),
    "CUSTOM SignalFramer": _framer(),
    "CUSTOM SignalStacker": _stacker(),
    "CUSTOM SignalDelay": _delay(),
    "CUSTOM SignalOverlapAdd": _overlap_add(),
    "CUSTOM SignalFilterBankSpectralSubtraction": _noise(),
    "CUSTOM TFLite_Detection_PostProcess": _detection(),
}
