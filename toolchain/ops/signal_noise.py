"""TFLM's custom SignalFilterBankSpectralSubtraction: less of what a channel always has.

The noise of a channel is a running mean, which lasts from one inference to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    TfliteRecord,
)
from toolchain.ops.common import once_and_elements
from toolchain.ops.custom import options_of, record, types


@dataclass(frozen=True)
class NoiseAttrs:
    """Shares of 2**spectral_subtraction_bits: of the new signal and of the mean so far, and of the signal what is
    always left. Channels 1, 3, ... have the ``alternate`` ones.

    The mean has ``smoothing_bits`` fractional bits. ``clamping``: it is never above the signal.
    """

    alternate_one_minus_smoothing: int
    alternate_smoothing: int
    clamping: bool
    min_signal_remaining: int
    num_channels: int
    one_minus_smoothing: int
    smoothing: int
    smoothing_bits: int
    spectral_subtraction_bits: int


NAMES = tuple(field.name for field in fields(NoiseAttrs))


def _read(op: TfliteOperator) -> NoiseAttrs:
    options = options_of(op, *NAMES)
    clamping = bool(options.pop("clamping"))
    return NoiseAttrs(**options, clamping=clamping)


def _states(op: TfliteOperator, attrs: NoiseAttrs) -> tuple[Array, ...]:
    (x,) = op.inputs
    assert x is not None
    return (np.zeros(x.shape, np.uint32),)


def _shares(attrs: NoiseAttrs, channels: int) -> tuple[Array, Array]:
    """Of the signal and of the mean, for each channel."""
    odd = np.arange(channels) % 2 == 1
    signal = np.where(odd, attrs.alternate_smoothing, attrs.smoothing)
    mean = np.where(odd, attrs.alternate_one_minus_smoothing, attrs.one_minus_smoothing)
    return _unsigned(signal), _unsigned(mean)


def _unsigned(x: Array) -> Array:
    return (x & 0xFFFFFFFF).astype(np.uint64)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """In unsigned numbers of 64 bits, of which 32 are kept."""
    (x, noise), a, low = (v.astype(np.uint64) for v in inputs), node.attrs, np.uint64(0xFFFFFFFF)
    bits, fine = np.uint64(a.spectral_subtraction_bits), np.uint64(a.smoothing_bits)
    signal = (x << fine) & low
    of_signal, of_mean = _shares(a, x.shape[1])
    noise = ((signal * of_signal + noise * of_mean) >> bits) & low
    taken = np.minimum(noise, signal)
    floor = ((x * (np.uint64(a.min_signal_remaining & 0xFFFFFFFF))) >> bits) & low
    left = np.maximum((signal - taken) >> fine, floor).astype(np.uint32)
    noise = (taken if a.clamping else noise).astype(np.uint32)
    return [left, noise, noise]


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a = node.attrs
    params = (
        ("channels", a.num_channels),
        ("smoothing", _pair(a.smoothing, a.alternate_smoothing)),
        ("one_minus_smoothing", _pair(a.one_minus_smoothing, a.alternate_one_minus_smoothing)),
        ("min_signal_remaining", a.min_signal_remaining & 0xFFFFFFFF),
        ("smoothing_bits", a.smoothing_bits),
        ("bits", a.spectral_subtraction_bits),
        ("clamping", a.clamping),
    )
    header, struct = "nn_signal_noise.h", "nn_spectral_subtraction_params"
    return (KernelCall("nn_spectral_subtraction", header, struct, params, node.inputs, node.outputs),)


def _pair(even: int, odd: int) -> tuple[int, int]:
    return even & 0xFFFFFFFF, odd & 0xFFFFFFFF


def _write(graph: Graph, node: Node) -> TfliteRecord:
    return record(node, "SignalFilterBankSpectralSubtraction", 1, **{name: getattr(node.attrs, name) for name in NAMES})


def _vectors(graph: Graph, node: Node) -> bool:
    return {graph.tensor(n).shape for n in (node.inputs[0], *node.outputs)} == {(node.attrs.num_channels,)}


def _bits(graph: Graph, node: Node) -> bool:
    a: NoiseAttrs = node.attrs
    return 0 <= a.smoothing_bits <= 31 and 0 <= a.spectral_subtraction_bits <= 63


OPS = (
    Op(
        name="signal_filter_bank_spectral_subtraction",
        tflite=("CUSTOM SignalFilterBankSpectralSubtraction",),
        read=_read,
        write=_write,
        reference=_reference,
        constraints=(
            types("its input and outputs must be uint32", ("uint32", "uint32"), ("uint32", "uint32")),
            Constraint("its input and outputs must be vectors of its channels", _vectors),
            Constraint("its smoothing bits must be from 0 to 31, its others from 0 to 63", _bits),
        ),
        variants=(
            KernelVariant("portable", ("nn_signal_noise.c",), _lower, FittedCost((48.0, 52.2), once_and_elements)),
        ),
        updates=lambda node: (1,),
        states=_states,
    ),
)
