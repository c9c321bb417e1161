"""Short ways to write cases of TFLM's signal operators."""

from __future__ import annotations

from typing import Any

from support.case import Case, Operator, TensorSpec

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
