"""Constants of a float ``.tflite`` that are stored in fewer bits become float32, once, when the file is read.

Converters shrink float models so: *dynamic range* files have int8 or int4 weights with scales below float activations
(LiteRT's hybrid operators), *weight-only* and *float16* files have a DEQUANTIZE behind each constant. What they stand
for is scale[channel] * (code - zero_point[channel]), or the float16 number itself, and with these the file is a float32
graph. Hybrid operators round activations too, anew for each input; that is how they are executed, nothing in the file
says it, and it is left out.
Source: TFLite's 8-bit quantization specification; ``Dequantize`` of TFLite's ``reference/dequantize.h``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from toolchain.errors import ModelError
from toolchain.exporters.tflite import pack
from toolchain.graph import Array, Graph, Tensor
from toolchain.importers.tflite_forms import drop_operators
from toolchain.quantize.grid import values as real_values

_TYPES = ("float16", "int8")  # codes of four bits are int8 by now


def with_float_constants(content: bytes, parsed: Graph, where: str) -> tuple[bytes, tuple[str, ...]]:
    """``content`` with float32 in place of such constants, and the types that they had; the same bytes for none.

    ``parsed`` is ``content`` as the importer reads it, a float model. ModelError for what cannot be read.
    """
    stored = {i: tensor for i, tensor in enumerate(parsed.tensors.values()) if _stands_for_floats(tensor)}
    if not stored:
        return content, ()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset:  # outside the flatbuffer, which is about to move
            buffer.data = np.frombuffer(content, np.uint8, int(buffer.size), int(buffer.offset))
            buffer.offset = buffer.size = 0
    tensors = model.subgraphs[0].tensors
    types = {"int4" if tensors[i].type == schema.TensorType.INT4 else tensor.dtype for i, tensor in stored.items()}
    for i, tensor in stored.items():
        _check(tensor, tensors[i], where)
        made = schema.BufferT()
        made.data = np.frombuffer(float_values(tensor).astype("<f4").tobytes(), np.uint8)
        tensors[i].buffer, tensors[i].type, tensors[i].quantization = (
            len(model.buffers),
            schema.TensorType.FLOAT32,
            None,
        )
        model.buffers.append(made)
    drop_operators(model, model.subgraphs[0], schema.BuiltinOperator.DEQUANTIZE, set(stored))
    return pack(model), tuple(sorted(types))


def float_values(tensor: Tensor) -> Array:
    """What a stored constant stands for, float32, in its shape."""
    assert tensor.data is not None
    data = tensor.data
    if tensor.dtype == "float16":
        return data.view("<f2").reshape(tensor.shape).astype(np.float32)
    assert tensor.quant is not None
    # Exact in float64, so this is TFLite's one float32 multiplication.
    return real_values(data, tensor.quant).astype(np.float32)


def _stands_for_floats(tensor: Tensor) -> bool:
    # uint8 without a scale is plain numbers.
    return tensor.data is not None and (
        tensor.dtype in _TYPES or (tensor.dtype == "uint8" and tensor.quant is not None)
    )


def _check(tensor: Tensor, raw: Any, where: str) -> None:
    """ModelError when the tensor's bytes or scales are not what its type and shape need."""
    assert tensor.data is not None
    if raw.quantization is not None and raw.quantization.detailsType:
        raise ModelError(
            f"{where}: the {tensor.dtype} weights {tensor.name} have scales for blocks, which are not supported",
            "convert the model with scales for channels, or start from the Keras model",
        )
    problem = ""
    if tensor.data.nbytes != tensor.size * (2 if tensor.dtype == "float16" else 1):
        problem = f"{tensor.data.nbytes} bytes"
    elif tensor.dtype != "float16":
        problem = _scales_problem(tensor)
    if problem:
        raise ModelError(
            f"{where}: damaged: the {tensor.dtype} tensor {tensor.name} of shape {list(tensor.shape)} has {problem}",
            "Export, copy or download the file again.",
        )


def _scales_problem(tensor: Tensor) -> str:
    quant = tensor.quant
    if quant is None:
        return "no scale"
    if not all(math.isfinite(scale) and scale > 0 for scale in quant.scale):
        return "scales that are not finite and positive"
    if quant.per_channel and (quant.axis >= len(tensor.shape) or tensor.shape[quant.axis] != len(quant.scale)):
        return f"{len(quant.scale)} scales for dimension {quant.axis}"
    return ""
