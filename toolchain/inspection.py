"""Describes a model without building it: graph, shapes, MACs, parameters, kernels, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from toolchain.bodies import bodies_of
from toolchain.front import describe
from toolchain.graph import Graph, Node, Tensor
from toolchain.job import Job
from toolchain.ops import registry
from toolchain.passes import reduce
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.progress import Progress
from toolchain.quantize.check import broken_parameters
from toolchain.verify import problems_of_tensors, refusals


@dataclass(frozen=True)
class NodeInfo:
    """One operator. ``kernel`` is the variant that the target would use, empty for none. What an IF or WHILE runs has
    its name before the operator's own; its MACs are in those of the IF (of the dearer branch) and WHILE (of one trip).

    ``stage`` is the number of the layer that it is executed in together with others; ``turns`` says how.
    """

    name: str
    op: str
    output_shape: tuple[int, ...]
    macs: int
    parameters: int
    kernel: str
    quant: str
    stage: int | None
    turns: str


@dataclass(frozen=True)
class Inspection:
    """``refused`` says why nodes cannot run; the arena's sizes are None when some cannot."""

    name: str
    sha256: str
    macs: int
    parameters: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[NodeInfo, ...]
    refused: tuple[str, ...]
    arena_bytes: int | None
    arena_lower_bound: int | None


def inspect_model(job: Job, progress: Progress) -> Inspection:
    """Raises ModelError, DataError or ToolError when the model cannot even be read."""
    ident, graph = describe(job, progress)
    broken = broken_parameters(graph)
    refused = (
        *(problem for problems in broken.values() for problem in problems),
        *refusals(graph, broken),
        *([] if broken else problems_of_tensors(graph)),
    )
    if not refused:
        nominal = total_macs(graph)
        graph = reduce(graph, progress)
        if (left := total_macs(graph)) < nominal:
            progress.info(f"{left:,} of {nominal:,} MACs are left after the exact reductions")
    plan = None if refused else make_plan(graph, job.target, job.budget)
    nodes = tuple(_nodes(plan.graph if plan else graph, plan))
    return Inspection(
        name=ident.name,
        sha256=ident.sha256,
        macs=0 if refused else total_macs(graph),
        parameters=sum(n.parameters for n in nodes),
        inputs=tuple(tensor_text(graph.tensor(n), graph.port(n)) for n in graph.inputs),
        outputs=tuple(tensor_text(graph.tensor(n), graph.port(n)) for n in graph.outputs),
        nodes=nodes,
        refused=refused,
        arena_bytes=plan.memory.arena_bytes if plan else None,
        arena_lower_bound=plan.memory.lower_bound if plan else None,
    )


def _nodes(graph: Graph, plan: Plan | None, within: str = "") -> Iterator[NodeInfo]:
    """The nodes, behind each one those of its bodies, which have its name before theirs."""
    for i, node in enumerate(graph.nodes):
        info = _node(graph, i, plan)
        info = dataclasses.replace(info, name=within + info.name)
        yield info
        for k, body in enumerate(bodies_of(node)):
            inner = plan.steps[i].node.attrs.plans[k] if plan else None
            yield from _nodes(inner.graph if inner else body, inner, f"{info.name}/")


def _node(graph: Graph, i: int, plan: Plan | None) -> NodeInfo:
    """Node number ``i``. Without a plan some node is refused."""
    node, step = graph.nodes[i], plan.steps[i] if plan else None
    out = graph.tensor((*node.outputs, *node.inputs)[0])  # what has no output updates its first input
    number, turns = _stage(plan, node)
    return NodeInfo(
        name=node.layers[0] if node.layers else node.name,
        op=node.op,
        output_shape=out.shape,
        macs=registry()[node.op].macs(graph, node) if plan else 0,
        parameters=sum(graph.tensor(n).size for n in parameter_names(graph, node)),
        kernel="" if step is None else step.variant.name if step.variant else "no code",
        quant=_quant_text(out),
        stage=number,
        turns=turns,
    )


def _stage(plan: Plan | None, node: Node) -> tuple[int | None, str]:
    """(number, how its rows are made) of the layer that is a stage with this node."""
    for number, layer in enumerate(plan.layers if plan else ()):
        if layer.stage and any(step.node is node for step in layer.steps):
            return number, layer.stage.text
    return None, ""


def total_macs(graph: Graph) -> int:
    """Nominal multiply-accumulates of one inference."""
    return sum(registry()[node.op].macs(graph, node) for node in graph.nodes)


def total_parameters(graph: Graph) -> int:
    """Weights and biases."""
    own = sum(graph.tensor(n).size for node in graph.nodes for n in parameter_names(graph, node))
    return own + sum(total_parameters(body) for node in graph.nodes for body in bodies_of(node))


def parameter_names(graph: Graph, node: Node) -> list[str]:
    """The weights and biases of a node: its constants that are quantized or float."""
    constants = (graph.tensor(n) for n in node.inputs if n and graph.is_constant(n))
    return [t.name for t in constants if t.quant is not None or t.dtype == "float32"]


def tensor_text(tensor: Tensor, name: str) -> str:
    return f"{name} {tensor.dtype} {'x'.join(map(str, tensor.shape))} {_quant_text(tensor)}".rstrip()


def _quant_text(tensor: Tensor) -> str:
    return "" if tensor.quant is None else f"{tensor.scale:.6g} * (q - {tensor.zero_point})".replace("- -", "+ ")
