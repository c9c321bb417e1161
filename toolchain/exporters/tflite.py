"""A Graph becomes a TFLite flatbuffer, which the importer reads to the same graph and TFLM runs to the same codes.

Source of the format: TensorFlow's ``schema.fbs``, version 3. Equal graphs give equal bytes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.importers.tflite import FRESH
from toolchain.ops import registry
from toolchain.ops.base import TfliteRecord

_ALIGNMENT = 16  # of buffers, as the schema demands: kernels read int32 from them
_OLD_CODES = 127  # the one-byte field of old readers holds this for what came later
_DESCRIPTION = "mcuforge"
# The first versions that take int16 activations. Source: TensorFlow's ``tools/versioning/op_version.cc``.
_INT16_VERSIONS = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5, "FULLY_CONNECTED": 7, "QUANTIZE": 2}


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes are aligned in the file; the schema's generated writer aligns to 4 only."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__()
        self.content = content

    def Pack(self, builder: Any) -> Any:
        data = None
        if self.content:
            builder.StartVector(1, len(self.content), _ALIGNMENT)
            builder.head -= len(self.content)
            builder.Bytes[builder.Head() : builder.Head() + len(self.content)] = self.content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def export_tflite(graph: Graph) -> bytes:
    """``graph`` as a ``.tflite`` file, tensors under their names.

    ValueError for an operator that TFLite does not have: what reducing passes make stays inside mcuforge.
    """
    graph, records = _records(graph)
    codes = sorted({(record.builtin, record.version) for record in records})
    used = dict.fromkeys(graph.inputs)
    for node, record in zip(graph.nodes, records, strict=True):
        used |= dict.fromkeys(n for n in (*_names(record), *node.outputs) if n)
    index = {name: i for i, name in enumerate(used)}
    model = schema.ModelT()
    model.version = 3
    model.description = _DESCRIPTION
    model.operatorCodes = [_code(builtin, version) for builtin, version in codes]
    model.buffers = [_Buffer()]
    main = schema.SubGraphT()
    main.name = "main"
    main.tensors = [_tensor(graph.tensor(name), model.buffers) for name in index]
    main.inputs = [index[n] for n in graph.inputs]
    main.outputs = [index[n] for n in graph.outputs]
    main.operators = [
        _operator(node, record, codes.index((record.builtin, record.version)), index)
        for node, record in zip(graph.nodes, records, strict=True)
    ]
    model.subgraphs = [main]
    if any(graph.tensor(name).fresh for name in index):
        mark_fresh(model)
    return pack(model)


def mark_fresh(model: Any) -> None:
    """Writes into a ``ModelT`` that all its states are fresh in every inference; TFLM's need a reset before each."""
    entry = schema.MetadataT()
    entry.name = FRESH
    entry.buffer = len(model.buffers)
    model.buffers.append(_Buffer(b"\1"))
    model.metadata = [*(model.metadata or []), entry]


def pack(model: Any) -> bytes:
    """A ``ModelT`` of the schema as a ``.tflite`` file."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _records(graph: Graph) -> tuple[Graph, list[TfliteRecord]]:
    """What each node becomes, and the graph with the constants that only the file has."""
    records, tensors = [], dict(graph.tensors)
    for node in graph.nodes:
        record = _record(graph, node)
        inputs = [_operand(tensors, node, i, given) for i, given in enumerate(record.inputs)]
        records.append(dataclasses.replace(record, inputs=tuple(inputs)))
    return dataclasses.replace(graph, tensors=tensors), records


def _operand(tensors: dict[str, Tensor], node: Node, index: int, given: str | Array) -> str:
    """The name of an input, among ``tensors`` then."""
    if isinstance(given, str):
        return given
    name = f"{node.outputs[0]};operand{index}"
    tensors[name] = Tensor(name, given.shape, str(given.dtype), data=given)
    return name


def _names(record: TfliteRecord) -> tuple[str, ...]:
    return tuple(n for n in record.inputs if isinstance(n, str))


def _record(graph: Graph, node: Node) -> TfliteRecord:
    op = registry().get(node.op)
    if op is None or op.write is None:
        raise ValueError(f"{node.name}: TFLite has no operator {node.op}")
    record = op.write(graph, node)
    if "int16" not in (graph.tensor(n).dtype for n in (node.inputs[0], node.outputs[0])):
        return record
    # Otherwise ADD would want scales that are powers of two.
    fields = (*record.fields, ("potScaleInt16", False)) if record.builtin == "ADD" else record.fields
    version = _INT16_VERSIONS.get(record.builtin, record.version)
    return dataclasses.replace(record, version=version, fields=fields)


def _code(builtin: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    kind, _, custom = builtin.partition(" ")
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.customCode = custom or None
    code.deprecatedBuiltinCode = min(code.builtinCode, _OLD_CODES)
    code.version = version
    return code


def _tensor(tensor: Tensor, buffers: list[_Buffer]) -> Any:
    made = schema.TensorT()
    made.name = tensor.name
    made.shape = list(tensor.shape)
    made.isVariable = tensor.initial is not None
    made.hasRank = True
    made.type = getattr(schema.TensorType, tensor.dtype.upper())
    if tensor.data is not None:
        made.buffer = len(buffers)
        buffers.append(_Buffer(_little_endian(tensor.data)))
    if tensor.quant is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = np.array(tensor.quant.scale, np.float32)
        made.quantization.zeroPoint = np.array(tensor.quant.zero_point, np.int64)
        made.quantization.quantizedDimension = tensor.quant.axis
    return made


def _little_endian(data: Array) -> bytes:
    return data.astype(data.dtype.newbyteorder("<")).tobytes()


def _operator(node: Node, record: TfliteRecord, code: int, index: dict[str, int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs = [index[n] if n else -1 for n in _names(record)]
    made.outputs = [index[n] for n in node.outputs]
    if record.custom:
        made.customOptions = np.frombuffer(record.custom, np.uint8)
    if record.table:
        made.builtinOptions = getattr(schema, f"{record.table}T")()
        made.builtinOptionsType = getattr(schema.BuiltinOptions, record.table)
        for name, value in record.fields:
            if not hasattr(made.builtinOptions, name):
                raise ValueError(f"{record.table} has no field {name}")
            setattr(made.builtinOptions, name, list(value) if isinstance(value, tuple) else value)
    return made
