"""The inputs and outputs of a converted model in the order of the model that it was made from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from toolchain.errors import ModelError
from toolchain.exporters.tflite import mark_fresh, pack
from toolchain.importers.float_model import FloatModel, Port

_INPUT = re.compile(r"(?:serving_default_)?(.+?)(?::0)?")
_OUTPUT = re.compile(r".*:(\d+)")


def in_order(content: bytes, model: FloatModel) -> bytes:
    """``content`` with its inputs and outputs as ``model`` has them.

    TFLiteConverter puts several of them in the order of a hash table. It names an input after the function's argument
    and numbers an output by the rank of its key (see ``FloatModel.concrete``). Raises ModelError when they do not
    tell which is which.
    """
    if len(model.inputs) == 1 and len(model.outputs) == 1:
        return content
    flat = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = flat.subgraphs[0]
    names = [port.name for port in model.inputs]
    inputs = {_position(names, _name(graph, index)): int(index) for index in graph.inputs}
    outputs = {_number(_name(graph, index), len(model.outputs)): int(index) for index in graph.outputs}
    graph.inputs = _sorted(graph, inputs, model.inputs, model.source)
    graph.outputs = _sorted(graph, outputs, model.outputs, model.source)
    return pack(flat)


def with_fresh_states(content: bytes) -> bytes:
    """``content``, whose variables it says are fresh in every inference: layers that are not stateful have them so."""
    flat = schema.ModelT.InitFromPackedBuf(content, 0)
    if not any(tensor.isVariable for graph in flat.subgraphs for tensor in graph.tensors):
        return content
    mark_fresh(flat)
    return pack(flat)


def _name(graph: Any, index: Any) -> str:
    name = graph.tensors[int(index)].name
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _position(names: Sequence[str], tensor: str) -> int:
    match = _INPUT.fullmatch(tensor)
    return names.index(match[1]) if match and match[1] in names else -1


def _number(tensor: str, count: int) -> int:
    match = _OUTPUT.fullmatch(tensor)
    return int(match[1]) if match and count > 1 else 0


def _sorted(graph: Any, found: dict[int, int], ports: Sequence[Port], source: str) -> list[int]:
    if sorted(found) == list(range(len(ports))):
        indices = [found[position] for position in range(len(ports))]
        shapes = [tuple(int(d) for d in graph.tensors[index].shape) for index in indices]
        if shapes == [port.shape for port in ports]:
            return indices
    raise ModelError(
        f"{source}: the converted model does not tell its inputs and outputs apart: "
        + ", ".join(_name(graph, index) for index in (*graph.inputs, *graph.outputs)),
        "give every input and output its own name, and none of them twice",
    )
