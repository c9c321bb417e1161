"""Writes ``.tflite`` files from operator descriptions, with the schema's object API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.case import Case, Operator, Subgraph, TensorSpec, constant_data
from toolchain.flexbuffer import write_map

_TABLES = {name[: -len("Options")].upper(): name for name in vars(schema.BuiltinOptions) if name.endswith("Options")}
_OTHER_TABLES = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL"), "ReducerOptions"
    ),
}
_TYPES = {
    "float32": "FLOAT32",
    "int4": "INT4",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "bool": "BOOL",
    "resource": "RESOURCE",
}
PLACEHOLDER_CODE = 127  # in the one-byte field of old readers, for operators that have no number there


def case_model(case: Case) -> bytes:
    """The case's operators as a model whose inputs are the tensors that nothing writes."""
    return pack(model([*case.before, case.operator], case.id, case.subgraphs))


def write_model(operators: Sequence[Operator], seed: str = "model", subgraphs: Sequence[Subgraph] = ()) -> bytes:
    return pack(model(operators, seed, subgraphs))


def model(operators: Sequence[Operator], seed: str = "model", subgraphs: Sequence[Subgraph] = ()) -> Any:
    """A ``ModelT``. Inputs are what nothing writes, outputs what nothing reads; constants come from ``seed``."""
    every = [*operators, *(o for graph in subgraphs for o in graph.operators)]
    builtins = list(dict.fromkeys(o.builtin for o in every))
    written = {t for o in operators for t in o.outputs}
    read = {t for o in operators for t in o.inputs}
    tensors = _tensors(operators)
    inputs = [t for t in tensors if t not in written and t.data is None and not t.variable]
    outputs = [t for t in tensors if t in written and t not in read]
    graphs = [Subgraph(tuple(inputs), tuple(operators), tuple(outputs)), *subgraphs]
    result = schema.ModelT()
    result.version = 3
    result.description = "test"
    result.operatorCodes = [_code(b) for b in builtins]
    result.buffers = [schema.BufferT()]
    result.subgraphs = [
        _subgraph(graph, builtins, f"{seed}/{k}" if k else seed, result.buffers) for k, graph in enumerate(graphs)
    ]
    return result


def _tensors(operators: Sequence[Operator]) -> list[TensorSpec]:
    return list(dict.fromkeys(t for o in operators for t in (*o.inputs, *o.outputs) if t is not None))


def _subgraph(graph: Subgraph, builtins: list[str], seed: str, buffers: list[Any]) -> Any:
    tensors = list(dict.fromkeys([*_tensors(graph.operators), *graph.inputs, *graph.outputs]))
    index = {t: i for i, t in enumerate(tensors)}
    made = schema.SubGraphT()
    made.name = "main" if "/" not in seed else seed
    made.tensors = [_tensor(t, i, f"{seed}:{i}", buffers) for i, t in enumerate(tensors)]
    made.inputs = [index[t] for t in graph.inputs]
    made.outputs = [index[t] for t in graph.outputs]
    made.operators = [_operator(o, index, builtins) for o in graph.operators]
    return made


def pack(root: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    """The file after ``edit`` changed its ``ModelT``."""
    root = schema.ModelT.InitFromPackedBuf(content, 0)
    edit(root)
    return pack(root)


def with_softmax_input(content: bytes) -> bytes:
    """The file with what goes into its SOFTMAX as one more output, in front; unchanged when it has none."""

    def edit(root: Any) -> None:
        graph = root.subgraphs[0]
        for op in graph.operators:
            code = root.operatorCodes[op.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.SOFTMAX:
                graph.outputs = [int(op.inputs[0]), *map(int, graph.outputs)]
                # a signature lists the outputs once more, and would contradict them
                root.signatureDefs = None

    return edited(content, edit)


def _tensor(spec: TensorSpec, index: int, seed: str, buffers: list[Any]) -> Any:
    tensor = schema.TensorT()
    tensor.name = spec.name or f"t{index}"
    tensor.shape = list(spec.shape)
    tensor.type = getattr(schema.TensorType, _TYPES[spec.dtype])
    tensor.hasRank = True
    tensor.isVariable = spec.variable
    if spec.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(_content(spec, seed), np.uint8)
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    if spec.scale:
        quant = schema.QuantizationParametersT()
        quant.scale = np.array(spec.scale, np.float32)
        quant.zeroPoint = np.array(spec.zero_point or (0,) * len(spec.scale), np.int64)
        quant.quantizedDimension = spec.axis
        tensor.quantization = quant
    return tensor


def _content(spec: TensorSpec, seed: str) -> bytes:
    """The buffer of a constant; two of int4 in a byte, the first one in its lower half."""
    if spec.dtype != "int4":
        return constant_data(spec, seed).tobytes()
    codes = constant_data(dataclasses.replace(spec, dtype="int8"), seed).reshape(-1).view(np.uint8) & 15
    low, high = np.pad(codes, (0, codes.size % 2)).reshape(-1, 2).T
    return (low | high << 4).astype(np.uint8).tobytes()


def _code(builtin: str) -> Any:
    code = schema.OperatorCodeT()
    kind, _, custom = builtin.partition(" ")
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.customCode = custom or None
    code.deprecatedBuiltinCode = min(code.builtinCode, PLACEHOLDER_CODE)
    return code


def _operator(operator: Operator, index: dict[TensorSpec, int], builtins: list[str]) -> Any:
    op = schema.OperatorT()
    op.opcodeIndex = builtins.index(operator.builtin)
    op.inputs = [-1 if t is None else index[t] for t in operator.inputs]
    op.outputs = [index[t] for t in operator.outputs]
    if operator.builtin.startswith("CUSTOM "):
        numbers = {name: value for name, value in operator.options.items() if not isinstance(value, (tuple, str))}
        op.customOptions = np.frombuffer(write_map(numbers), np.uint8) if numbers else None
        return op
    table = _OTHER_TABLES.get(operator.builtin) or _TABLES.get(operator.builtin.replace("_", ""))
    if table:
        options = getattr(schema, f"{table}T")()
        for name, value in operator.options.items():
            assert hasattr(options, name), f"{table} has no field {name}"
            setattr(options, name, list(value) if isinstance(value, tuple) else value)
        op.builtinOptions = options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, table)
    return op
