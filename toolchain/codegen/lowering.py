"""From a plan to what the templates are rendered from: C names, arguments, and the functions of bodies."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolchain.codegen.names import c_identifier
from toolchain.codegen.text import comment
from toolchain.codegen.views import (
    C_TYPES,
    Argument,
    CallView,
    ConstView,
    CopyView,
    Field,
    FunctionView,
    ImageView,
    LayerView,
    ModelId,
    ModelView,
    Place,
    RowStepView,
    StageView,
    StateView,
    TensorView,
    layer_text,
    numbers_of,
)
from toolchain.graph import Graph
from toolchain.ops.base import Body, Const, KernelCall, Symbol
from toolchain.plan import Layer, Plan, Stage, Step
from toolchain.stages import readers_of, row_bytes, rows_of
from toolchain.target import Target


@dataclass(frozen=True, eq=False)
class _Scope:
    """A plan in the arena: of the model, or of a body, whose arena begins at ``base``.

    ``places`` are the offsets of what lies outside of it. C names begin with ``prefix``. ``consts`` and ``functions``
    are the whole model's and grow.
    """

    plan: Plan
    consts: list[ConstView] = field(default_factory=list)
    functions: list[FunctionView] = field(default_factory=list)
    base: int = 0
    places: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""

    @property
    def graph(self) -> Graph:
        return self.plan.graph

    def offset(self, tensor: str) -> int:
        return self.places[tensor] if tensor in self.places else self.base + self.plan.memory.offsets[tensor]

    def scratch(self, step: Step) -> int:
        return self.base + self.plan.memory.scratch.get(step.node.name, 0)

    def argument(self, tensor: str, call: str, items: int = 1) -> Argument:
        """A place in the arena, for each of ``items`` parts, or a constant of its own for the call of this name."""
        known = self.graph.tensor(tensor)
        ctype = C_TYPES[known.dtype]
        if known.data is None:
            return Argument(ctype, self.offset(tensor), step=known.nbytes // items if items > 1 else 0)
        number = sum(const.name.startswith(f"{call}_operand") for const in self.consts)
        name = f"{call}_operand" + (f"_{number}" if number else "")
        self.consts.append(ConstView(name, ctype, known.data, f"{call}: constant operand"))
        return Argument(ctype, const=name)


def model_view(plan: Plan, ident: ModelId, target: Target) -> ModelView:
    graph, upper, scope = plan.graph, ident.c_name.upper(), _Scope(plan)

    def views(names: Sequence[str], what: str) -> list[TensorView]:
        constants = [_constant_name(f"{upper}_{what}", graph.names[n]) for n in names if n in graph.names]
        distinct = len(set(constants)) == len(names)
        return [
            TensorView(
                graph.tensor(n),
                i,
                f"{upper}_{what}{i}",
                plan.memory.offsets[n],
                graph.port(n),
                constants[i] if distinct else "",
            )
            for i, n in enumerate(names)
        ]

    layers = tuple(_layer_view(scope, layer, i) for i, layer in enumerate(plan.layers))
    states = tuple(_state_view(scope, name, i) for i, name in enumerate(graph.states))
    return ModelView(
        ident=ident,
        target=target,
        arena_bytes=max(plan.memory.arena_bytes, 1),
        inputs=views(graph.inputs, "INPUT"),
        outputs=views(graph.outputs, "OUTPUT"),
        layers=layers,
        functions=tuple(scope.functions),
        consts=tuple(scope.consts),
        states=states,
        numbers=numbers_of(graph),
    )


def _constant_name(prefix: str, port: str) -> str:
    return f"{prefix}_{re.sub(r'[^A-Z0-9]+', '_', port.upper()).strip('_')}"


def _state_view(scope: _Scope, name: str, index: int) -> StateView:
    """A state is set by memset where all of its first bytes are equal."""
    tensor, offset = scope.graph.tensor(name), scope.offset(name)
    assert tensor.initial is not None
    content = np.unique(np.frombuffer(tensor.initial.tobytes(), np.uint8))
    if len(content) == 1:
        return StateView(offset, tensor.nbytes, fill=int(content[0]), fresh=tensor.fresh)
    const = ConstView(f"state_{index}", C_TYPES[tensor.dtype], tensor.initial, f"the first values of {comment(name)}")
    scope.consts.append(const)
    return StateView(offset, tensor.nbytes, const=const.name, fresh=tensor.fresh)


def _layer_view(scope: _Scope, layer: Layer, index: int) -> LayerView:
    consts, functions = len(scope.consts), len(scope.functions)
    calls = []
    for step in layer.steps:
        base = scope.prefix + c_identifier(step.node.name)
        for k, call in enumerate(step.calls):
            name = base if len(step.calls) == 1 else f"{base}_{k}"
            calls.append(_call_view(scope, step, call, name))
    stage = _stage_view(scope, layer.stage, calls, index) if layer.stage else None
    symbols = [c.name for c in scope.consts[consts:]] + [c.params_name for c in calls]
    if stage:
        symbols += [stage.name, *(s.rows_name for s in stage.steps)]
    for function in scope.functions[functions:]:
        symbols += [function.name, *(s for inner in function.layers for s in inner.symbols)]
    text = _layer_comment(scope.graph, layer, index)
    made = tuple(Place(scope.offset(name), scope.graph.tensor(name).nbytes) for name in layer.made)
    return LayerView(index, text, tuple(calls), tuple(dict.fromkeys(symbols)), made, stage)


def _stage_view(scope: _Scope, stage: Stage, calls: Sequence[CallView], index: int) -> StageView:
    nodes = scope.graph.nodes[stage.first : stage.last + 1]
    makers = {node.outputs[0]: k for k, node in enumerate(nodes)}

    def image(name: str) -> ImageView:
        return ImageView(scope.offset(name), row_bytes(scope.graph.tensor(name)), makers.get(name, -1))

    steps = []
    for node, call, readers in zip(nodes, calls, readers_of(nodes), strict=True):
        rows = rows_of(scope.graph, node)
        assert rows is not None
        variables = [n for n in node.inputs if n and not scope.graph.is_constant(n)]
        inputs = tuple(map(image, variables))
        name = call.params_name.removesuffix("_params") + "_rows"
        steps.append(RowStepView(name, call, inputs, image(node.outputs[0]), rows, sum(1 << r for r in readers)))
    return StageView(f"{scope.prefix}stage_{index}", tuple(steps), stage.rows)


def _call_view(scope: _Scope, step: Step, call: KernelCall, name: str) -> CallView:
    fields = []
    for member, value in call.params:
        reference = ""
        if isinstance(value, Const):
            reference = f"{name}_{value.suffix}"
            shape = "x".join(map(str, value.data.shape))
            scope.consts.append(ConstView(reference, value.ctype, value.data, f"{name}: {value.suffix}, {shape}"))
        elif isinstance(value, Body):
            value = _function(scope, step, value, name, member)
        fields.append(Field(member, value, reference))
    if step.row_fields:
        args = _part_arguments(scope.graph, call)
    else:
        split = {*call.inputs[:1], *call.outputs}
        args = [scope.argument(n, name, call.items if n in split else 1) for n in (*call.inputs, *call.outputs)]
    if call.scratch_bytes and not call.bodies:
        args.append(Argument("int8_t", scope.scratch(step)))
    params_name = f"{name}_params"
    return CallView(
        call.symbol, call.header, call.params_type, params_name, tuple(fields), tuple(args), step.row_fields, call.items
    )


def _function(outer: _Scope, step: Step, body: Body, call: str, member: str) -> Symbol:
    """Adds the function of a body to the model's."""
    name = f"{call}_{member}"
    inner, layers = outer, tuple[LayerView, ...]()
    if body.plan is not None:
        places = {inside: outer.offset(outside) for inside, outside in body.places}
        base = outer.scratch(step)
        inner = dataclasses.replace(outer, plan=body.plan, base=base, places=places, prefix=f"{name}_")
        layers = tuple(_layer_view(inner, layer, i) for i, layer in enumerate(body.plan.layers))
    copies = [
        CopyView(outer.offset(target), inner.argument(source, name), outer.graph.tensor(target).nbytes)
        for source, target in body.copies
    ]
    moved = tuple(c for c in copies if c.source.const or c.source.offset != c.offset)
    result = inner.offset(body.result) if body.result else -1
    text = comment(f"`{member}` of {step.node.op} [{', '.join(step.node.layers)}]")
    outer.functions.append(FunctionView(name, text, layers, moved, result))
    return Symbol(name)


def _part_arguments(graph: Graph, call: KernelCall) -> list[Argument]:
    """In a stage the pointers, to bytes, come with the rows."""
    places = [*(f"part->in[{i}]" for i in range(len(call.inputs))), "part->out"]
    types = [C_TYPES[graph.tensor(n).dtype] for n in (*call.inputs, *call.outputs)]
    return [
        Argument(ctype, const=place if ctype == "int8_t" else f"({ctype} *)(void *){place}")
        for ctype, place in zip(types, places, strict=True)
    ]


def _layer_comment(graph: Graph, layer: Layer, index: int) -> str:
    """For example: 3  conv2d  8x8x16 -> 8x8x32, 3x3, relu  (portable)  [conv_2]."""
    texts = "; ".join(layer_text(graph, step.node) for step in layer.steps)
    return comment(f"{index}  {texts}  ({layer.kernel})  [{', '.join(layer.names)}]")
