"""TFLM's custom SignalWindow, SignalFftAutoScale and SignalEnergy: what is done to a frame around its FFT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    Terms,
    TfliteOperator,
    no_attrs,
    same_shape,
)
from toolchain.ops.common import once_and_elements
from toolchain.ops.custom import options_of, record, types


@dataclass(frozen=True)
class WindowAttrs:
    """Products are shifted right by so many bits."""

    shift: int


@dataclass(frozen=True)
class EnergyAttrs:
    """Frequencies from ``start`` up to, not including, ``end``."""

    start: int
    end: int


def _read_window(op: TfliteOperator) -> WindowAttrs:
    return WindowAttrs(**options_of(op, "shift"))


def _read_energy(op: TfliteOperator) -> EnergyAttrs:
    options = options_of(op, "end_index", "start_index")
    return EnergyAttrs(options["start_index"], options["end_index"])


def _window(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, weights = inputs
    rows = x.reshape(len(x), -1, weights.shape[-1]).astype(np.int64)
    products = rows * weights[:, None] >> node.attrs.shift
    return [np.clip(products, -(1 << 15), (1 << 15) - 1).astype(np.int16).reshape(x.shape)]


def _lower_window(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, weights = (graph.tensor(n) for n in node.inputs)
    params = (("rows", x.size // weights.size), ("size", weights.size), ("shift", node.attrs.shift))
    call = KernelCall("nn_window", "nn_signal_frame.h", "nn_window_params", params, node.inputs, node.outputs)
    return (call,)


def _loudest(x: Array) -> Array:
    """TFLM's ``MaxAbs16``: of the last dimension, in its order, for the magnitude of -32768 is -32768 there."""
    most = np.zeros(len(x), np.int64)
    for value in np.moveaxis(x.astype(np.int64), -1, 0):
        magnitude = np.where(value == -(1 << 15), value, -value)
        most = np.where(value > most, value, np.where(-value > most, magnitude, most))
    return most


def _auto_scale(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x,) = inputs
    most = _loudest(x)
    # 0 has no highest bit: TFLM shifts by nothing
    bits = np.where(most > 0, np.maximum(15 - np.frexp(most.astype(np.float64))[1], 0), 0)
    return [(x.astype(np.int64) << bits[:, None]).astype(np.int16), bits.astype(np.int32)]


def _lower_auto_scale(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (("size", graph.tensor(node.inputs[0]).size),)
    header, struct = "nn_signal_frame.h", "nn_fft_auto_scale_params"
    return (KernelCall("nn_fft_auto_scale", header, struct, params, node.inputs, node.outputs),)


def _energy(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x,), a, size = inputs, node.attrs, graph.tensor(node.outputs[0]).size
    parts = x[:, 2 * a.start : 2 * a.end].astype(np.int64).reshape(len(x), -1, 2)
    energies = np.zeros((len(x), size), np.uint32)
    energies[:, a.start : a.end] = (parts * parts).sum(axis=-1)
    return [energies]


def _lower_energy(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (("start", node.attrs.start), ("end", node.attrs.end), ("size", graph.tensor(node.outputs[0]).size))
    call = KernelCall("nn_energy", "nn_signal_frame.h", "nn_energy_params", params, node.inputs, node.outputs)
    return (call,)


def _whole_windows(graph: Graph, node: Node) -> bool:
    x, weights = (graph.tensor(n) for n in node.inputs)
    return len(weights.shape) == 1 and x.size % weights.size == 0


def _one_dimension(graph: Graph, node: Node) -> bool:
    return same_shape(graph, node) and len(graph.tensor(node.inputs[0]).shape) == 1


def _energy_fits(graph: Graph, node: Node) -> bool:
    x, out, a = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]), node.attrs
    return len(x.shape) == len(out.shape) == 1 and 0 <= a.start <= a.end <= min(out.size, x.size // 2)


def _frequencies(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, frequencies."""
    return 1.0, float(node.attrs.end - node.attrs.start)


def _kernel(
    lower: Callable[[Graph, Node], tuple[KernelCall, ...]],
    cycles: tuple[float, float],
    over: tuple[int, ...] = (),
    terms: Terms = once_and_elements,
) -> KernelVariant:
    cost = FittedCost(cycles, terms)
    return KernelVariant("portable", ("nn_signal_frame.c",), lower, cost, in_place=lambda g, n: over)


OPS = (
    Op(
        name="signal_window",
        tflite=("CUSTOM SignalWindow",),
        read=_read_window,
        write=lambda g, n: record(n, "SignalWindow", shift=n.attrs.shift),
        reference=_window,
        constraints=(
            types("its input, weights and output must be int16", ("int16", "int16"), ("int16",)),
            Constraint("its input and output must have the same shape", same_shape),
            Constraint("its weights must be a vector whose length divides its input's", _whole_windows),
            Constraint("its shift must be from 0 to 31", lambda g, n: 0 <= n.attrs.shift <= 31),
        ),
        variants=(_kernel(_lower_window, (60.0, 16.0), (0,)),),
    ),
    Op(
        name="signal_fft_auto_scale",
        tflite=("CUSTOM SignalFftAutoScale",),
        read=no_attrs,
        write=lambda g, n: record(n, "SignalFftAutoScale"),
        reference=_auto_scale,
        constraints=(
            types("its input and output must be int16, its scale bits int32", ("int16",), ("int16", "int32")),
            Constraint("its input and output must be vectors of the same length", _one_dimension),
            Constraint("its scale bits must be a scalar", lambda g, n: g.tensor(n.outputs[1]).shape == ()),
        ),
        variants=(_kernel(_lower_auto_scale, (50.0, 21.0), (0,)),),
    ),
    Op(
        name="signal_energy",
        tflite=("CUSTOM SignalEnergy",),
        read=_read_energy,
        write=lambda g, n: record(n, "SignalEnergy", end_index=n.attrs.end, start_index=n.attrs.start),
        reference=_energy,
        constraints=(
            types("its input must be int16 and its output uint32", ("int16",), ("uint32",)),
            Constraint(
                "its input and output must be vectors that hold all frequencies from its start to its end", _energy_fits
            ),
        ),
        variants=(_kernel(_lower_energy, (99.0, 13.0), terms=_frequencies),),
    ),
)
