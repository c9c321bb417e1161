"""The layers that the costs of TFLM's signal operators and of detections are measured on."""

from __future__ import annotations

import numpy as np

from benchmarks.layers import Dims, filled, layer, tensor
from benchmarks.shapes import Shape
from toolchain.graph import Tensor

_TYPES = {"float32": 0, "int32": 2, "int16": 7}  # schema.fbs, TensorType, as TFLM's options have it
_LENGTHS = (8, 12, 18, 36, 54, 64, 100, 128, 160, 240, 256, 300, 320, 400, 480, 512, 1024)
_NOISE = {
    "alternate_one_minus_smoothing": 15729,
    "alternate_smoothing": 655,
    "clamping": True,
    "min_signal_remaining": 819,
    "one_minus_smoothing": 15974,
    "smoothing": 410,
    "smoothing_bits": 0,
    "spectral_subtraction_bits": 14,
}


def signals() -> list[Shape]:
    return [*_spectra(), *_frames(), *_banks(), *_streams(), *_detections()]


def _plain(dtype: str, *shape: int) -> Tensor:
    return Tensor("", shape, dtype)


def _spectra() -> list[Shape]:
    shapes = []
    for length in _LENGTHS:
        for dtype, number in _TYPES.items():
            options = {"T": number, "fft_length": length}
            time, frequency = _plain(dtype, length), _plain(dtype, length + 2)
            shapes.append(layer("CUSTOM SignalRfft", (time,), (frequency,), **options))
            shapes.append(layer("CUSTOM SignalIrfft", (frequency,), (time,), **options))
    for samples in (400, 480):
        options, out = {"T": _TYPES["int16"], "fft_length": 512}, _plain("int16", 514)
        shapes.append(layer("CUSTOM SignalRfft", (_plain("int16", samples),), (out,), **options))
    options = {"T": _TYPES["int16"], "fft_length": 64}
    shapes.append(layer("CUSTOM SignalRfft", (_plain("int16", 4, 64),), (_plain("int16", 4, 66),), **options))
    return shapes


def _frames() -> list[Shape]:
    shapes = []
    for shape in ((160,), (240,), (400,), (480,), (512,), (4, 128), (20,)):
        weights = filled(_plain("int16", shape[-1]), 0, 4095)
        x = Tensor("", shape, "int16")
        shapes.append(layer("CUSTOM SignalWindow", (x, weights), (x,), shift=12))
        if len(shape) == 1:
            outputs = x, _plain("int32")
            shapes.append(layer("CUSTOM SignalFftAutoScale", (x,), outputs))
            last = shape[0] // 2 + 1
            energies = _plain("int16", 2 * last), _plain("uint32", last)
            shapes.append(layer("CUSTOM SignalEnergy", energies[:1], energies[1:], start_index=0, end_index=last))
    return shapes


def _bank(most: int, frequencies: int, channels: int) -> Shape:
    """Channels of 0 to ``most`` energies from anywhere."""
    rng = np.random.default_rng(most * frequencies + channels)
    widths = rng.integers(0, most + 1, channels + 1)
    starts = np.array([rng.integers(0, frequencies - width + 1) for width in widths])
    tables = (Tensor("", (channels + 1,), "int16", data=t.astype(np.int16)) for t in (starts, widths.cumsum() - widths))
    counts = Tensor("", (channels + 1,), "int16", data=widths.astype(np.int16))
    weights = (filled(_plain("int16", max(int(widths.sum()), 1)), -4096, 4096) for _ in range(2))
    inputs = (_plain("uint32", frequencies), *weights, *tables, counts)
    out, remark = _plain("uint64", channels), f"up to {most}"
    return layer("CUSTOM SignalFilterBank", inputs, (out,), remark, num_channels=channels)


def _banks() -> list[Shape]:
    shapes = [_bank(*sizes) for sizes in ((9, 257, 40), (6, 129, 20), (12, 257, 32), (4, 65, 16), (20, 257, 40))]
    for n in (10, 20, 32, 40, 64, 80):
        x, wide, words = _plain("uint32", n), _plain("uint64", n), _plain("int16", n)
        shapes.append(layer("CUSTOM SignalFilterBankSquareRoot", (wide, _plain("int32")), (x,)))
        shapes.append(layer("CUSTOM SignalFilterBankLog", (x,), (words,), input_correction_bits=3, output_scale=1600))
        gains = filled(_plain("int16", 125), 0, 9000)
        shapes.append(layer("CUSTOM SignalPCAN", (x, _plain("uint32", n), gains), (x,), snr_shift=12))
        name = "CUSTOM SignalFilterBankSpectralSubtraction"
        shapes.append(layer(name, (x,), (x, _plain("uint32", n)), num_channels=n, **_NOISE))
    return shapes


def _streams() -> list[Shape]:
    shapes = []
    frames: tuple[tuple[Dims, int, int], ...] = (
        ((160,), 400, 160),
        ((320,), 480, 320),
        ((160,), 480, 160),
        ((256,), 512, 256),
        ((640,), 480, 160),
        ((2, 320), 480, 160),
    )
    for shape, size, step in frames:
        out = Tensor("", (*shape[:-1], shape[-1] // step, size), "int16")
        options = {"frame_size": size, "frame_step": step, "prefill": True}
        shapes.append(layer("CUSTOM SignalFramer", (Tensor("", shape, "int16"),), (out, _plain("bool")), **options))
    for channels, left in ((40, 4), (40, 9), (32, 2), (20, 3)):
        outputs = _plain("int16", channels * (left + 1)), _plain("bool")
        options = {"num_channels": channels, "stacker_left_context": left}
        options |= {"stacker_right_context": 0, "stacker_step": 1}
        shapes.append(layer("CUSTOM SignalStacker", (_plain("int16", channels),), outputs, **options))
    delays: tuple[tuple[Dims, int], ...] = (
        ((160,), 160),
        ((320,), 640),
        ((256,), 100),
        ((480,), 30),
        ((2, 100), 300),
        ((2, 64), 64),
        ((2, 512), 700),
    )
    for shape, length in delays:
        x = Tensor("", shape, "int16")
        shapes.append(layer("CUSTOM SignalDelay", (x,), (x,), f"by {length}", delay_length=length))
    for dtype in ("int16", "float32"):
        for count, size, step in ((1, 512, 256), (1, 480, 160), (2, 256, 128), (3, 400, 160)):
            x, out = _plain(dtype, count, size), _plain(dtype, count * step)
            shapes.append(layer("CUSTOM SignalOverlapAdd", (x,), (out,), T=_TYPES[dtype], frame_step=step))
    return shapes


def _detections() -> list[Shape]:
    """Anchors lie close together, so that boxes overlap."""
    shapes = []
    for boxes, classes in ((50, 3), (100, 5), (200, 20), (30, 8), (70, 8), (150, 8)):
        places = np.random.default_rng(boxes).uniform(0.3, 0.7, (boxes, 4)).astype(np.float32)
        anchors = Tensor("", (boxes, 4), "float32", data=places)
        inputs = (tensor((1, boxes, 4), "float32"), tensor((1, boxes, classes + 1), "float32"), anchors)
        outputs = [_plain("float32", *shape) for shape in ((1, 10, 4), (1, 10), (1, 10), (1,))]
        options = dict.fromkeys(("y_scale", "x_scale"), 10.0) | dict.fromkeys(("h_scale", "w_scale"), 5.0)
        counts = {"max_detections": 10, "max_classes_per_detection": 1, "detections_per_class": 100}
        for regular in (False, True):
            more = {"use_regular_nms": regular, "nms_score_threshold": 0.3, "nms_iou_threshold": 0.4}
            name, remark = "CUSTOM TFLite_Detection_PostProcess", "regular" if regular else "fast"
            shapes.append(layer(name, inputs, outputs, remark, num_classes=classes, **options, **counts, **more))
    return shapes
