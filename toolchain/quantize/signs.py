"""Signs of an int8 graph in operators that TFLite has: two QUANTIZE, of which the first saturates.

A QUANTIZE hands on real values and can only clip them, so the -1.0 of a sign must become what one step below 0.0 is in
its input: the sign's scale is made smaller by a power of two r, and the constant that its reader multiplies it with,
weights mostly, gets a scale larger by r. All codes and multipliers stay what they were.

With r <= the input's scale, the first QUANTIZE takes steps of r / 255 and zero point 127: codes below the input's zero
point come to -128 and all others to 127. The second has steps of r / 2 and zero point 1: 255 of the steps before are
two, so the codes are -1 and 1.

Rounding to codes moves the place where signs turn by up to half a step. Where an ADD puts it, whose sums nothing else
reads, they get steps a fraction as large, and saturate.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from toolchain.errors import ModelError
from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.ops import registry
from toolchain.ops.sign import SCALE, ZERO_POINT

_HIGH = 127
_FINER = 16


def lower_signs(graph: Graph, where: str) -> Graph:
    """The same codes from ``quantize`` operators. ModelError when a sign is read by what has no constant factor."""
    for node in [n for n in graph.nodes if n.op == "sign"]:
        graph = _lowered(graph, node, where)
    return graph


def _lowered(graph: Graph, node: Node, where: str) -> Graph:
    x, out = _threshold_sums(graph, node), graph.tensor(node.outputs[0])
    r = 2.0 ** math.floor(math.log2(x.scale))
    tensors = {**graph.tensors, x.name: x}
    shown, readers = _spread(graph, out.name)
    for name in shown:
        tensors[name] = dataclasses.replace(tensors[name], quant=_grid(SCALE * r, ZERO_POINT))
    changed: dict[str, Node] = {}
    for reader in readers:
        factor = next((n for n in reader.inputs[:2] if graph.is_constant(n)), None)
        if factor is None or reader.op not in ("conv2d", "depthwise_conv2d", "fully_connected", "mul"):
            raise ModelError(
                f"{where}: the sign that {node.layers[0] if node.layers else node.name} takes is read by {reader.name} "
                f"({reader.op})",
                "let layers with weights read signs: binary_inputs=True",
            )
        own = _scaled(graph.tensor(factor), 1 / r, f"{reader.outputs[0]};factor")
        tensors[own.name] = own
        changed[reader.name] = dataclasses.replace(
            reader, inputs=tuple(own.name if n == factor else n for n in reader.inputs)
        )
    ends = f"{out.name};ends"
    tensors[ends] = dataclasses.replace(out, name=ends, quant=_grid(r / 255, _HIGH))
    nodes: list[Node] = []
    for other in graph.nodes:
        if other.name == node.name:
            nodes.append(Node(f"{node.name}_ends", "quantize", node.inputs, (ends,), None, node.layers))
            nodes.append(Node(node.name, "quantize", (ends,), node.outputs, None, node.layers))
        else:
            nodes.append(changed.get(other.name, other))
    return graph.with_nodes(nodes, tensors)


def _threshold_sums(graph: Graph, node: Node) -> Tensor:
    """What the sign reads, with finer steps if it is the sum with a number, for the sign alone."""
    x = graph.tensor(node.inputs[0])
    added = graph.producer(x.name)
    if added is None or added.op != "add" or not any(graph.is_constant(n) for n in added.inputs):
        return x
    if x.name in graph.outputs or len(graph.consumers(x.name)) > 1:
        return x
    return dataclasses.replace(x, quant=_grid(x.scale / _FINER, 0))


def _spread(graph: Graph, name: str) -> tuple[list[str], list[Node]]:
    """The tensors that hold the codes of ``name``, through pooling, padding and views, and what computes with them."""
    shown, readers = [name], []
    for node in graph.nodes:
        if not any(n in shown for n in node.inputs):
            continue
        rule = registry()[node.op].ptq
        if rule is not None and rule.shared:
            shown.append(node.outputs[0])
        else:
            readers.append(node)
    return shown, readers


def _scaled(tensor: Tensor, factor: float, name: str) -> Tensor:
    """The same codes, each worth ``factor`` times as much; a power of two, so exact."""
    assert tensor.quant is not None
    scales = tuple(s * factor for s in tensor.quant.scale)
    return dataclasses.replace(tensor, name=name, quant=dataclasses.replace(tensor.quant, scale=scales))


def _grid(scale: float, zero_point: int) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), (zero_point,))
