"""TFLM's custom SignalFilterBank, -SquareRoot and -Log and SignalPCAN: from energies to what a network is fed with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    no_attrs,
    same_shape,
)
from toolchain.ops.common import constant, once_and_elements
from toolchain.ops.custom import options_of, record, types

SEGMENTS = 128  # of the table of logarithms, from 1 to 2
GAINS = 125  # entries of a table of gains: a quadratic for each number of bits from 2 to 32
LN2 = 45426  # of 2**16
SNR_BITS, PCAN_BITS = 12, 6  # fractional bits of what PCAN shrinks and of what it makes


@dataclass(frozen=True)
class BankAttrs:
    channels: int


@dataclass(frozen=True)
class LogAttrs:
    """Inputs are shifted left by ``correction_bits``; logarithms have ``scale`` / 2**16 of 2**-16 as their step."""

    correction_bits: int
    scale: int


@dataclass(frozen=True)
class PcanAttrs:
    """How many fractional bits the product of signal and gain has more than ``SNR_BITS``."""

    snr_shift: int


def _read_bank(op: TfliteOperator) -> BankAttrs:
    return BankAttrs(options_of(op, "num_channels")["num_channels"])


def _read_log(op: TfliteOperator) -> LogAttrs:
    options = options_of(op, "input_correction_bits", "output_scale")
    return LogAttrs(options["input_correction_bits"], options["output_scale"])


def _read_pcan(op: TfliteOperator) -> PcanAttrs:
    return PcanAttrs(**options_of(op, "snr_shift"))


def _bank(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """A channel has what its own weights pick and what the channel before left over. Sums wrap round."""
    x, (weights, left_over), (starts, places, widths) = inputs[0], inputs[1:3], (a[0] for a in inputs[3:])
    energies, sums = x.astype(np.uint64), []
    carried = np.zeros(len(x), np.uint64)
    for start, place, width in zip(starts, places, widths, strict=True):
        picked = energies[:, start : start + max(width, 0)]
        factors = [w[0, place : place + max(width, 0)].astype(np.int64).astype(np.uint64) for w in (weights, left_over)]
        sums.append(carried + (picked * factors[0]).sum(axis=1, dtype=np.uint64))
        carried = (picked * factors[1]).sum(axis=1, dtype=np.uint64)
    return [np.stack(sums[1:], axis=1)]


def _roots(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    """Rounded to the nearest, but for the largest root of 32 bits and of 16 bits, which is rounded down."""
    x, bits = inputs
    root = np.minimum(np.sqrt(x.astype(np.float64)), float(0xFFFFFFFF)).astype(np.uint64)
    root = np.where(root * root > x, root - np.uint64(1), root)
    root += (root < 0xFFFFFFFF) & ((root + np.uint64(1)) ** np.uint64(2) <= x)
    largest = np.where(x >> np.uint64(32) == 0, np.uint64(0xFFFF), np.uint64(0xFFFFFFFF))
    root += (x - root * root > root) & (root != largest)
    return [(root >> (bits.astype(np.uint64) & np.uint64(31))[:, None]).astype(np.uint32)]


def log_table() -> Array:
    """log2(1 + i / 128) without its straight part, of 2**16; one more for what lies behind the last."""
    table = [round((math.log2(1 + i / SEGMENTS) - i / SEGMENTS) * 65536) for i in range(SEGMENTS + 1)]
    return np.array(table, np.uint16)


def _logs(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, table = inputs[0].astype(np.int64) << node.attrs.correction_bits & 0xFFFFFFFF, log_table().astype(np.int64)
    highest = np.frexp(np.maximum(x, 1).astype(np.float64))[1].astype(np.int64) - 1
    above = np.maximum(x, 1) - (1 << highest)
    fraction = np.where(highest < 16, above << np.maximum(16 - highest, 0), above >> np.maximum(highest - 16, 0))
    segment = fraction >> 9
    slope = table[segment + 1] - table[segment]
    log2 = (highest << 16) + fraction + table[segment] + (slope * (fraction & 511) >> 16)
    natural = log2 * LN2 + (1 << 15) >> 16
    scaled = ((node.attrs.scale & 0xFFFFFFFF) * natural + (1 << 15) & 0xFFFFFFFF) >> 16
    return [np.where(x > 1, np.minimum(scaled, (1 << 15) - 1), 0).astype(np.int16)]


def _pcan(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    signal, noise, gains = inputs
    gain = np.stack([_gain(noise[i % len(noise)], gains[i % len(gains)]) for i in range(max(len(noise), len(gains)))])
    product = signal.astype(np.uint64) * (gain.astype(np.uint64) & np.uint64(0xFFFFFFFF))
    snr = (product >> np.uint64(node.attrs.snr_shift)) & np.uint64(0xFFFFFFFF)
    square = (snr * snr & np.uint64(0xFFFFFFFF)) >> np.uint64(2 + 2 * SNR_BITS - PCAN_BITS)
    straight = (snr >> np.uint64(SNR_BITS - PCAN_BITS)) - np.uint64(1 << PCAN_BITS)
    return [np.where(snr < 2 << SNR_BITS, square, straight).astype(np.uint32)]


def _gain(noise: Array, gains: Array) -> Array:
    """TFLM's ``WideDynamicFunction``: a quadratic in the bits behind the highest one, int16 in int64."""
    x, table = noise.astype(np.int64), gains.astype(np.int64)
    bits = np.frexp(np.maximum(x, 3).astype(np.float64))[1].astype(np.int64)
    place = 4 * bits - 6
    behind = np.where(bits < 11, x << np.maximum(11 - bits, 0), x >> np.maximum(bits - 11, 0)) & 0x3FF
    rise = (table[place + 2] * behind >> 5) + (table[place + 1] << 5)
    value = (rise * behind + (1 << 14) >> 15) + table[place]
    return np.where(x <= 2, table[np.minimum(x, 2)], value).astype(np.int16).astype(np.int64)


def _lower_bank(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    tables = zip(("weights", "left_over", "starts", "places", "widths"), node.inputs[1:], strict=True)
    params: list[tuple[str, int | Const]] = [("channels", node.attrs.channels)]
    params += [(field, Const(field, "int16_t", constant(graph, name))) for field, name in tables]
    return (_call("nn_filter_bank", node, tuple(params), 1),)


def _lower_roots(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    return (_call("nn_filter_bank_square_root", node, (("channels", graph.tensor(node.inputs[0]).size),)),)


def _lower_logs(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (
        ("channels", graph.tensor(node.inputs[0]).size),
        ("correction_bits", node.attrs.correction_bits),
        ("scale", node.attrs.scale),
        ("table", Const("table", "uint16_t", log_table())),
    )
    return (_call("nn_filter_bank_log", node, params),)


def _lower_pcan(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = (("channels", graph.tensor(node.inputs[0]).size), ("snr_shift", node.attrs.snr_shift))
    return (_call("nn_pcan", node, params),)


def _call(
    symbol: str, node: Node, params: tuple[tuple[str, int | Const], ...], inputs: int | None = None
) -> KernelCall:
    """``inputs``: so many of the node's; all by default."""
    header, operands = "nn_signal_filter_bank.h", node.inputs[:inputs]
    return KernelCall(symbol, header, f"{symbol}_params", params, operands, node.outputs)


def _constant_bank(graph: Graph, node: Node) -> bool:
    tensors = [graph.tensor(n) for n in node.inputs[1:]]
    return all(t.data is not None and len(t.shape) == 1 for t in tensors)


def _bank_fits(graph: Graph, node: Node) -> bool:
    x, (out,), channels = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]).shape, node.attrs.channels
    weights, left_over, starts, places, widths = (constant(graph, n).astype(np.int64) for n in node.inputs[1:])
    if len(x.shape) != 1 or out != channels or not len(starts) == len(places) == len(widths) == channels + 1:
        return False
    ends = ((starts, x.size), (places, weights.size), (places, left_over.size))
    return all(((a >= 0) & (a + widths <= size))[widths > 0].all() for a, size in ends)


def _vectors(graph: Graph, node: Node) -> bool:
    return same_shape(graph, node) and len(graph.tensor(node.outputs[0]).shape) == 1


def _pcan_fits(graph: Graph, node: Node) -> bool:
    signal, noise, gains = (graph.tensor(n).shape for n in node.inputs)
    return _vectors(graph, node) and signal == noise and len(gains) == 1 and gains[0] >= GAINS


def _widths(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, channels, weights that are used."""
    widths = constant(graph, node.inputs[5])
    return 1.0, float(widths.size), float(np.maximum(widths, 0).sum())


def _kernel(
    lower: Callable[[Graph, Node], tuple[KernelCall, ...]],
    cost: FittedCost,
    over: tuple[int, ...] = (),
) -> KernelVariant:
    return KernelVariant("portable", ("nn_signal_filter_bank.c",), lower, cost, in_place=lambda g, n: over)


VECTORS = Constraint("its input and output must be vectors of the same length", _vectors)

OPS = (
    Op(
        name="signal_filter_bank",
        tflite=("CUSTOM SignalFilterBank",),
        read=_read_bank,
        write=lambda g, n: record(n, "SignalFilterBank", num_channels=n.attrs.channels),
        reference=_bank,
        constraints=(
            types(
                "its input must be uint32, its weights and their places int16 and its output uint64",
                ("uint32", *("int16",) * 5),
                ("uint64",),
            ),
            Constraint("its weights and their places must be constant vectors", _constant_bank),
            Constraint(
                "its output must be a vector of its channels, and these must pick energies and weights that exist",
                _bank_fits,
            ),
        ),
        variants=(_kernel(_lower_bank, FittedCost((34.0, 43.0, 20.1), _widths)),),
    ),
    Op(
        name="signal_filter_bank_square_root",
        tflite=("CUSTOM SignalFilterBankSquareRoot",),
        read=no_attrs,
        write=lambda g, n: record(n, "SignalFilterBankSquareRoot"),
        reference=_roots,
        constraints=(
            types(
                "its input must be uint64, its scale bits int32 and its output uint32", ("uint64", "int32"), ("uint32",)
            ),
            VECTORS,
            Constraint("its scale bits must be a scalar", lambda g, n: g.tensor(n.inputs[1]).shape == ()),
        ),
        variants=(_kernel(_lower_roots, FittedCost((18.0, 238.0), once_and_elements)),),
    ),
    Op(
        name="signal_filter_bank_log",
        tflite=("CUSTOM SignalFilterBankLog",),
        read=_read_log,
        write=lambda g, n: record(
            n, "SignalFilterBankLog", input_correction_bits=n.attrs.correction_bits, output_scale=n.attrs.scale
        ),
        reference=_logs,
        constraints=(
            types("its input must be uint32 and its output int16", ("uint32",), ("int16",)),
            VECTORS,
            Constraint("its correction bits must be from 0 to 31", lambda g, n: 0 <= n.attrs.correction_bits <= 31),
        ),
        variants=(_kernel(_lower_logs, FittedCost((42.0, 94.0), once_and_elements)),),
    ),
    Op(
        name="signal_pcan",
        tflite=("CUSTOM SignalPCAN",),
        read=_read_pcan,
        write=lambda g, n: record(n, "SignalPCAN", snr_shift=n.attrs.snr_shift),
        reference=_pcan,
        constraints=(
            types(
                "its input, noise and output must be uint32, its gains int16",
                ("uint32", "uint32", "int16"),
                ("uint32",),
            ),
            Constraint(
                f"its input, noise and output must be vectors of the same length, its gains one of at least {GAINS}",
                _pcan_fits,
            ),
            Constraint("its shift must be from 0 to 63", lambda g, n: 0 <= n.attrs.snr_shift <= 63),
        ),
        variants=(_kernel(_lower_pcan, FittedCost((34.0, 99.6), once_and_elements), (0, 1)),),
    ),
)
