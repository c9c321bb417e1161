"""Short ways to write cases of TFLM's signal operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from support.case import Case, Exact, Operator, Seeded, TensorSpec

TYPES = {"float32": 0, "int32": 2, "int16": 7}


def custom(
    name: str,
    operator: str,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    options: dict[str, Any] | None = None,
    **more: Any,
) -> Case:
    return Case(name, Operator(f"CUSTOM {operator}", inputs, outputs, options or {}), **more)


def spectrum(name: str, length: int, dtype: str, *, lead: tuple[int, ...] = (), samples: int = 0) -> Case:
    """SignalRfft of ``samples`` numbers, ``length`` if 0."""
    x, out = TensorSpec((*lead, samples or length), dtype), TensorSpec((*lead, length + 2), dtype)
    return custom(f"rfft_{name}", "SignalRfft", (x,), (out,), {"T": TYPES[dtype], "fft_length": length})


def waves(name: str, length: int, dtype: str, *, lead: tuple[int, ...] = ()) -> Case:
    """SignalIrfft."""
    x, out = TensorSpec((*lead, length + 2), dtype), TensorSpec((*lead, length), dtype)
    return custom(f"irfft_{name}", "SignalIrfft", (x,), (out,), {"T": TYPES[dtype], "fft_length": length})


def vector(dtype: str, size: int, data: Seeded | Exact | None = None) -> TensorSpec:
    return TensorSpec((size,), dtype, data=data)


def exactly(dtype: str, values: Sequence[int]) -> TensorSpec:
    """A constant vector."""
    return vector(dtype, len(values), Exact(tuple(values)))


def bank(name: str, most: int, frequencies: int, channels: int) -> Case:
    """SignalFilterBank: channels of 0 to ``most`` energies from anywhere, with weights of both signs."""
    rng = np.random.default_rng(most * frequencies + channels)
    widths = rng.integers(0, most + 1, channels + 1)
    starts = [int(rng.integers(0, frequencies - width + 1)) for width in widths]
    places = np.cumsum(widths) - widths
    total = max(int(widths.sum()), 1)
    tables = (exactly("int16", starts), exactly("int16", places.tolist()), exactly("int16", widths.tolist()))
    weights = (vector("int16", total, Seeded(-32768, 32767)), vector("int16", total, Seeded(-4096, 4096)))
    inputs = (vector("uint32", frequencies), *weights, *tables)
    return custom(name, "SignalFilterBank", inputs, (vector("uint64", channels),), {"num_channels": channels})
