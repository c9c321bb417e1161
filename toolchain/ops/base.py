"""What an operator is: how it is read, what it demands, its exact numpy reference and its C kernels.

One operator, one module in this folder, one C header and at least one C file of the same name in
``firmware_templates/runtime``. A module publishes ``OPS``, a tuple of ``Op``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolchain.graph import Array, Graph, Node, Tensor

if TYPE_CHECKING:
    from toolchain.plan import Plan

Value = Any  # of a parameter field: int, float, Const, Symbol, Body, Fields, or a tuple of ints (a C array)


@dataclass(frozen=True)
class Symbol:
    """A C function of the runtime, as a parameter."""

    name: str


@dataclass(frozen=True, eq=False)
class Body:
    """A function of the generated code, as a parameter: it runs ``plan``, of a body, then copies tensors.

    The plan's arena is the scratch of the call. ``places``: the body's inputs and states, and the tensors of the node's
    graph that they are. ``copies`` are pairs of a tensor of the body, or of the node's graph where there is no plan,
    and one of the node's graph. ``result``: the bool of the body that the function returns.
    """

    plan: Plan | None
    places: tuple[tuple[str, str], ...]
    copies: tuple[tuple[str, str], ...]
    result: str = ""


@dataclass(frozen=True)
class Fields:
    """A struct inside the parameters."""

    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class Const:
    """An array that goes to flash. ``suffix`` ends its C name, ``ctype`` is its element type."""

    suffix: str
    ctype: str
    data: Array


@dataclass(frozen=True, eq=False)
class KernelCall:
    """One C call: ``symbol(&params, inputs..., outputs...[, scratch])``, as structure, never as C text.

    ``inputs`` (states among them) and ``outputs`` are tensor names in the order of the C arguments.
    ``scratch_bytes`` > 0 adds a last argument that points at so many bytes of the arena; where a parameter is a Body,
    they are for that one alone. With more ``items`` than 1 it is called for each so many-th part of its first input and
    of its outputs, one behind the other.
    """

    symbol: str
    header: str
    params_type: str
    params: tuple[tuple[str, Value], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scratch_bytes: int = 0
    items: int = 1

    @property
    def bodies(self) -> tuple[Body, ...]:
        return tuple(value for _, value in self.params if isinstance(value, Body))


@dataclass(frozen=True)
class Cost:
    """Predicted cycles (modelled, Cortex-M4) of one execution; of kernels for Helium, instructions (``mve.py``)."""

    cycles: float


Terms = Callable[[Graph, Node], tuple[float, ...]]  # what takes time in a node, counted


@dataclass(frozen=True)
class FittedCost:
    """A cost that is a sum: what each of ``terms`` counts of a node takes as many cycles as ``cycles`` has for it.

    ``python -m benchmarks.costs --fit`` finds ``cycles`` by measurements on the emulated Cortex-M4.
    """

    cycles: tuple[float, ...]
    terms: Terms

    def __call__(self, graph: Graph, node: Node) -> Cost:
        return Cost(sum(c * t for c, t in zip(self.cycles, self.terms(graph, node), strict=True)))


@dataclass(frozen=True)
class Overlap:
    """How the output may lie over the first input while the kernel still reads it.

    The output begins ``lead`` bytes or more before the input; with ``exact`` it begins just there. What is written is
    then behind all that is still to be read.
    """

    lead: int
    exact: bool = False


@dataclass(frozen=True)
class Rows:
    """Which rows of the input the rows of the output need: one axis of a window, in rows of the whole tensors."""

    in_h: int
    out_h: int
    stride: int = 1
    extent: int = 1
    pad_top: int = 0

    def first(self, out_row: int) -> int:
        """The first input row that an output row and those behind it need."""
        return min(max(out_row * self.stride - self.pad_top, 0), self.in_h)

    def end(self, out_end: int) -> int:
        """One past the last input row that the output rows before ``out_end`` need."""
        return min(max((out_end - 1) * self.stride - self.pad_top + self.extent, 0), self.in_h)


@dataclass(frozen=True)
class RowField:
    """A kernel's parameter when it makes only ``out_h`` rows from ``in_h`` rows, ``pad_top`` rows over the first.

    Its value is the sum of these three, each times its factor here, and a constant.
    """

    name: str
    out_h: int = 0
    in_h: int = 0
    pad_top: int = 0
    constant: int = 0


@dataclass(frozen=True)
class KernelVariant:
    """One way to compute an operator. All variants of an operator give the same codes.

    ``sources`` are C and assembly files of the runtime; ``features`` must all be among the target's, and none of
    ``without``, for which there is something better. ``twins`` are the sources that compute the same on any computer:
    what the tests run under sanitizers. ``in_place`` tells which inputs of the output's size it may overwrite with the
    output, ``overlap`` how the output may lie over the first input. ``rows`` are the parameters that change when the
    kernel is called for some rows of the output; None when it cannot be.
    """

    name: str
    sources: tuple[str, ...]
    lower: Callable[[Graph, Node], tuple[KernelCall, ...]]
    cost: Callable[[Graph, Node], Cost]
    supports: Callable[[Graph, Node], bool] = lambda graph, node: True
    features: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    twins: tuple[str, ...] = ()
    in_place: Callable[[Graph, Node], tuple[int, ...]] = lambda graph, node: ()
    overlap: Callable[[Graph, Node], Overlap | None] = lambda graph, node: None
    rows: Callable[[Graph, Node], tuple[RowField, ...] | None] = lambda graph, node: None

    def runs_on(self, features: frozenset[str]) -> bool:
        """Whether a core with these features may use it."""
        return self.features <= features and not self.without & features


@dataclass(frozen=True)
class Constraint:
    """``sentence`` is what the user reads when ``holds`` is false."""

    sentence: str
    holds: Callable[[Graph, Node], bool]


def _no_subgraph(index: int) -> Graph:
    raise IndexError(f"there is no subgraph {index}")


@dataclass(frozen=True)
class TfliteOperator:
    """What ``read`` gets: the operator's options object of the schema and its tensors (None: absent).

    ``subgraph`` reads the file's subgraph of this number.
    A custom operator is called ``CUSTOM`` and its name; its options are the bytes in the file.
    """

    builtin: str
    options: Any
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    subgraph: Callable[[int], Graph] = _no_subgraph


@dataclass(frozen=True)
class TfliteRecord:
    """What ``write`` gives: an operator as a TFLite file holds it. ``custom`` are the options of a custom one.

    ``table`` names the options table of the schema (empty for none) and ``fields`` its members that are not default;
    ``version`` is the first one of the operator that takes int8. An input that the graph does not have is its data.
    """

    builtin: str
    inputs: tuple[str | Array, ...]
    version: int
    table: str = ""
    fields: tuple[tuple[str, int | float | tuple[int, ...]], ...] = ()
    custom: bytes = b""


@dataclass(frozen=True)
class PtqRule:
    """How post-training quantization sets the parameters of an operator's tensors, as TFLite's specification has it.

    ``weights_axis``: input 1 holds weights, symmetric, one scale for each index of this axis, and input 2 the biases.
    ``shared``: all float inputs and the output have one scale and zero point. ``fixed``: the output's (scale, zero
    point), whatever its values are; ``fixed_scale16``: its scale for int16, where zero points are 0. Else every tensor
    has its own. Source: TFLite 8-bit quantization specification.
    """

    weights_axis: int | None = None
    shared: bool = False
    fixed: tuple[float, int] | None = None
    fixed_scale16: float | None = None


Reference = Callable[[Graph, Node, Sequence[Array]], list[Array]]


@dataclass(frozen=True)
class Op:
    """All that is known of an operator.

    How it is read and written:
    ``tflite``: the operators of a TFLite file that become it; empty for one that only passes make. ``read`` gives the
    attributes. ``order``: which inputs of TFLite's operator the node has where these are not all in their order;
    ``read`` gets all. ``write``: the way back to a TFLite file, None for what passes make or remove. ``typed``: the
    operator that this one is for tensors of another type, and that type; ``instead``: the operator that it is for, of
    which nodes (``passes/by_type.py``). ``ptq``: None where no float operator of the kind can be quantized.

    What it computes:
    ``reference`` works on arrays with one more leading axis, the samples; constants have one sample. ``view``: the
    output is the first input's bytes, nothing is computed. ``offline``: only constant folding may remove it.
    ``codewise``: each element of the output depends on the same element of the only variable input and on nothing
    else, the same way everywhere. ``copies``: the output's codes are those of the only variable input, all and in
    order. ``rows``: for operators that make a row of the output from some rows of every variable input. ``by_items``:
    its kernels compute one image and are called for each of a batch (``items.py``). ``nearly``: outputs are within 4
    units in the last place of TFLM's, for they come from functions that there are the C library's.

    State, what lasts between inferences, are tensors with initial values (``Tensor.initial``) among a node's inputs.
    ``updates`` tells the positions of those that the node writes: its kernels get them as pointers that may be written
    through, between the inputs, and its ``reference``, which sees one sample at a time then, returns their new values
    behind the outputs, in this order. ``states``: the initial values of what the operator keeps beside the tensors of
    the file, of its options and attributes; these tensors become its last inputs.
    """

    name: str
    tflite: tuple[str, ...]
    read: Callable[[TfliteOperator], Any]
    reference: Reference
    constraints: tuple[Constraint, ...] = ()
    variants: tuple[KernelVariant, ...] = ()
    macs: Callable[[Graph, Node], int] = lambda graph, node: 0
    view: bool = False
    offline: bool = False
    codewise: Callable[[Graph, Node], bool] = lambda graph, node: False
    copies: Callable[[Graph, Node], bool] = lambda graph, node: False
    rows: Callable[[Graph, Node], Rows | None] = lambda graph, node: None
    write: Callable[[Graph, Node], TfliteRecord] | None = None
    ptq: PtqRule | None = None
    typed: tuple[str, str] | None = None
    updates: Callable[[Node], tuple[int, ...]] = lambda node: ()
    states: Callable[[TfliteOperator, Any], tuple[Array, ...]] = lambda op, attrs: ()
    instead: tuple[str, Callable[[Graph, Node], bool]] | None = None
    order: tuple[int, ...] | None = None
    by_items: bool = False
    nearly: Callable[[Graph, Node], bool] = lambda graph, node: False


# A constraint looks at attributes and shapes that an earlier, unmet one vouches for.
_UNMET = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def unmet(op: Op, graph: Graph, node: Node) -> list[str]:
    """The sentences of all constraints that the node does not meet.

    One that cannot even be looked at is left out when an earlier one is unmet, which then is the reason.
    """
    sentences: list[str] = []
    for constraint in op.constraints:
        holds = holds_for(constraint.holds, graph, node, otherwise=bool(sentences))
        if not holds and constraint.sentence not in sentences:
            sentences.append(constraint.sentence)
    return sentences


def holds_for(predicate: Callable[[Graph, Node], bool], graph: Graph, node: Node, otherwise: bool = False) -> bool:
    """The predicate of a node that nothing vouches for; ``otherwise`` where it cannot even be looked at."""
    try:
        return predicate(graph, node)
    except _UNMET:
        return otherwise


def no_attrs(op: TfliteOperator) -> None:
    return None


def dtype_in(*dtypes: str) -> Callable[[Graph, Node], bool]:
    """Predicate: the first input and the first output have one of these types."""

    def holds(graph: Graph, node: Node) -> bool:
        return graph.tensor(node.inputs[0]).dtype in dtypes and graph.tensor(node.outputs[0]).dtype in dtypes

    return holds


def same_shape(graph: Graph, node: Node) -> bool:
    """Predicate: the first input and the first output have the same shape."""
    return graph.tensor(node.inputs[0]).shape == graph.tensor(node.outputs[0]).shape


INT8 = Constraint("its input and output must be int8", dtype_in("int8"))


def same_quantization(graph: Graph, node: Node) -> bool:
    """Predicate: all inputs that are quantized share scale and zero point with the output."""
    out = graph.tensor(node.outputs[0])
    tensors = [graph.tensor(n) for n in node.inputs if n]
    return all(
        t.quant is None or out.quant is None or (t.scale == out.scale and t.zero_point == out.zero_point)
        for t in tensors
        if t.dtype == out.dtype
    )


def clamp_int8(x: Array, low: int = -128, high: int = 127) -> Array:
    return np.clip(x, low, high).astype(np.int8)
