"""TFLM's custom SignalRfft and SignalIrfft: spectra of real numbers and back, of int16, int32 and float32.

A spectrum has real and imaginary parts by turns, of length / 2 + 1 frequencies. Arithmetic: ``fft.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from toolchain import fft
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    TfliteRecord,
    Value,
)
from toolchain.ops.common import elements
from toolchain.ops.custom import TENSOR_TYPES, options_of, record

MOST_STAGES = 12  # NN_FFT_STAGES
SUFFIXES = {"int16": "s16", "int32": "s32", "float32": "f32"}
C_TYPES = {"int16": "int16_t", "int32": "int32_t", "float32": "float"}
INVERSE = "signal_irfft"


@dataclass(frozen=True)
class FftAttrs:
    """``length`` of the real numbers; ``type_code`` of the schema's tensor types."""

    length: int
    type_code: int


def _read(op: TfliteOperator) -> FftAttrs:
    options = options_of(op, "T", "fft_length")
    return FftAttrs(options["fft_length"], options["T"])


def _dtype(graph: Graph, node: Node) -> str:
    return graph.tensor(node.inputs[0]).dtype


def _real(graph: Graph, node: Node) -> int:
    """How many real numbers a transform is given, or makes."""
    tensor = node.outputs[0] if node.op == INVERSE else node.inputs[0]
    return graph.tensor(tensor).shape[-1]


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x,), type_ = inputs, fft.TYPES[_dtype(graph, node)]
    if node.op == INVERSE:
        return [fft.complex_to_real(type_, x)]
    pads = [(0, 0)] * (x.ndim - 1) + [(0, node.attrs.length - x.shape[-1])]
    return [fft.real_to_complex(type_, np.pad(x, pads))]


def _lower(graph: Graph, node: Node, ending: str = "") -> tuple[KernelCall, ...]:
    dtype, inverse, count = _dtype(graph, node), node.op == INVERSE, node.attrs.length // 2
    radices, type_, x = fft.factors(count), fft.TYPES[dtype], graph.tensor(node.inputs[0])
    params: tuple[tuple[str, Value], ...] = (
        ("rows", elements(x.shape[:-1])),
        ("in_size", _real(graph, node)),
        ("count", count),
        ("stages", len(radices)),
        ("radices", radices + (1,) * (MOST_STAGES - len(radices))),
        ("roots", _points("roots", dtype, fft.twiddles(type_, count, inverse))),
        ("turns", _points("turns", dtype, fft.turns(type_, count, inverse))),
    )
    name = f"nn_{'irfft' if inverse else 'rfft'}_{SUFFIXES[dtype]}{ending}"
    scratch = 2 * count * np.dtype(dtype).itemsize if inverse else 0
    struct = f"nn_fft_{SUFFIXES[dtype]}_params"
    return (KernelCall(name, "nn_fft.h", struct, params, node.inputs, node.outputs, scratch),)


def _points(suffix: str, dtype: str, points: fft.Complex) -> Const:
    return Const(suffix, C_TYPES[dtype], np.stack((points.re, points.im), axis=-1).astype(dtype))


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, complex numbers, and for each radix how many sums of so many there are."""
    numbers, radices = elements(graph.tensor(node.inputs[0]).shape[:-1]) * node.attrs.length // 2, fft.RADICES
    stages = fft.factors(node.attrs.length // 2)
    return 1.0, float(numbers), *(float(numbers * stages.count(radix) // radix) for radix in radices)


def _variants(name: str) -> tuple[KernelVariant, ...]:
    return tuple(
        KernelVariant(
            name=f"portable_{suffix}",
            sources=(f"nn_fft_{suffix}.c",),
            lower=_lower,
            cost=FittedCost(_CYCLES[name, suffix], _terms),
            supports=partial(_is_of, dtype),
        )
        for dtype, suffix in SUFFIXES.items()
    )


def _is_of(dtype: str, graph: Graph, node: Node) -> bool:
    return _dtype(graph, node) == dtype


def _powers_of_two(graph: Graph, node: Node) -> bool:
    return _dtype(graph, node) == "int16" and set(fft.factors(node.attrs.length // 2)) <= {2, 4}


_CYCLES = {
    ("signal_rfft", "s16"): (226.0, 137.2, 114.1, 60.9, 77.6, 185.8),
    ("signal_rfft", "s32"): (223.0, 148.4, 321.7, 124.1, 217.1, 509.3),
    ("signal_rfft", "f32"): (262.0, 126.9, 62.2, 51.2, 57.1, 68.6),
    ("signal_irfft", "s16"): (246.0, 134.5, 119.5, 60.7, 81.7, 194.3),
    ("signal_irfft", "s32"): (247.0, 149.3, 321.9, 124.0, 217.2, 509.6),
    ("signal_irfft", "f32"): (269.0, 171.2, 61.6, 51.3, 56.5, 67.0),
}

DSP = KernelVariant(
    name="dsp",
    sources=("nn_fft_s16_dsp.c",),
    lower=lambda g, n: _lower(g, n, "_dsp"),
    cost=FittedCost((138.0, 51.8, 70.8, 71.9, 0.0, 0.0), _terms),
    supports=_powers_of_two,
    features=frozenset({"dsp"}),
)


def _typed(graph: Graph, node: Node) -> bool:
    (x,), (out,) = node.inputs, node.outputs
    dtype = graph.tensor(x).dtype
    return TENSOR_TYPES[dtype] == node.attrs.type_code and graph.tensor(out).dtype == dtype


def _length(graph: Graph, node: Node) -> bool:
    length = node.attrs.length
    return length >= 4 and length % 2 == 0 and 1 <= len(fft.factors(length // 2)) <= MOST_STAGES


def _shapes(graph: Graph, node: Node) -> bool:
    x, out, length = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, node.attrs.length
    real, spectrum = (out[-1], x[-1]) if node.op == INVERSE else (x[-1], out[-1])
    enough = real == length if node.op == INVERSE else real <= length
    return enough and spectrum == length + 2 and len(x) == len(out) and elements(x[:-1]) == elements(out[:-1])


def _write(name: str) -> Callable[[Graph, Node], TfliteRecord]:
    return lambda g, n: record(n, name, T=n.attrs.type_code, fft_length=n.attrs.length)


def _op(name: str, custom: str, shapes: str, *more: KernelVariant) -> Op:
    return Op(
        name=name,
        tflite=(f"CUSTOM {custom}",),
        read=_read,
        write=_write(custom),
        reference=_reference,
        constraints=(
            Constraint("its input and output must be of its type, one of int16, int32 and float32", _typed),
            Constraint(
                f"its length must be even, at least 4 and a product of 2, 3 and 5, of {MOST_STAGES} stages at most",
                _length,
            ),
            Constraint(shapes, _shapes),
        ),
        variants=(*_variants(name), *more),
    )


OPS = (
    _op(
        "signal_rfft",
        "SignalRfft",
        "its input's rows must not be longer than its length, and its output's longer by 2 than that",
        DSP,
    ),
    _op(
        INVERSE, "SignalIrfft", "its output's rows must be as long as its length, and its input's longer by 2 than that"
    ),
)
