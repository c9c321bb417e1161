"""TFLM's custom SignalFramer, SignalStacker, SignalDelay and SignalOverlapAdd: signals that go on between inferences.

Each takes its state and the input as one row of numbers. What does not make a whole frame yet is kept; of such
frames TFLM leaves the output as it was, and here it is 0.
"""

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
    Value,
    same_shape,
)
from toolchain.ops.common import elements
from toolchain.ops.custom import TENSOR_TYPES, options_of, record, types

SUFFIXES = {"int16": "s16", "float32": "f32"}
Lower = Callable[[Graph, Node], tuple[KernelCall, ...]]
MOST = 1 << 20  # of an option: far more than a microcontroller has memory for


@dataclass(frozen=True)
class FramerAttrs:
    """Every ``step`` samples a frame of the last ``size`` ones; with ``prefill`` zeros lie before the first."""

    size: int
    step: int
    prefill: bool

    @property
    def most_kept(self) -> int:
        """How many samples may wait for the rest of their frame."""
        step = max(self.step, 1)
        return (-(-self.size // step) - 1) * step


@dataclass(frozen=True)
class StackerAttrs:
    """``left`` frames, one and ``right`` ones side by side, of ``channels`` each, for every ``step`` frames."""

    channels: int
    left: int
    right: int
    step: int

    @property
    def frames(self) -> int:
        return self.left + 1 + self.right


@dataclass(frozen=True)
class DelayAttrs:
    length: int


@dataclass(frozen=True)
class OverlapAttrs:
    """Frames are added up ``step`` samples apart; ``type_code`` of the schema's tensor types."""

    step: int
    type_code: int


def _read_framer(op: TfliteOperator) -> FramerAttrs:
    options = options_of(op, "frame_size", "frame_step", "prefill")
    return FramerAttrs(options["frame_size"], options["frame_step"], bool(options["prefill"]))


def _read_stacker(op: TfliteOperator) -> StackerAttrs:
    names = ("num_channels", "stacker_left_context", "stacker_right_context", "stacker_step")
    options = options_of(op, *names)
    return StackerAttrs(*(options[name] for name in names))


def _read_delay(op: TfliteOperator) -> DelayAttrs:
    return DelayAttrs(options_of(op, "delay_length")["delay_length"])


def _read_overlap(op: TfliteOperator) -> OverlapAttrs:
    options = options_of(op, "T", "frame_step")
    return OverlapAttrs(options["frame_step"], options["T"])


def _lead(op: TfliteOperator, inner: int) -> int:
    """How many signals go side by side; the last ``inner`` dimensions are of one."""
    (x,) = op.inputs
    assert x is not None
    return elements(x.shape[:-inner])


def _zeros(rows: int, size: int, dtype: str = "int16") -> Array:
    """A state, which has an element at least. What is too large for memory is refused by its constraints."""
    return np.zeros((max(rows, 1), min(max(size, 1), MOST)), dtype)


def _framer_states(op: TfliteOperator, attrs: FramerAttrs) -> tuple[Array, ...]:
    kept = attrs.size - attrs.step if attrs.prefill else 0
    return _zeros(_lead(op, 1), attrs.most_kept), np.array([min(max(kept, 0), MOST)], np.int32)


def _stacker_states(op: TfliteOperator, attrs: StackerAttrs) -> tuple[Array, ...]:
    return _zeros(1, attrs.channels * (attrs.frames - 1)), np.array([-1], np.int32)


def _delay_states(op: TfliteOperator, attrs: DelayAttrs) -> tuple[Array, ...]:
    return (_zeros(_lead(op, 1), attrs.length),)


def _overlap_states(op: TfliteOperator, attrs: OverlapAttrs) -> tuple[Array, ...]:
    (x,) = op.inputs
    assert x is not None
    return (_zeros(_lead(op, 2), x.shape[-1] - attrs.step, "float32" if x.dtype == "float32" else "int16"),)


def _kept(state: Array, rows: Array) -> Array:
    """The state, from ``rows``, which may be narrower."""
    new: Array = state.copy()
    new[0, :, : rows.shape[1]] = rows
    return new


def _framer(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x, state, count), a, out = inputs, node.attrs, graph.tensor(node.outputs[0])
    samples = np.concatenate((state[0, :, : count[0, 0]], x.reshape(state.shape[1], -1)), axis=1)
    written, taken, frames = int(count[0, 0]), 0, []
    for _ in range(x.shape[-1] // a.step):
        written += a.step
        whole = written - taken >= a.size
        frames.append(samples[:, taken : taken + a.size] if whole else np.zeros((len(samples), a.size), np.int16))
        taken += a.step if whole else 0
    all_whole = taken == len(frames) * a.step
    left = samples[:, taken:written]
    made = np.stack(frames, axis=1).reshape(1, *out.shape)
    return [made, np.array([all_whole]), _kept(state, left), np.array([[written - taken]], np.int32)]


def _stacker(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x, state, count), a = inputs, node.attrs
    held = np.tile(x, a.left) if count[0, 0] < 0 else state[0, :, : count[0, 0] * a.channels]
    stack = np.concatenate((held, x), axis=1)
    whole = stack.shape[1] == a.frames * a.channels
    left = stack[:, a.step * a.channels :] if whole else stack
    frames = np.array([[left.shape[1] // a.channels]], np.int32)
    out = stack if whole else np.zeros_like(x, shape=(1, a.frames * a.channels))
    return [out, np.array([whole]), _kept(state, left), frames]


def _delay(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x, state), length = inputs, node.attrs.length
    samples = np.concatenate((state[0, :, :length], x.reshape(state.shape[1], -1)), axis=1)
    width = samples.shape[1] - length
    return [samples[:, :width].reshape(x.shape), _kept(state, samples[:, width:])]


def _overlap(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    (x, state), step, out = inputs, node.attrs.step, graph.tensor(node.outputs[0])
    size, dtype = x.shape[-1], out.dtype
    frames = x.reshape(state.shape[1], -1, size)
    tail, made = state[0, :, : size - step], []
    for frame in range(frames.shape[1]):
        before = np.concatenate((tail, np.zeros((len(tail), step), dtype)), axis=1)
        if dtype == "int16":
            total = np.clip(before.astype(np.int32) + frames[:, frame], -(1 << 15), (1 << 15) - 1).astype(np.int16)
        else:
            total = before + frames[:, frame]
        made.append(total[:, :step])
        tail = total[:, step:]
    return [np.concatenate(made, axis=1).reshape(1, *out.shape), _kept(state, tail)]


def _lower_framer(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a, (rows, width) = node.attrs, _rows(graph, node, 1)
    params = (
        ("rows", rows),
        ("frames", width // a.step),
        ("size", a.size),
        ("step", a.step),
        ("room", _room(graph, node)),
    )
    return (_call("nn_framer", "nn_framer_params", node, params),)


def _lower_stacker(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a = node.attrs
    params = (("channels", a.channels), ("left", a.left), ("frames", a.frames), ("step", a.step))
    return (_call("nn_stacker", "nn_stacker_params", node, params),)


def _lower_delay(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    rows, width = _rows(graph, node, 1)
    params = (("rows", rows), ("size", width), ("length", node.attrs.length), ("room", _room(graph, node)))
    return (_call("nn_delay", "nn_delay_params", node, params),)


def _lower_overlap(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    x, (rows, _) = graph.tensor(node.inputs[0]), _rows(graph, node, 2)
    frames, size = x.shape[-2:]
    params = (
        ("rows", rows),
        ("frames", frames),
        ("size", size),
        ("step", node.attrs.step),
        ("room", _room(graph, node)),
    )
    return (_call(f"nn_overlap_add_{SUFFIXES[x.dtype]}", "nn_overlap_add_params", node, params),)


def _rows(graph: Graph, node: Node, inner: int) -> tuple[int, int]:
    """(signals side by side, samples of each)."""
    shape = graph.tensor(node.inputs[0]).shape
    return elements(shape[:-inner]), elements(shape[-inner:])


def _room(graph: Graph, node: Node) -> int:
    """Elements of the state for each signal."""
    return graph.tensor(node.inputs[1]).shape[1]


def _call(symbol: str, struct: str, node: Node, params: tuple[tuple[str, Value], ...]) -> KernelCall:
    return KernelCall(symbol, "nn_signal_stream.h", struct, params, node.inputs, node.outputs)


def _framer_fits(graph: Graph, node: Node) -> bool:
    x, out, a = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, node.attrs
    frames = elements(x) // a.step
    return x[-1] % a.step == 0 and len(out) == len(x) + 1 and elements(out) == frames * a.size


def _stacker_fits(graph: Graph, node: Node) -> bool:
    x, out, a = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, node.attrs
    return x == (a.channels,) and out == (a.channels * a.frames,)


def _stacker_options(graph: Graph, node: Node) -> bool:
    a: StackerAttrs = node.attrs
    return min(a.left, a.right) >= 0 and 1 <= a.step <= a.frames and 1 <= a.channels * a.frames <= MOST


def _overlap_fits(graph: Graph, node: Node) -> bool:
    x, out, step = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, node.attrs.step
    return len(x) == len(out) + 1 >= 2 and 1 <= step <= x[-1] and elements(out) == elements(x[:-1]) * step


def _overlap_types(graph: Graph, node: Node) -> bool:
    dtype = graph.tensor(node.inputs[0]).dtype
    return (
        dtype in SUFFIXES
        and TENSOR_TYPES[dtype] == node.attrs.type_code == TENSOR_TYPES[graph.tensor(node.outputs[0]).dtype]
    )


def _scalar_valid(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.outputs[1]).shape == ()


def _framer_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, signals and frames; numbers that are copied, and those that move among what is kept."""
    a, (rows, width) = node.attrs, _rows(graph, node, 1)
    kept, frames = a.size - a.step if a.prefill else a.most_kept, width // a.step
    moved = max(kept - width, 0)
    return 1.0, float(rows * (1 + frames)), float(rows * (frames * a.size + kept - moved)), float(rows * moved)


def _stacker_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    a = node.attrs
    moved = max(a.frames - 1 - a.step, 0)
    return 1.0, 2.0, float(a.channels * (a.frames + 1)), float(a.channels * moved)


def _delay_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    (rows, width), length = _rows(graph, node, 1), node.attrs.length
    moved = max(length - width, 0)
    return 1.0, float(2 * rows), float(rows * (width + length - moved)), float(rows * moved)


def _overlap_terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, frames, numbers."""
    x = graph.tensor(node.inputs[0])
    return 1.0, float(x.size // x.shape[-1]), float(x.size)


def _kernel(lower: Lower, terms: Terms, cycles: tuple[float, ...]) -> KernelVariant:
    return KernelVariant("portable", ("nn_signal_stream.c",), lower, FittedCost(cycles, terms))


WHOLE = Constraint("its second output must be a scalar", _scalar_valid)

OPS = (
    Op(
        name="signal_framer",
        tflite=("CUSTOM SignalFramer",),
        read=_read_framer,
        write=lambda g, n: record(
            n, "SignalFramer", 1, frame_size=n.attrs.size, frame_step=n.attrs.step, prefill=n.attrs.prefill
        ),
        reference=_framer,
        constraints=(
            types(
                "its input and output must be int16, its second output bool",
                ("int16", "int16", "int32"),
                ("int16", "bool"),
            ),
            WHOLE,
            Constraint(
                "its frames must have a sample at least, their step too and, with zeros before the first, no more",
                lambda g, n: (
                    1 <= n.attrs.size <= MOST and 1 <= n.attrs.step <= (n.attrs.size if n.attrs.prefill else MOST)
                ),
            ),
            Constraint(
                "its step must divide its input's rows, and its output must hold a frame for each", _framer_fits
            ),
        ),
        variants=(_kernel(_lower_framer, _framer_terms, (48.0, 132.0, 1.58, 7.0)),),
        updates=lambda node: (1, 2),
        states=_framer_states,
    ),
    Op(
        name="signal_stacker",
        tflite=("CUSTOM SignalStacker",),
        read=_read_stacker,
        write=lambda g, n: record(
            n,
            "SignalStacker",
            1,
            num_channels=n.attrs.channels,
            stacker_left_context=n.attrs.left,
            stacker_right_context=n.attrs.right,
            stacker_step=n.attrs.step,
        ),
        reference=_stacker,
        constraints=(
            types(
                "its input and output must be int16, its second output bool",
                ("int16", "int16", "int32"),
                ("int16", "bool"),
            ),
            WHOLE,
            Constraint("its step must be at least 1 and at most the frames it puts together", _stacker_options),
            Constraint("its input must be a vector of its channels, its output one of all its frames", _stacker_fits),
        ),
        variants=(_kernel(_lower_stacker, _stacker_terms, (64.0, 129.0, 0.73, 8.0)),),
        updates=lambda node: (1, 2),
        states=_stacker_states,
    ),
    Op(
        name="signal_delay",
        tflite=("CUSTOM SignalDelay",),
        read=_read_delay,
        write=lambda g, n: record(n, "SignalDelay", 1, delay_length=n.attrs.length),
        reference=_delay,
        constraints=(
            types("its input and output must be int16", ("int16", "int16"), ("int16",)),
            Constraint(
                "its input and output must have the same shape, of a dimension at least",
                lambda g, n: same_shape(g, n) and g.tensor(n.inputs[0]).shape != (),
            ),
            Constraint(f"its delay must be from 0 to {MOST}", lambda g, n: 0 <= n.attrs.length <= MOST),
        ),
        variants=(_kernel(_lower_delay, _delay_terms, (59.0, 50.7, 1.71, 6.9)),),
        updates=lambda node: (1,),
        states=_delay_states,
    ),
    Op(
        name="signal_overlap_add",
        tflite=("CUSTOM SignalOverlapAdd",),
        read=_read_overlap,
        write=lambda g, n: record(n, "SignalOverlapAdd", 1, T=n.attrs.type_code, frame_step=n.attrs.step),
        reference=_overlap,
        constraints=(
            Constraint("its input and output must be of its type, int16 or float32", _overlap_types),
            Constraint("its step must lie within its frames, and its output must hold a step for each", _overlap_fits),
        ),
        variants=(_kernel(_lower_overlap, _overlap_terms, (60.0, 10.0, 23.4)),),
        updates=lambda node: (1,),
        states=_overlap_states,
    ),
)
