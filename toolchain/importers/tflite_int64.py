"""Whole numbers of 64 bits become such of 32, which is what the device and TFLM's operators have.

TensorFlow counts in int64 where nobody says otherwise: positions that ARG_MAX finds, indices that GATHER takes.
Operators that only move, compare, find or convert such numbers give the same for int32, as long as the numbers fit;
those of inputs are asked for in int32, constants are looked at. What computes with them, and biases of int16 layers,
stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_INT64, _INT32 = schema.TensorType.INT64, schema.TensorType.INT32
_KIND = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
_FIT = re.compile(
    "ARG_MAX|ARG_MIN|BROADCAST_TO|CAST|CONCATENATION|EQUAL|EXPAND_DIMS|GATHER|GATHER_ND|GREATER|GREATER_EQUAL|LESS|LESS_EQUAL"
    "|MAXIMUM|MINIMUM|NOT_EQUAL|PACK|PAD|PADV2|RESHAPE|REVERSE_V2|SELECT|SELECT_V2|SHAPE|SLICE|SPLIT|SQUEEZE|STRIDED_SLICE"
    "|TILE|TRANSPOSE|UNPACK"
)
# The fields of options tables that name a type.
_TYPE_FIELDS = ("outputType", "outType", "inDataType", "outDataType")


def narrowed(model: Any) -> bool:
    """Narrow the ``ModelT`` in place; whether that changed anything. Models with control flow stay as they are."""
    if len(model.subgraphs or []) != 1:
        return False
    graph = model.subgraphs[0]
    operators, tensors = graph.operators or [], graph.tensors or []
    wide = {i for i, tensor in enumerate(tensors) if tensor.type == _INT64}
    uses = [{int(i) for i in (*op.inputs, *op.outputs)} & wide for op in operators]
    kept = {i for i in wide if not _constant_fits(model, tensors[i])}
    kept |= {i for op, used in zip(operators, uses, strict=True) if not _FIT.fullmatch(_kind(model, op)) for i in used}
    while more := {i for used in uses if used & kept for i in used} - kept:
        kept |= more
    for index in wide - kept:
        _narrow(model, tensors[index])
    for op, used in zip(operators, uses, strict=True):
        if used - kept:
            _name_types(op.builtinOptions)
    return bool(wide - kept)


def _kind(model: Any, op: Any) -> str:
    code = model.operatorCodes[int(op.opcodeIndex)]
    return str(_KIND.get(max(int(code.builtinCode), int(code.deprecatedBuiltinCode)), ""))


def _stored(model: Any, tensor: Any) -> Any:
    data = model.buffers[int(tensor.buffer)].data
    return None if data is None or not len(data) else np.frombuffer(bytes(bytearray(data)), "<i8")


def _constant_fits(model: Any, tensor: Any) -> bool:
    values, limits = _stored(model, tensor), np.iinfo(np.int32)
    return values is None or bool(((values >= limits.min) & (values <= limits.max)).all())


def _narrow(model: Any, tensor: Any) -> None:
    values = _stored(model, tensor)
    tensor.type = _INT32
    if values is not None:
        made = schema.BufferT()
        made.data = np.frombuffer(values.astype("<i4").tobytes(), np.uint8)
        tensor.buffer = len(model.buffers)
        model.buffers.append(made)


def _name_types(options: Any) -> None:
    for name in _TYPE_FIELDS:
        if getattr(options, name, None) == _INT64:
            setattr(options, name, _INT32)
