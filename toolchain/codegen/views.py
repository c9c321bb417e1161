"""What the model's templates are rendered from: the plan as structure, with C names and arena offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain import __version__
from toolchain.codegen.names import c_identifier
from toolchain.codegen.text import c_float, comment
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Const, KernelCall, RowField, Rows
from toolchain.plan import Layer, Plan, Stage, Step
from toolchain.stages import readers_of, row_bytes, rows_of
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
    """An input or output as the templates see it."""

    tensor: Tensor
    index: int
    macro: str
    offset: int

    @property
    def name(self) -> str:
        return comment(self.tensor.name)

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
class ModelView:
    """All that the templates are rendered from."""

    ident: ModelId
    target: Target
    arena_bytes: int
    inputs: list[TensorView]
    outputs: list[TensorView]
    layers: tuple[LayerView, ...]
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
        headers = {call.header for layer in self.layers for call in layer.calls}
        return sorted(headers | ({"nn_rows.h"} if any(layer.stage for layer in self.layers) else set()))

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


def model_view(plan: Plan, ident: ModelId, target: Target) -> ModelView:
    graph, upper = plan.graph, ident.c_name.upper()

    def views(names: Sequence[str], what: str) -> list[TensorView]:
        offsets = plan.memory.offsets
        return [TensorView(graph.tensor(n), i, f"{upper}_{what}{i}", offsets[n]) for i, n in enumerate(names)]

    consts: list[ConstView] = []
    layers = tuple(_layer_view(plan, layer, i, consts) for i, layer in enumerate(plan.layers))
    states = tuple(_state_view(plan, name, i, consts) for i, name in enumerate(graph.states))
    return ModelView(
        ident=ident,
        target=target,
        arena_bytes=max(plan.memory.arena_bytes, 1),
        inputs=views(graph.inputs, "INPUT"),
        outputs=views(graph.outputs, "OUTPUT"),
        layers=layers,
        consts=tuple(consts),
        states=states,
        numbers=numbers_of(graph),
    )


def _state_view(plan: Plan, name: str, index: int, consts: list[ConstView]) -> StateView:
    """A state is set by memset where all of its first bytes are equal."""
    tensor = plan.graph.tensor(name)
    assert tensor.initial is not None
    offset, content = plan.memory.offsets[name], np.unique(np.frombuffer(tensor.initial.tobytes(), np.uint8))
    if len(content) == 1:
        return StateView(offset, tensor.nbytes, fill=int(content[0]), fresh=tensor.fresh)
    const = ConstView(f"state_{index}", C_TYPES[tensor.dtype], tensor.initial, f"the first values of {comment(name)}")
    consts.append(const)
    return StateView(offset, tensor.nbytes, const=const.name, fresh=tensor.fresh)


def _layer_view(plan: Plan, layer: Layer, index: int, consts: list[ConstView]) -> LayerView:
    before = len(consts)
    calls = []
    for step in layer.steps:
        base = c_identifier(step.node.name)
        for k, call in enumerate(step.calls):
            name = base if len(step.calls) == 1 else f"{base}_{k}"
            calls.append(_call_view(plan, step, call, name, consts))
    stage = _stage_view(plan, layer.stage, calls, index) if layer.stage else None
    symbols = [c.name for c in consts[before:]] + [c.params_name for c in calls]
    if stage:
        symbols += [stage.name, *(s.rows_name for s in stage.steps)]
    made = tuple(Place(plan.memory.offsets[name], plan.graph.tensor(name).nbytes) for name in layer.made)
    return LayerView(index, _layer_comment(plan.graph, layer, index), tuple(calls), tuple(symbols), made, stage)


def _stage_view(plan: Plan, stage: Stage, calls: Sequence[CallView], index: int) -> StageView:
    nodes = plan.graph.nodes[stage.first : stage.last + 1]
    makers = {node.outputs[0]: k for k, node in enumerate(nodes)}

    def image(name: str) -> ImageView:
        return ImageView(plan.memory.offsets[name], row_bytes(plan.graph.tensor(name)), makers.get(name, -1))

    steps = []
    for node, call, readers in zip(nodes, calls, readers_of(nodes), strict=True):
        rows = rows_of(plan.graph, node)
        assert rows is not None
        variables = [n for n in node.inputs if n and not plan.graph.is_constant(n)]
        inputs = tuple(map(image, variables))
        name = call.params_name.removesuffix("_params") + "_rows"
        steps.append(RowStepView(name, call, inputs, image(node.outputs[0]), rows, sum(1 << r for r in readers)))
    return StageView(f"stage_{index}", tuple(steps), stage.rows)


def _call_view(plan: Plan, step: Step, call: KernelCall, name: str, consts: list[ConstView]) -> CallView:
    fields = []
    for field, value in call.params:
        reference = ""
        if isinstance(value, Const):
            reference = f"{name}_{value.suffix}"
            shape = "x".join(map(str, value.data.shape))
            consts.append(ConstView(reference, value.ctype, value.data, f"{name}: {value.suffix}, {shape}"))
        fields.append(Field(field, value, reference))
    args = _part_arguments(plan.graph, call) if step.row_fields else _arguments(plan, call, name, consts)
    if call.scratch_bytes:
        args.append(Argument("int8_t", plan.memory.scratch[step.node.name]))
    params_name = f"{name}_params"
    return CallView(
        call.symbol, call.header, call.params_type, params_name, tuple(fields), tuple(args), step.row_fields, call.items
    )


def _arguments(plan: Plan, call: KernelCall, name: str, consts: list[ConstView]) -> list[Argument]:
    split = {*call.inputs[:1], *call.outputs} if call.items > 1 else set()
    names = (*call.inputs, *call.outputs)
    return [_argument(plan, tensor, name, consts, call.items if tensor in split else 0) for tensor in names]


def _part_arguments(graph: Graph, call: KernelCall) -> list[Argument]:
    """In a stage the pointers, to bytes, come with the rows."""
    places = [*(f"part->in[{i}]" for i in range(len(call.inputs))), "part->out"]
    types = [C_TYPES[graph.tensor(n).dtype] for n in (*call.inputs, *call.outputs)]
    return [
        Argument(ctype, const=place if ctype == "int8_t" else f"({ctype} *)(void *){place}")
        for ctype, place in zip(types, places, strict=True)
    ]


def _argument(plan: Plan, name: str, call: str, consts: list[ConstView], items: int) -> Argument:
    tensor = plan.graph.tensor(name)
    ctype = C_TYPES[tensor.dtype]
    if tensor.data is None:
        step = tensor.nbytes // items if items else 0
        return Argument(ctype, plan.memory.offsets[name], step=step)
    before = sum(c.name.startswith(f"{call}_operand") for c in consts)
    const_name = f"{call}_operand{before or ''}"
    const = ConstView(const_name, ctype, tensor.data, f"{call}: constant operand")
    consts.append(const)
    return Argument(ctype, const=const.name)


def _layer_comment(graph: Graph, layer: Layer, index: int) -> str:
    """For example: 3  conv2d  8x8x16 -> 8x8x32, 3x3, relu  (portable)  [conv_2]."""
    texts = "; ".join(layer_text(graph, step.node) for step in layer.steps)
    return comment(f"{index}  {texts}  ({layer.kernel})  [{', '.join(layer.names)}]")


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
