"""What the model's templates are rendered from: the plan as structure, with C names and arena offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain import __version__
from toolchain.codegen.names import c_identifier
from toolchain.codegen.text import c_float, comment
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import RowField, Rows
from toolchain.target import Target

C_TYPES = {
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "uint8": "uint8_t",
    "bool": "uint8_t",
    "float32": "float",
    "uint32": "uint32_t",
    "uint64": "uint64_t",  # kernels read and write it by memcpy: tensors begin at multiples of 4
}


@dataclass(frozen=True)
class ModelId:
    """Where the model came from: ``source`` is a file's name without its folder, ``sha256`` of the quantized model."""

    name: str
    source: str
    sha256: str

    @property
    def c_name(self) -> str:
        return c_identifier(self.name)


@dataclass(frozen=True)
class TensorView:
    """An input or output as the templates see it. ``constant`` is the macro for its number, empty for none."""

    tensor: Tensor
    index: int
    macro: str
    offset: int
    port: str
    constant: str = ""

    @property
    def name(self) -> str:
        return comment(self.port)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    @property
    def dtype(self) -> str:
        return self.tensor.dtype

    @property
    def ctype(self) -> str:
        return C_TYPES[self.tensor.dtype]

    @property
    def size(self) -> int:
        return self.tensor.size

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes

    @property
    def quantized(self) -> bool:
        return self.tensor.dtype in ("int8", "int16") and self.tensor.quant is not None

    @property
    def codes(self) -> tuple[int, int]:
        """The lowest and the highest code of a quantized tensor."""
        limits = np.iinfo(self.tensor.dtype)
        return int(limits.min), int(limits.max)

    @property
    def far(self) -> str:
        """A float beyond all codes, from which on rounding does not matter."""
        return "1000.0f" if self.tensor.dtype == "int8" else "70000.0f"

    @property
    def scale_text(self) -> str:
        return c_float(self.tensor.scale)

    @property
    def zero_point(self) -> int:
        return self.tensor.zero_point


@dataclass(frozen=True, eq=False)
class ConstView:
    """An array in the weights header."""

    name: str
    ctype: str
    data: Array
    comment: str

    @property
    def size(self) -> int:
        return int(self.data.size)


@dataclass(frozen=True)
class Argument:
    """A pointer argument: a constant's name, or a place in the arena, ``step`` bytes on for each item."""

    ctype: str
    offset: int = 0
    const: str = ""
    step: int = 0


@dataclass(frozen=True, eq=False)
class Field:
    """A member of a parameter struct; an array member holds the constant's C name as ``reference``."""

    name: str
    value: Any
    reference: str = ""


@dataclass(frozen=True, eq=False)
class CallView:
    symbol: str
    header: str
    params_type: str
    params_name: str
    fields: tuple[Field, ...]
    args: tuple[Argument, ...]
    row_fields: tuple[RowField, ...] = ()
    items: int = 1


@dataclass(frozen=True)
class StateView:
    """Bytes that last between inferences: at first ``fill`` in each, or what the constant ``const`` holds.

    ``fresh``: at the beginning of every inference.
    """

    offset: int
    nbytes: int
    fill: int = 0
    const: str = ""
    fresh: bool = False


@dataclass(frozen=True, eq=False)
class ImageView:
    """A tensor of a stage: a whole one, or the strip that step number ``step`` fills."""

    offset: int
    row_bytes: int
    step: int = -1


@dataclass(frozen=True, eq=False)
class RowStepView:
    """A step of a stage; the members of ``nn_rows_step``. ``rows_name`` is the function that calls its kernel."""

    rows_name: str
    call: CallView
    inputs: tuple[ImageView, ...]
    out: ImageView
    rows: Rows
    readers: int


@dataclass(frozen=True, eq=False)
class StageView:
    name: str
    steps: tuple[RowStepView, ...]
    rows: int


@dataclass(frozen=True)
class Place:
    """Bytes of the arena."""

    offset: int
    nbytes: int


@dataclass(frozen=True, eq=False)
class LayerView:
    """``symbols`` are the C names of the flash that this layer alone uses, ``made`` is where its results lie."""

    index: int
    comment: str
    calls: tuple[CallView, ...]
    symbols: tuple[str, ...]
    made: tuple[Place, ...]
    stage: StageView | None = None


@dataclass(frozen=True, eq=False)
class CopyView:
    """Bytes that go from a constant or a place in the arena to ``offset``."""

    offset: int
    source: Argument
    nbytes: int


@dataclass(frozen=True, eq=False)
class FunctionView:
    """A function that runs the layers of a body, makes copies, and returns whether the byte at ``result`` is not 0.

    ``result`` is -1 where it returns nothing.
    """

    name: str
    comment: str
    layers: tuple[LayerView, ...]
    copies: tuple[CopyView, ...]
    result: int


@dataclass(frozen=True, eq=False)
class ModelView:
    """All that the templates are rendered from; ``functions`` in an order in which each calls only earlier ones."""

    ident: ModelId
    target: Target
    arena_bytes: int
    inputs: list[TensorView]
    outputs: list[TensorView]
    layers: tuple[LayerView, ...]
    functions: tuple[FunctionView, ...]
    consts: tuple[ConstView, ...]
    states: tuple[StateView, ...] = ()
    numbers: str = "int8"
    version: str = __version__

    @property
    def name(self) -> str:
        return comment(self.ident.name)

    @property
    def c_name(self) -> str:
        return self.ident.c_name

    @property
    def c_upper(self) -> str:
        return self.ident.c_name.upper()

    @property
    def source(self) -> str:
        return comment(self.ident.source)

    @property
    def sha256(self) -> str:
        return self.ident.sha256

    @property
    def target_name(self) -> str:
        return self.target.name

    @property
    def target_core(self) -> str:
        return self.target.core

    @property
    def headers(self) -> list[str]:
        layers = [*self.layers, *(layer for function in self.functions for layer in function.layers)]
        headers = {call.header for layer in layers for call in layer.calls}
        return sorted(headers | ({"nn_rows.h"} if any(layer.stage for layer in layers) else set()))

    @property
    def lasting(self) -> list[StateView]:
        return [state for state in self.states if not state.fresh]

    @property
    def fresh(self) -> list[StateView]:
        return [state for state in self.states if state.fresh]

    @property
    def state_bytes(self) -> int:
        return sum(state.nbytes for state in self.lasting)

    @property
    def simple(self) -> bool:
        """One input and one output: the model gets ``<name>_invoke``."""
        return len(self.inputs) == len(self.outputs) == 1


def numbers_of(graph: Graph) -> str:
    """The format that a graph computes in, by the types of what its operators make."""
    types = {graph.tensor(name).dtype for node in graph.nodes for name in node.outputs}
    if "int16" in types:
        return "int16x8"
    return "float32" if "int8" not in types and "float32" in types else "int8"


def layer_text(graph: Graph, node: Node) -> str:
    """A node for people, for example: conv2d  8x8x16 -> 8x8x32, 3x3, relu."""
    shapes = [_shape(graph.tensor(n)) for n in node.inputs if n and not graph.is_constant(n)]
    results = [_shape(graph.tensor(n)) for n in node.outputs[:1]]
    text = f"{node.op}  {' -> '.join([' + '.join(shapes), *results])}"
    window = getattr(node.attrs, "window", None)
    if window is not None:
        text += f", {window.size[0]}x{window.size[1]}"
        if window.stride != (1, 1):
            text += f" stride {window.stride[0]}x{window.stride[1]}"
    if getattr(node.attrs, "activation", "none") not in ("none", 0):
        text += f", {node.attrs.activation}"
    return text


def _shape(tensor: Tensor) -> str:
    dims = tensor.shape[1:] if len(tensor.shape) > 1 and tensor.shape[0] == 1 else tensor.shape
    return "x".join(map(str, dims)) or "1"
