"""A whole audio front end of TFLM's signal operators, with the constants of TFLM's own: samples to log-mel features.

16 kHz; every 20 ms a frame of 30 ms, FFT of 512, 40 channels from 125 Hz to 7.5 kHz.
"""

from __future__ import annotations

import math

import numpy as np

from support.case import Array, Operator, Seeded, TensorSpec
from support.make import act, numbers
from support.make_signal import exactly, vector

RATE, STEP, SIZE, LENGTH, CHANNELS = 16000, 320, 480, 512, 40
LOWEST, HIGHEST = 125.0, 7500.0
BITS = 12  # fractional bits of windows and filters
NOISE_BITS, SHARE_BITS = 10, 14
FRAMES, FEATURE = 5, (0.05, -128)
GAIN_BITS, STRENGTH, OFFSET, CORRECTION_BITS = 21, 0.95, 80.0, 3


def spotter(words: int = 4) -> list[Operator]:
    """The front end and a network behind it, which sees the features of the last FRAMES frames."""
    features = TensorSpec((CHANNELS,), "int16", (2.0**-9,), (0,))
    stacked = TensorSpec((FRAMES * CHANNELS,), "int16", (2.0**-9,), (0,))
    codes, rows = act((FRAMES * CHANNELS,), FEATURE), act((1, FRAMES * CHANNELS), FEATURE)
    sums, shares = act((1, words), (0.5, 3)), act((1, words), (1 / 256, -128))
    weights = TensorSpec((words, FRAMES * CHANNELS), "int8", (0.02,), (0,), data=Seeded())
    bias = TensorSpec((words,), "int32", (FEATURE[0] * 0.02,), (0,), data=Seeded(-900, 900))
    return [
        *front_end(features),
        _custom(
            "SignalStacker",
            (features,),
            (stacked, TensorSpec((), "bool")),
            num_channels=CHANNELS,
            stacker_left_context=FRAMES - 1,
            stacker_right_context=0,
            stacker_step=1,
        ),
        Operator("QUANTIZE", (stacked,), (codes,)),
        Operator("RESHAPE", (codes, numbers(1, FRAMES * CHANNELS)), (rows,)),
        Operator("FULLY_CONNECTED", (rows, weights, bias), (sums,)),
        Operator("SOFTMAX", (sums,), (shares,), {"beta": 1.0}),
    ]


def front_end(features: TensorSpec | None = None) -> list[Operator]:
    """The operators: inputs of STEP samples, outputs of CHANNELS features; and whether the frame was whole."""
    frame, spectrum = vector("int16", SIZE), vector("int16", LENGTH + 2)
    framed = TensorSpec((1, SIZE), "int16")
    windowed, scaled, bits = TensorSpec((1, SIZE), "int16"), vector("int16", SIZE), TensorSpec((), "int32")
    energies, sums = vector("uint32", LENGTH // 2 + 1), vector("uint64", CHANNELS)
    roots, less, noise, even = (vector("uint32", CHANNELS) for _ in range(4))
    weights, left_over, starts, places, widths = _filters()
    first, last = starts[1], starts[-1] + widths[-1]
    bank = (*(exactly("int16", table) for table in (weights, left_over, starts, places, widths)),)
    window = exactly("int16", [round((1 << BITS) * v) for v in 0.5 - 0.5 * np.cos(_phases())])
    return [
        _custom(
            "SignalFramer",
            (vector("int16", STEP),),
            (framed, TensorSpec((), "bool")),
            frame_size=SIZE,
            frame_step=STEP,
            prefill=True,
        ),
        _custom("SignalWindow", (framed, window), (windowed,), shift=BITS),
        Operator("RESHAPE", (windowed, numbers(SIZE)), (frame,)),
        _custom("SignalFftAutoScale", (frame,), (scaled, bits)),
        _custom("SignalRfft", (scaled,), (spectrum,), T=7, fft_length=LENGTH),
        _custom("SignalEnergy", (spectrum,), (energies,), start_index=min(first, starts[0]), end_index=last),
        _custom("SignalFilterBank", (energies, *bank), (sums,), num_channels=CHANNELS),
        _custom("SignalFilterBankSquareRoot", (sums, bits), (roots,)),
        _custom("SignalFilterBankSpectralSubtraction", (roots,), (less, noise), **_shares()),
        _custom(
            "SignalPCAN",
            (less, noise, exactly("int16", _gains())),
            (even,),
            snr_shift=GAIN_BITS + CORRECTION_BITS - 12,
        ),
        _custom(
            "SignalFilterBankLog",
            (even,),
            (features or vector("int16", CHANNELS),),
            input_correction_bits=CORRECTION_BITS,
            output_scale=1600,
        ),
    ]


def sound(steps: int) -> Array:
    """Inputs one after the other: silence, a rising tone with noise, a click, full scale."""
    rng = np.random.default_rng(7)
    t = np.arange(steps * STEP) / RATE
    tone = 6000 * np.sin(2 * np.pi * (200 + 4000 * t) * t) + rng.normal(0, 300, t.size)
    tone[: 2 * STEP] = 0
    tone[6 * STEP + 11] = 32767
    tone[8 * STEP : 9 * STEP] = np.where(np.arange(STEP) // 8 % 2, 32767, -32768)
    samples: Array = np.clip(np.round(tone), -32768, 32767).astype(np.int16)
    return samples.reshape(steps, STEP)


def _custom(name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], **options: int) -> Operator:
    return Operator(f"CUSTOM {name}", inputs, outputs, options)


def _phases() -> Array:
    phases: Array = 2 * np.pi * (np.arange(SIZE) + 0.5) / SIZE
    return phases


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)


def _filters() -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """Triangles on the mel scale: (weights, the rest of 1, first frequencies, first weights, widths)."""
    step = (_mel(HIGHEST) - _mel(LOWEST)) / (CHANNELS + 1)
    centres = [_mel(LOWEST) + step * (k + 1) for k in range(CHANNELS + 1)]
    weights: list[int] = []
    starts, places, widths = [], [], []
    frequency = math.floor(1.5 + LOWEST * LENGTH / RATE)
    for centre in centres:
        starts.append(frequency)
        places.append(len(weights))
        while _mel(frequency * RATE / LENGTH) <= centre:
            weights.append(round((1 << BITS) * (centre - _mel(frequency * RATE / LENGTH)) / step))
            frequency += 1
        widths.append(frequency - starts[-1])
    return weights, [(1 << BITS) - w for w in weights], starts, places, widths


def _shares() -> dict[str, int]:
    one = 1 << SHARE_BITS
    return {
        "alternate_one_minus_smoothing": one - round(0.06 * one),
        "alternate_smoothing": round(0.06 * one),
        "clamping": False,
        "min_signal_remaining": round(0.05 * one),
        "num_channels": CHANNELS,
        "one_minus_smoothing": one - round(0.025 * one),
        "smoothing": round(0.025 * one),
        "smoothing_bits": NOISE_BITS,
        "spectral_subtraction_bits": SHARE_BITS,
    }


def _gain(noise: int) -> int:
    gain = (1 << GAIN_BITS) * (noise / (1 << NOISE_BITS) + OFFSET) ** -STRENGTH
    return int(min(gain, 32767.0) + 0.5)


def _gains() -> list[int]:
    """A quadratic through three gains for each number of bits of the noise."""
    table = [_gain(0), _gain(1)]
    for bits in range(2, 33):
        low = 1 << (bits - 1)
        y0, y1, y2 = _gain(low), _gain(low + low // 2), _gain(2 * low)
        rise = 4 * (y1 - y0) - (y2 - y0)
        table += [y0, rise, y2 - y0 - rise, 0]
    return table[:125]
